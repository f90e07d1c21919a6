"""The requests of one run: the probed operation's, preceded by list requests if an id is missing."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http.call import Call
from whopwatch.prober.ids import RecentIds, listed_ids
from whopwatch.prober.settings import Probe

MAX_LISTS_PER_RUN = 4
"""No documented operation is further than three lists away from the company's id."""

CachedIds = list[tuple[str, str]]
"""(resource, id) pairs that this run did not list itself: the objects may be gone."""


class MissingIdError(Exception):
    """No id of `resource` was found. `failed` is the list request that should have shown one, if it failed."""

    def __init__(self, resource: str, failed: Exchange | None) -> None:
        super().__init__(resource)
        self.resource = resource
        self.failed = failed


class RequestSequence:
    """The requests of one run of `probe`, as a generator that takes each response before the next request."""

    def __init__(self, probe: Probe, contract: Contract, ids: RecentIds) -> None:
        self._probe = probe
        self._contract = contract
        self._schemas = schemas_of(contract)
        self._ids = ids
        self._lists_requested: set[str] = set()
        self._failed: Exchange | None = None
        self._cached: CachedIds = []

    def calls(self) -> Generator[Call, Exchange, None]:
        """Yield the requests; the probed operation's comes last. Raises MissingIdError if an id is missing.

        A cached id may belong to a deleted object: after a 404 a current id is looked up, once.
        """
        exchange = yield from self._request(self._probe.operation, self._probe.params)
        if exchange.status == 404 and self._cached:
            for resource, id in self._cached:
                self._ids.forget(resource, id)
            yield from self._request(self._probe.operation, self._probe.params)

    def _request(self, operation: Operation, params: Mapping[str, str]) -> Generator[Call, Exchange, Exchange]:
        filled, cached = dict(params), CachedIds()
        for parameter in operation.needed:
            if parameter.name not in filled:
                filled[parameter.name] = yield from self._value(parameter, cached)
        exchange = yield _call(operation, filled, self._probe.options.page_size)
        self._ids.learn(operation, exchange)
        if cached and exchange.ok and operation.is_list and not any(listed_ids(operation, exchange)):
            for resource, id in cached:
                self._ids.put_last(resource, id)
        self._cached = cached
        return exchange

    def _value(self, parameter: Parameter, cached: CachedIds) -> Generator[Call, Exchange, str]:
        for resource in self._ids.by_preference(parameter.resources):
            known = self._ids.best(resource)
            if known:
                if not self._ids.is_configured(resource):
                    cached.append((resource, known))
                return known
        for resource in parameter.resources:
            for listing in self._lists_showing(resource):
                found = yield from self._first_id(listing, resource)
                if found:
                    return found
        raise MissingIdError(parameter.resources[0] if parameter.resources else parameter.name, self._failed)

    def _first_id(self, listing: Operation, resource: str) -> Generator[Call, Exchange, str | None]:
        """Request the first page of `listing` and return an id of `resource` from it."""
        self._lists_requested.add(listing.id)
        try:
            exchange = yield from self._request(listing, {})
        except MissingIdError:
            return None
        if not exchange.ok:
            self._failed = exchange
        return next(listed_ids(listing, exchange), None) if listing.resource == resource else self._ids.best(resource)

    def _lists_showing(self, resource: str) -> Iterator[Operation]:
        """Yield the resource's own list or, without one, the lists that mention the resource."""
        own = self._contract.operations.get(f"{resource}.list")
        mentions = (each for each in self._contract.lists if resource in self._schemas.of(each).resources)
        for listing in (own,) if own else mentions:
            if listing.id not in self._lists_requested and len(self._lists_requested) < MAX_LISTS_PER_RUN:
                yield listing


def _call(operation: Operation, params: Mapping[str, str], page_size: int) -> Call:
    """Return the request of `operation`. Parameters that the path does not have go into the query."""
    in_path = {parameter.name for parameter in operation.in_("path")}
    query = [(name, value) for name, value in params.items() if name not in in_path]
    if operation.is_list and "first" not in params and operation.parameter("first"):
        query.append(("first", str(page_size)))
    return Call(
        operation,
        Purpose.LIST if operation.is_list else Purpose.RETRIEVE,
        path_params={name: params[name] for name in in_path},
        query=tuple(query),
    )


def resources_needed(probes: Sequence[Probe]) -> frozenset[str]:
    """Return the resources whose ids the probes need as parameters."""
    return frozenset(
        resource for probe in probes for parameter in probe.operation.needed for resource in parameter.resources
    )
