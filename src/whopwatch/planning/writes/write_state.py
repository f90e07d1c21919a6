"""The state of the writing part of a run: what it may write, what it created, and the requests that it sends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from whopwatch.contract import Operation, Parameter
from whopwatch.contract.behaviour import Action
from whopwatch.core.exchange import Credential, Exchange, Purpose
from whopwatch.http import Call
from whopwatch.http.call import is_usable
from whopwatch.oracle.written_object import ExpectedObject, compare_read, expected_of, object_in
from whopwatch.planning.ids import documented_samples, required_parameters, value_combinations
from whopwatch.planning.state import Experiment, RunState, items, own_ids, rejected_parameter
from whopwatch.planning.writes.bodies import Body, BodyBuilder

_Result = TypeVar("_Result")
WriteSteps = Generator[Call, Exchange, _Result]
"""Yields requests, receives their responses, and returns a result."""

MAX_READS = 4
"""Times that an object is read until it shows a write."""
BODY_ATTEMPTS = 3
"""Bodies that are tried if the API rejects a combination of fields that the contract allows."""
PARENTS_TRIED = 3
"""Parents whose lists are requested to find an id."""
IDEMPOTENCY_KEY = "Idempotency-Key"
NOT_OWN = "changes objects that the run did not create; sent to the simulator only"


@dataclass
class WriteState:
    """The writing part of a run over `state`.

    Every text that the run writes contains `marker`. `is_simulated` says that no object of the target is real.
    `created` are the ids that the run created and has not deleted, by resource, the oldest first. `skipped` maps an
    operation to the reason why it was not sent. `listings` are the requests of the lists that show created objects.
    `unverified` counts created objects that no longer show the marker, so that they are left alone.
    """

    state: RunState
    marker: str
    is_simulated: bool
    created: dict[str, list[str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    listings: dict[str, Call] = field(default_factory=dict)
    unverified: Counter[str] = field(default_factory=Counter)
    bodies: BodyBuilder = field(init=False)
    _count: int = 0
    _chosen: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bodies = BodyBuilder(self.state.contract, self.id_of, self.unique)

    def unique(self) -> str:
        """Return a string that this run has not used before."""
        self._count += 1
        return f"{self.marker}{self._count}"

    def id_of(self, resource: str) -> str | None:
        """Return the best known id of a resource: one that was seen, or one that the run created."""
        return next(iter((*self.state.pool.candidates(resource), *self.created.get(resource, ()))), None)

    def operation(self, resource: str, method: str) -> Operation | None:
        """Return the operation `<resource>.<method>`, None if there is none."""
        return self.state.contract.operations.get(f"{resource}.{method}")

    def action(self, operation: Operation) -> Action | None:
        """Return what is declared of an action, None if nothing is."""
        return self.state.contract.write_effects.actions.get(operation.id)

    def is_allowed(self, operation: Operation | None) -> bool:
        """Return whether this write may be sent to the target; note the reason in `skipped` if not."""
        effects = self.state.contract.write_effects
        reason = effects.reason_against(operation) if operation and not self.is_simulated else None
        if operation and reason:
            self.skipped[operation.id] = f"sent to the simulator only: {reason}"
        return operation is not None and reason is None

    def left(self) -> Counter[str]:
        """Return how many objects of each resource the run created and could not delete."""
        return Counter({resource: len(ids) for resource, ids in self.created.items() if ids}) + self.unverified

    def write(self, operation: Operation, id: str | None = None, body: Body | None = None) -> WriteSteps[Exchange]:
        """Send one write."""
        return (yield from self.send(self.call(operation, id, body, key=self.unique())))

    def send(self, call: Call) -> WriteSteps[Exchange]:
        """Send a write, valid or not, and note what it created or deleted."""
        exchange = yield call
        self.note(call.operation, exchange)
        return exchange

    def note(self, operation: Operation, exchange: Exchange) -> None:
        """Update `created` with the response to a write."""
        if exchange.ok and operation.method == "DELETE":
            id = exchange.subject_id
            self.created[operation.resource] = [own for own in self.created.get(operation.resource, ()) if own != id]
            return
        made = expected_of(self.state.contract.write_effects, operation, exchange) if exchange.ok else None
        if made and made.id not in exchange.path_params.values() and self._is_new(made.id, exchange):
            own = self.created.setdefault(operation.resource, [])
            if made.id not in own:
                own.append(made.id)

    def _is_new(self, id: str, exchange: Exchange) -> bool:
        """Return whether a response names an object that this write created.

        A broken API may return an object of another user, which must never be changed or deleted: an own object was
        not read before, and outside the simulator it shows the marker of the run.
        """
        if id in self.state.read_ids or not is_usable(id):
            return False
        return self.is_simulated or self.shows_marker(exchange.json)

    def shows_marker(self, value: Any) -> bool:
        """Return whether a JSON value contains a string that this run wrote."""
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return (isinstance(value, str) and self.marker in value) or any(map(self.shows_marker, parts))

    def is_own(self, resource: str, id: str) -> WriteSteps[bool]:
        """Read an object and return whether it shows the marker of the run; if not, it is given up.

        To be called before each step that changes or deletes it. At the simulator no object is real, so none is read.
        """
        if self.is_simulated:
            return True
        for call in self.readers(resource, id):
            exchange = yield call
            if self.shows_marker(object_in(call.operation, exchange, id)):
                return True
        self.created[resource] = [own for own in self.created.get(resource, ()) if own != id]
        self.unverified[resource] += 1
        return False

    def call(
        self,
        operation: Operation,
        id: str | None = None,
        body: Body | None = None,
        *,
        purpose: Purpose = Purpose.WRITE,
        key: str | None = None,
    ) -> Call:
        """Return the request of a write. A deletion that needs a body gets the smallest one."""
        if body is None and operation.method == "DELETE" and operation.body is not None:
            body = self.bodies.minimal(operation)
        return Call(
            operation,
            purpose,
            path_params=self._path_values(operation, id),
            body=body if operation.body is not None else None,
            headers=((IDEMPOTENCY_KEY, key),) if key and operation.method == "POST" else (),
        )

    def _path_values(self, operation: Operation, id: str | None) -> dict[str, str]:
        """Return the ids in the path: `id` comes last, those of its parents before it."""
        names = [parameter.name for parameter in operation.in_("path")]
        values = self._parents_in_path(operation, id)
        return {**values, **({names[-1]: id} if id is not None and names else {})}

    def _parents_in_path(self, operation: Operation, id: str | None) -> dict[str, str]:
        """Return the ids of the parents of object `id`, or of a new object; those without a known id are left out."""
        parameters = list(operation.in_("path"))
        found = {}
        for one in parameters if id is None else parameters[:-1]:
            resource = one.resource or ""
            if resource not in self._chosen and (known := self.id_of(resource)) is not None:
                self._chosen[resource] = known
            parent = self.state.listed_below.get(id or "", {}).get(one.name) or self._chosen.get(resource)
            if parent is not None:
                found[one.name] = parent
        return found

    def find_parents(self, operation: Operation, id: str | None = None) -> WriteSteps[bool]:
        """Request lists until the path can name object `id`, or all parents of a new object; return whether it can."""
        for parameter in operation.in_("path"):
            yield from self.find_id(parameter.resource or "")
        return self._can_name(operation, id)

    def _can_name(self, operation: Operation, id: str | None) -> bool:
        return self._path_values(operation, id).keys() == {one.name for one in operation.in_("path")}

    def without_valid_key(self, call: Call) -> WriteSteps[None]:
        """Send the same request without a key and with a wrong key. The API has to reject both."""
        kinds: tuple[tuple[Purpose, Credential], ...] = ((Purpose.NO_KEY, "none"), (Purpose.WRONG_KEY, "wrong"))
        for purpose, credential in kinds:
            yield from self.send(replace(call, purpose=purpose, credential=credential, headers=()))

    def with_invalid_body(self, operation: Operation, id: str | None, body: Body) -> WriteSteps[None]:
        """Send an invalid body. The API has to reject it."""
        invalid = self.bodies.invalid(operation, body)
        if invalid:
            yield from self.send(self.call(operation, id, invalid, purpose=Purpose.INVALID_BODY, key=self.unique()))

    def write_accepted(
        self, operation: Operation, id: str | None, body: Body, minimal: Body
    ) -> WriteSteps[tuple[Call, Exchange]]:
        """Send `body`; if the API rejects a field of it, send it without that field, at last as `minimal`."""
        for _ in range(BODY_ATTEMPTS):
            call = self.call(operation, id, body, key=self.unique())
            exchange = yield from self.send(call)
            if exchange.status != 400 or body == minimal:
                break
            rejected = rejected_parameter(exchange)
            smaller = {name: value for name, value in body.items() if name != rejected or name in minimal}
            body = smaller if smaller != body else minimal
        return call, exchange

    def parents(self, create: Operation) -> Body:
        """Return the fields that a body needs so that the new object appears in its list."""
        listing = self.operation(create.resource, "list")
        needed = {parameter.resource for parameter in listing.required_query} if listing else set()
        known = set(self.bodies.required_resources(create))
        return self.bodies.parents(create, {resource for resource in needed - known if resource})

    def read_until_visible(self, operation: Operation, written: Exchange) -> WriteSteps[None]:
        """Read the object of a write, alone and in its list, until it shows the write."""
        expected = expected_of(self.state.contract.write_effects, operation, written) if written.ok else None
        if expected:
            for call in self.readers(operation.resource, expected.id):
                yield from _read_until(call, expected)

    def read_once(self, operation: Operation, id: str) -> Experiment:
        """Read the object of a rejected write with one request: it has to be unchanged."""
        call = next(self.readers(operation.resource, id), None)
        if call:
            yield call

    def readers(self, resource: str, id: str) -> Iterator[Call]:
        """Yield the requests that return the object with this id: its retrieval, and its list."""
        retrieve = self.operation(resource, "retrieve")
        if retrieve and self._can_name(retrieve, id):
            yield self.call(retrieve, id, purpose=Purpose.READ_BACK)
        if resource in self.listings:
            yield self.listings[resource]

    def list_of(self, resource: str, body: Mapping[str, Any]) -> WriteSteps[Exchange | None]:
        """Read the list in which an object created with `body` appears, and remember its request."""
        listing = self.operation(resource, "list")
        if listing is None or not (yield from self.find_parents(listing)):
            return None
        query: list[tuple[str, str]] = []
        for parameter in listing.in_("query"):
            value = body.get(parameter.name) if len(parameter.resources) == 1 else None
            if value is None and parameter.required:
                value = yield from self._parent(listing, parameter)
                if value is None:
                    return None
            if isinstance(value, str):
                query.append((parameter.name, value))
        if listing.parameter("first"):
            query.append(("first", str(self.state.contract.paging(listing).maximum_size)))
        path = self._parents_in_path(listing, None)
        call = Call(listing, Purpose.READ_BACK, path_params=path, query=tuple(query))
        exchange = yield call
        if exchange.ok:
            self.listings[resource] = call
        return exchange

    def _parent(self, listing: Operation, parameter: Parameter) -> WriteSteps[str | None]:
        if not parameter.resource:
            return next(iter(documented_samples(self.state.contract, listing, parameter)), None)
        yield from self.find_id(parameter.resource)
        return self.id_of(parameter.resource)

    def find_id(self, resource: str, depth: int = 3) -> Experiment:
        """Request lists until an id of `resource` is known, if lists lead to one."""
        listing = self.operation(resource, "list")
        if self.id_of(resource) is not None or listing is None or depth == 0:
            return
        required = required_parameters(self.state.contract, listing)
        for one in required:
            for parent in one.resources[:1]:
                yield from self.find_id(parent, depth - 1)
        for place, values in enumerate(value_combinations(required, self.state.pool)):
            if place == PARENTS_TRIED:
                return
            in_path = [parameter.name for parameter in listing.in_("path")]
            exchange = yield Call(
                listing,
                Purpose.READ_BACK,
                path_params={name: values[name] for name in in_path},
                query=tuple(pair for pair in values.items() if pair[0] not in in_path),
            )
            for id in own_ids(listing, exchange.json if items(exchange) else None):
                self.state.pool.add(resource, id, own=True)
            if items(exchange):
                return


def _read_until(call: Call, expected: ExpectedObject) -> WriteSteps[None]:
    for _ in range(MAX_READS):
        exchange = yield call
        sighting = compare_read(expected, call.operation, exchange)
        if sighting is None or not sighting.wrong:
            return
