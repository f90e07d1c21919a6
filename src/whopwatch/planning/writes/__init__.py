"""Requests that write: at targets that allow it only."""

from __future__ import annotations

from whopwatch.planning.writes.lifecycle import plan_cleanup, plan_writes
from whopwatch.planning.writes.write_state import WriteState

__all__ = ["WriteState", "plan_cleanup", "plan_writes"]
