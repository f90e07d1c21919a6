"""Triangulation: what each source says about a finding, and which of them has moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from whopwatch.core.finding import Finding, FindingState, Source
from whopwatch.history.records import Records
from whopwatch.history.rules import Rules

EXPECTED, OBSERVED, SILENT = "as expected", "as observed", "silent"


def with_witnesses(finding: Finding, records: Records, rules: Rules, night: int) -> Finding:
    """`finding` with its witnesses: the documents, the live API, and the night before.

    What a document says nothing about it is silent on; so is the last night about what it did not look at.
    """
    promised = rules.promised.get(finding.check, ())
    witnesses = {source: EXPECTED if source in promised else SILENT for source in ("reference", "sdk")}
    witnesses["live"] = EXPECTED if finding.state is FindingState.FIXED else OBSERVED
    witnesses["last night"] = _last_night(finding, records, night)
    moved = _moved(witnesses, finding)
    return replace(finding, witnesses=witnesses, moved=moved)


def _last_night(finding: Finding, records: Records, night: int) -> str:
    """What the night before showed: the opposite where the finding is new and its operation was known."""
    if finding.state is not FindingState.NEW:
        return OBSERVED
    operations = {place.operation for place in finding.places} or {finding.operation}
    known = any(_was_verified(records, operation, night) for operation in operations)
    return EXPECTED if known or finding.source is Source.LIVE_LIVE else SILENT


def _was_verified(records: Records, operation: str, night: int) -> bool:
    """Whether a night before this one saw the operation keep its contract."""
    record = records.operations.get(operation)
    return record is not None and night > 1 and any(state == "verified" for state in record.states[:-1])


def _moved(witnesses: Mapping[str, str], finding: Finding) -> str | None:
    """The source that changed; None where it was always so, or nobody can tell."""
    if finding.check == "accepted":
        return None
    return "live" if witnesses["live"] != witnesses["last night"] and witnesses["last night"] != SILENT else None
