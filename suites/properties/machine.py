"""A list that is walked and written to at once, held against a model of it.

The numbers are those of the invariants: 9 a walk ends; 12 it shows what is there; 42 the cursor of an item that was
deleted since leads on; 46 what nobody touched appears exactly once; 47 what was
inserted appears at most once; 48 a deletion skips nothing else; 49 what was moved appears at most twice; 51 one's own
writes are read at once. (50 is about totals, which the documented page_info does not have.)

Messages count; they hold no id.
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
MOST_PAGES = 100


@dataclass
class Walk:
    """One walk under way: what was there when it began, what it has shown, and what happened meanwhile.

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
        """Count what `page` shows."""
        self.pages += 1
        self.shown.update(page.ids)
        self.next = page.next
        self.edge = page.ids[0 if self.backwards else -1] if page.ids else None

    def problems(self) -> dict[str, int]:
        """Once the walk is over: how many items break which invariant."""
        untouched = self.at_start - self.deleted - self.moved
        found = {
            "46, 48: an untouched item was skipped": sum(self.shown[id] == 0 for id in untouched),
            "46: an untouched item was shown again": sum(self.shown[id] > 1 for id in untouched),
            "47: a new item was shown again": sum(self.shown[id] > 1 for id in self.created - self.moved),
            "49: a moved item was shown more than twice": sum(self.shown[id] > 2 for id in self.moved),
            "12: something was shown that is not in the list": len(self.shown.keys() - self.at_start - self.created),
        }
        return {problem: number for problem, number in found.items() if number}


class ListWhileWriting(RuleBasedStateMachine):
    """Creates, updates and deletes items of its own while it walks the list they are in."""

    items: ClassVar[Items]

    def __init__(self) -> None:
        super().__init__()
        self.own: list[str] = []
        self.others: frozenset[str] = frozenset()
        self.walk: Walk | None = None
        # Numbered anew each time: a sequence has to sort in the same way when it is tried again.
        self.numbers = count(1)

    @initialize(number=st.integers(0, 6))
    def begin(self, number: int) -> None:
        """What others have in the list stays as it is; some items of our own come first."""
        self.others = frozenset(self._all())
        for _ in range(number):
            self.own.append(self.items.create(next(self.numbers)))

    @precondition(lambda self: self.walk is None)
    @rule(size=st.integers(1, 4), backwards=st.booleans())
    def start_walking(self, size: int, backwards: bool) -> None:
        self.walk = Walk(size, backwards, frozenset([*self.others, *self.own]))
        self.walk.take(self.items.page(size, backwards=backwards))

    @precondition(lambda self: self.walk is not None)
    @rule(pages=st.integers(1, 3))
    def walk_on(self, pages: int) -> None:
        for _ in range(pages):
            self._step()

    @rule()
    def create(self) -> None:
        id = self.items.create(next(self.numbers))
        self.own.append(id)
        if self.walk:
            self.walk.created.add(id)
        assert self.items.holds(id), "51: what was just created is not there"

    @precondition(lambda self: self.own)
    @rule(pick=PICKS, number=st.integers(0, 20))
    def update(self, pick: int, number: int) -> None:
        id = self.own[pick % len(self.own)]
        self.items.update(id, number)
        if self.walk and self.items.moves:
            self.walk.moved.add(id)
        assert self.items.holds(id), "51: what was just updated is not there"

    @precondition(lambda self: self.own)
    @rule(pick=PICKS)
    def delete(self, pick: int) -> None:
        self._delete(self.own[pick % len(self.own)])

    @precondition(lambda self: self.walk and self.walk.edge in self.own)
    @rule()
    def delete_where_the_walk_stands(self) -> None:
        """What the cursor belongs to: the walk has to find its way without it (42)."""
        assert self.walk
        assert self.walk.edge
        self._delete(self.walk.edge)

    @precondition(lambda self: self.walk is None)
    @rule()
    def look(self) -> None:
        """A walk while nobody writes shows what is there, once."""
        shown = self._all()
        missing = frozenset([*self.others, *self.own]).difference(shown)
        assert not missing, f"12: {len(missing)} items are not in the list"
        assert len(shown) == len(self.others) + len(self.own), "11, 12: the list shows more than there is"

    @invariant()
    def a_walk_ends(self) -> None:
        """Within as many pages as hold all that was ever there (moved items twice), and two more."""
        if self.walk:
            most = len(self.walk.at_start) + len(self.walk.created) + len(self.walk.moved)
            assert self.walk.pages <= most // self.walk.size + 2 + len(self.walk.deleted), "9: the walk does not end"

    def teardown(self) -> None:
        """Finish the walk, and take away what is our own."""
        try:
            while self.walk:
                self._step()
                self.a_walk_ends()
        finally:
            for id in self.own:
                self.items.delete(id)

    def _delete(self, id: str) -> None:
        self.own.remove(id)
        self.items.delete(id)
        if self.walk:
            self.walk.deleted.add(id)
        assert not self.items.holds(id), "51: what was just deleted is still there"

    def _step(self) -> None:
        if self.walk and self.walk.next is not None:
            self.walk.take(self.items.page(self.walk.size, self.walk.next, self.walk.backwards))
        elif self.walk:
            problems, self.walk = self.walk.problems(), None
            assert not problems, "; ".join(f"{problem} ({number})" for problem, number in problems.items())

    def _all(self) -> list[str]:
        shown: list[str] = []
        cursor = None
        for _ in range(MOST_PAGES):
            page = self.items.page(WHOLE, cursor)
            shown += page.ids
            cursor = page.next
            if cursor is None:
                return shown
        raise AssertionError("9: the walk does not end")
