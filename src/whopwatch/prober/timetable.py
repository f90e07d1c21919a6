"""When each probe is due: a fixed grid for each operation, kept through stalls, restarts and reloads.

A slot is due at `phase + n * interval` of the clock, later by a jitter that does not add up. The phase comes from the
operation's name, so that probes spread over the interval and a restart changes nothing. A slot that cannot start
within a quarter of its interval is lost, and counted: a probe that runs late measures another time.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from zlib import crc32

JITTER = 0.05
"""Share of the interval by which a slot may be due later."""
LATE = 0.25
"""Share of the interval after which a slot is lost."""
_PARTS = 2**32


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One time at which an operation is to be probed. `number` is its place on the grid, -1 for one off the grid."""

    due: float
    operation: str = field(compare=False)
    number: int = field(compare=False)


class Timetable:
    """The slots of all operations, `intervals` by operation in seconds. Not safe for several threads."""

    def __init__(self, intervals: Mapping[str, float], now: float) -> None:
        self._intervals: dict[str, float] = {}
        self._heap: list[Slot] = []
        self.replace(intervals, now)

    def replace(self, intervals: Mapping[str, float], now: float) -> None:
        """Go on with other operations or intervals. What did not change keeps its slots."""
        kept = {slot.operation for slot in self._heap if slot.number >= 0 and self._same(slot.operation, intervals)}
        self._heap = [slot for slot in self._heap if slot.operation in kept]
        self._intervals = dict(intervals)
        for operation in intervals.keys() - kept:
            self._heap.append(self._first(operation, now))
        heapq.heapify(self._heap)

    def next_due(self) -> float:
        """When the next slot is due; infinity where there is none."""
        return self._heap[0].due if self._heap else float("inf")

    def pop(self, now: float) -> tuple[Slot | None, str, int]:
        """Take the slot that is due: the slot, None where it is lost; its operation; how many slots are lost.

        To be called when `next_due()` is not after `now`. The operation's next slot takes its place.
        """
        slot = heapq.heappop(self._heap)
        if slot.number < 0:
            return slot, slot.operation, 0
        interval = self._intervals[slot.operation]
        if now - slot.due <= LATE * interval:
            heapq.heappush(self._heap, self._slot(slot.operation, slot.number + 1))
            return slot, slot.operation, 0
        following = slot.number + 1
        behind = now - LATE * interval - self._slot(slot.operation, following).due
        if behind > 0:
            following += ceil(behind / interval)
        heapq.heappush(self._heap, self._slot(slot.operation, following))
        return None, slot.operation, following - slot.number

    def add(self, operation: str, at: float) -> None:
        """One more slot, off the grid; none where a slot of the grid comes before it, or it has one already."""
        pending = [slot for slot in self._heap if slot.operation == operation]
        if operation in self._intervals and all(slot.number >= 0 and slot.due > at for slot in pending):
            heapq.heappush(self._heap, Slot(at, operation, -1))

    def _same(self, operation: str, intervals: Mapping[str, float]) -> bool:
        return operation in intervals and self._intervals.get(operation) == intervals[operation]

    def _first(self, operation: str, now: float) -> Slot:
        interval = self._intervals[operation]
        number = int(now // interval) - 1
        while (slot := self._slot(operation, number)).due < now:
            number += 1
        return slot

    def _slot(self, operation: str, number: int) -> Slot:
        interval = self._intervals[operation]
        phase = crc32(operation.encode()) / _PARTS
        jitter = JITTER * crc32(f"{operation}#{number}".encode()) / _PARTS
        return Slot((number + phase + jitter) * interval, operation, number)
