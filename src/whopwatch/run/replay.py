"""Judge a recording: a run of whopwatch again, or any other HAR file for the first time. Sends no request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.core.report import Report, timestamp
from whopwatch.har import Recording
from whopwatch.run.conclude import judge
from whopwatch.run.observation import Observation, Written

NOT_RECORDED = "not in the recording"

_APART = frozenset({"exchanges", "findings"})
_EMPTY = Observation((), frozenset(), 0, 0, 0, "", 0.0)
_EXPECTED: Mapping[str, type | tuple[type, ...]] = {
    "selected": list,
    "seconds": (int, float),
    "requests": dict,
    "written": (dict, type(None)),
}
"""The JSON types of the fields of an observation whose Python type is another."""


def facts_of(observation: Observation) -> dict[str, Any]:
    """Return the fields of `observation` other than its exchanges and findings, as JSON values."""
    values = {field.name: getattr(observation, field.name) for field in fields(observation)}
    shown = {name: value for name, value in values.items() if name not in _APART}
    return {
        **shown,
        "selected": sorted(observation.selected),
        "requests": dict(observation.requests),
        "written": asdict(observation.written) if observation.written else None,
    }


def replay(contract: Contract, recording: Recording, target_name: str) -> Report:
    """Return the report of `recording`.

    A recording of whopwatch is judged as the run itself was. In any other, only the operations with recorded requests
    count, writes included. Raise UsageError if the facts in the recording are damaged.
    """
    if recording.facts:
        report = judge(contract, _recorded(recording, recording.facts.run), target_name)
    else:
        report = _judge_foreign(contract, recording, target_name)
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
        expected="the value that the run wrote",
        got="another type, or nothing",
        hint="record it again",
    )


def _judge_foreign(contract: Contract, recording: Recording, target_name: str) -> Report:
    """Judge a recording that another program wrote: only what it has requests of is in scope, writes included."""
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
    return judge(
        contract,
        observation,
        target_name,
        excluded=lambda operation: None if operation.id in observation.selected else NOT_RECORDED,
    )
