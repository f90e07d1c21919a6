"""What a plan wants to know of earlier nights."""

from __future__ import annotations

from datetime import datetime

from whopwatch.history.records import Records
from whopwatch.planning.state import OperationHistory


def past_of(records: Records, now: datetime) -> dict[str, OperationHistory]:
    """For each operation the days since it was last verified, and how often it changed."""
    starts = {night.number: datetime.fromisoformat(night.started_at) for night in records.nights}
    first = min(starts.values(), default=now)
    return {
        id: OperationHistory(days=_days(starts.get(record.verified_night, first), now), changes=record.changes)
        for id, record in records.operations.items()
    }


def _days(then: datetime, now: datetime) -> float:
    return max(0.0, (now - then).total_seconds() / 86_400)
