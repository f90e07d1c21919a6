"""What `whopwatch mcp serve` knows: reports, the drift history and contracts on disk, as short plain text.

Nothing is sent to an API, and no file is named by a caller. Every result is bounded, sanitized and without secrets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from whopwatch.contract import Contract, load
from whopwatch.contract.loader import describe_contract, editions
from whopwatch.core.drift_classes import DRIFT_CLASSES
from whopwatch.core.errors import UsageError, did_you_mean
from whopwatch.core.finding import INACTIVE, Finding, Impact
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import OperationResult, Report, State
from whopwatch.core.wording import plural
from whopwatch.diff.result import Comparison, compare_contracts
from whopwatch.history import read_baseline
from whopwatch.history.records import FindingRecord, Night, Records
from whopwatch.reports.contract_changelog import changelog, summary
from whopwatch.reports.curl import Requests
from whopwatch.reports.read import read_report
from whopwatch.reports.text import (
    contract_words,
    finding_lines,
    format_time,
    headline,
    most_severe_first,
    open_checks,
    sentence,
    source_words,
)
from whopwatch.run.options import RunOptions, observe_target
from whopwatch.usage.impact import weigh_comparison, weigh_finding
from whopwatch.usage.profile import OperationUse, Profile, read_profile

MAX_CHARACTERS = 16_000
"""Of one result: an agent pays for every word that it reads."""
MAX_SHOWN_LINE = 1000
CHECK_BUDGET = 60
"""Requests of one check that an agent asks for."""
CHECK_SECONDS = 60.0
_MAX_CHANGE = 150
_MISSING_REPORT = "There is no report. Run `whopwatch drift` or `whopwatch check --json report.json`."
_MISSING_BASELINE = "There is no drift history. Run `whopwatch drift` every night."


@dataclass(frozen=True)
class Knowledge:
    """Answer questions about one contract, the report that `report_file` returns, and the files `baseline` and `usage`.

    The files are read for each question, so that the result of the latest night counts. `describe` yields the lines
    that describe an operation or event of the contract.
    """

    contract: Contract
    report_file: Callable[[], Path | None]
    baseline: Path
    usage: Path
    describe: Callable[[Contract, str], Iterator[str]]

    def what_changed(self, since: str = "") -> str:
        """Return what appeared and what was fixed since a time (ISO 8601), or in the last night without one."""
        records = self._records()
        if records is None or not records.nights:
            return bounded(self._changes_of_report(since))
        first = _first_night(records.nights, since)
        return bounded(_changes_of_nights(records, first))

    def operation_health(self, operation: str) -> str:
        """Return the state of an operation in the newest report, its findings, and its history."""
        known = self.contract.operation(operation, where="operation")
        report, records = self._report(), self._records()
        lines = list(_health_lines(known.id, report)) if report else [_MISSING_REPORT]
        if records and known.id in records.operations:
            lines += _history_lines(records, known.id)
        return bounded(lines)

    def explain_finding(self, fingerprint: str) -> str:
        """Return a finding of the newest report or of the drift history: evidence, sources, and what to do."""
        report, records = self._report(), self._records()
        if report:
            for finding in report.findings:
                if fingerprint in (finding.fingerprint, *(place.fingerprint for place in finding.places)):
                    return bounded(_finding_text(finding, Requests(report).command(finding)))
        record = records.findings.get(fingerprint) if records else None
        if record:
            state = "open" if record.is_open else "no longer seen"
            return bounded([*_finding_text(record.finding, None), f"  in the drift history: {state}"])
        raise UsageError(
            "No finding has this fingerprint.",
            expected="12 hex digits of a finding in the newest report or in the drift history",
            got=repr(fingerprint),
            hint="list the findings with the tool what_changed_since or operation_health",
        )

    def version_changes(self, version: str, operation: str = "") -> str:
        """Return what a bundled contract of another version changes, in general or for one operation."""
        if operation:
            self.contract.operation(operation, where="operation")
        comparison = compare_contracts(self.contract, load(_edition_named(version)))
        lines = [summary(comparison)]
        if not operation:
            return bounded([*lines, *_changelog_lines(comparison)])
        found = [
            change.finding
            for change in comparison.changes
            if operation in (change.finding.operation, *(place.operation for place in change.places))
        ]
        return bounded([*lines, f"{operation}: {plural(len(found), 'change')}", *_changes_by_class(found)])

    def impact_on_code(self, about: str = "") -> str:
        """Return what hits the user's own code: open findings, one finding, an operation, or a version's changes."""
        profile = self._profile()
        if about in _bundled():
            changes = weigh_comparison(compare_contracts(self.contract, load(_edition_named(about))), profile).changes
            return bounded(_impact_lines(f"changes of {about}", [change.finding for change in changes]))
        found = [weigh_finding(one, profile) for one in self._open_findings()]
        if not about:
            return bounded(_impact_lines("open findings", found))
        named = [one for one in found if about in (one.fingerprint, *(place.fingerprint for place in one.places))]
        if named:
            return bounded(_impact_lines(f"finding {about}", named))
        known = self.contract.operation(about, where="about").id
        own = [one for one in found if known in (one.operation, *(place.operation for place in one.places))]
        lines = [*_use_lines(known, profile.operations.get(known)), *_impact_lines(f"open findings of {known}", own)]
        return bounded(lines)

    def show_contract(self, name: str = "") -> str:
        """Return an operation, an event or the operations of a resource; without a name, the resources."""
        contract = self.contract
        operations = [one for one in contract.operations.values() if one.resource == name]
        if operations:
            events = [f"webhook:{event.name}" for event in contract.events.values() if event.resource == name]
            return bounded([*(f"{one.id}  {one.method} {one.shown_path}" for one in operations), *events])
        if name:
            return bounded(self.describe(contract, name))
        counts: dict[str, int] = {}
        for one in contract.operations.values():
            counts[one.resource] = counts.get(one.resource, 0) + 1
        head = f"Contract {contract_words(describe_contract(contract))}. By resource:"
        return bounded([head, *(f"{resource}: {count}" for resource, count in counts.items())])

    def _report(self) -> Report | None:
        file = self.report_file()
        return read_report(file) if file else None

    def _records(self) -> Records | None:
        return read_baseline(self.baseline) if self.baseline.is_file() else None

    def _profile(self) -> Profile:
        if not self.usage.is_file():
            raise UsageError(
                "There is no usage profile.",
                where=str(self.usage),
                hint=f"whopwatch usage src -o {self.usage}, with the folder of the code in place of src",
            )
        return read_profile(self.usage)

    def _open_findings(self) -> list[Finding]:
        """Return the open findings of the newest report, and those of the drift history that it lacks."""
        report, records = self._report(), self._records()
        found = {one.fingerprint: one for one in report.findings if one.state not in INACTIVE} if report else {}
        for fingerprint, record in records.findings.items() if records else ():
            if record.is_open:
                found.setdefault(fingerprint, record.finding)
        if report is None and records is None:
            raise UsageError(f"{_MISSING_BASELINE} {_MISSING_REPORT}")
        return list(found.values())

    def _changes_of_report(self, since: str) -> Iterator[str]:
        report = self._report()
        if report is None:
            yield f"{_MISSING_BASELINE} {_MISSING_REPORT}"
            return
        moment = _moment(since) if since else None
        yield f"{_MISSING_BASELINE} The newest report is of {format_time(report.started_at)}:"
        yield headline(report)
        for finding in most_severe_first(report.findings):
            if moment is None or _moment(finding.first_seen or report.started_at) >= moment:
                yield _finding_line(finding)


def check_operation(contract: Contract, target: str, environ: Mapping[str, str], operation: str) -> str:
    """Send the reads that check one operation to `target`, and return its health. At most CHECK_BUDGET requests."""
    known = contract.operation(operation, where="operation")
    place = str(contract.edition.source or contract.edition.folder)
    options = RunOptions(place, only=(known.id,), budget=CHECK_BUDGET, max_seconds=CHECK_SECONDS)
    return bounded(_health_lines(known.id, observe_target(options, target, environ).report()))


def bounded(lines: Iterable[str]) -> str:
    """Return `lines` as one string of at most MAX_CHARACTERS, each safe to show; the last line counts the others."""
    shown: list[str] = []
    length = left = 0
    for line in lines:
        text = sanitize(line)
        text = text if len(text) <= MAX_SHOWN_LINE else f"{text[:MAX_SHOWN_LINE]}…"
        if left or length + len(text) > MAX_CHARACTERS:
            left += 1
            continue
        shown.append(text)
        length += len(text) + 1
    return "\n".join([*shown, f"{plural(left, 'more line')} left out: ask for one operation."] if left else shown)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "This is not a time.",
            where="since",
            expected="a time such as 2026-11-28 or 2026-11-28T02:00:00Z",
            got=repr(text),
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _first_night(nights: list[Night], since: str) -> Night | None:
    """Return the first night since the time, the last one without a time; None if there is none."""
    if not since:
        return nights[-1]
    moment = _moment(since)
    return next((night for night in nights if _moment(night.started_at) >= moment), None)


def _changes_of_nights(records: Records, first: Night | None) -> Iterator[str]:
    last = records.nights[-1]
    if first is None:
        yield f"No night has run since then. The last one was {format_time(last.started_at)}."
        return
    nights = [night for night in records.nights if night.number >= first.number]
    yield f"{plural(len(nights), 'night')} from {format_time(first.started_at)} to {format_time(last.started_at)}"
    failed = sum(not night.succeeded for night in nights)
    if failed:
        yield f"{plural(failed, 'night')} could not check everything"
    moved = [one for one in records.findings.values() if one.turns and one.turns[-1] >= first.number]
    for title, is_open in (("appeared", True), ("no longer seen", False)):
        found = [one for one in moved if one.is_open is is_open]
        yield f"{title}: {len(found)}"
        yield from (f"  {_finding_line(finding)}" for finding in _of(found))
    still = [one for one in records.findings.values() if one.is_open and one not in moved]
    yield f"open since before: {len(still)}"
    yield from (f"  {_finding_line(finding)}" for finding in _of(still))


def _of(records: Iterable[FindingRecord]) -> list[Finding]:
    return most_severe_first([record.finding for record in records])


def _finding_line(finding: Finding) -> str:
    return (
        f"{finding.fingerprint} {finding.severity} {finding.class_label}"
        f" {finding.operation} {finding.location}: {sentence(finding)}"
    )


def _health_lines(id: str, report: Report) -> Iterator[str]:
    row = next((row for row in report.operations if row.id == id), None)
    every = [one for one in report.findings if id in (one.operation, *(place.operation for place in one.places))]
    found = [one for one in every if one.state not in INACTIVE]
    inactive = [one for one in every if one.state in INACTIVE]
    yield f"{id}: {_health(row)} ({report.target}, {format_time(report.started_at)})"
    if row and row.reason:
        yield f"  reason: {row.reason}"
    if row:
        latency = "" if row.latency is None else f", median {row.latency * 1000:.0f} ms"
        yield f"  {plural(row.requests, 'request')}, {plural(row.samples, 'item')} checked{latency}"
        if row.checks_total:
            yield f"  {row.checks_done} of {row.checks_total} checks ran"
        if row.checks_open:
            yield f"  {open_checks(row)}"
    rest = "".join(f"; {count} {state}" for state, count in Counter(one.state for one in inactive).items())
    yield f"  {plural(len(found), 'finding')}{rest}"
    yield from (f"    {_finding_line(finding)}" for finding in most_severe_first(found))
    yield from (f"    {one.state}: {_finding_line(one)}" for one in most_severe_first(inactive))


def _health(row: OperationResult | None) -> str:
    words = {
        State.VERIFIED: "verified: it matches the contract",
        State.DRIFT: "drift: it does not match the contract",
        State.COULD_NOT_CHECK: "unknown, it could not be checked",
        State.NOT_COVERED: "unknown, it was not checked",
    }
    return words[row.state] if row else "unknown, the newest report does not include it"


def _history_lines(records: Records, id: str) -> Iterator[str]:
    record = records.operations[id]
    started = {night.number: night.started_at for night in records.nights}
    verified = started.get(record.matched_night)
    unknown = "on an earlier night" if record.matched_night or State.VERIFIED in record.states else "none"
    yield f"  last verified: {format_time(verified) if verified else unknown}"
    yield f"  latest nights, the oldest first: {', '.join(record.states)}"
    yield f"  nights with a change: {record.changes}"


def _finding_text(finding: Finding, command: str | None) -> Iterator[str]:
    yield finding.operation
    yield from finding_lines(finding, command)
    for source, words, _ in source_words(finding):
        yield f"  {source}: {words}"
    if finding.state not in INACTIVE:
        yield f"  to accept it: whopwatch accept {finding.fingerprint} --reason '...'"


def _impact_lines(what: str, findings: list[Finding]) -> Iterator[str]:
    """Yield how many of weighed findings hit the user's code, and which ones do or may, with the places in the code."""
    by_impact = {impact: [one for one in findings if one.impact is impact] for impact in Impact}
    yield f"{what}: {len(findings)}; " + ", ".join(f"{len(found)} {impact}" for impact, found in by_impact.items())
    for impact in (Impact.HITS, Impact.MAY):
        for finding in most_severe_first(by_impact[impact]):
            yield f"{impact}: {_finding_line(finding)}"
            if finding.impact_places:
                yield f"  at {', '.join(finding.impact_places)}"


def _use_lines(id: str, use: OperationUse | None) -> Iterator[str]:
    if use is None:
        yield f"{id}: no use was seen in the code"
        return
    yield f"{id}: {use.certainty} in the code at {', '.join(use.places)}"
    for location, one in use.fields.items():
        yield f"  {location}: {', '.join(one.places)}"
    for location, one in use.read_whole.items():
        yield f"  any field below {location or '/'}: {', '.join(one.places)}"


def _bundled() -> dict[str, Path]:
    """Return the folder of each bundled edition by its names."""
    known = {key: one.folder for one in editions() for key in (one.version, one.release) if key}
    return {**known, "newest": editions()[-1].folder}


def _edition_named(name: str) -> Path:
    """Return the folder of the bundled edition called `name`. A caller cannot name a folder or a file."""
    known = _bundled()
    if name not in known:
        raise UsageError(
            "There is no bundled contract of this version.",
            where="version",
            expected=", ".join(sorted(known)),
            got=repr(name),
            hint=did_you_mean(name, known),
        )
    return known[name]


def _changes_by_class(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the changes of each class, the most severe class first, and what to do about them."""
    by_class: dict[str, list[Finding]] = {}
    for finding in most_severe_first(findings):
        by_class.setdefault(finding.drift_class, []).append(finding)
    for number, found in by_class.items():
        yield f"{found[0].severity}: {found[0].class_label}"
        if number in DRIFT_CLASSES:
            yield f"  what to do: {DRIFT_CLASSES[number].meaning}"
        for finding in found:
            yield f"  {finding.severity} {finding.location}: {finding.expected} → {finding.observed}"[:_MAX_CHANGE]


def _changelog_lines(comparison: Comparison) -> Iterator[str]:
    for section in changelog(comparison):
        yield f"{section.title}: {section.count}"
        for resource, entries in section.resources.items():
            for one in entries:
                things, places = ", ".join(one.things), plural(one.place_count, "place")
                yield f"  {resource}: {one.severity} {one.title} {things} ({places})"
