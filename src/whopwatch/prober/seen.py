"""The ids that probes have seen lately: what other probes take their parameters from."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence

from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange
from whopwatch.planning.ids import MAX_TRIES

KEPT = MAX_TRIES
"""Ids of one resource: as many as are tried."""
FRESH_SECONDS = 300.0
"""For how long answers are not searched for more ids of a resource."""
LOOKED_AT = MAX_TRIES
"""Items of a list's page that are searched."""


class Seen:
    """Recent ids by resource; those of `wanted` resources only. Safe to use from several threads."""

    def __init__(self, contract: Contract, wanted: Iterable[str], clock: Callable[[], float]) -> None:
        self._schemas = schemas_of(contract)
        self._wanted = frozenset(wanted)
        self._listed = {resource for resource in self._wanted if f"{resource}.list" in contract.operations}
        self._clock = clock
        self._given: dict[str, str] = {}
        self._ids: dict[str, OrderedDict[str, float]] = {}
        self._empty: Counter[str] = Counter()
        self._lock = threading.Lock()

    def give(self, resource: str, id: str) -> None:
        """Let `id` be the first choice of `resource`, whatever is seen: the user named it."""
        self._given.setdefault(resource, id)

    def best(self, resource: str) -> str | None:
        """The id to ask with: a given one, else the one that was seen last."""
        with self._lock:
            given = self._given.get(resource)
            return given or next(reversed(self._ids.get(resource, {})), None)

    def is_given(self, resource: str) -> bool:
        """Whether the user named the id to ask with."""
        return resource in self._given

    def learn(self, operation: Operation, exchange: Exchange) -> None:
        """Keep ids out of a success answer, where some are lacking or old."""
        lacking = self._lacking(operation)
        if lacking and exchange.ok:
            for resource, id in self._schemas.of(operation).ids(_beginning(operation, exchange.json)):
                if resource in lacking:
                    self._add(resource, id)

    def forget(self, resource: str, id: str) -> None:
        """Ask no more with an id that leads nowhere. A given one stays: that it is gone is news."""
        with self._lock:
            self._ids.get(resource, OrderedDict()).pop(id, None)

    def put_last(self, resource: str, id: str) -> None:
        """Ask with another id next time, where there is one: what belongs to this one is an empty list."""
        with self._lock:
            ids = self._ids.get(resource, OrderedDict())
            if id in ids:
                ids.move_to_end(id, last=False)
                self._empty[resource] += 1

    def likeliest(self, resources: Sequence[str]) -> Sequence[str]:
        """`resources` in the order in which to ask with their ids: those that led to empty lists less often first."""
        with self._lock:
            return sorted(resources, key=lambda resource: self._empty[resource])

    def _lacking(self, operation: Operation) -> frozenset[str]:
        """The resources that `operation` could show, and of which no recent id is known.

        What has a list of its own is learnt from that resource alone: shown in passing, it may be another company's.
        """
        old = self._clock() - FRESH_SECONDS
        wanted = self._wanted - self._given.keys() - (self._listed - {operation.resource})
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
            while len(ids) > KEPT:
                ids.popitem(last=False)


def _beginning(operation: Operation, value: object) -> object:
    data = value.get("data") if operation.is_list and isinstance(value, dict) else None
    return {"data": data[:LOOKED_AT]} if isinstance(data, list) else value


def ids_of(operation: Operation, exchange: Exchange) -> Iterator[str]:
    """The ids of the items on a list's page."""
    value = exchange.json if exchange.ok else None
    data = value.get("data") if operation.is_list and isinstance(value, dict) else None
    for item in data if isinstance(data, list) else ():
        id = item.get("id") if isinstance(item, dict) else None
        if isinstance(id, str) and id:
            yield id
