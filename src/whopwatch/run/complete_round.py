"""Request what a single round of probes showed no data of: whole pages, other parents, other objects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.http import Call
from whopwatch.planning.state import RunState, items
from whopwatch.run.abort import connection_lost_reason, is_api_response
from whopwatch.run.driving import reach


def complete_round(
    contract: Contract,
    selected: Collection[str],
    configured_ids: Mapping[str, str],
    exchanges: Sequence[Exchange],
    send: Callable[[Call], Exchange | None],
) -> None:
    """Send further requests for the `selected` operations until each has data or nothing is left to try.

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
