"""The state machine finds what is wrong with a list under writes, shrinks it, and finds it again at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import InMemoryExampleDatabase
from hypothesis.stateful import run_state_machine_as_test

from suites.properties.items import ApiItems, Page, resources
from suites.properties.machine import ListWhileWriting
from whopwatch.contract import load
from whopwatch.http import Client, Limits
from whopwatch.simulator import embedded

pytestmark = pytest.mark.thorough

THOROUGH = settings(
    max_examples=500,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


class Whole:
    """A list as it should be: newest first, its cursors name a place in the order."""

    moves = False

    def __init__(self) -> None:
        self.rows = [3, 2, 1]
        self.last = 3
        self.calls: list[str] = []

    def page(self, size: int, cursor: str | None = None, backwards: bool = False) -> Page:
        if backwards:
            rest = [row for row in self.rows if cursor is None or row > int(cursor)]
            return self._page(rest[-size:], str(rest[-size]) if len(rest) > size else None)
        rest = [row for row in self.rows if cursor is None or row < int(cursor)]
        return self._page(rest[:size], str(rest[size - 1]) if len(rest) > size else None)

    def create(self, number: int) -> str:
        self.last += 1
        self.calls.append("create")
        self.rows.insert(0, self.last)
        return str(self.last)

    def update(self, id: str, number: int) -> None:
        self.calls.append("update")

    def delete(self, id: str) -> None:
        self.calls.append("delete")
        self.rows.remove(int(id))

    def holds(self, id: str) -> bool:
        return int(id) in self.rows

    def _page(self, rows: list[int], next: str | None) -> Page:
        return Page(tuple(map(str, rows)), next)


class Offsets(Whole):
    """The cursor is a number of items: what is deleted before it makes the next page skip one."""

    def page(self, size: int, cursor: str | None = None, backwards: bool = False) -> Page:
        if backwards:
            return super().page(size, cursor, backwards)
        start = int(cursor or 0)
        return self._page(self.rows[start : start + size], str(start + size) if start + size < len(self.rows) else None)

    def create(self, number: int) -> str:
        self.last += 1
        self.rows.append(self.last)
        return str(self.last)


class Shifting(Whole):
    """The cursor is a number of items, the deleted ones counted: what is put before it makes the next page repeat."""

    def __init__(self) -> None:
        super().__init__()
        self.ever = list(self.rows)

    def create(self, number: int) -> str:
        id = super().create(number)
        self.ever.insert(0, int(id))
        return id

    def page(self, size: int, cursor: str | None = None, backwards: bool = False) -> Page:
        if backwards:
            return super().page(size, cursor, backwards)
        start = stop = int(cursor or 0)
        while stop < len(self.ever) and len(self._alive(start, stop)) < size:
            stop += 1
        return self._page(self._alive(start, stop), str(stop) if self._alive(stop, len(self.ever)) else None)

    def _alive(self, start: int, stop: int) -> list[int]:
        return [row for row in self.ever[start:stop] if row in self.rows]


class Endless(Whole):
    """The last page leads to itself."""

    def page(self, size: int, cursor: str | None = None, backwards: bool = False) -> Page:
        if backwards:
            return super().page(size, cursor, backwards)
        page = super().page(size, cursor)
        return Page(page.ids, page.next or (cursor if cursor and page.ids else None))


class Late(Whole):
    """What was created is there only after the next write."""

    def create(self, number: int) -> str:
        self.rows = list(range(self.last, 0, -1))
        self.last += 1
        return str(self.last)

    def delete(self, id: str) -> None:
        self.rows = [row for row in self.rows if row != int(id)]


class Undead(Whole):
    """Deleting answers well and does nothing."""

    def delete(self, id: str) -> None:
        assert int(id) in self.rows


class Lost(Whole):
    """The cursor of an item that was deleted leads nowhere."""

    def page(self, size: int, cursor: str | None = None, backwards: bool = False) -> Page:
        assert cursor is None or int(cursor) in self.rows, "no such cursor"
        return super().page(size, cursor, backwards)


class OneWay(Whole):
    """Backwards, the item next to the cursor is left out."""

    def page(self, size: int, cursor: str | None = None, backwards: bool = False) -> Page:
        page = super().page(size, cursor, backwards)
        return Page(page.ids[:-1], page.next) if backwards and cursor else page


class OnEveryPage(Whole):
    """What is created during a walk is on each of its pages."""

    newest_at_start = 0

    def page(self, size: int, cursor: str | None = None, backwards: bool = False) -> Page:
        if backwards:
            return super().page(size, cursor, backwards)
        page = super().page(size, cursor)
        if cursor is None:
            self.newest_at_start = self.last
        return Page((*(str(row) for row in self.rows if row > self.newest_at_start), *page.ids), page.next)


def _run(items: Callable[[], Whole], chosen: settings) -> list[Whole]:
    """Run the machine at lists of this kind, a new one each time; returns them."""
    made: list[Whole] = []

    def fresh(self: ListWhileWriting) -> None:
        made.append(items())
        type(self).items = made[-1]
        ListWhileWriting.__init__(self)

    run_state_machine_as_test(type("AtAFake", (ListWhileWriting,), {"__init__": fresh}), settings=chosen)
    return made


def test_a_list_that_stays_whole_passes_and_is_written_to() -> None:
    made = _run(Whole, settings(THOROUGH, max_examples=40))
    assert {"create", "update", "delete"} == {call for items in made for call in items.calls}
    assert all(items.rows == [3, 2, 1] for items in made)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (Offsets, "46, 48: an unchanged item was skipped"),
        (Shifting, "46: an unchanged item was shown again"),
        (Endless, "9: the traversal does not end"),
        (Late, "51: a created item is missing"),
        (Undead, "51: a deleted item still exists"),
        (Lost, "no such cursor"),
        (OneWay, "46, 48: an unchanged item was skipped"),
        (OnEveryPage, "47: a new item was shown again"),
    ],
)
def test_a_list_that_does_not_is_found_out(broken: type[Whole], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        _run(broken, settings(THOROUGH, report_multiple_bugs=False))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("before-skips@products.list", "46, 48: an unchanged item was skipped"),
        ("cursor-of-deleted-refused@products.list", r"products\.list: 400"),
        ("created-not-listed@products.list", "12: "),
        ("deleted-still-listed@products.list", "11, 12: the list shows additional items|12: an item was shown"),
        ("deleted-still-found@products.retrieve", "51: a deleted item still exists"),
        ("create-twice@products.create", "12: "),
    ],
)
def test_a_fault_of_the_simulator_is_found_out(fault: str, message: str) -> None:
    contract = load()
    resource = next(resource for resource in resources() if resource.name == "products")
    with (
        embedded(contract, items=4, rate_limit=100_000, faults=[fault]) as simulator,
        Client(simulator.target(), contract, budget=100_000, limits=Limits(rate=None)) as client,
    ):
        machine = type("AtTheSimulator", (ListWhileWriting,), {"items": ApiItems(client, contract, resource)})
        with pytest.raises(AssertionError, match=message):
            run_state_machine_as_test(machine, settings=settings(THOROUGH, max_examples=60, report_multiple_bugs=False))


def test_a_failure_is_shrunk_and_the_next_run_begins_with_it() -> None:
    database = InMemoryExampleDatabase()
    chosen = settings(
        THOROUGH,
        derandomize=False,
        database=database,
        report_multiple_bugs=False,
        phases=[Phase.reuse, Phase.generate, Phase.shrink],
        stateful_step_count=12,
    )
    made: list[Whole] = []

    class Counted(Offsets):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    with pytest.raises(AssertionError, match="skipped"):
        _run(Counted, chosen)
    assert len(made[-1].calls) <= 6
    assert sum(len(saved) for saved in database.data.values()) >= 1
    made.clear()
    with pytest.raises(AssertionError, match="skipped"):
        _run(Counted, settings(chosen, phases=[Phase.reuse]))
    assert len(made) <= 5


def test_away_from_the_simulator_nothing_new_is_tried() -> None:
    with pytest.raises(BaseException, match="no test cases"):
        _run(Whole, settings(THOROUGH, derandomize=False, phases=[Phase.explicit, Phase.reuse]))


def test_the_declared_resources_can_be_written_to() -> None:
    operations = load().operations
    for resource in resources():
        assert {f"{resource.name}.{method}" for method in ("list", "create", "retrieve", "delete")} <= operations.keys()
        assert not resource.update or f"{resource.name}.update" in operations
