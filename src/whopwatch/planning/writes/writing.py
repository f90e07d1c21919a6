"""The state of the writing part of a run: what it may do, what it made, and the requests it does that with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, TypeVar

from whopwatch.contract import Operation, Parameter
from whopwatch.contract.write_effects import Action
from whopwatch.core.exchange import Credential, Exchange, Purpose
from whopwatch.http import Call
from whopwatch.oracle.written_object import ExpectedObject, compare_read, expected_of
from whopwatch.planning.needs import fillings, needs
from whopwatch.planning.state import Experiment, RunState, items, own_ids
from whopwatch.planning.writes.bodies import Body, BodyBuilder

T = TypeVar("T")
Steps = Generator[Call, Exchange, T]
"""Requests and their answers, and a result in the end."""

LOOKS = 4
"""How often something is read that does not show a write yet."""
ATTEMPTS = 3
"""BodyBuilder that are tried where a server refuses a combination of fields that the contract allows."""
PAGE_SIZE = 100
PARENTS = 3
"""Parents tried for a list of ids that are needed."""
KEY = "Idempotency-Key"
NOT_OWN = "it changes what the run did not create, which is done at the simulator only"


@dataclass
class WriteState:
    """`stamp` is in every text that this run writes; `is_simulated` that nothing there is real.

    `owned` are the ids that the run created and has not deleted, by resource, the oldest first; `untried` gives, by
    operation, why a write was not made.
    """

    state: RunState
    stamp: str
    is_simulated: bool
    owned: dict[str, list[str]] = field(default_factory=dict)
    untried: dict[str, str] = field(default_factory=dict)
    listings: dict[str, Call] = field(default_factory=dict)
    bodies: BodyBuilder = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        self.bodies = BodyBuilder(self.state.contract, self.id_of, self.unique)

    def unique(self) -> str:
        """A text that this run has not used before."""
        self._count += 1
        return f"{self.stamp}{self._count}"

    def id_of(self, resource: str) -> str | None:
        """The best known id of a resource: one that was seen, else one that the run created itself."""
        return next(iter(self.state.pool.candidates(resource)), None) or next(iter(self.owned.get(resource, ())), None)

    def operation(self, resource: str, method: str) -> Operation | None:
        """The operation `<resource>.<method>`, None where there is none."""
        return self.state.contract.operations.get(f"{resource}.{method}")

    def action(self, operation: Operation) -> Action | None:
        """Return what is declared of an action, None if nothing is."""
        return self.state.contract.write_effects.actions.get(operation.id)

    def may(self, operation: Operation | None) -> bool:
        """Whether a write may be made at this target."""
        effects = self.state.contract.write_effects
        reason = effects.reason_against(operation) if operation and not self.is_simulated else None
        if operation and reason:
            self.untried[operation.id] = f"tried at the simulator only: {reason}"
        return operation is not None and reason is None

    def left(self) -> Counter[str]:
        """How many objects of each resource the run created and could not delete."""
        return Counter({resource: len(ids) for resource, ids in self.owned.items() if ids})

    # Requests

    def write(self, operation: Operation, id: str | None = None, body: Body | None = None) -> Steps[Exchange]:
        """Make one write."""
        return (yield from self.send(self.call(operation, id, body, key=self.unique())))

    def send(self, call: Call) -> Steps[Exchange]:
        """Send a write, whatever is wrong with it; what it creates is the run's own, what it deletes no more."""
        exchange = yield call
        self.note(call.operation, exchange)
        return exchange

    def note(self, operation: Operation, exchange: Exchange) -> None:
        """Take in what an answer to a write says of what there is now."""
        if exchange.ok and operation.method == "DELETE":
            id = next(iter(exchange.path_params.values()))
            self.owned[operation.resource] = [own for own in self.owned.get(operation.resource, ()) if own != id]
            return
        made = expected_of(self.state.contract.write_effects, operation, exchange) if exchange.ok else None
        if made and made.id not in exchange.path_params.values():
            own = self.owned.setdefault(operation.resource, [])
            if made.id not in own:
                own.append(made.id)

    def call(
        self,
        operation: Operation,
        id: str | None = None,
        body: Body | None = None,
        *,
        purpose: Purpose = Purpose.WRITE,
        key: str | None = None,
    ) -> Call:
        """A write of this operation, as a request."""
        names = [parameter.name for parameter in operation.in_("path")]
        return Call(
            operation,
            purpose,
            path_params={name: id for name in names if id is not None},
            body=body if operation.body is not None else None,
            headers=((KEY, key),) if key and operation.method == "POST" else (),
        )

    def refused(self, call: Call) -> Steps[None]:
        """The same request without a key and with a wrong one. Both have to be refused."""
        kinds: tuple[tuple[Purpose, Credential], ...] = ((Purpose.NO_KEY, "none"), (Purpose.WRONG_KEY, "wrong"))
        for purpose, credential in kinds:
            yield from self.send(replace(call, purpose=purpose, credential=credential, headers=()))

    def odd(self, operation: Operation, id: str | None, body: Body) -> Steps[None]:
        """A body that breaks the documentation. It has to be refused."""
        odd = self.bodies.odd(operation, body)
        if odd:
            yield from self.send(self.call(operation, id, odd, purpose=Purpose.INVALID_BODY, key=self.unique()))

    def accepted(self, operation: Operation, id: str | None, body: Body, least: Body) -> Steps[tuple[Call, Exchange]]:
        """Write `body`; where fields are refused that a server need not take in this combination, less of it."""
        for _ in range(ATTEMPTS):
            call = self.call(operation, id, body, key=self.unique())
            exchange = yield from self.send(call)
            if exchange.status != 400 or body == least:
                break
            blamed = _blamed(exchange)
            smaller = {name: value for name, value in body.items() if name != blamed or name in least}
            body = smaller if smaller != body else least
        return call, exchange

    def parents(self, create: Operation) -> Body:
        """The fields of a body without which a new object would not be in the list that it is looked for in."""
        listing = self.operation(create.resource, "list")
        needed = {parameter.resource for parameter in listing.required_query} if listing else set()
        known = set(self.bodies.needs(create))
        return self.bodies.parents(create, {resource for resource in needed - known if resource})

    # Reading back

    def look(self, operation: Operation, written: Exchange) -> Steps[None]:
        """Read the object of a write where it can be read, until the write is seen."""
        expected = expected_of(self.state.contract.write_effects, operation, written) if written.ok else None
        if expected:
            for call in self.readers(operation.resource, expected.id):
                yield from _until(call, expected)

    def untouched(self, operation: Operation, id: str) -> Experiment:
        """Read the object of a write that was refused, by one request: it has to be as it was."""
        for call in islice(self.readers(operation.resource, id), 1):  # noqa: UP028 (it would send answers to a slice)
            yield call

    def readers(self, resource: str, id: str) -> Iterator[Call]:
        """The requests that show the object called `id`: its retrieval, and the list it is in."""
        retrieve = self.operation(resource, "retrieve")
        if retrieve:
            yield self.call(retrieve, id, purpose=Purpose.READ_BACK)
        if resource in self.listings:
            yield self.listings[resource]

    def list_of(self, resource: str, body: Mapping[str, Any]) -> Steps[Exchange | None]:
        """Read the list that something made of `body` belongs in, and remember how it is asked for."""
        listing = self.operation(resource, "list")
        if listing is None:
            return None
        query: list[tuple[str, str]] = []
        for parameter in listing.in_("query"):
            value = body.get(parameter.name) if len(parameter.resources) == 1 else None
            if value is None and parameter.required:
                value = yield from self._parent(parameter)
                if value is None:
                    return None
            if isinstance(value, str):
                query.append((parameter.name, value))
        if listing.parameter("first"):
            query.append(("first", str(PAGE_SIZE)))
        call = Call(listing, Purpose.READ_BACK, query=tuple(query))
        exchange = yield call
        if exchange.ok:
            self.listings[resource] = call
        return exchange

    def _parent(self, parameter: Parameter) -> Steps[str | None]:
        yield from self.supply(parameter.resource or "")
        return self.id_of(parameter.resource or "")

    def supply(self, resource: str, depth: int = 3) -> Experiment:
        """See to it that an id of `resource` is known, if lists lead to one."""
        listing = self.operation(resource, "list")
        if self.id_of(resource) is not None or listing is None or depth == 0:
            return
        wanted = needs(listing)
        for need in wanted:
            for parent in need.resources[:1]:
                yield from self.supply(parent, depth - 1)
        for place, filling in enumerate(fillings(wanted, self.state.pool)):
            if place == PARENTS:
                return
            in_path = {parameter.name for parameter in listing.in_("path")}
            exchange = yield Call(
                listing,
                Purpose.READ_BACK,
                path_params={name: filling[name] for name in in_path},
                query=tuple(pair for pair in filling.items() if pair[0] not in in_path),
            )
            for id in own_ids(listing, exchange.json if items(exchange) else None):
                self.state.pool.add(resource, id, own=True)
            if items(exchange):
                return


def _until(call: Call, expected: ExpectedObject) -> Steps[None]:
    for _ in range(LOOKS):
        exchange = yield call
        sighting = compare_read(expected, call.operation, exchange)
        if sighting is None or not sighting.wrong:
            return


def _blamed(exchange: Exchange) -> object:
    error = exchange.json.get("error") if isinstance(exchange.json, dict) else None
    return error.get("param") if isinstance(error, dict) else None
