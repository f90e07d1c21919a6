"""Which requests a run sends: experiments, most informative first, chosen as responses arrive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from zlib import crc32

from whopwatch.contract import Operation
from whopwatch.planning import invalid_requests as invalid
from whopwatch.planning import list_requests as lists
from whopwatch.planning.follow_ups import (
    another_object,
    deviating_objects,
    drifted_objects,
    enough_objects,
    expansions,
    more_objects,
    second_parent,
)
from whopwatch.planning.reach import lists_of_more_parents, reach_operations
from whopwatch.planning.state import (
    Experiment,
    OperationHistory,
    Plan,
    PlannedExperiment,
    RunState,
    isolated_experiment,
)

Step = Callable[[RunState, Operation], Experiment]
"""Makes the experiment of one operation; an experiment that does not apply sends no request."""


def _public_without_key(state: RunState, operation: Operation) -> Experiment:
    if operation.is_public:
        yield from invalid.no_key(state, operation)


def _any(operation: Operation) -> bool:
    return True


def _is_list(operation: Operation) -> bool:
    return operation.is_list


def _is_object(operation: Operation) -> bool:
    return not operation.is_list


SINGLE_FILTER_TESTS = (("contains",), ("is-null", "only-if-true", "unless-zero"), ("at-least", "at-most"))
"""Kinds of filters that a request with several filters does not cover: each is tested in a request of its own."""

ONE_OPERATION_EACH: tuple[tuple[Step, ...], ...] = (
    (lists.complete_list,),
    (partial(lists.first_filtered_page, require_variety=True),),
    (lists.fallback_filtered_page,),
    (
        lists.traverse_filtered,
        invalid.no_key,
        invalid.wrong_key,
        invalid.missing_parameter,
        invalid.unknown_id,
        *(partial(invalid.invalid_cursor, which=which) for which in (1, 2)),
        *(partial(invalid.invalid_size, which=which) for which in range(4)),
        *(partial(lists.single_filters, tests=tests) for tests in SINGLE_FILTER_TESTS),
        lists.impossible_filter,
        partial(invalid.invalid_value, dates=False),
        partial(invalid.invalid_value, dates=True),
        lists.nearly_unfiltered,
        another_object,
        second_parent,
    ),
    (
        lists.step_back_other_size,
        lists.flipped_direction,
        lists.page_after_last,
        invalid.malformed_id,
        _public_without_key,
        invalid.unknown_parent,
        partial(invalid.invalid_cursor, which=0),
    ),
)
"""Experiments that run on one operation per run, in stages: each stage needs what those before it have read.

The operation rotates with the seed. Operations of an API share most of their implementation: keys, page sizes, cursors,
error bodies. A defect there shows at any operation, so one request finds it.
"""

BY_PRIORITY: tuple[Step, ...] = (
    lists.complete_list,
    lists.first_filtered_page,
    invalid.missing_parameter,
    invalid.unknown_id,
    invalid.any_error,
    enough_objects,
    deviating_objects,
    expansions,
    lists.smaller_pages,
    lists_of_more_parents,
    lists.complete_list,
    lists.first_filtered_page,
    lists.traverse_filtered,
    lists.single_filters,
    lists.nearly_unfiltered,
    another_object,
    drifted_objects,
    second_parent,
)
"""Experiments in descending value per request. Each runs for every operation while budget remains.

`complete_list` and `first_filtered_page` come twice: `lists_of_more_parents` may find a fuller list in between.
Operations that were not verified for longest, changed most or carry most risk come first.
"""

ROTATING: tuple[tuple[Step, Callable[[Operation], bool]], ...] = (
    *((step, _any) for step in (invalid.no_key, invalid.wrong_key, invalid.malformed_id, invalid.without_scope)),
    (more_objects, _is_object),
    *((partial(invalid.invalid_value, turns=turns), _is_list) for turns in range(4)),
    *((partial(invalid.invalid_cursor, which=which), _is_list) for which in range(5)),
    *((partial(invalid.invalid_size, which=which), _is_list) for which in range(5)),
    (invalid.unknown_parent, _is_list),
    (lists.impossible_filter, _is_list),
    (lists.remaining_orders, _is_list),
    (lists.step_back_other_size, _is_list),
    (lists.flipped_direction, _is_list),
    (lists.page_after_last, _is_list),
)
"""Experiments of low value, and the operations they apply to: each run does a part, until all were done."""

ROTATION_DIVISOR = 8
"""The rotation advances by the budget divided by this: about as many experiments as a run has requests left for."""


AUTHENTICATION, REFUSALS, OTHER_CHECKS = "authentication", "refusals", "others"
"""Kinds of checks by the experiments that they judge: two checks, and all others."""
KEY_STEPS = (invalid.no_key, invalid.wrong_key, invalid.without_scope)
"""The experiments that the check `authentication` judges."""
REFUSAL_STEPS = (invalid.malformed_id, invalid.unknown_parent)
"""The last experiments that the check `refusals` judges: one of them applies to every operation."""


def plan(state: RunState) -> Plan:
    """Yield all experiments of a run, in the order in which they may spend the budget."""
    with state.isolated("reach_operations"):
        yield from reach_operations(state)
    yield None
    state.reached = True
    order = sorted(state.reads(), key=lambda operation: urgency(state, operation))
    done: set[tuple[object, str]] = set()
    place = 0
    for stage in ONE_OPERATION_EACH:
        for step in stage:
            yield PlannedExperiment(_on_first_that_fits(state, step, [*order[place:], *order[:place]], done))
            # Each step begins at another operation, so that no defect of a single one hides from all steps.
            place = (place + 1) % max(1, len(order))
        yield None
    money = [operation for operation in order if operation.resource in state.contract.behaviour.money_path]
    others = [operation for operation in order if operation not in money]
    pairs = [
        # What moves money never waits for the rotation to be requested without a key.
        *((step, operation) for step in (*BY_PRIORITY, invalid.no_key) for operation in money),
        *((step, operation) for step in BY_PRIORITY for operation in others),
        *(pair for pair in rotating(state) if pair[0] is not invalid.no_key or pair[1] not in money),
    ]
    for step, operation in pairs:
        yield PlannedExperiment(_with_turn(state, step, operation, done), operation.resource)


def _with_turn(state: RunState, step: Step, operation: Operation, done: Collection[tuple[object, str]]) -> Experiment:
    """Run `step` on `operation` unless it was done before, and note which kind of checks it was for."""
    if (_name(step), operation.id) not in done:
        yield from _experiment(state, step, operation)
    if step in KEY_STEPS or step is BY_PRIORITY[-1]:
        state.had_turn.add((operation.id, AUTHENTICATION if step in KEY_STEPS else OTHER_CHECKS))
    elif step in REFUSAL_STEPS:
        state.had_turn.add((operation.id, REFUSALS))


def _on_first_that_fits(
    state: RunState, step: Step, operations: Sequence[Operation], done: set[tuple[object, str]]
) -> Experiment:
    """Run `step` on the first operation for which it sends a request, if no other experiment uses its resource."""
    for operation in operations:
        before = state.count(operation)
        if operation.resource not in state.busy:
            yield from _experiment(state, step, operation)
        if state.count(operation) > before:
            done.add((_name(step), operation.id))
            return


def _experiment(state: RunState, step: Step, operation: Operation) -> Experiment:
    function = step.func if isinstance(step, partial) else step
    return isolated_experiment(state, getattr(function, "__name__", "step"), operation, step(state, operation))


def rotating(state: RunState) -> list[tuple[Step, Operation]]:
    """Return the rotating experiments, starting where the seed puts this run.

    With the default budget 14 consecutive runs cover all of them. Neighbours differ in kind and operation, so that
    every run covers a little of everything.
    """
    questions = [
        (crc32(f"{number}:{operation.id}".encode()), step, operation)
        for number, (step, suits) in enumerate(ROTATING)
        for operation in state.reads()
        if suits(operation) and (state.has_unscoped_key or step is not invalid.without_scope)
    ]
    pairs = [(step, operation) for _, step, operation in sorted(questions, key=lambda question: question[0])]
    start = state.seed * (state.budget // ROTATION_DIVISOR) % max(1, len(pairs))
    return [*pairs[start:], *pairs[:start]]


def _name(step: Step) -> object:
    """Return what identifies a step: the function and its settings."""
    if not isinstance(step, partial):
        return (step,)
    return (step.func, *(setting for setting in step.keywords.items() if setting[1]))


def urgency(state: RunState, operation: Operation) -> tuple[float, ...]:
    """Return the sort key of an operation; the most urgent is lowest."""
    past, risk = state.past.get(operation.id, OperationHistory()), state.contract.behaviour.risk
    rank = risk.index(operation.resource) if operation.resource in risk else len(risk)
    return -past.changes, -past.days, rank, crc32(f"{state.seed}:{operation.id}".encode())
