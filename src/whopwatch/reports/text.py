"""Words that every report shares."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from whopwatch.config.accepted import ACCEPTED_FILE
from whopwatch.config.targets_file import SIMULATOR
from whopwatch.core.drift_classes import DRIFT_CLASSES, class_title
from whopwatch.core.finding import INACTIVE, Finding, FindingState, Impact, Severity
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import OperationResult, Report, State, TargetResult, Verdict
from whopwatch.core.wording import documentation_page, first_few, plural
from whopwatch.reports.curl import Requests

VERDICTS = {Verdict.CLEAN: "CLEAN", Verdict.DRIFT: "DRIFT", Verdict.COULD_NOT_CHECK: "COULD NOT CHECK"}
STATES = {
    State.VERIFIED: "verified",
    State.DRIFT: "drift",
    State.COULD_NOT_CHECK: "could not check",
    State.NOT_COVERED: "not covered",
}
MAX_FINDINGS = 200
"""Findings in text reports, the most severe first: a job summary may hold 1 MiB. The JSON report has them all."""
UNSTATED = "no reason given"
STATE_ORDER = (
    FindingState.NEW,
    FindingState.WORSE,
    FindingState.FLAPPING,
    FindingState.KNOWN,
    FindingState.FIXED,
    FindingState.ACCEPTED,
)
"""The states of findings, the most urgent first."""
IMPACT_ORDER = (Impact.HITS, Impact.MAY, None, Impact.UNUSED)
CHANGED = (FindingState.NEW, FindingState.WORSE, FindingState.FLAPPING, FindingState.FIXED)
"""States of findings that changed since the last night."""
_VERSION_EVIDENCE = {
    "header": "response header",
    "responses": "judged by the responses",
    "rejected": "the API rejected it",
}
_LEFT = "left"
"""The key of a report of a run with writes: the objects, by resource, that it created and did not delete."""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
_MENTION = re.compile(r"@(?=[A-Za-z0-9])")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*(?:Z|\+00:00)", re.ASCII)
_NAME = re.compile(r"[a-z_]{1,60}\.[a-z_]{1,60}", re.ASCII)
_COUNTED = re.compile(r" \((\d+ of \d+ [a-z ]{2,30})\)\.$", re.ASCII)
_REFERENCE = "https://docs.whop.com/api-reference"
PLACES_NAMED = 4
"""Places that a finding names: operations, or lines of the user's code."""
_ACTIONS = ("create", "retrieve", "update", "delete")
_SOURCES = {"reference": "Reference", "sdk": "SDK", "live": "Live API", "last night": "Last night"}


def escape_markdown(text: str) -> str:
    """Return foreign `text` as words of Markdown: no markup, no HTML, and no `@name` that notifies a person."""
    return _MENTION.sub("@<!-- -->", _MARKUP.sub(r"\\\1", sanitize(text)))


def format_time(moment: str) -> str:
    """Return a UTC timestamp as `2026-11-21 02:00 UTC`, any other text unchanged."""
    found = _TIME.fullmatch(moment)
    return f"{found[1]} {found[2]} UTC" if found else moment


def most_severe_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings by impact, then by severity, state, operation and location."""
    states = (*STATE_ORDER, None)
    return sorted(
        findings,
        key=lambda finding: (
            IMPACT_ORDER.index(finding.impact),
            finding.severity.rank,
            states.index(finding.state),
            finding.operation,
            finding.location,
            finding.drift_class,
        ),
    )


def by_severity(findings: Iterable[Finding]) -> dict[Severity, list[Finding]]:
    """Return the findings by severity, the most severe first. Severities without findings are left out."""
    found = most_severe_first(findings)
    groups = {severity: [finding for finding in found if finding.severity is severity] for severity in Severity}
    return {severity: group for severity, group in groups.items() if group}


def by_reason(operations: Iterable[OperationResult], state: State) -> dict[str, list[OperationResult]]:
    """Return the operations in `state` by their shared reason, the most frequent reason first."""
    groups: dict[str, list[OperationResult]] = {}
    for operation in operations:
        if operation.state is state:
            groups.setdefault(operation.reason_group or operation.reason or UNSTATED, []).append(operation)
    # A reason that only one operation has is given in its own words.
    named = {(group[0].reason or UNSTATED) if len(group) == 1 else shared: group for shared, group in groups.items()}
    return dict(sorted(named.items(), key=lambda group: (-len(group[1]), group[0])))


def active_findings(report: Report) -> list[Finding]:
    """Return the findings that are neither fixed nor accepted, the most severe first."""
    return most_severe_first(finding for finding in report.findings if finding.state not in INACTIVE)


def inactive_findings(report: Report) -> dict[FindingState, list[Finding]]:
    """Return the fixed and the accepted findings."""
    groups = {
        state: [finding for finding in most_severe_first(report.findings) if finding.state is state]
        for state in (FindingState.FIXED, FindingState.ACCEPTED)
    }
    return {state: found for state, found in groups.items() if found}


def by_kind(operations: Iterable[OperationResult]) -> dict[str, list[OperationResult]]:
    """Return the operations by kind: `read`, `write` and (webhook) `event`. Kinds without operations are left out.

    A read-only run skips all writes, which is no gap in its result. So reports count them apart.
    """
    kinds: dict[str, list[OperationResult]] = {"read": [], "write": [], "event": []}
    for operation in operations:
        is_write = operation.method in ("POST", "PUT", "PATCH", "DELETE")
        kinds["event" if operation.id.startswith("webhook:") else "write" if is_write else "read"].append(operation)
    return {kind: found for kind, found in kinds.items() if found}


def states_line(report: Report) -> str:
    """Return `76 of 79 reads verified, 2 drift, 1 could not check; 70 writes not covered`."""
    return "; ".join(_states_of(kind, found) for kind, found in by_kind(report.operations).items()) or "no operations"


def _states_of(noun: str, operations: list[OperationResult]) -> str:
    counts = Counter(operation.state for operation in operations)
    covered = len(operations) - counts[State.NOT_COVERED]
    skipped = f"{plural(counts[State.NOT_COVERED], noun)} not covered" if counts[State.NOT_COVERED] else ""
    if not covered:
        return skipped
    line = f"{counts[State.VERIFIED]} of {plural(covered, noun)} verified"
    line += "".join(
        f", {counts[state]} {STATES[state]}" for state in (State.DRIFT, State.COULD_NOT_CHECK) if counts[state]
    )
    return f"{line}; {skipped}" if skipped else line


def target_line(target: TargetResult) -> str:
    """Return `drift: 76 verified, 2 drift, 1 could not check, 70 not covered; 3 findings`."""
    counts = ", ".join(
        f"{target.operations[state]} {words}" for state, words in STATES.items() if state in target.operations
    )
    reason = f" ({target.reason})" if target.reason else ""
    return f"{VERDICTS[target.verdict].lower()}{reason}: {counts or 'no report'}; {plural(target.findings, 'finding')}"


def summary_rows(report: Report) -> list[tuple[str, str]]:
    """Return the summary of a report: pairs of a name and its line. Lines that the report has nothing for are left out.

    The target and the names in the lines may be foreign text: sanitize or escape them.
    """
    rows = (
        ("target", report.target),
        ("contract", contract_line(report)),
        ("version", version_line(report)),
        ("operations", states_line(report)),
        ("checks", checks_line(report)),
        ("nights", turns_line(report)),
        ("findings", findings_line(report)),
        ("incidents", incidents_line(report)),
        ("changes", change_line(report)),
        ("requests", requests_line(report)),
        ("repeat", repeat_line(report)),
    )
    return [(name, value) for name, value in rows if value]


def contract_line(report: Report) -> str:
    """Return the contracts of a report in words (see `contract_words`), empty for a report that names none."""
    named = (report.extra.get("contract"), *report.extra.get("contracts", ()))
    return "; ".join(contract_words(facts) for facts in named if facts)


def contract_words(facts: Mapping[str, Any]) -> str:
    """Return `2025-01-01, sdk:0.0.23 of 2026-01-09, 149 operations and 1 of v2, 69 newer versions are known`."""
    release = " of ".join(str(facts[key]) for key in ("release", "date") if facts.get(key))
    count = plural(facts["operations"], "operation") if facts.get("operations") else ""
    count += f" and {facts['operations_v2']} of v2" if count and facts.get("operations_v2") else ""
    count = plural(facts["events"], "event") if facts.get("events") else count
    newer = facts.get("newer_versions")
    words = "" if newer is None else f"{plural(newer, 'newer version')} {'is' if newer == 1 else 'are'} known"
    if newer == 0:
        words = "no newer version is known"
    return ", ".join(sanitize(part) for part in (facts.get("version") or "", release, count, words) if part)


def version_line(report: Report) -> str:
    """Return `2025-01-01 requested, 2026-10-15-1 answered (response header)`; empty if the report does not say."""
    facts = report.extra.get("api_version")
    if not isinstance(facts, Mapping):
        return ""
    requested = facts.get("requested")
    header = f"{requested} requested" if requested else "none requested: the version of the key"
    answered = facts.get("answered")
    evidence = _VERSION_EVIDENCE.get(str(facts.get("evidence")), "")
    words = f"{answered} answered ({evidence})" if answered else evidence or "the responses do not show their version"
    supported = facts.get("supported") or ()
    newest = f"{': ' if len(supported) == 1 else ', the newest is '}{supported[-1]}" if supported else ""
    listed = f"; the target supports {plural(len(supported), 'version')}{newest}" if supported else ""
    return sanitize(f"{header}, {words}{listed}")


def requests_line(report: Report) -> str:
    """Return `570 of 600 requests sent, all read-only, in 3.2 s`, or `none sent`; after writes also what is left."""
    if not report.budget:
        return "none sent"
    sent = f"{report.sent} of {plural(report.budget, 'request')} sent"
    if _LEFT not in report.extra:
        safe = f"{report.unsafe} NOT READ-ONLY" if report.unsafe else "all read-only"
        return f"{sent}, {safe}, in {report.seconds:.1f} s{_for_ids(report)}{_pauses(report)}"
    left = ", ".join(f"{count} {resource}" for resource, count in sorted(report.extra[_LEFT].items()))
    rest = f"left at the target: {left}" if left else "nothing left at the target"
    return f"{sent}, including {plural(report.unsafe, 'write')}, in {report.seconds:.1f} s; {rest}{_pauses(report)}"


def repeat_line(report: Report) -> str:
    """Return how to start the simulator that the commands of the findings need; empty if there are no such commands."""
    if report.target != SIMULATOR or not any(map(Requests(report).command, active_findings(report))):
        return ""
    return _SIMULATOR_FIRST


_SIMULATOR_FIRST = (
    "start whopwatch simulate with the same --fault; set WHOP_BASE_URL, WHOP_API_KEY and WHOP_COMPANY_ID "
    "to what it prints"
)


def _for_ids(report: Report) -> str:
    """Return `; 3 of them to operations that were not selected, for ids: payments.list`, empty without any."""
    counts = report.extra.get("requests_for_ids") or {}
    names = first_few(map(sanitize, counts), MAX_NAMED_OPERATIONS)
    return f"; {sum(counts.values())} to operations that were not selected, for ids: {names}" if counts else ""


MIN_SECONDS_SHOWN = 10
"""Seconds of pauses from which a report mentions them."""


def _pauses(report: Report) -> str:
    """Return `; pauses after 429, 503 or a used-up rate limit: 75 s in all`, empty for short ones."""
    seconds = report.extra.get("waited_seconds") or 0.0
    words = f"; pauses after 429, 503 or a used-up rate limit: {seconds:.0f} s in all"
    return words if seconds >= MIN_SECONDS_SHOWN else ""


MAX_NAMED_OPERATIONS = 3
"""Operations that a line names."""


def checks_line(report: Report) -> str:
    """Return `995 of 1239 checks of 79 operations run; 244 not run: not planned at this budget (refusals 72, ...)`.

    Empty for a report that does not count checks.
    """
    counted = [row for row in report.operations if row.checks_total and row.state in (State.VERIFIED, State.DRIFT)]
    done, total = (sum(getattr(row, name) or 0 for row in counted) for name in ("checks_done", "checks_total"))
    if not total:
        return ""
    open = Counter((reason, check) for row in counted for check, reason in row.checks_open.items())
    reasons = Counter(reason for reason, _ in open.elements())
    parts = [f"{done} of {total} checks of {plural(len(counted), 'operation')} run"]
    for reason, count in reasons.most_common():
        named = ", ".join(f"{check} {number}" for (why, check), number in open.most_common() if why == reason)
        parts.append(f"{count} not run: {reason} ({named})")
    return "; ".join(parts) + (f". {_RESERVED}" if NO_TURN in reasons else "")


NO_TURN = "not planned at this budget"
"""Why a check was not run, if only the budget was too small for it."""
_RESERVED = "Part of the budget is kept for repeating requests. --thorough runs all"


def open_checks(row: OperationResult) -> str:
    """Return `verified, 17 of 26 checks; authentication: not planned at this budget` for one operation."""
    groups: dict[str, list[str]] = {}
    for check, reason in row.checks_open.items():
        groups.setdefault(reason, []).append(check)
    words = "".join(f"; {', '.join(names)}: {reason}" for reason, names in groups.items())
    return f"{STATES[row.state]}, {row.checks_done} of {plural(row.checks_total or 0, 'check')}{words}"


def incidents_line(report: Report) -> str:
    """Return `2026-01-31 02:00 UTC products.list: status 502; the repeated request succeeded`, empty without any."""
    # A check that failed inside whopwatch has no time; the reason of the report names it.
    incidents = [one for one in report.extra.get("incidents", ()) if "at" in one]
    shown = [f"{format_time(one['at'])} {one.get('operation', '')}: {one.get('what', '')}" for one in incidents]
    ids = [f" (request {one['request_id']})" if one.get("request_id") else "" for one in incidents]
    return sanitize(". ".join(words + id for words, id in zip(shown, ids, strict=True)))


def findings_line(report: Report) -> str:
    """Return `3 findings (1 critical, 2 high)` or `no findings`, and apart from them `; 1 fixed; 2 accepted`."""
    active = active_findings(report)
    detail = ", ".join(f"{len(found)} {severity}" for severity, found in by_severity(active).items())
    rest = "".join(f"; {len(found)} {state}" for state, found in inactive_findings(report).items())
    unchecked = " of earlier nights, not rechecked" if active and report.is_not_compared else ""
    return plural(len(active), "finding") + unchecked + (f" ({detail})" if detail else "") + rest


def headline(report: Report) -> str:
    """Return the verdict as one sentence: what is wrong or right, and why the run is incomplete if it is."""
    counts = report.count()
    is_of_events = bool(report.operations) and all(row.id.startswith("webhook:") for row in report.operations)
    kind = "event" if is_of_events else "operation"
    if report.verdict is Verdict.COULD_NOT_CHECK:
        return report.reason or "nothing was verified"
    accepted = sum(finding.state is FindingState.ACCEPTED for finding in report.findings)
    rest = f"; {plural(accepted, 'accepted finding')}" if accepted else ""
    if report.verdict is Verdict.DRIFT:
        broken = counts[State.DRIFT] - _only_accepted(report)
        what = f"{plural(broken, kind)} {'does' if broken == 1 else 'do'} not match the contract"
        if not broken:
            breaking = sum(finding.breaks for finding in report.findings)
            what = f"{plural(breaking, 'finding')} about the target as a whole"
        return f"{what}{rest}. The run is incomplete: {report.reason}" if report.reason else f"{what}{rest}"
    verified, unchecked = counts[State.VERIFIED], counts[State.COULD_NOT_CHECK]
    rest += f"; {plural(unchecked, kind)} could not be checked" if unchecked else ""
    outdated = sum(finding.check == "accepted" for finding in report.findings)
    rest += f". Warning: {plural(outdated, 'accepted entry')} to update" if outdated else ""
    only_accepted = _only_accepted(report)
    if only_accepted and not verified:
        return f"{plural(only_accepted, kind)} {'differs' if only_accepted == 1 else 'differ'} as accepted{rest}"
    return f"{plural(verified, kind)} {'matches' if verified == 1 else 'match'} the contract{rest}"


def _only_accepted(report: Report) -> int:
    """Return how many operations in state drift have no finding but accepted ones that would break the contract."""
    accepted: set[str] = set()
    broken: set[str] = set()
    for finding in report.findings:
        operations = {finding.operation, *(place.operation for place in finding.places)}
        if finding.breaks:
            broken |= operations
        elif finding.state is FindingState.ACCEPTED:
            accepted |= operations
    return sum(row.state is State.DRIFT and row.id in accepted - broken for row in report.operations)


def change_line(report: Report) -> str | None:
    """Return `2 new, 1 fixed since 2026-11-21 02:00 UTC; 3 known`; None for a run without a baseline."""
    if report.memory is None:
        return None
    if not report.memory.nights:
        return "first night: nothing to compare with yet"
    counts = Counter(finding.state for finding in report.findings)
    changes = ", ".join(f"{counts[state]} {state}" for state in STATE_ORDER if state in CHANGED and counts[state])
    rest = ", ".join(f"{counts[state]} {state}" for state in STATE_ORDER if state not in CHANGED and counts[state])
    previous = format_time(report.memory.previous or "")
    line = f"{changes or 'nothing changed'} since {previous}"
    if not previous:
        line = "nothing to compare with: no earlier night verified an operation"
        rest = ", ".join(part for part in (changes, rest) if part)
    elif report.is_not_compared:
        line = f"not compared with {previous}: no operation was verified"
        rest = ", ".join(part for part in (changes, rest) if part)
    line = f"{line}; {rest}" if rest else line
    line = f"{line}. {sanitize(report.memory.restarted)}" if report.memory.restarted else line
    is_earlier = (report.memory.previous or "") > report.started_at
    return f"{line}. Check the clock: the last night is dated later than this one" if is_earlier else line


def turns_line(report: Report) -> str | None:
    """Return within how many nights every check ran; None for a run without a baseline."""
    within = report.memory.checks_within_nights if report.memory else None
    if report.memory is None or within is None:
        return None
    if within > report.memory.nights + 1:
        return f"not every check has run yet, after {plural(report.memory.nights + 1, 'night')}"
    return f"every check ran within {plural(within, 'night')}"


def location(finding: Finding) -> str:
    """Return where a finding is. The JSON pointer of the root is empty, so it has words."""
    return sanitize(finding.location) or "whole response"


def sentence(finding: Finding) -> str:
    """Return the message of a finding without what every report shows beside it: operation, location and evidence."""
    message = finding.message.removeprefix(f"{finding.operation}: ").removeprefix(f"{finding.operation} ")
    name = finding.location.partition(":")[2]
    for place in (finding.location, name):
        if place and message.startswith((f"{place} ", f"{place}: ")):
            message = message.removeprefix(place).lstrip(": ")
    if finding.location:
        message = message.replace(f"field {finding.location} is ", "field is ")
    counted = _COUNTED.search(message)
    return f"{message[: counted.start()]}." if counted and not finding.places else message


def evidence(finding: Finding) -> str:
    """Return `12 of 40 items, confirmed`."""
    counted = _COUNTED.search(finding.message)
    samples = f"{finding.violations} of {plural(finding.samples, 'sample')}"
    return f"{counted[1] if counted and not finding.places else samples}, {finding.confidence}"


def changed_source(finding: Finding) -> str | None:
    """Return the source that changed: `API response, since last night`; None if none did, or it cannot be known."""
    if finding.moved != "live":
        return finding.moved
    now = ", now as expected" if finding.state is FindingState.FIXED else ""
    return f"API response, since last night{now}"


def source_words(finding: Finding) -> Iterator[tuple[str, str, str]]:
    """Yield `(source, what it says, kind)`: `("Live API", "null", "as-observed")`."""
    for source, says in finding.witnesses.items():
        words = {"as expected": finding.expected, "as observed": finding.observed}.get(says)
        silent = "not checked" if source == "last night" else "not specified"
        yield _SOURCES.get(source, source), words or silent, says.replace(" ", "-")


def impact_words(finding: Finding, max_places: int = PLACES_NAMED) -> str:
    """Return `hits you: src/app.py:12 and 3 more`; an empty string without a usage profile."""
    places = first_few(finding.impact_places, max_places)
    return f"{finding.impact or ''}{f': {places}' if places else ''}"


def facts(finding: Finding) -> Iterator[tuple[str, str]]:
    """Yield name and value of each fact about a finding that is shown below its sentence."""
    if finding.state is FindingState.FIXED:
        yield "now", f"as expected: {finding.expected}"
        yield "before", finding.observed
    else:
        yield "expected", finding.expected
        yield "observed", finding.observed
        yield "evidence", evidence(finding)
    if finding.impact:
        yield "impact", impact_words(finding)
    yield "class", f"{finding.class_label}: {class_title(finding.drift_class)}"
    if finding.first_seen and finding.state is not FindingState.NEW:
        yield "first seen", format_time(finding.first_seen)
    if changed := changed_source(finding):
        yield "changed", changed
    if finding.places:
        yield "places", first_few((f"{place.operation} {place.location}" for place in finding.places), PLACES_NAMED)
    if finding.targets:
        yield "targets", ", ".join(finding.targets)
    if finding.accepted:
        yield "accepted", finding.accepted
    if finding.request and finding.request.id:
        yield "request id", finding.request.id
    if page := reference_page(finding):
        yield "reference", page
    yield "class page", class_page(finding.drift_class)
    if finding.state not in INACTIVE and finding.drift_class in DRIFT_CLASSES:
        yield "what to do", DRIFT_CLASSES[finding.drift_class].meaning
    yield "fingerprint", finding.fingerprint


def class_page(drift_class: str) -> str:
    """Return the address of the documentation about a drift class."""
    known = DRIFT_CLASSES.get(drift_class)
    return documentation_page("docs/reference/drift-classes.md", known.slug if known else "")


def reference_page(finding: Finding) -> str | None:
    """Return the page of Whop's API reference about a finding's operation or event; None for v2 and root causes."""
    operation = finding.places[0].operation if finding.places else finding.operation
    resource, _, name = operation.removeprefix("webhook:").rpartition(".")
    if not _NAME.fullmatch(f"{resource}.{name}") or resource.startswith("v2") or operation == ACCEPTED_FILE:
        return None
    if operation.startswith("webhook:"):
        return f"{_REFERENCE}/{resource.replace('_', '-')}s/{f'{resource}-{name}'.replace('_', '-')}"
    many = resource.replace("_", "-")
    one = f"{many[:-3]}y" if many.endswith("ies") else many.removesuffix("s")
    pages = {"list": f"list-{many}", **{action: f"{action}-{one}" for action in _ACTIONS}}
    return f"{_REFERENCE}/{many}/{pages.get(name, one)}"


def finding_lines(finding: Finding, request: str | None = None) -> list[str]:
    """Return a finding as lines of plain text: class and place, the sentence, one line for each fact, the request."""
    state = f", {finding.state}" if finding.state else ""
    lines = [
        f"{finding.severity}: {finding.class_label} at {location(finding)}{state}",
        f"  {sanitize(sentence(finding))}",
        *(f"  {name}: {sanitize(value)}" for name, value in facts(finding) if name != "class"),
    ]
    return [*lines, f"  repeat: {request}"] if request else lines
