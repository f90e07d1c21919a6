"""What nights are remembered by, and how one is compared with those before."""

from __future__ import annotations

from whopwatch.memory.accepted import Entry, read_accepted
from whopwatch.memory.night import remember
from whopwatch.memory.past import past_of
from whopwatch.memory.records import Records
from whopwatch.memory.store import Baseline, opened, read

__all__ = ["Baseline", "Entry", "Records", "opened", "past_of", "read", "read_accepted", "remember"]
