"""Maintenance windows: which times they cover."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from whopwatch.prober.settings import read_window

SUNDAY = datetime(2026, 2, 1, tzinfo=UTC)


def holds(now: datetime, **table: Any) -> bool:
    return read_window(table, "here").is_active(now)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [("01:59", False), ("02:00", True), ("03:29", True), ("03:30", False), ("26:00", False)],
)
def test_a_weekly_window(offset: str, expected: bool) -> None:
    hours, minutes = map(int, offset.split(":"))
    now = SUNDAY + timedelta(hours=hours, minutes=minutes)
    assert holds(now, weekdays=["sun"], start="02:00", duration="90m") is expected


def test_a_window_goes_on_over_midnight() -> None:
    window: dict[str, Any] = {"weekdays": ["sat"], "start": "23:00", "duration": "3h"}
    assert holds(SUNDAY + timedelta(hours=1, minutes=59), **window)
    assert not holds(SUNDAY + timedelta(hours=2), **window)
    assert not holds(SUNDAY + timedelta(days=1, hours=1), **window)


def test_a_window_of_days() -> None:
    window: dict[str, Any] = {"weekdays": ["sun"], "start": "12:00", "duration": "3d"}
    assert holds(SUNDAY + timedelta(days=3, hours=11), **window)
    assert not holds(SUNDAY + timedelta(days=3, hours=12), **window)


def test_without_weekdays_it_is_every_day() -> None:
    for day in range(7):
        assert holds(SUNDAY + timedelta(days=day, hours=2), start="02:00", duration="1h")


def test_a_single_window_in_any_time_zone() -> None:
    berlin = timezone(timedelta(hours=1))
    window = {"from": SUNDAY, "until": SUNDAY + timedelta(hours=1)}
    assert holds(datetime(2026, 2, 1, 1, 30, tzinfo=berlin), **window)
    assert not holds(datetime(2026, 2, 1, 2, 0, tzinfo=berlin), **window)
