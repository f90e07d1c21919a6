"""Attribute a change: compare what each source says about a finding, and name the one that changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from whopwatch.checks.acceptance import ACCEPTED_CHECK
from whopwatch.core.finding import Finding, FindingState, Source
from whopwatch.history.records import Records
from whopwatch.history.rules import HistoryRules

AS_EXPECTED, AS_OBSERVED, SILENT = "as expected", "as observed", "silent"
"""What a source says: the finding's `expected`, its `observed`, or nothing. These are values of the JSON report."""


def attribute_change(finding: Finding, records: Records, rules: HistoryRules, night: int) -> Finding:
    """Return `finding` with what each source says and, in `moved`, the source that changed.

    The reference and the SDK are silent on what they do not specify, the last night on what it did not check.
    """
    promised_by = () if finding.rule in rules.undocumented else rules.promised_by.get(finding.check, ())
    says = {source: AS_EXPECTED if source in promised_by else SILENT for source in ("reference", "sdk")}
    says["live"] = AS_EXPECTED if finding.state is FindingState.FIXED else AS_OBSERVED
    says["last night"] = _last_night(finding, records, night)
    return replace(finding, witnesses=says, moved=_changed_source(says, finding))


def _last_night(finding: Finding, records: Records, night: int) -> str:
    """Return what the night before showed: the opposite if the finding is new and its operation was verified."""
    if finding.state is not FindingState.NEW:
        return AS_OBSERVED
    operations = {place.operation for place in finding.places} or {finding.operation}
    known = any(_was_verified(records, operation, night) for operation in operations)
    return AS_EXPECTED if known or finding.source is Source.LIVE_LIVE else SILENT


def _was_verified(records: Records, operation: str, night: int) -> bool:
    """Return whether a night before this one verified the operation."""
    record = records.operations.get(operation)
    return record is not None and night > 1 and any(state == "verified" for state in record.states[:-1])


def _changed_source(says: Mapping[str, str], finding: Finding) -> str | None:
    """Return the source that changed; None if it was always so, or it cannot be known."""
    if finding.check == ACCEPTED_CHECK:
        return None
    return "live" if says["live"] != says["last night"] and says["last night"] != SILENT else None
