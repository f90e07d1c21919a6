"""What is asked of operations once each was reached, in the order of what it tells for a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from whopwatch.contract import Operation
from whopwatch.plan import lists, refusals
from whopwatch.plan.known import Experiment, Known
from whopwatch.plan.objects import another_object, more_objects
from whopwatch.plan.parents import second_parent
from whopwatch.plan.reach import fuller_lists

Step = Callable[[Known, Operation], Experiment]


def public(known: Known, operation: Operation) -> Experiment:
    """An operation that is known to be public, without a key."""
    if operation.is_public:
        yield from refusals.no_key(known, operation)


KINDS = (("contains",), ("is-null", "only-if-true", "unless-zero"), ("at-least", "at-most"))
"""Ways in which filters compare that several filters at once do not show: each is looked at by itself."""

ONCE: tuple[Step, ...] = (
    lists.look_filtered,
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
    fuller_lists,
    lists.complete,
    lists.look_filtered,
    lists.walk_filtered,
    lists.single_filters,
    lists.nearly_all,
    another_object,
    second_parent,
    refusals.odd_cursor,
    refusals.odd_value,
    lists.impossible_filter,
    refusals.without_key,
    refusals.odd_size,
    refusals.unknown_parent,
    lists.other_orders,
    partial(refusals.without_key, turns=1),
    partial(refusals.odd_size, turns=1),
    lists.back_again,
    lists.beyond_the_end,
    partial(refusals.odd_value, turns=1),
    partial(refusals.odd_cursor, turns=1),
    *(partial(refusals.odd_size, turns=turns) for turns in (2, 3, 4)),
    partial(refusals.odd_cursor, turns=2),
    refusals.malformed_id,
    refusals.without_scope,
    *(partial(refusals.odd_value, turns=turns) for turns in (2, 3)),
    *(partial(refusals.odd_cursor, turns=turns) for turns in (3, 4)),
    more_objects,
)
"""The price list: each step is taken for one operation after the other, as far as the budget reaches.

What tells most for a request comes first. A step rotates what it leaves out from one seed to the next, and begins with
the operations that were not verified for longest, changed most, and risk most.
"""
