"""A recorded run judged again, and any recording judged for the first time. No request is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

from whopwatch.checks import Evidence
from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.core.finding import Finding
from whopwatch.core.report import OperationResult, Report, State, Verdict, timestamp
from whopwatch.har import Recording
from whopwatch.run.observation import Observation
from whopwatch.run.verdict import judge
from whopwatch.run.writing import Written

NOT_RECORDED = "the recording has no request of it"

_APART = frozenset({"exchanges", "findings"})
_BLANK = Observation((), frozenset(), 0, 0, 0, "", 0.0)
_EXPECTED: Mapping[str, type | tuple[type, ...]] = {
    "selected": list,
    "seconds": (int, float),
    "requests": dict,
    "written": (dict, type(None)),
}
"""What JSON makes of a field, where that is not its own type."""


def facts_of(observation: Observation) -> dict[str, Any]:
    """What an observation knows beside its exchanges, as JSON can hold it."""
    values = {field.name: getattr(observation, field.name) for field in fields(observation)}
    shown = {name: value for name, value in values.items() if name not in _APART}
    return {
        **shown,
        "selected": sorted(observation.selected),
        "requests": dict(observation.requests),
        "written": asdict(observation.written) if observation.written else None,
    }


def replay(contract: Contract, recording: Recording, target_name: str) -> Report:
    """What `recording` says of each operation.

    One that a run of ours wrote is judged as that run was. Of any other only those operations count that it has
    requests of, writes among them. Raises UsageError for a recording whose facts are damaged.
    """
    if recording.facts:
        report = judge(contract, _recorded(recording, recording.facts.run), target_name)
    else:
        report = _of_anybody(contract, recording, target_name)
    return replace(report, sent=0, budget=0, unsafe=0)


def _recorded(recording: Recording, facts: Mapping[str, Any]) -> Observation:
    known = {field.name: facts[field.name] for field in fields(Observation) if field.name in facts}
    for name, value in known.items():
        blank = getattr(_BLANK, name)
        expected = _EXPECTED.get(name, type(blank))
        if name in _APART or not (isinstance(value, expected) or (blank is None and isinstance(value, str))):
            raise _damaged(name)
    missing = {"selected", "budget", "sent", "unsafe", "started_at", "seconds"} - known.keys()
    if missing:
        raise _damaged(min(missing))
    selected = frozenset(id for id in known["selected"] if isinstance(id, str))
    written = _written(known.get("written"))
    return Observation(**{**known, "exchanges": recording.exchanges, "selected": selected, "written": written})


def _written(facts: Mapping[str, Any] | None) -> Written | None:
    if facts is None:
        return None
    untried, left = facts.get("untried"), facts.get("left")
    if not isinstance(untried, dict) or not isinstance(left, dict):
        raise _damaged("written")
    return Written(untried, left)


def _damaged(name: str) -> UsageError:
    return UsageError(
        "The recording cannot be read.",
        where=f"log._whopwatch.run.{name}",
        expected="what the run wrote down",
        got="something else",
        hint="record it again",
    )


def _of_anybody(contract: Contract, recording: Recording, target_name: str) -> Report:
    exchanges = recording.exchanges
    times = [exchange.started_at for exchange in exchanges if exchange.started_at] or [0.0]
    observation = Observation(
        exchanges=exchanges,
        selected=frozenset(exchange.operation for exchange in exchanges),
        budget=0,
        sent=0,
        unsafe=0,
        started_at=timestamp(datetime.fromtimestamp(min(times), UTC)),
        seconds=max(times) - min(times),
    )
    report = judge(contract, observation, target_name)
    evidence = Evidence(contract, exchanges)
    rows = tuple(_row(row, contract, evidence, report.findings) for row in report.operations)
    return _counted(replace(report, operations=rows), contract)


def _row(
    row: OperationResult, contract: Contract, evidence: Evidence, findings: tuple[Finding, ...]
) -> OperationResult:
    """A row as a recording shows it: writes are seen in it like reads."""
    if row.id not in evidence.by_operation:
        return replace(row, state=State.NOT_COVERED, reason=NOT_RECORDED)
    if contract.operations[row.id].is_read:
        return row
    if any(finding.breaks and finding.operation == row.id for finding in findings):
        return replace(row, state=State.DRIFT, reason=None)
    if evidence.samples(row.id):
        return replace(row, state=State.VERIFIED, reason=None)
    return replace(row, state=State.COULD_NOT_CHECK, reason="no success answer was recorded")


def _counted(report: Report, contract: Contract) -> Report:
    """The verdict once the writes count, too."""
    if report.count()[State.DRIFT]:
        return replace(report, verdict=Verdict.DRIFT, reason=None)
    verified = {row.id for row in report.operations if row.state is State.VERIFIED}
    if any(not contract.operations[id].is_read for id in verified):
        return replace(report, verdict=Verdict.CLEAN, reason=None)
    return report
