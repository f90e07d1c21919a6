"""The requests of one run: the probed operation's, and before it, where an id is lacking, the lists that show one."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http.call import Call
from whopwatch.prober.listing import Probe
from whopwatch.prober.seen import Seen, ids_of

MOST_LISTS = 4
"""Lists asked in one run. Nothing documented is further than three lists away."""

Steps = Generator[Call, Exchange, None]
Remembered = list[tuple[str, str]]
"""Resources and their ids that were not looked up in this run, and may be gone."""


class NothingToAskError(Exception):
    """No id was found to ask with. `failed` is the list request that should have shown one, where that failed."""

    def __init__(self, resource: str, failed: Exchange | None) -> None:
        super().__init__(resource)
        self.resource = resource
        self.failed = failed


class Flow:
    """One run of `probe`, as a conversation: `steps` yields requests and is sent the answers."""

    def __init__(self, probe: Probe, contract: Contract, seen: Seen) -> None:
        self._probe = probe
        self._contract = contract
        self._schemas = schemas_of(contract)
        self._seen = seen
        self._asked: set[str] = set()
        self._failed: Exchange | None = None
        self._remembered: Remembered = []

    def steps(self) -> Steps:
        """The requests, the probed one last. Raises NothingToAskError where an id is lacking.

        An id that was remembered may be gone since: after a 404 a present one is looked for, once.
        """
        exchange = yield from self._ask(self._probe.operation, self._probe.params)
        if exchange.status == 404 and self._remembered:
            for resource, id in self._remembered:
                self._seen.forget(resource, id)
            yield from self._ask(self._probe.operation, self._probe.params)

    def _ask(self, operation: Operation, params: Mapping[str, str]) -> Generator[Call, Exchange, Exchange]:
        filling, remembered = dict(params), Remembered()
        for parameter in operation.needed:
            if parameter.name not in filling:
                filling[parameter.name] = yield from self._value(parameter, remembered)
        exchange = yield call_of(operation, filling, self._probe.terms.page_size)
        self._seen.learn(operation, exchange)
        if remembered and exchange.ok and operation.is_list and not any(ids_of(operation, exchange)):
            for resource, id in remembered:
                self._seen.put_last(resource, id)
        self._remembered = remembered
        return exchange

    def _value(self, parameter: Parameter, remembered: Remembered) -> Generator[Call, Exchange, str]:
        for resource in self._seen.likeliest(parameter.resources):
            known = self._seen.best(resource)
            if known:
                if not self._seen.is_given(resource):
                    remembered.append((resource, known))
                return known
        for resource in parameter.resources:
            for listing in self._listings(resource):
                found = yield from self._look(listing, resource)
                if found:
                    return found
        raise NothingToAskError(parameter.resources[0] if parameter.resources else parameter.name, self._failed)

    def _look(self, listing: Operation, resource: str) -> Generator[Call, Exchange, str | None]:
        """An id of `resource` on the first page of `listing`, where that can be asked for."""
        self._asked.add(listing.id)
        try:
            exchange = yield from self._ask(listing, {})
        except NothingToAskError:
            return None
        if not exchange.ok:
            self._failed = exchange
        return next(ids_of(listing, exchange), None) if listing.resource == resource else self._seen.best(resource)

    def _listings(self, resource: str) -> Iterator[Operation]:
        """The resource's own list; where it has none, lists that mention it."""
        own = self._contract.operations.get(f"{resource}.list")
        mentions = (each for each in self._contract.lists if resource in self._schemas.of(each).resources)
        for listing in (own,) if own else mentions:
            if listing.id not in self._asked and len(self._asked) < MOST_LISTS:
                yield listing


def call_of(operation: Operation, filling: dict[str, str], page_size: int) -> Call:
    """The request of `operation` with `filling`: in the path where that has room for it, else in the query."""
    in_path = {parameter.name for parameter in operation.in_("path")}
    query = [(name, value) for name, value in filling.items() if name not in in_path]
    if operation.is_list and "first" not in filling and operation.parameter("first"):
        query.append(("first", str(page_size)))
    return Call(
        operation,
        Purpose.LIST if operation.is_list else Purpose.RETRIEVE,
        path_params={name: filling[name] for name in in_path},
        query=tuple(query),
    )


def resources_needed(probes: Sequence[Probe]) -> frozenset[str]:
    """The resources whose ids the probes ask with."""
    return frozenset(
        resource for probe in probes for parameter in probe.operation.needed for resource in parameter.resources
    )
