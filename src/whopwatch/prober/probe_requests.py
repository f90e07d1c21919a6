"""The requests of one run: the probed operation, after the lists that show the ids that it needs."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http.call import Call, is_usable
from whopwatch.prober.settings import Probe

IDS_KEPT = 24
"""Ids kept of one resource."""
FRESH_SECONDS = 300.0
"""How long the newest id of a resource is good enough. Until then responses are not searched for others."""
ITEMS_SEARCHED = 24
"""Items of a list page that are searched for ids."""


class RecentIds:
    """Recent ids by resource, for the `wanted` resources only. Thread-safe. `clock` is monotonic, in seconds."""

    def __init__(self, contract: Contract, wanted: Iterable[str], clock: Callable[[], float]) -> None:
        self._schemas = schemas_of(contract)
        self._wanted = frozenset(wanted)
        self._listed = {resource for resource in self._wanted if f"{resource}.list" in contract.operations}
        self._clock = clock
        self._configured: dict[str, str] = {}
        self._ids: dict[str, OrderedDict[str, float]] = {}
        self._empty_lists: Counter[str] = Counter()
        self._shown: dict[str, frozenset[str]] = {}
        self._were_empty: dict[str, tuple[bytes, bool]] = {}
        self._lock = threading.Lock()

    def configure(self, resource: str, id: str) -> None:
        """Always use `id` for `resource`: the user named it."""
        self._configured.setdefault(resource, id)

    def best(self, resource: str) -> str | None:
        """Return the id to request: the configured one, else the one seen last."""
        with self._lock:
            configured = self._configured.get(resource)
            return configured or next(reversed(self._ids.get(resource, {})), None)

    @property
    def configured(self) -> Mapping[str, str]:
        """The ids that the user named, by resource."""
        return self._configured

    def is_configured(self, resource: str) -> bool:
        """Return whether the user named the id of `resource`."""
        return resource in self._configured

    def learn(self, operation: Operation, exchange: Exchange) -> None:
        """Store the ids of a success response for resources whose ids are missing or old."""
        missing = self._missing(operation)
        if missing and exchange.ok:
            for resource, id in self._schemas.of(operation).ids(_first_items(operation, exchange.json)):
                if resource in missing and is_usable(id):
                    self._add(resource, id)

    def forget(self, resource: str, id: str) -> None:
        """Stop using an id that got 404. A configured id stays: its loss must be reported."""
        with self._lock:
            self._ids.get(resource, OrderedDict()).pop(id, None)

    def put_last(self, resource: str, id: str) -> None:
        """Prefer another id next time: the list that belongs to this one is empty."""
        with self._lock:
            ids = self._ids.get(resource, OrderedDict())
            if id in ids:
                ids.move_to_end(id, last=False)
                self._empty_lists[resource] += 1

    def is_empty_list(self, operation: Operation, exchange: Exchange) -> bool:
        """Return whether a success response is a list without items. The same response again is not parsed again."""
        if not exchange.ok or not operation.is_list:
            return False
        last = self._were_empty.get(operation.id)
        if last is None or last[0] != exchange.body_digest:
            last = self._were_empty[operation.id] = exchange.body_digest, not any(listed_ids(operation, exchange))
        return last[1]

    def by_preference(self, resources: Sequence[str]) -> Sequence[str]:
        """Return `resources` sorted by how seldom their ids led to empty lists."""
        with self._lock:
            return sorted(resources, key=lambda resource: self._empty_lists[resource])

    def _missing(self, operation: Operation) -> frozenset[str]:
        """Return the resources that `operation` can show and of which no recent id is known.

        A resource with a list of its own is learned from its own operations only: an id shown by another resource may
        belong to another company.
        """
        shown = self._shown.get(operation.id)
        if shown is None:
            of_others = self._listed - {operation.resource}
            shown = self._shown[operation.id] = self._schemas.of(operation).resources & (self._wanted - of_others)
        old = self._clock() - FRESH_SECONDS
        with self._lock:
            return frozenset(
                resource
                for resource in shown
                if resource not in self._configured and max(self._ids.get(resource, {}).values(), default=old) <= old
            )

    def _add(self, resource: str, id: str) -> None:
        with self._lock:
            ids = self._ids.setdefault(resource, OrderedDict())
            ids[id] = self._clock()
            ids.move_to_end(id)
            while len(ids) > IDS_KEPT:
                ids.popitem(last=False)


def _first_items(operation: Operation, value: object) -> object:
    data = value.get("data") if operation.is_list and isinstance(value, dict) else None
    return {"data": data[:ITEMS_SEARCHED]} if isinstance(data, list) else value


def listed_ids(operation: Operation, exchange: Exchange) -> Iterator[str]:
    """Yield the ids of the items on a list page."""
    value = exchange.json if exchange.ok else None
    data = value.get("data") if operation.is_list and isinstance(value, dict) else None
    for item in data if isinstance(data, list) else ():
        id = item.get("id") if isinstance(item, dict) else None
        if isinstance(id, str) and id:
            yield id


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
        """Yield the requests; the probed operation's comes last. Raise MissingIdError if an id is missing.

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
        if cached and self._ids.is_empty_list(operation, exchange):
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
