"""What a single round of probes saw nothing of, looked for as a check looks for it.

Probes on schedule have the next round: they ask with an id that a short page showed. A single round has none, so that
whole pages, other parents and other objects are asked here, until every operation was seen or nothing is left to try.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whopwatch.contract import Contract
from whopwatch.core.errors import UnsafeRequestError
from whopwatch.core.exchange import Exchange
from whopwatch.http.call import Call
from whopwatch.planning.state import RunState, items
from whopwatch.prober.listing import Probe
from whopwatch.prober.prober import Prober
from whopwatch.prober.settings import Terms
from whopwatch.run.abort import connection_lost_reason, is_usable
from whopwatch.run.driving import reach


def look_further(
    contract: Contract,
    prober: Prober,
    probes: Sequence[Probe],
    seen: Sequence[Exchange],
    sleep: Callable[[float], None],
) -> list[Exchange]:
    """The further requests and their answers; `seen` are those so far. They leave within the prober's budget.

    A probe that names an id to ask with is not asked with others.
    """
    free = [probe for probe in probes if not any(one.name in probe.params for one in probe.operation.needed)]
    terms = {probe.id: probe.terms for probe in probes}
    state = _known(contract, prober, [probe.id for probe in free], seen)
    found: list[Exchange] = []

    def send(call: Call) -> Exchange:
        prober.budget.wait(1, sleep)
        if prober.budget.take(call.operation.id):
            return _unsent(call)  # the API asked for this operation to be left alone
        try:
            exchange = prober.door.send(call, terms.get(call.operation.id, Terms()).timeout)
        except UnsafeRequestError:
            return _unsent(call)  # something the target gave cannot be sent back
        prober.budget.heed(exchange)
        found.append(exchange)
        return exchange

    if any(map(is_usable, seen)):
        reach(state, send, lambda: connection_lost_reason(found) is not None)
    return found


def _known(contract: Contract, prober: Prober, selected: Sequence[str], seen: Sequence[Exchange]) -> RunState:
    """What the probes have learnt, in the words of a plan; empty lists count as tried."""
    state = RunState(contract, frozenset(selected))
    for resource in {resource for one in contract.reads for need in one.needed for resource in need.resources}:
        given = prober.seen.best(resource) if prober.seen.is_given(resource) else None
        if given:
            state.pool.pin(resource, given)
    for exchange in seen:
        operation = contract.operation(exchange.operation)
        call = Call(operation, exchange.purpose, path_params=exchange.path_params, query=exchange.query)
        state.record(call, exchange)
        if exchange.ok and operation.is_list and not items(exchange):
            names = {need.parameter.name for need in state.required[operation.id]}
            sent = {**exchange.path_params, **dict(exchange.query)}
            state.tried_values.setdefault(operation.id, []).append({name: sent[name] for name in names & sent.keys()})
    return state


def _unsent(call: Call) -> Exchange:
    """What stands for a request that was not made: nothing is there to be learnt."""
    return Exchange(call.operation.id, call.purpose, call.operation.method, "", status=404)
