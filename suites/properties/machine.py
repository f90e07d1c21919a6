"""Traverse a list while writing to it, and compare it with a model.

The numbers are invariants: 9 a traversal ends; 12 it shows every item; 42 the cursor of a deleted item works; 46 an
unchanged item appears exactly once; 47 a new item appears at most once; 48 a deletion skips no other item; 49 a moved
item appears at most twice; 51 a read shows earlier writes. (50 concerns totals, which page_info does not have.)

Messages contain counts and no ids.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from suites.properties.items import Items, Page

PICKS = st.integers(0, 30)
WHOLE = 100
MAX_PAGES = 100


@dataclass
class Traversal:
    """A traversal: the items at its start, the items it has shown, and the writes since its start.

    `edge` is the item that the cursor of the next page belongs to.
    """

    size: int
    backwards: bool
    at_start: frozenset[str]
    next: str | None = None
    edge: str | None = None
    shown: Counter[str] = field(default_factory=Counter)
    created: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    pages: int = 0

    def take(self, page: Page) -> None:
        """Count the items of `page`."""
        self.pages += 1
        self.shown.update(page.ids)
        self.next = page.next
        self.edge = page.ids[0 if self.backwards else -1] if page.ids else None

    def problems(self) -> dict[str, int]:
        """Return the number of items that break each invariant, after the traversal has ended."""
        unchanged = self.at_start - self.deleted - self.moved
        found = {
            "46, 48: an unchanged item was skipped": sum(self.shown[id] == 0 for id in unchanged),
            "46: an unchanged item was shown again": sum(self.shown[id] > 1 for id in unchanged),
            "47: a new item was shown again": sum(self.shown[id] > 1 for id in self.created - self.moved),
            "49: a moved item was shown more than twice": sum(self.shown[id] > 2 for id in self.moved),
            "12: an item was shown that is not in the list": len(self.shown.keys() - self.at_start - self.created),
        }
        return {problem: number for problem, number in found.items() if number}


class ListWhileWriting(RuleBasedStateMachine):
    """Creates, updates and deletes its own items while it traverses their list."""

    items: ClassVar[Items]

    def __init__(self) -> None:
        super().__init__()
        self.own: list[str] = []
        self.others: frozenset[str] = frozenset()
        self.traversal: Traversal | None = None
        # Numbers start at 1 each time, so a repeated sequence sorts in the same way.
        self.numbers = count(1)

    @initialize(number=st.integers(0, 6))
    def begin(self, number: int) -> None:
        """Note the items of others, which stay unchanged, and create some own items."""
        self.others = frozenset(self._all())
        for _ in range(number):
            self.own.append(self.items.create(next(self.numbers)))

    @precondition(lambda self: self.traversal is None)
    @rule(size=st.integers(1, 4), backwards=st.booleans())
    def start_traversal(self, size: int, backwards: bool) -> None:
        self.traversal = Traversal(size, backwards, frozenset([*self.others, *self.own]))
        self.traversal.take(self.items.page(size, backwards=backwards))

    @precondition(lambda self: self.traversal is not None)
    @rule(pages=st.integers(1, 3))
    def next_pages(self, pages: int) -> None:
        for _ in range(pages):
            self._step()

    @rule()
    def create(self) -> None:
        id = self.items.create(next(self.numbers))
        self.own.append(id)
        if self.traversal:
            self.traversal.created.add(id)
        assert self.items.holds(id), "51: a created item is missing"

    @precondition(lambda self: self.own)
    @rule(pick=PICKS, number=st.integers(0, 20))
    def update(self, pick: int, number: int) -> None:
        id = self.own[pick % len(self.own)]
        self.items.update(id, number)
        if self.traversal and self.items.moves:
            self.traversal.moved.add(id)
        assert self.items.holds(id), "51: an updated item is missing"

    @precondition(lambda self: self.own)
    @rule(pick=PICKS)
    def delete(self, pick: int) -> None:
        self._delete(self.own[pick % len(self.own)])

    @precondition(lambda self: self.traversal and self.traversal.edge in self.own)
    @rule()
    def delete_item_of_the_cursor(self) -> None:
        """Delete the item that the cursor belongs to: the traversal has to continue without it (42)."""
        assert self.traversal
        assert self.traversal.edge
        self._delete(self.traversal.edge)

    @precondition(lambda self: self.traversal is None)
    @rule()
    def traverse_without_writes(self) -> None:
        """A traversal without writes shows every item once."""
        shown = self._all()
        missing = frozenset([*self.others, *self.own]).difference(shown)
        assert not missing, f"12: {len(missing)} items are not in the list"
        assert len(shown) == len(self.others) + len(self.own), "11, 12: the list shows additional items"

    @invariant()
    def a_traversal_ends(self) -> None:
        """It needs at most the pages of all items that ever existed (moved ones twice), and two more."""
        walk = self.traversal
        if walk:
            most = len(walk.at_start) + len(walk.created) + len(walk.moved)
            assert walk.pages <= most // walk.size + 2 + len(walk.deleted), "9: the traversal does not end"

    def teardown(self) -> None:
        """Finish the traversal, and delete the own items."""
        try:
            while self.traversal:
                self._step()
                self.a_traversal_ends()
        finally:
            for id in self.own:
                self.items.delete(id)

    def _delete(self, id: str) -> None:
        self.own.remove(id)
        self.items.delete(id)
        if self.traversal:
            self.traversal.deleted.add(id)
        assert not self.items.holds(id), "51: a deleted item still exists"

    def _step(self) -> None:
        if self.traversal and self.traversal.next is not None:
            self.traversal.take(self.items.page(self.traversal.size, self.traversal.next, self.traversal.backwards))
        elif self.traversal:
            problems, self.traversal = self.traversal.problems(), None
            assert not problems, "; ".join(f"{problem} ({number})" for problem, number in problems.items())

    def _all(self) -> list[str]:
        shown: list[str] = []
        cursor = None
        for _ in range(MAX_PAGES):
            page = self.items.page(WHOLE, cursor)
            shown += page.ids
            cursor = page.next
            if cursor is None:
                return shown
        raise AssertionError("9: the traversal does not end")
