"""Record a run as a HAR file, and judge a recording: a run of whopwatch, or any other HAR file. Sends no request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from whopwatch.config import Target
from whopwatch.config.contract_choice import AUTO
from whopwatch.config.resolve import base_urls
from whopwatch.config.targets_file import BUILT_IN
from whopwatch.contract import Contract, load
from whopwatch.contract.answered_version import AnsweredVersion, VersionEvidence
from whopwatch.core.errors import UsageError
from whopwatch.core.report import Report
from whopwatch.har import Facts, Recording, parse, read, recover, write
from whopwatch.planning.state import StepFailure
from whopwatch.run.conclude import judge
from whopwatch.run.observation import Observation, Written
from whopwatch.run.recorded_versions import judge_archive, judge_foreign

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
