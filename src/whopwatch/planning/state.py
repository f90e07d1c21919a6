"""What a run has learned so far: the requests it sent, their responses and the ids in them. Experiments read it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.behaviour import Pairs
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.http import Call
from whopwatch.http.call import is_usable
from whopwatch.oracle.expected_list import ListParameters, WholeList
from whopwatch.oracle.page import list_key
from whopwatch.oracle.traversal import ListHistory
from whopwatch.planning.ids import IdPool, ParameterValues, RequiredParameter, required_parameters

MAX_WORD_LENGTH = 32
"""Characters of a string that may be an enum value: a state, a kind."""
_CONTAINERS = frozenset({dict, list})
MOST_EMPTY = 1000
"""More empty fields than any object has."""


def fullness(item: Any) -> int:
    """Return minus the number of null and empty-array fields in `item`, nested ones included: higher is fuller."""
    empty = 0
    containers = [item]
    for container in containers:
        for part in container.values() if isinstance(container, dict) else container:
            if part is None:
                empty += 1
            elif type(part) in _CONTAINERS:
                containers.append(part)
                empty += part == []
    return -empty


def features(item: Any) -> set[tuple[str, ...]]:
    """Return what `item` shows: the path of each field, with `= null` or the word if it holds null or a short word."""
    found: set[tuple[str, ...]] = set()
    _collect([item], (), found)
    return found


def _collect(container: Any, path: tuple[str, ...], found: set[tuple[str, ...]]) -> None:
    for name, part in container.items() if isinstance(container, dict) else (("*", part) for part in container):
        here = (*path, name)
        if part is None:
            found.add((*here, "= null"))
        elif type(part) in _CONTAINERS:
            _collect(part, here, found)
        else:
            found.add((*here, "=", part) if isinstance(part, str) and _is_word(part) else here)


def _is_word(text: str) -> bool:
    return len(text) <= MAX_WORD_LENGTH and text.islower() and text.replace("_", "a").isalpha()


Experiment = Generator[Call, Exchange, None]
"""Yields the next request and receives its response, until no further request is worthwhile."""


@dataclass(frozen=True, slots=True)
class PlannedExperiment:
    """An experiment, and the resource whose operations it requests; None if it chooses one when it begins.

    Two experiments with one resource never run at the same time: each reads the lists that the other one moves on.
    """

    experiment: Experiment
    resource: str | None = None


Plan = Iterator[PlannedExperiment | None]
"""The experiments of a run in their order. None waits until those before it have ended: what follows needs them."""

Trace = tuple[Call, Exchange]
"""A request of the plan and its response."""

LONGEST_CURSOR = 2000
"""Characters of a cursor that is sent back: a longer one does not fit into a URL."""
ID_WITH_PREFIX = re.compile(rb"\b(\w*_)(?=[a-z]*[A-Z0-9])([A-Za-z0-9]{4,64})\b")
"""An id with a prefix. Words such as `media_type` have no digit or capital letter."""
PAGE_LIMITS = (4, 41)
"""The fewest and the most pages read of one list; 41 pages of 100 cover 4,000 items and the end of the list."""


@dataclass(frozen=True, slots=True)
class FilteredFirstPage:
    """The first page of the list that `base` requests, with the filters and the order of `parameters`.

    `since` is the number of its request among the requests of the operation.
    """

    base: Call
    parameters: Pairs
    since: int
    page: Exchange


@dataclass(frozen=True, slots=True)
class OperationHistory:
    """What earlier runs know of an operation: the days since it was last verified, and how often it changed.

    `met` are the ids of undocumented rules that its responses met.
    """

    days: float = 0.0
    changes: int = 0
    met: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class StepFailure:
    """A planning step that raised: its name, its operation (empty if it has none), and the class of the error."""

    step: str
    operation: str
    error: str


@dataclass
class RunState:
    """The state that experiments read. The run adds every response with `record`.

    `selected` are the ids of the operations to check, `budget` is the number of requests for reads. `past` is what
    earlier runs know of operations. `tried_values` are the required values chosen so far, by operation. `satisfied` are
    the operations with a response that is neither 404 nor an empty list. `filtered_pages` are first pages from which a
    traversal can continue. `reached` becomes true once every operation was tried: an operation without a request by
    then lacks an id. `failures` are steps that raised: a value of a response must never end the run. `had_turn` are
    operations with the kind of checks, `authentication`, `refusals` or `others`, for which every request of value was
    planned: what is not requested after that cannot be requested with these responses. `busy` are the resources of the
    experiments in progress. `read_ids` are the ids of all objects that reads returned: an object that was there before
    is not the run's own. `listed_below` are the path parameters of the list that returned an id, for lists below
    another object.
    """

    contract: Contract
    selected: Collection[str]
    seed: int = 0
    budget: int = 600
    past: Mapping[str, OperationHistory] = field(default_factory=dict)
    has_unscoped_key: bool = False
    pool: IdPool = field(init=False)
    tried_values: dict[str, list[ParameterValues]] = field(default_factory=dict)
    satisfied: set[str] = field(default_factory=set)
    traces: dict[str, list[Trace]] = field(default_factory=dict)
    reached: bool = False
    filtered_pages: dict[str, FilteredFirstPage] = field(default_factory=dict)
    required: Mapping[str, tuple[RequiredParameter, ...]] = field(init=False)
    failures: list[StepFailure] = field(default_factory=list)
    had_turn: set[tuple[str, str]] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    read_ids: set[str] = field(default_factory=set)
    listed_below: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pool = IdPool(self.seed)
        self._wanted = {operation.id for operation in self.reads()}
        self.required = {
            operation.id: required_parameters(self.contract, operation) for operation in self.contract.reads
        }
        needed = [one for each in self.required.values() for one in each if len(one.resources) == 1]
        self._named = {one.resources[0] for one in needed}
        prefixes = {(prefix, one.resources[0]) for one in needed for prefix in one.parameter.id_prefixes}
        shared = Counter(prefix for prefix, _ in prefixes)
        self._prefixes = {prefix: name for prefix, name in sorted(prefixes) if shared[prefix] == 1}
        self._rules: dict[str, ListParameters] = {}
        self._list_histories: dict[str, ListHistory] = {}
        self._first_pages: dict[str, tuple[int, Trace | None]] = {}
        self._listings: dict[str, tuple[int, WholeList | None]] = {}
        # The pages of all lists may take a quarter of the budget.
        lists = sum(operation.is_list for operation in self.reads())
        fewest, most = PAGE_LIMITS
        self.page_limit = max(fewest, min(most, self.budget // (4 * max(1, lists))))

    def record(self, call: Call, exchange: Exchange) -> None:
        """Add one response, and its ids as long as an operation may still need them."""
        operation = call.operation
        self.traces.setdefault(operation.id, []).append((call, exchange))
        if exchange.status != 404 and not (exchange.ok and operation.is_list and not items(exchange)):
            self.satisfied.add(operation.id)
        if exchange.ok and operation.is_read:
            self.read_ids.update(id for id in own_ids(operation, exchange.json) if is_usable(id))
        if exchange.ok and exchange.credential == "key" and not self.satisfied.issuperset(self._wanted):
            with self.isolated("collect_ids", operation):
                self._collect_ids(operation, exchange.json)
                self._collect_mentions(exchange.body)
                if operation.is_list and call.path_params:
                    self.listed_below |= dict.fromkeys(own_ids(operation, exchange.json), call.path_params)

    def _collect_mentions(self, body: bytes) -> None:
        """Find ids of resources that no response named so far by their prefix, wherever a response has them.

        A log of requests has ids of objects that no list returns.
        """
        unknown = {prefix.encode(): name for prefix, name in self._prefixes.items() if not self.pool.candidates(name)}
        for prefix, rest in ID_WITH_PREFIX.findall(body) if unknown else ():
            if prefix in unknown:
                self.pool.add(unknown[prefix], (prefix + rest).decode())

    def _collect_ids(self, operation: Operation, value: object) -> None:
        own = dict(own_objects(operation, value))
        if operation.method_name == "list":
            # The items of a list identify its resource, also where their schema names another one.
            for id in own if operation.resource in self._named else ():
                if is_usable(id):
                    self.pool.add(operation.resource, id, own=True, shows=fullness(own[id]))
        for resource, id in schemas_of(self.contract).of(operation).ids(value):
            if is_usable(id):
                is_own = resource == operation.resource and id in own
                self.pool.add(resource, id, own=is_own, shows=fullness(own[id]) if is_own else -MOST_EMPTY)

    @contextmanager
    def isolated(self, step: str, operation: Operation | None = None) -> Iterator[None]:
        """Note an error of the block in `failures` instead of raising it."""
        try:
            yield
        except Exception as error:
            self.failures.append(StepFailure(step, operation.id if operation else "", type(error).__name__))

    def reads(self) -> Iterator[Operation]:
        """Return the selected read operations, in the order of the contract."""
        return (operation for operation in self.contract.reads if operation.id in self.selected)

    def success(self, operation: Operation) -> Trace | None:
        """Return the last successful request; for a list, its plain request if the page has items."""
        if operation.is_list:
            return self.first_page(operation)
        traces = reversed(self.traces.get(operation.id, ()))
        return next((trace for trace in traces if trace[1].ok and trace[1].credential == "key"), None)

    def calls(self, id: str) -> list[Call]:
        """Return the distinct requests of the operation with this id, in the order sent."""
        calls: list[Call] = []
        for call, _ in self.traces.get(id, ()):
            if call not in calls:
                calls.append(call)
        return calls

    def was_sent(self, call: Call) -> bool:
        """Return whether this very request was sent."""
        return any(call == sent for sent, _ in self.traces.get(call.operation.id, ()))

    def rules(self, operation: Operation) -> ListParameters:
        """Return what is known of the parameters of a list."""
        if operation.id not in self._rules:
            self._rules[operation.id] = ListParameters(self.contract, operation)
        return self._rules[operation.id]

    def list_history(self, operation: Operation) -> ListHistory:
        """Return the traversals of a list so far."""
        history = self._list_histories.get(operation.id)
        if history is None:
            history = self._list_histories[operation.id] = ListHistory(self.rules(operation))
        history.extend(exchange for _, exchange in self.traces.get(operation.id, ())[history.count :])
        return history

    def count(self, operation: Operation) -> int:
        """Return how many requests of an operation were sent."""
        return len(self.traces.get(operation.id, ()))

    def base(self, operation: Operation) -> Call | None:
        """Return the plain request for a list, to which its other requests add parameters."""
        trace = self.first_page(operation)
        return trace[0] if trace else None

    def listing(self, operation: Operation) -> WholeList | None:
        """Return the whole list that `base` requests, as last read; None if it was not read to its end."""
        count, cached = self.count(operation), self._listings.get(operation.id)
        if cached is None or cached[0] != count:
            cached = self._listings[operation.id] = count, self._listing(operation)
        return cached[1]

    def _listing(self, operation: Operation) -> WholeList | None:
        trace = self.first_page(operation)
        if trace is None:
            return None
        history = self.list_history(operation)
        return history.whole_before(list_key(trace[1], history.parameters.optional), self.count(operation))

    def first_page(self, operation: Operation) -> Trace | None:
        """Return the fullest first page of a list so far; a page with a next page wins."""
        traces = self.traces.get(operation.id, [])
        seen, best = self._first_pages.get(operation.id, (0, None))
        if seen < len(traces):
            pages = [trace for trace in traces[seen:] if trace[0].purpose is Purpose.LIST and items(trace[1])]
            best = max([*filter(None, [best]), *pages], key=_fullness, default=None)
            self._first_pages[operation.id] = len(traces), best
        return best


def isolated_experiment(state: RunState, step: str, operation: Operation | None, experiment: Experiment) -> Experiment:
    """Run `experiment`; an error in it ends this experiment only, and is noted in the failures of the run."""
    resource = operation.resource if operation else ""
    state.busy.add(resource)
    try:
        with state.isolated(step, operation):
            yield from experiment
    finally:
        state.busy.discard(resource)


def _fullness(trace: Trace) -> tuple[bool, int]:
    return has_next(trace[1]), len(items(trace[1]))


def items(exchange: Exchange) -> list[object]:
    """Return the items of a list page, and nothing for a response that is not a page."""
    value = exchange.json if exchange.ok else None
    data = value.get("data") if isinstance(value, dict) else None
    return data if isinstance(data, list) else []


def cursor(exchange: Exchange, name: str) -> str | None:
    """Return the cursor `name` (`end_cursor`, `start_cursor`) of a page, or None without a usable one."""
    value = _page_info(exchange).get(name)
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_CURSOR else None


def has_next(exchange: Exchange) -> bool:
    """Return whether a page says that another page follows."""
    return _page_info(exchange).get("has_next_page") is True


def _page_info(exchange: Exchange) -> Mapping[str, Any]:
    info = exchange.json.get("page_info") if isinstance(exchange.json, dict) else None
    return info if isinstance(info, dict) else {}


def rejected_parameter(exchange: Exchange) -> object:
    """Return the parameter or field that an error response names, None without one."""
    return exchange.error.get("param")


def own_ids(operation: Operation, value: object) -> Iterator[str]:
    """Yield the ids of the objects that a response returns, not of objects that those mention."""
    return (id for id, _ in own_objects(operation, value))


def own_objects(operation: Operation, value: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the objects that a response returns, each with its id, not objects that those mention."""
    page: object = [value]
    if operation.is_list or operation.method_name == "list":  # a short list may come without pages
        page = value.get("data") if isinstance(value, dict) else value if not operation.is_list else None
    for item in page if isinstance(page, list) else ():
        id = item.get("id") if isinstance(item, dict) else None
        if isinstance(id, str):
            yield id, item
