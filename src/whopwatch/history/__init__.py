"""The history of a target: a baseline file of all nights, and the comparison of one night with those before."""

from __future__ import annotations

from whopwatch.config.accepted import AcceptedEntry
from whopwatch.history.compare import compare_with_history, plan_priorities
from whopwatch.history.records import Records
from whopwatch.history.store import Baseline, open_baseline, read_baseline

__all__ = [
    "AcceptedEntry",
    "Baseline",
    "Records",
    "compare_with_history",
    "open_baseline",
    "plan_priorities",
    "read_baseline",
]
