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
from whopwatch.planning.state import Experiment, RunState

Step = Callable[[RunState, Operation], Experiment]


def public(state: RunState, operation: Operation) -> Experiment:
    """An operation that is known to be public, without a key."""
    if operation.is_public:
        yield from refusals.no_key(state, operation)


def _any(operation: Operation) -> bool:
    return True


def _is_list(operation: Operation) -> bool:
    return operation.is_list


def _is_object(operation: Operation) -> bool:
    return not operation.is_list


KINDS = (("contains",), ("is-null", "only-if-true", "unless-zero"), ("at-least", "at-most"))
"""Ways in which filters compare that several filters at once do not show: each is looked at by itself."""

ONE_OPERATION_EACH: tuple[Step, ...] = (
    lists.complete_list,
    partial(lists.first_filtered_page, telling=True),
    lists.fallback_filtered_page,
    lists.traverse_filtered,
    refusals.no_key,
    refusals.wrong_key,
    refusals.missing_parameter,
    refusals.unknown_id,
    *(partial(refusals.invalid_cursor, which=which) for which in (1, 2)),
    *(partial(refusals.invalid_size, which=which) for which in range(4)),
    *(partial(lists.single_filters, tests=tests) for tests in KINDS),
    lists.impossible_filter,
    partial(refusals.invalid_value, dates=False),
    partial(refusals.invalid_value, dates=True),
    lists.nearly_unfiltered,
    another_object,
    second_parent,
    lists.step_back_other_size,
    lists.flipped_direction,
    lists.page_after_last,
    refusals.malformed_id,
    public,
    refusals.unknown_parent,
    partial(refusals.invalid_cursor, which=0),
)
"""Questions that one operation is asked each, a different one every night.

Most of what lies behind an API is shared by its operations: keys, sizes, cursors, the way errors are told. What is
wrong there is wrong everywhere, and one answer tells.
"""

BY_PRIORITY: tuple[Step, ...] = (
    lists.complete_list,
    lists.first_filtered_page,
    refusals.missing_parameter,
    refusals.unknown_id,
    refusals.any_error,
    enough_objects,
    expansions,
    lists.smaller_pages,
    fuller_lists,
    lists.complete_list,
    lists.first_filtered_page,
    lists.traverse_filtered,
    lists.single_filters,
    lists.nearly_unfiltered,
    another_object,
    second_parent,
)
"""The price list: each step is taken for one operation after the other, as far as the budget reaches.

What tells most for a request comes first, and of operations those that were not verified for longest, changed most, and
risk most.
"""

ROTATING: tuple[tuple[Step, Callable[[Operation], bool]], ...] = (
    *((step, _any) for step in (refusals.no_key, refusals.wrong_key, refusals.malformed_id, refusals.without_scope)),
    (more_objects, _is_object),
    *((partial(refusals.invalid_value, turns=turns), _is_list) for turns in range(4)),
    *((partial(refusals.invalid_cursor, which=which), _is_list) for which in range(5)),
    *((partial(refusals.invalid_size, which=which), _is_list) for which in range(5)),
    (refusals.unknown_parent, _is_list),
    (lists.impossible_filter, _is_list),
    (lists.remaining_orders, _is_list),
    (lists.step_back_other_size, _is_list),
    (lists.flipped_direction, _is_list),
    (lists.page_after_last, _is_list),
)
"""What tells less, and the operations it is for: some of it each night, until all of it was asked."""

ROTATION_DIVISOR = 8
"""The share of a budget by which those questions move on each night: one in so many requests."""


def rotating(state: RunState) -> list[tuple[Step, Operation]]:
    """The questions that take turns, from a place that moves on every night; with the default budget 14 nights ask all.

    Neighbours are of different kinds and operations: each night asks a little of everything.
    """
    questions = [
        (crc32(f"{number}:{operation.id}".encode()), step, operation)
        for number, (step, suits) in enumerate(ROTATING)
        for operation in state.reads()
        if suits(operation) and (state.has_unscoped_key or step is not refusals.without_scope)
    ]
    pairs = [(step, operation) for _, step, operation in sorted(questions, key=lambda question: question[0])]
    start = state.seed * (state.budget // ROTATION_DIVISOR) % max(1, len(pairs))
    return [*pairs[start:], *pairs[:start]]
