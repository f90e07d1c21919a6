"""Small charts of an operation's nights, as paths of an SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from whopwatch.core.report import State
from whopwatch.reports.text import STATES, plural

MAX_BARS = 30
"""Nights that are drawn; the JSON report has all of them."""
_HEIGHT = 16
_BAR_STEP, _BAR_WIDTH, _POINT_STEP = 5, 4, 3

_HEIGHTS = {State.DRIFT: 16, State.VERIFIED: 9, State.COULD_NOT_CHECK: 6, State.NOT_COVERED: 3}
"""States differ in height as well as in colour, for readers who cannot distinguish the colours."""


@dataclass(frozen=True, slots=True)
class StateBars:
    """One bar for each night: an SVG path by state, and a label in words."""

    width: int
    paths: tuple[tuple[str, str], ...]
    label: str


@dataclass(frozen=True, slots=True)
class LatencyLine:
    """A line through the latencies of all nights."""

    width: int
    path: str
    label: str


def state_bars(history: Sequence[State]) -> StateBars | None:
    """Return the bars of `history`, the oldest night first; None without nights."""
    nights = history[-MAX_BARS:]
    if not nights:
        return None
    paths: dict[State, str] = {}
    for place, state in enumerate(nights):
        height = _HEIGHTS[state]
        bar = f"M{place * _BAR_STEP} {_HEIGHT - height}h{_BAR_WIDTH}v{height}h-{_BAR_WIDTH}z"
        paths[state] = paths.get(state, "") + bar
    counts = Counter(nights)
    words = ", ".join(f"{counts[state]} {STATES[state]}" for state in STATES if counts[state])
    return StateBars(
        len(nights) * _BAR_STEP,
        tuple((str(state), path) for state, path in paths.items()),
        f"{plural(len(nights), 'night')}: {words}",
    )


def latency_line(latencies: Sequence[float | None]) -> LatencyLine | None:
    """Return the line of `latencies` in seconds, the oldest night first; None for less than two."""
    nights = latencies[-MAX_BARS:]
    known = [value for value in nights if value is not None]
    if len(known) < 2:
        return None
    top = max(known) or 1.0
    path, pen_is_down = "", False
    for place, value in enumerate(nights):
        if value is None:
            pen_is_down = False
            continue
        path += (
            f"{'L' if pen_is_down else 'M'}{place * _POINT_STEP + 1} {_HEIGHT - 2 - value / top * (_HEIGHT - 4):.1f}"
        )
        pen_is_down = True
    label = f"latency over {plural(len(known), 'night')}: {format_seconds(min(known))} to {format_seconds(max(known))}"
    return LatencyLine(len(nights) * _POINT_STEP, path, label)


def format_seconds(seconds: float | None) -> str:
    """Return `12 ms`, `0.8 ms` or `1.2 s`; an empty string for None."""
    if seconds is None:
        return ""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
