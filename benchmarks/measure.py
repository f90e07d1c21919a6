"""Timing of candidates: interleaved rounds, median and spread, one table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Candidate = Callable[[], object]


def interleaved(
    candidates: Mapping[str, Candidate], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Return the seconds of each candidate in each of `rounds`, in turn so that a busy moment affects all of them."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, candidate in candidates.items():
            started = clock()
            candidate()
            taken[name].append(clock() - started)
    return taken


def table(title: str, seconds: Mapping[str, Sequence[float]], *, base: str) -> str:
    """Format `seconds` as lines: median, ratio to that of the candidate `base`, least and most."""
    width = max(len(name) for name in seconds)
    usual = statistics.median(seconds[base])
    rows = [
        f"  {name:<{width}}  {statistics.median(taken) * 1000:10.3f} ms  {statistics.median(taken) / usual:8.2f} x"
        f"  ({min(taken) * 1000:.3f} to {max(taken) * 1000:.3f} ms)"
        for name, taken in seconds.items()
    ]
    return "\n".join([title, *rows])
