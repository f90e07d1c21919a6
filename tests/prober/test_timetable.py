"""The grid of slots: steady, spread, and without a burst after a stall."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from whopwatch.prober.schedule import JITTER, MAX_LATENESS, Timetable

EPOCH = 1_800_000_000.0
INTERVALS = {f"resource{number}.list": 10.0 for number in range(149)}


def run(timetable: Timetable, start: float, end: float, step: float = 0.01) -> tuple[list[tuple[float, str]], int]:
    """Return what started when, and how many slots were dropped, with a step every `step` seconds."""
    started, lost, now = [], 0, start
    while now < end:
        while timetable.next_due() <= now:
            slot, operation, missed = timetable.take(now)
            lost += missed
            if slot:
                started.append((now, operation))
        now += step
    return started, lost


def test_every_operation_runs_once_an_interval_and_none_is_lost() -> None:
    started, lost = run(Timetable(INTERVALS, EPOCH), EPOCH, EPOCH + 100)
    assert lost == 0
    assert set(Counter(operation for _, operation in started).values()) <= {9, 10, 11}


def test_jitter_does_not_add_up() -> None:
    timetable = Timetable({"a.list": 10.0}, EPOCH)
    started, _ = run(timetable, EPOCH, EPOCH + 10_000, step=0.05)
    offsets = [(now - EPOCH) % 10 for now, _ in started]
    assert max(offsets) - min(offsets) <= 10 * JITTER + 0.1


def test_probes_spread_over_the_interval() -> None:
    started, _ = run(Timetable(INTERVALS, EPOCH), EPOCH, EPOCH + 10)
    seconds = Counter(int(now - EPOCH) for now, _ in started)
    assert max(seconds.values()) < 35


def test_a_restart_finds_the_same_slots() -> None:
    before, _ = run(Timetable(INTERVALS, EPOCH), EPOCH, EPOCH + 60)
    after, _ = run(Timetable(INTERVALS, EPOCH + 30), EPOCH + 30, EPOCH + 60)
    assert [operation for now, operation in before if now >= EPOCH + 30] == [operation for _, operation in after]


@given(st.floats(0, 100), st.floats(0.5, 300))
def test_every_slot_is_either_started_or_counted_as_lost(begin: float, stall: float) -> None:
    timetable = Timetable({"a.list": 10.0}, EPOCH)
    started, lost = run(timetable, EPOCH, EPOCH + begin, step=0.5)
    resumed = EPOCH + begin + stall
    more, more_lost = run(timetable, resumed, resumed + 100, step=0.5)
    slots = len(started) + len(more) + lost + more_lost
    assert abs(slots - (begin + stall + 100) / 10) <= 2


def test_a_run_that_is_too_late_is_lost_and_its_successor_is_on_the_grid() -> None:
    timetable = Timetable({"a.list": 10.0}, EPOCH)
    due = timetable.next_due()
    slot, operation, lost = timetable.take(due + 35)
    assert (slot, operation) == (None, "a.list")
    assert lost in (3, 4)
    assert due + 35 - 10 * MAX_LATENESS <= timetable.next_due() <= due + 45
    assert abs((timetable.next_due() - due) % 10) <= 0.5 or abs((timetable.next_due() - due) % 10 - 10) <= 0.5


def test_an_extra_slot_does_not_move_the_grid() -> None:
    timetable = Timetable({"a.list": 60.0}, EPOCH)
    regular = timetable.next_due()
    timetable.add("a.list", regular - 5)
    timetable.add("a.list", regular - 4)
    assert timetable.take(regular - 5)[0] is not None
    assert timetable.next_due() == regular


def test_no_extra_slot_if_the_grid_comes_sooner_or_the_operation_is_gone() -> None:
    timetable = Timetable({"a.list": 60.0}, EPOCH)
    regular = timetable.next_due()
    timetable.add("a.list", regular + 1)
    timetable.add("b.list", regular - 1)
    assert timetable.next_due() == regular
    timetable.take(regular)
    assert timetable.next_due() > regular + 30


def test_a_reload_keeps_the_slots_of_unchanged_operations() -> None:
    timetable = Timetable({"a.list": 10.0, "b.list": 10.0}, EPOCH)
    due = {timetable.take(EPOCH + 9)[1]: timetable.next_due() for _ in range(1)}
    assert due
    timetable.replace({"a.list": 10.0, "c.list": 30.0}, EPOCH + 9)
    operations = set()
    for _ in range(40):
        operations.add(timetable.take(timetable.next_due())[1])
    assert operations == {"a.list", "c.list"}
