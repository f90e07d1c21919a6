"""Record a run as a HAR file, and judge a recording: of whopwatch, or of any other program. Sends no request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whopwatch.config import Target
from whopwatch.config.contract_choice import AUTO, bundled_versions
from whopwatch.config.resolve import base_urls
from whopwatch.config.targets_file import BUILT_IN
from whopwatch.contract import Contract, load
from whopwatch.contract.answered_version import AnsweredVersion, VersionEvidence
from whopwatch.contract.loader import version_at_or_before
from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Exchange
from whopwatch.core.report import OperationResult, Report, State, timestamp
from whopwatch.har import Archive, Facts, Recording, parse, read, recover, write
from whopwatch.har.read import HarEntry
from whopwatch.planning.state import StepFailure
from whopwatch.run.api_version import VersionDetector, answered_by_other_version, supported_sentence
from whopwatch.run.conclude import judge
from whopwatch.run.observation import Observation, Written
from whopwatch.run.options import bundled_contracts

_APART = frozenset({"exchanges"} | {one.name for one in fields(Observation) if not one.repr})
"""Fields that a recording does not have: it has the requests themselves, and the rest is found again by checks."""
_EMPTY = Observation((), frozenset(), 0, 0, 0, "", 0.0)
_EXPECTED: Mapping[str, type | tuple[type, ...]] = {
    "selected": list,
    "allow_unchecked": list,
    "seconds": (int, float),
    "requests": dict,
    "written": (dict, type(None)),
    "api_version": (dict, type(None)),
    "failed_steps": list,
}
"""The JSON types of the fields of an observation whose Python type is another."""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run as a HAR file: the text, and how the findings of the file differ from those of the run.

    Placeholders replace all values, so a finding that depends on a value may be lost or appear.
    """

    har: str
    findings: int
    kept: int
    added: int


def record(contract: Contract, target: Target, observation: Observation, report: Report) -> RecordedRun:
    """Return the HAR file of a run, without keys and values, after judging it once as `replay` will."""
    facts = Facts(target.base_url, target.v2_base_url, {**facts_of(observation), "contract": contract.version})
    text = write(contract, observation.exchanges, facts, report.findings)
    pairs = [("v1", target.base_url), ("v2", target.v2_base_url)]
    again = replay(contract, recover(contract, parse(text.encode(), "the recording"), pairs), report.target)
    before, after = ({finding.fingerprint for finding in found.findings} for found in (report, again))
    return RecordedRun(text, len(before), len(before & after), len(after - before))


def facts_of(observation: Observation) -> dict[str, Any]:
    """Return the fields of `observation` other than its exchanges and findings, as JSON values."""
    values = {field.name: getattr(observation, field.name) for field in fields(observation)}
    shown = {name: value for name, value in values.items() if name not in _APART}
    return {
        **shown,
        "selected": sorted(observation.selected),
        "allow_unchecked": sorted(observation.allow_unchecked),
        "requests": dict(observation.requests),
        "written": asdict(observation.written) if observation.written else None,
        "api_version": asdict(observation.api_version) if observation.api_version else None,
        "failed_steps": [asdict(failure) for failure in observation.failed_steps],
    }


def replay_file(name: str | None, file: Path, target_name: str | None, config: Path | None) -> tuple[Contract, Report]:
    """Return the contract and the report of the HAR file at `file` for the API at `target_name`.

    `name` is the contract that the user named; without it the recording says which is used. The default target is the
    one that whopwatch recorded, or production and the sandbox for a file of another program. The report lists under
    `replay` the requests that were not checked. Raise UsageError for a file that is no recording.
    """
    archive = read(file)
    if target_name:
        bases = [base_urls(target_name, config)]
    elif archive.facts:
        bases = [(archive.facts.base_url, archive.facts.v2_base_url)]
    else:
        bases = [base_urls(built_in) for built_in in BUILT_IN]
    pairs = [pair for v1, v2 in bases for pair in (("v1", v1), ("v2", v2))]
    shown = f"recording of {', '.join(v1 for v1, _ in bases)}"
    if archive.facts:
        contract = _contract_of_run(archive.facts, name)
        recording = recover(contract, archive, pairs)
        report = replay(contract, recording, shown)
    else:
        fixed = None if name in (None, AUTO) else load(name)
        report, recording, contract = judge_archive(archive, pairs, shown, fixed)
    content = {
        "entries": len(archive.entries),
        "checked": len(recording.exchanges),
        "ignored": dict(recording.ignored.most_common()),
        "unmatched": dict(recording.unmatched.most_common()),
    }
    return contract, replace(report, sent=0, budget=0, unsafe=0, extra={**report.extra, "replay": content})


def _contract_of_run(facts: Facts, name: str | None) -> Contract:
    """Return the contract that a run was recorded with; `name` may give its folder, not another version."""
    recorded = facts.run.get("contract")
    if name not in (None, AUTO):
        contract = load(name)
        if isinstance(recorded, str) and contract.version != recorded:
            raise UsageError(
                f"The recording was made with the contract of {recorded}.",
                where="option --contract",
                expected=f"a contract of {recorded}",
                got=str(contract.edition),
                hint="omit --contract",
            )
        return contract
    return load(recorded if isinstance(recorded, str) else None)


def replay(contract: Contract, recording: Recording, target_name: str) -> Report:
    """Return the report of `recording`.

    A recording of whopwatch is judged as the run itself was. In any other, only the operations with recorded requests
    count, writes included. Raise UsageError if the facts in the recording are damaged.
    """
    if recording.facts:
        report = judge(contract, _recorded(recording, recording.facts.run), target_name)
    else:
        report = judge_foreign(contract, recording, target_name)
    return replace(report, sent=0, budget=0, unsafe=0)


def _recorded(recording: Recording, facts: Mapping[str, Any]) -> Observation:
    known = {field.name: facts[field.name] for field in fields(Observation) if field.name in facts}
    for name, value in known.items():
        empty = getattr(_EMPTY, name)
        expected = _EXPECTED.get(name, type(empty))
        if name in _APART or not (isinstance(value, expected) or (empty is None and isinstance(value, str))):
            raise _damaged(name)
    missing = {"selected", "budget", "sent", "unsafe", "started_at", "seconds"} - known.keys()
    if missing:
        raise _damaged(min(missing))
    own = {
        "exchanges": recording.exchanges,
        "selected": _ids(known["selected"]),
        "allow_unchecked": _ids(known.get("allow_unchecked", [])),
        "written": _written(known.get("written")),
        "api_version": _api_version(known.get("api_version")),
        "failed_steps": tuple(_failed_step(facts) for facts in known.get("failed_steps", [])),
    }
    return Observation(**{**known, **own})


def _ids(facts: list[Any]) -> frozenset[str]:
    return frozenset(id for id in facts if isinstance(id, str))


def _failed_step(facts: Any) -> StepFailure:
    if not isinstance(facts, dict) or not all(isinstance(facts.get(one.name), str) for one in fields(StepFailure)):
        raise _damaged("failed_steps")
    return StepFailure(**{one.name: facts[one.name] for one in fields(StepFailure)})


def _written(facts: Mapping[str, Any] | None) -> Written | None:
    if facts is None:
        return None
    untried, left = facts.get("untried"), facts.get("left")
    if not isinstance(untried, dict) or not isinstance(left, dict):
        raise _damaged("written")
    return Written(untried, left)


def _api_version(facts: Mapping[str, Any] | None) -> AnsweredVersion | None:
    if facts is None:
        return None
    try:
        evidence, supported = VersionEvidence(facts["evidence"]), tuple(map(str, facts["supported"]))
        return AnsweredVersion(facts["requested"], facts["version"], evidence, supported, bool(facts["matches"]))
    except (KeyError, TypeError, ValueError):
        raise _damaged("api_version") from None


def _damaged(name: str) -> UsageError:
    return UsageError(
        "The recording cannot be read.",
        where=f"log._whopwatch.run.{name}",
        expected="the value that the run wrote",
        got="another type, or nothing",
        hint="record it again",
    )


NOT_RECORDED = "not in the recording"
_BEST_STATE_LAST = (State.NOT_COVERED, State.VERIFIED, State.COULD_NOT_CHECK, State.DRIFT)


@dataclass(frozen=True)
class JudgedPart:
    """The entries of one requested version: the contract that they were judged by, and the report.

    `requested` is None for entries without a version header. `reason` is why they were not judged, or None.
    """

    requested: str | None
    contract: Contract
    recording: Recording
    report: Report
    reason: str | None


def judge_archive(
    archive: Archive, bases: Sequence[tuple[str, str]], target_name: str, fixed: Contract | None = None
) -> tuple[Report, Recording, Contract]:
    """Return the report of `archive`, what was recovered of it, and the contract of most entries.

    `fixed` is the contract that the user named; without it each entry is judged by the contract of the version that it
    requested, or the nearest older bundled one. Entries without a version header are judged by the contract that their
    responses match, by default the one of an unpinned key.
    """
    groups: dict[str | None, list[HarEntry]] = {}
    for entry in archive.entries:
        groups.setdefault(entry.version, []).append(entry)
    parts = [
        _judge_part(version, Archive(tuple(entries), None), bases, target_name, fixed)
        for version, entries in groups.items()
    ] or [_judge_part(None, archive, bases, target_name, fixed)]
    parts.sort(key=lambda part: len(part.recording.exchanges), reverse=True)
    whole = Recording(
        tuple(exchange for part in parts for exchange in part.recording.exchanges),
        sum((part.recording.ignored for part in parts), Counter()),
        sum((part.recording.unmatched for part in parts), Counter()),
    )
    return _combined(parts), whole, parts[0].contract


def _judge_part(
    version: str | None,
    archive: Archive,
    bases: Sequence[tuple[str, str]],
    target_name: str,
    fixed: Contract | None,
) -> JudgedPart:
    contract = fixed or load(version_at_or_before(version, bundled_versions()) if version else None)
    recording = recover(contract, archive, bases)
    answer = _detected(contract, version, recording.exchanges)
    if version is None and fixed is None:
        better = _matching(archive, bases, recording, answer)
        if better is not None:
            contract, recording = better, recover(better, archive, bases)
            answer = _detected(contract, version, recording.exchanges)
    reason = _mismatch(contract, version, answer)
    return JudgedPart(
        version, contract, recording, judge_foreign(contract, recording, target_name, answer, reason), reason
    )


def _matching(
    archive: Archive, bases: Sequence[tuple[str, str]], recording: Recording, answer: AnsweredVersion
) -> Contract | None:
    """Return the bundled contract that entries without a header match, None for the one that recovered `recording`."""
    if not recording.exchanges:
        recovered = {one: len(recover(one, archive, bases).exchanges) for one in bundled_contracts()}
        best = max(recovered, key=lambda one: recovered[one])
        return best if recovered[best] else None
    return load(answer.version) if not answer.matches and answer.version in bundled_versions() else None


def _detected(contract: Contract, version: str | None, exchanges: Iterable[Exchange]) -> AnsweredVersion:
    detector = VersionDetector(contract, bundled_contracts, requested=version)
    for exchange in exchanges:
        # A rejected request of another program counts as one without a key, but it names the version all the same.
        detector.record(replace(exchange, credential="key"))
    detector.conclude()
    return detector.answer


def _mismatch(contract: Contract, version: str | None, answer: AnsweredVersion) -> str | None:
    """Return why entries that requested `version` cannot be judged by `contract`, None if they can."""
    if answer.matches:
        return None
    if answer.evidence is VersionEvidence.REJECTED:
        rejected = f"The API rejects version {version or 'of the request'} (400, parameter Api-Version-Date)."
        return f"{rejected} {supported_sentence(answer.supported)}".rstrip()
    subject = f"The recording requests version {version}. Its responses" if version else "The recorded responses"
    answered = f"are of version {answer.version}" if answer.version else "match no bundled contract"
    return f"{subject} {answered}; the contract is of {contract.version}"


def judge_foreign(
    contract: Contract,
    recording: Recording,
    target_name: str,
    answer: AnsweredVersion | None = None,
    mismatch: str | None = None,
) -> Report:
    """Judge a recording that another program wrote: only what it has requests of is in scope, writes included.

    `answer` is the version that its responses are of, if it was found out before; `mismatch` is why it cannot be judged
    by `contract`.
    """
    exchanges = recording.exchanges
    answer = answer or _detected(contract, None, exchanges)
    selected = frozenset(exchange.operation for exchange in exchanges)
    times = [exchange.started_at for exchange in exchanges if exchange.started_at] or [0.0]
    foreign = {} if mismatch else answered_by_other_version(contract, exchanges, bundled_contracts())
    observation = Observation(
        exchanges=tuple(one for number, one in enumerate(exchanges) if number not in foreign),
        selected=selected,
        budget=0,
        sent=0,
        unsafe=0,
        started_at=timestamp(datetime.fromtimestamp(min(times), UTC)),
        seconds=max(times) - min(times),
        stopped=mismatch,
        unusable=mismatch is not None,
        api_version=answer,
        other_version={exchanges[number].operation: other for number, other in foreign.items()},
    )
    return judge(
        contract,
        observation,
        target_name,
        excluded=lambda operation: None if operation.id in selected else NOT_RECORDED,
    )


def _combined(parts: Sequence[JudgedPart]) -> Report:
    """Return the reports of all parts as one: the worst state of each operation, and each finding once."""
    rows: dict[str, OperationResult] = {}
    for part in parts:
        for row in part.report.operations:
            known = rows.get(row.id)
            rows[row.id] = row if known is None else _worse(known, row)
    findings = {finding.fingerprint: finding for part in parts for finding in part.report.findings}
    reasons = list(dict.fromkeys(part.report.reason for part in parts if part.report.reason))
    first = parts[0].report
    versions = [
        {
            "requested": part.requested,
            "contract": part.contract.version,
            "entries": len(part.recording.exchanges),
            "reason": part.reason,
        }
        for part in parts
    ]
    return first.revised(
        rows.values(),
        findings.values(),
        reason=". ".join(reason.rstrip(".") for reason in reasons) or None,
        extra={**first.extra, "recorded_versions": versions},
    )


def _worse(one: OperationResult, other: OperationResult) -> OperationResult:
    worse = max(one, other, key=lambda row: _BEST_STATE_LAST.index(row.state))
    return replace(worse, requests=one.requests + other.requests, samples=one.samples + other.samples)
