"""What a run knows so far: the requests it made, what came back, and the ids in it. Experiments decide by it."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass, field

from whopwatch.contract import Contract, Operation
from whopwatch.contract.list_behaviour import Pairs
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call
from whopwatch.oracle.expected_list import ListParameters, WholeList
from whopwatch.oracle.object_features import MOST_EMPTY, fullness
from whopwatch.oracle.page import list_key
from whopwatch.oracle.traversal import ListHistory
from whopwatch.planning.ids import IdPool, is_usable
from whopwatch.planning.needs import Filling, Need, needs

Experiment = Generator[Call, Exchange, None]
"""Yields the next request and receives its answer, until nothing more is worth asking."""

Trace = tuple[Call, Exchange]
LONGEST_CURSOR = 2000
"""Characters of a cursor that is sent back: longer ones do not fit into a URL."""


@dataclass(frozen=True, slots=True)
class FilteredFirstPage:
    """The first page of what `base` asks for, under the filters and the order of `parameters`.

    `since` is its number among the traces of the operation.
    """

    base: Call
    parameters: Pairs
    since: int
    page: Exchange


@dataclass(frozen=True, slots=True)
class OperationHistory:
    """What earlier runs know of an operation: the days since it was last verified, and how often it changed."""

    days: float = 0.0
    changes: int = 0


@dataclass
class RunState:
    """The state that a plan reads. The run's scheduler adds to it, by `record`.

    `tried` are the values that were chosen so far for the needs of each operation, `settled` the operations of which
    something else was seen than empty lists and objects that are not there. `looks` are first pages to walk on from,
    `past` what earlier runs know of operations, `budget` the requests that the whole run may send. `reached` says that
    every operation had its turn: what was not asked by then lacks something to ask with.
    """

    contract: Contract
    selected: Collection[str]
    seed: int = 0
    budget: int = 600
    past: Mapping[str, OperationHistory] = field(default_factory=dict)
    has_unscoped_key: bool = False
    pool: IdPool = field(init=False)
    tried_values: dict[str, list[Filling]] = field(default_factory=dict)
    satisfied: set[str] = field(default_factory=set)
    traces: dict[str, list[Trace]] = field(default_factory=dict)
    reached: bool = False
    filtered_pages: dict[str, FilteredFirstPage] = field(default_factory=dict)
    needs: Mapping[str, tuple[Need, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.pool = IdPool(self.seed)
        self._wanted = {operation.id for operation in self.reads()}
        self.needs = {operation.id: needs(operation) for operation in self.contract.reads}
        self._rules: dict[str, ListParameters] = {}
        self._observed: dict[str, ListHistory] = {}
        self._first_pages: dict[str, tuple[int, Trace | None]] = {}
        self._listings: dict[str, tuple[int, WholeList | None]] = {}
        lists = sum(operation.is_list for operation in self.reads())
        self.pages = max(4, min(41, self.budget // (4 * max(1, lists))))

    def record(self, call: Call, exchange: Exchange) -> None:
        """Take in one answer, and the ids in it as long as they may be needed."""
        operation = call.operation
        self.traces.setdefault(operation.id, []).append((call, exchange))
        if exchange.status != 404 and not (exchange.ok and operation.is_list and not items(exchange)):
            self.satisfied.add(operation.id)
        if exchange.ok and exchange.credential == "key" and not self.satisfied.issuperset(self._wanted):
            value = exchange.json
            own = dict(own_objects(operation, value))
            for resource, id in schemas_of(self.contract).of(operation).ids(value):
                if is_usable(id):
                    is_own = resource == operation.resource and id in own
                    self.pool.add(resource, id, own=is_own, shows=fullness(own[id]) if is_own else -MOST_EMPTY)

    def reads(self) -> Iterator[Operation]:
        """The selected operations that change nothing, in the contract's order."""
        return (operation for operation in self.contract.reads if operation.id in self.selected)

    def success(self, operation: Operation) -> Trace | None:
        """The request that was answered with something: of a list its plain one, where it has items; else the last."""
        if operation.is_list:
            return self.first_page(operation)
        traces = reversed(self.traces.get(operation.id, ()))
        return next((trace for trace in traces if trace[1].ok and trace[1].credential == "key"), None)

    def calls(self, id: str) -> list[Call]:
        """The different requests made for the operation called `id`, in their order."""
        calls: list[Call] = []
        for call, _ in self.traces.get(id, ()):
            if call not in calls:
                calls.append(call)
        return calls

    def was_sent(self, call: Call) -> bool:
        """Whether just this request was made."""
        return any(call == made for made, _ in self.traces.get(call.operation.id, ()))

    def rules(self, operation: Operation) -> ListParameters:
        """What is known of the parameters of a list."""
        if operation.id not in self._rules:
            self._rules[operation.id] = ListParameters(self.contract, operation)
        return self._rules[operation.id]

    def observed(self, operation: Operation) -> ListHistory:
        """The walks that were made of a list."""
        observed = self._observed.get(operation.id)
        if observed is None:
            observed = self._observed[operation.id] = ListHistory(self.rules(operation))
        observed.extend(exchange for _, exchange in self.traces.get(operation.id, ())[observed.count :])
        return observed

    def count(self, operation: Operation) -> int:
        """How many requests were made for an operation."""
        return len(self.traces.get(operation.id, ()))

    def base(self, operation: Operation) -> Call | None:
        """The plain request for a list that its other requests add to."""
        trace = self.first_page(operation)
        return trace[0] if trace else None

    def listing(self, operation: Operation) -> WholeList | None:
        """The list that `base` asks for, as it was last seen whole."""
        count, cached = self.count(operation), self._listings.get(operation.id)
        if cached is None or cached[0] != count:
            cached = self._listings[operation.id] = count, self._listing(operation)
        return cached[1]

    def _listing(self, operation: Operation) -> WholeList | None:
        trace = self.first_page(operation)
        if trace is None:
            return None
        observed = self.observed(operation)
        return observed.whole_before(list_key(trace[1], observed.parameters.optional), self.count(operation))

    def first_page(self, operation: Operation) -> Trace | None:
        """The fullest first page of a list seen so far; one that has a next page wins."""
        traces = self.traces.get(operation.id, [])
        seen, best = self._first_pages.get(operation.id, (0, None))
        if seen < len(traces):
            pages = [trace for trace in traces[seen:] if trace[0].purpose is Purpose.LIST and items(trace[1])]
            best = max([*filter(None, [best]), *pages], key=_fullness, default=None)
            self._first_pages[operation.id] = len(traces), best
        return best


def _fullness(trace: Trace) -> tuple[bool, int]:
    return has_next(trace[1]), len(items(trace[1]))


def items(exchange: Exchange) -> list[object]:
    """The items of a list's page; none where the answer is not a page."""
    value = exchange.json if exchange.ok else None
    data = value.get("data") if isinstance(value, dict) else None
    return data if isinstance(data, list) else []


def cursor(exchange: Exchange, name: str) -> str | None:
    """The cursor called `name` (`end_cursor`, `start_cursor`) of a page, where there is a usable one."""
    info = exchange.json.get("page_info") if isinstance(exchange.json, dict) else None
    value = info.get(name) if isinstance(info, dict) else None
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_CURSOR else None


def has_next(exchange: Exchange) -> bool:
    """Whether a page says that another one follows."""
    value = exchange.json
    info = value.get("page_info") if isinstance(value, dict) else None
    return isinstance(info, dict) and info.get("has_next_page") is True


def own_ids(operation: Operation, value: object) -> Iterator[str]:
    """The ids of the objects that an answer consists of, without those they mention."""
    return (id for id, _ in own_objects(operation, value))


def own_objects(operation: Operation, value: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The objects that an answer consists of, by id, without those they mention."""
    page = value.get("data") if operation.is_list and isinstance(value, dict) else [value]
    for item in page if isinstance(page, list) else ():
        id = item.get("id") if isinstance(item, dict) else None
        if isinstance(id, str):
            yield id, item
