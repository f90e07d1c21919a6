"""What a run knows so far: the requests it made, what came back, and the ids in it. Experiments decide by it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field

from whopwatch.client import Call
from whopwatch.contract import Contract, Operation
from whopwatch.contract.shape import shapes_of
from whopwatch.exchange import Exchange, Purpose
from whopwatch.plan.needs import Filling, Need, needs
from whopwatch.plan.pool import Pool

Experiment = Generator[Call, Exchange, None]
"""Yields the next request and receives its answer, until nothing more is worth asking."""

Trace = tuple[Call, Exchange]


@dataclass
class Known:
    """The state that a plan reads. The run's scheduler adds to it, by `learn`.

    `tried` are the values that were chosen so far for the needs of each operation, `settled` the operations of which
    something else was seen than empty lists and objects that are not there.
    """

    contract: Contract
    selected: Collection[str]
    seed: int = 0
    pool: Pool = field(init=False)
    tried: dict[str, list[Filling]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    traces: dict[str, list[Trace]] = field(default_factory=dict)
    needs: Mapping[str, tuple[Need, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.pool = Pool(self.seed)
        self._wanted = {operation.id for operation in self.reads()}
        self.needs = {operation.id: needs(operation) for operation in self.contract.reads}

    def learn(self, call: Call, exchange: Exchange) -> None:
        """Take in one answer, and the ids in it as long as they may be needed."""
        operation = call.operation
        self.traces.setdefault(operation.id, []).append((call, exchange))
        if exchange.status != 404 and not (exchange.ok and operation.is_list and not items(exchange)):
            self.settled.add(operation.id)
        if exchange.ok and exchange.credential == "key" and not self.settled.issuperset(self._wanted):
            value = exchange.json
            own = set(own_ids(operation, value))
            for resource, id in shapes_of(self.contract).of(operation).ids(value):
                self.pool.add(resource, id, own=resource == operation.resource and id in own)

    def reads(self) -> Iterator[Operation]:
        """The selected operations that change nothing, in the contract's order."""
        return (operation for operation in self.contract.reads if operation.id in self.selected)

    def success(self, operation: Operation) -> Trace | None:
        """The last request for `operation` that succeeded with the target's own key."""
        traces = reversed(self.traces.get(operation.id, ()))
        return next((trace for trace in traces if trace[1].ok and trace[1].credential == "key"), None)

    def calls(self, id: str) -> list[Call]:
        """The different requests made for the operation called `id`, in their order."""
        calls: list[Call] = []
        for call, _ in self.traces.get(id, ()):
            if call not in calls:
                calls.append(call)
        return calls

    def first_page(self, operation: Operation) -> Trace | None:
        """The fullest first page of a list seen so far; one that has a next page wins."""
        pages = [
            trace for trace in self.traces.get(operation.id, ()) if trace[0].purpose is Purpose.LIST and items(trace[1])
        ]
        return max(pages, key=lambda trace: (has_next(trace[1]), len(items(trace[1]))), default=None)


PAGING = frozenset({"first", "last", "after", "before"})
"""The query parameters that say which page of a list is meant."""

Phase = Callable[[Known], Iterator[Experiment]]
"""One part of a plan: experiments, decided one after the other as the run learns."""


def items(exchange: Exchange) -> list[object]:
    """The items of a list's page; none where the answer is not a page."""
    data = exchange.json.get("data") if exchange.ok and isinstance(exchange.json, dict) else None
    return data if isinstance(data, list) else []


def cursor(exchange: Exchange, name: str) -> str | None:
    """The cursor called `name` (`end_cursor`, `start_cursor`) of a page, where there is a usable one."""
    info = exchange.json.get("page_info") if isinstance(exchange.json, dict) else None
    value = info.get(name) if isinstance(info, dict) else None
    return value if isinstance(value, str) and value else None


def has_next(exchange: Exchange) -> bool:
    """Whether a page says that another one follows."""
    info = exchange.json.get("page_info") if isinstance(exchange.json, dict) else None
    return isinstance(info, dict) and info.get("has_next_page") is True


def own_ids(operation: Operation, value: object) -> Iterator[str]:
    """The ids of the objects that an answer consists of, without those they mention."""
    page = value.get("data") if operation.is_list and isinstance(value, dict) else [value]
    for item in page if isinstance(page, list) else ():
        id = item.get("id") if isinstance(item, dict) else None
        if isinstance(id, str):
            yield id
