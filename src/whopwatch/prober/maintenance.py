"""Maintenance windows: announced times in which failures are nobody's news. Probing goes on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from whopwatch.core.errors import ConfigError
from whopwatch.prober import values
from whopwatch.prober.selector import SELECTOR, Selector, read_selector

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Window:
    """A time of maintenance, in UTC: from `begins` to `ends` once, or for `duration` from `start` on `weekdays`.

    `start` is the time since midnight, `weekdays` counts from Monday, 0. A selector that is empty means everything.
    """

    name: str
    selector: Selector
    begins: datetime | None = None
    ends: datetime | None = None
    weekdays: frozenset[int] = frozenset()
    start: timedelta = timedelta()
    duration: timedelta = timedelta()

    def holds(self, now: datetime) -> bool:
        """Whether `now`, with a time zone, lies in the window. Its beginning belongs to it, its end does not."""
        now = now.astimezone(UTC)
        if self.begins and self.ends:
            return self.begins <= now < self.ends
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        days_back = range(int(self.duration / timedelta(days=1)) + 2)
        starts = (midnight - timedelta(days=back) + self.start for back in days_back)
        return any(start.weekday() in self.weekdays and start <= now < start + self.duration for start in starts)


def read_window(value: Any, where: str) -> Window:
    """One `[[maintenance]]` table. Raises ConfigError for one that cannot be meant."""
    read = values.table(
        value,
        {
            "name": values.text,
            "from": _moment,
            "until": _moment,
            "weekdays": _weekdays,
            "start": _clock,
            "duration": values.duration,
            **SELECTOR,
        },
        where,
    )
    given = read.keys() & {"from", "until", "weekdays", "start", "duration"}
    name, selector = read.get("name", "maintenance"), read_selector(read, where, may_be_empty=True)
    if given == {"from", "until"}:
        if read["from"] >= read["until"]:
            raise ConfigError("A maintenance window ends before it begins.", where=where, expected="from before until")
        return Window(name, selector, begins=read["from"], ends=read["until"])
    if given >= {"start", "duration"} and not given & {"from", "until"}:
        duration = timedelta(seconds=read["duration"])
        if duration > _WEEK:
            raise ConfigError("A maintenance window is longer than a week.", where=where, expected="at most 7d")
        return Window(
            name,
            selector,
            weekdays=read.get("weekdays", frozenset(range(7))),
            start=read["start"],
            duration=duration,
        )
    raise ConfigError(
        "A maintenance window has no time, or two.",
        where=where,
        expected="from and until, or start and duration (and weekdays)",
        got=", ".join(sorted(given)) or "neither",
    )


def _moment(value: Any, where: str) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise values.refused(where, "a date and time with its zone, such as 2026-01-31T02:00:00Z", value)
    return value.astimezone(UTC)


def _weekdays(value: Any, where: str) -> frozenset[int]:
    day = values.one_of(*WEEKDAYS)
    return frozenset(WEEKDAYS.index(day(name, where)) for name in values.texts(value, where))


def _clock(value: Any, where: str) -> timedelta:
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise values.refused(where, 'a time of day in UTC such as "02:30"', value)
    return timedelta(hours=int(match[1]), minutes=int(match[2]))
