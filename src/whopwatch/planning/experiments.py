"""What is asked of operations once each was reached, in the order of what it tells for a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from zlib import crc32

from whopwatch.contract import Operation
from whopwatch.planning import invalid_requests as refusals
from whopwatch.planning import list_requests as lists
from whopwatch.planning.objects import another_object, enough_objects, expansions, more_objects
from whopwatch.planning.parents import second_parent
from whopwatch.planning.reach import fuller_lists
from whopwatch.planning.state import Experiment, Known

Step = Callable[[Known, Operation], Experiment]


def public(known: Known, operation: Operation) -> Experiment:
    """An operation that is known to be public, without a key."""
    if operation.is_public:
        yield from refusals.no_key(known, operation)


def _any(operation: Operation) -> bool:
    return True


def _is_list(operation: Operation) -> bool:
    return operation.is_list


def _is_object(operation: Operation) -> bool:
    return not operation.is_list


KINDS = (("contains",), ("is-null", "only-if-true", "unless-zero"), ("at-least", "at-most"))
"""Ways in which filters compare that several filters at once do not show: each is looked at by itself."""

ONCE: tuple[Step, ...] = (
    lists.complete,
    partial(lists.look_filtered, telling=True),
    lists.look_at_all,
    lists.walk_filtered,
    refusals.no_key,
    refusals.wrong_key,
    refusals.missing_parameter,
    refusals.unknown_id,
    *(partial(refusals.odd_cursor, which=which) for which in (1, 2)),
    *(partial(refusals.odd_size, which=which) for which in range(4)),
    *(partial(lists.single_filters, tests=tests) for tests in KINDS),
    lists.impossible_filter,
    partial(refusals.odd_value, dates=False),
    partial(refusals.odd_value, dates=True),
    lists.nearly_all,
    another_object,
    second_parent,
    lists.back_again,
    lists.other_direction,
    lists.beyond_the_end,
    refusals.malformed_id,
    public,
    refusals.unknown_parent,
    partial(refusals.odd_cursor, which=0),
)
"""Questions that one operation is asked each, a different one every night.

Most of what lies behind an API is shared by its operations: keys, sizes, cursors, the way errors are told. What is
wrong there is wrong everywhere, and one answer tells.
"""

PRICES: tuple[Step, ...] = (
    lists.complete,
    lists.look_filtered,
    refusals.missing_parameter,
    refusals.unknown_id,
    refusals.any_error,
    enough_objects,
    expansions,
    lists.other_size,
    fuller_lists,
    lists.complete,
    lists.look_filtered,
    lists.walk_filtered,
    lists.single_filters,
    lists.nearly_all,
    another_object,
    second_parent,
)
"""The price list: each step is taken for one operation after the other, as far as the budget reaches.

What tells most for a request comes first, and of operations those that were not verified for longest, changed most, and
risk most.
"""

IN_TURN: tuple[tuple[Step, Callable[[Operation], bool]], ...] = (
    *((step, _any) for step in (refusals.no_key, refusals.wrong_key, refusals.malformed_id, refusals.without_scope)),
    (more_objects, _is_object),
    *((partial(refusals.odd_value, turns=turns), _is_list) for turns in range(4)),
    *((partial(refusals.odd_cursor, which=which), _is_list) for which in range(5)),
    *((partial(refusals.odd_size, which=which), _is_list) for which in range(5)),
    (refusals.unknown_parent, _is_list),
    (lists.impossible_filter, _is_list),
    (lists.other_orders, _is_list),
    (lists.back_again, _is_list),
    (lists.other_direction, _is_list),
    (lists.beyond_the_end, _is_list),
)
"""What tells less, and the operations it is for: some of it each night, until all of it was asked."""

NIGHTS = 8
"""The share of a budget by which those questions move on each night: one in so many requests."""


def in_turn(known: Known) -> list[tuple[Step, Operation]]:
    """The questions that take turns, from a place that moves on every night; with the default budget 14 nights ask all.

    Neighbours are of different kinds and operations: each night asks a little of everything.
    """
    questions = [
        (crc32(f"{number}:{operation.id}".encode()), step, operation)
        for number, (step, suits) in enumerate(IN_TURN)
        for operation in known.reads()
        if suits(operation) and (known.has_unscoped_key or step is not refusals.without_scope)
    ]
    pairs = [(step, operation) for _, step, operation in sorted(questions, key=lambda question: question[0])]
    start = known.seed * (known.budget // NIGHTS) % max(1, len(pairs))
    return [*pairs[start:], *pairs[:start]]
