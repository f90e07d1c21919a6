"""Run experiments: send the calls that they yield, and give each response back to them.

Experiments that do not depend on each other run in rounds: each of at most ROUND_SIZE experiments has one request in a
round, and all of them get their responses when the round is over. So the requests of a run depend on its seed and on
the responses, and neither on the order in which these arrive nor on the number of concurrent requests.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.http import Call
from whopwatch.planning.reach import reach_operations
from whopwatch.planning.state import Experiment, Plan, PlannedExperiment, RunState, items
from whopwatch.run.abort import connection_lost_reason, is_api_response

ROUND_SIZE = 8
"""The most experiments in progress, and so the most concurrent requests."""
MOST_WAITING = 64
"""Experiments that wait for the resource of another one, while later ones of other resources begin."""
SendRound = Callable[[Sequence[Call]], Sequence[Exchange | None]]


def drive(experiment: Experiment, ask: Callable[[Call], Exchange | None]) -> None:
    """Run `experiment`: give it the response that `ask` returns for each call, until it ends or `ask` returns None."""
    call = _next_call(experiment, None)
    while call is not None:
        exchange = ask(call)
        if exchange is None:
            experiment.close()
            return
        call = _next_call(experiment, exchange)


def _next_call(experiment: Experiment, exchange: Exchange | None) -> Call | None:
    """Start `experiment`, or give it its response; return its next request, None at its end."""
    try:
        return next(experiment) if exchange is None else experiment.send(exchange)
    except StopIteration:
        return None


class _Queue:
    """The experiments of a plan that have not begun: one whose resource is in use waits, and lets others pass."""

    def __init__(self, plan: Plan, state: RunState) -> None:
        self._plan = plan
        self._busy = state.busy
        self._waiting: list[PlannedExperiment] = []
        self._is_held = False
        self.is_over = False

    def next(self, in_progress: int) -> PlannedExperiment | None:
        """Return the next experiment that may begin; None at the end, or if each has to wait for one in progress."""
        # A resource counts as used from its first waiting experiment on, so that none of its later ones overtakes it.
        used: set[str | None] = set(self._busy)
        for number, planned in enumerate(self._waiting):
            if planned.resource not in used:
                return self._waiting.pop(number)
            used.add(planned.resource)
        while len(self._waiting) < MOST_WAITING and not (self._is_held and (in_progress or self._waiting)):
            try:
                found = next(self._plan)
            except StopIteration:
                self.is_over = not self._waiting
                return None
            self._is_held = found is None  # the plan goes on when everything before this place has ended
            if found and found.resource not in used:
                return found
            if found:
                self._waiting.append(found)
                used.add(found.resource)
        return None


def drive_in_rounds(
    plan: Plan, state: RunState, send_round: SendRound, size: Callable[[], int], may_start: Callable[[int], bool]
) -> None:
    """Run the experiments of `plan`, at most `size()` at once; `send_round` sends the requests of a round.

    A response None ends its experiment. No experiment starts once `may_start`, given the number of those in progress,
    is false; those in progress go on.
    """
    queue = _Queue(plan, state)
    active: list[tuple[Experiment, Call]] = []

    def go_on(experiment: Experiment, exchange: Exchange | None) -> None:
        call = _next_call(experiment, exchange)
        if call is not None:
            active.append((experiment, call))

    is_open = True
    while True:
        while is_open and len(active) < size():
            planned = queue.next(len(active))
            if planned is None:
                break
            is_open = may_start(len(active))
            if is_open:
                go_on(planned.experiment, None)
        if not active:
            if queue.is_over or not is_open:
                return
            continue
        responses = send_round([call for _, call in active])
        before, active = active, []
        for (experiment, _), exchange in zip(before, responses, strict=True):
            if exchange is None:
                experiment.close()
            else:
                go_on(experiment, exchange)


def reach(state: RunState, send: Callable[[Call], Exchange], is_over: Callable[[], bool]) -> None:
    """Request each selected operation once through `send`, with ids from other responses, until `is_over`.

    For callers that do not send through the HTTP client: MCP tools, an SDK, the prober.
    """

    def ask(call: Call) -> Exchange | None:
        exchange = send(call)
        state.record(call, exchange)
        return None if is_over() else exchange

    for planned in reach_operations(state):
        if planned:
            drive(planned.experiment, ask)
        if is_over():
            return


def complete_round(
    contract: Contract,
    selected: Collection[str],
    configured_ids: Mapping[str, str],
    exchanges: Sequence[Exchange],
    send: Callable[[Call], Exchange | None],
) -> None:
    """Request operations without data after a single round of probes: whole pages, other parents, other objects.

    Requests are sent for the `selected` operations until each has data or nothing is left to try.

    `exchanges` are those of the first round, `configured_ids` the ids by resource that the user named. `send` returns
    None for a request that was not sent. Nothing is sent if no response of the first round was usable.
    """
    if not any(map(is_api_response, exchanges)):
        return
    sent: list[Exchange] = []

    def attempt(call: Call) -> Exchange:
        exchange = send(call)
        if exchange is None:
            # The planner needs a response; a 404 makes it try something else.
            return Exchange(call.operation.id, call.purpose, call.operation.method, "", status=404)
        sent.append(exchange)
        return exchange

    reach(
        _state_after(contract, selected, configured_ids, exchanges),
        attempt,
        lambda: connection_lost_reason(sent) is not None,
    )


def _state_after(
    contract: Contract, selected: Collection[str], configured_ids: Mapping[str, str], exchanges: Sequence[Exchange]
) -> RunState:
    """Return the planner's state after `exchanges`. Parents with an empty list count as tried."""
    state = RunState(contract, frozenset(selected))
    for resource, id in configured_ids.items():
        state.pool.pin(resource, id)
    for exchange in exchanges:
        operation = contract.operation(exchange.operation)
        call = Call(operation, exchange.purpose, path_params=exchange.path_params, query=exchange.query)
        state.record(call, exchange)
        if exchange.ok and operation.is_list and not items(exchange):
            names = {need.parameter.name for need in state.required[operation.id]}
            sent = {**exchange.path_params, **dict(exchange.query)}
            state.tried_values.setdefault(operation.id, []).append({name: sent[name] for name in names & sent.keys()})
    return state
