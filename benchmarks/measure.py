"""Timing of candidates: interleaved rounds, medians, one table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Candidate = Callable[[], object]


def interleaved(
    candidates: Mapping[str, Candidate], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Return the median seconds of each candidate over `rounds`, in turn so that a busy moment affects all of them."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, candidate in candidates.items():
            started = clock()
            candidate()
            taken[name].append(clock() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def table(title: str, seconds: Mapping[str, float], *, base: str) -> str:
    """Format `seconds` as lines, each with its ratio to the candidate `base`."""
    width = max(len(name) for name in seconds)
    rows = [
        f"  {name:<{width}}  {value * 1000:10.3f} ms  {value / seconds[base]:8.2f} x" for name, value in seconds.items()
    ]
    return "\n".join([title, *rows])
