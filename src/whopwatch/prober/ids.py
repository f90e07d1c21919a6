"""Ids that recent responses showed. Probes fill their parameters with them."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange
from whopwatch.http.call import is_usable

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

    def by_preference(self, resources: Sequence[str]) -> Sequence[str]:
        """Return `resources` sorted by how seldom their ids led to empty lists."""
        with self._lock:
            return sorted(resources, key=lambda resource: self._empty_lists[resource])

    def _missing(self, operation: Operation) -> frozenset[str]:
        """Return the resources that `operation` can show and of which no recent id is known.

        A resource with a list of its own is learned from its own operations only: an id shown by another resource may
        belong to another company.
        """
        old = self._clock() - FRESH_SECONDS
        wanted = self._wanted - self._configured.keys() - (self._listed - {operation.resource})
        shown = self._schemas.of(operation).resources & wanted
        with self._lock:
            return frozenset(
                resource for resource in shown if max(self._ids.get(resource, {}).values(), default=old) <= old
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
