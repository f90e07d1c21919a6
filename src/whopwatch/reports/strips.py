"""Small drawings of how an operation did over the nights, as paths of an SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from whopwatch.core.report import State
from whopwatch.reports.text import STATES, number

HEIGHT = 16
STEP, WIDTH = 5, 4
NIGHTS = 30
"""Nights that are drawn; the JSON report has as many as there are."""

_HEIGHTS = {State.DRIFT: 16, State.VERIFIED: 9, State.COULD_NOT_CHECK: 6, State.NOT_COVERED: 3}
"""States differ in height as well as in colour, for those who do not tell the colours apart."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One bar a night: an SVG path by state, and the same in words."""

    width: int
    paths: tuple[tuple[str, str], ...]
    label: str


@dataclass(frozen=True, slots=True)
class Spark:
    """A line through the latencies of the nights."""

    width: int
    path: str
    label: str


def strip(history: Sequence[State]) -> Strip | None:
    """The drawing of `history`, the oldest first; None without one."""
    nights = history[-NIGHTS:]
    if not nights:
        return None
    paths: dict[State, str] = {}
    for place, state in enumerate(nights):
        height = _HEIGHTS[state]
        bar = f"M{place * STEP} {HEIGHT - height}h{WIDTH}v{height}h-{WIDTH}z"
        paths[state] = paths.get(state, "") + bar
    counts = Counter(nights)
    words = ", ".join(f"{counts[state]} {STATES[state]}" for state in STATES if counts[state])
    return Strip(
        len(nights) * STEP,
        tuple((str(state), path) for state, path in paths.items()),
        f"{number(len(nights), 'night')}: {words}",
    )


def spark(latencies: Sequence[float | None]) -> Spark | None:
    """The drawing of `latencies` in seconds, the oldest first; None where there are less than two."""
    nights = latencies[-NIGHTS:]
    known = [value for value in nights if value is not None]
    if len(known) < 2:
        return None
    top = max(known) or 1.0
    path, pen_is_down = "", False
    for place, value in enumerate(nights):
        if value is None:
            pen_is_down = False
            continue
        path += f"{'L' if pen_is_down else 'M'}{place * 3 + 1} {HEIGHT - 2 - value / top * (HEIGHT - 4):.1f}"
        pen_is_down = True
    label = f"latency over {number(len(known), 'night')}: {milliseconds(min(known))} to {milliseconds(max(known))}"
    return Spark(len(nights) * 3, path, label)


def milliseconds(seconds: float | None) -> str:
    """`12 ms`, `0.8 ms`, `1.2 s`; nothing for None."""
    if seconds is None:
        return ""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
