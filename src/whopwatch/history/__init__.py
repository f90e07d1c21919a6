"""What nights are remembered by, and how one is compared with those before."""

from __future__ import annotations

from whopwatch.history.accepted import Entry, read_accepted
from whopwatch.history.night import remember
from whopwatch.history.past import past_of
from whopwatch.history.records import Records
from whopwatch.history.store import Baseline, opened, read

__all__ = ["Baseline", "Entry", "Records", "opened", "past_of", "read", "read_accepted", "remember"]
