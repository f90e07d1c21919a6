"""Judge a HAR file of another program: each entry by the contract of the API version that it requested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from whopwatch.config.contract_choice import bundled_versions
from whopwatch.contract import Contract, load
from whopwatch.contract.answered_version import AnsweredVersion, VersionEvidence
from whopwatch.contract.loader import version_at_or_before
from whopwatch.core.exchange import Exchange
from whopwatch.core.report import OperationResult, Report, State, timestamp
from whopwatch.har import Archive, Recording, recover
from whopwatch.har.read import HarEntry
from whopwatch.run.api_version import VersionDetector, answered_by_other_version, supported_sentence
from whopwatch.run.conclude import judge
from whopwatch.run.matching import bundled_contracts
from whopwatch.run.observation import Observation

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
        api_version=replace(answer, matches=mismatch is None),
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
