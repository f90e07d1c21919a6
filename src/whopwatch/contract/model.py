"""Contract: the documents of one edition, its operations, events and schemas, and what is declared beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from whopwatch.contract.behaviour import AccountResource, Behaviour, Filter, Paging, WriteEffects
from whopwatch.contract.edition import Edition, McpServerFacts
from whopwatch.contract.operation import Event, Operation, Parameter, Schema, events_of, operations_of
from whopwatch.contract.schema import SchemaStore, Validator
from whopwatch.core.errors import UsageError, did_you_mean


class Contract:
    """What one edition of the API promises: operations by id, events by name, schemas by JSON pointer.

    `documents` maps an API (`v1`, `v2`) to a self-contained OpenAPI document. `edition` says which version that is,
    and holds what is declared beside the documents.
    """

    def __init__(self, documents: Mapping[str, Any], edition: Edition) -> None:
        self.documents = documents
        self.edition = edition
        self._stores = {api: SchemaStore(document) for api, document in documents.items()}
        self.operations: dict[str, Operation] = {
            operation.id: operation for api, document in documents.items() for operation in operations_of(api, document)
        }
        self.events: dict[str, Event] = {
            event.name: event for document in documents.values() for event in events_of(document)
        }

    @property
    def sha256(self) -> str:
        """The digest that identifies the documents."""
        return self.edition.sha256

    @property
    def version(self) -> str | None:
        """The value of the `Api-Version-Date` header that this contract describes, None if it is not known."""
        return self.edition.version

    @property
    def behaviour(self) -> Behaviour:
        """How lists and errors are expected to behave."""
        return self.edition.behaviour

    @property
    def write_effects(self) -> WriteEffects:
        """What writes do beyond their schemas."""
        return self.edition.write_effects

    @property
    def mcp_server(self) -> McpServerFacts:
        """What is known of the MCP server."""
        return self.edition.mcp_server

    @property
    def account(self) -> AccountResource:
        """The resource that a key belongs to."""
        return self.edition.behaviour.account_resource

    @cached_property
    def resources(self) -> tuple[str, ...]:
        """The resources of v1, in the order of the document."""
        v1 = (operation for operation in self.operations.values() if operation.api == "v1")
        return tuple(dict.fromkeys(operation.resource for operation in v1))

    @cached_property
    def reads(self) -> tuple[Operation, ...]:
        """The GET operations."""
        return tuple(operation for operation in self.operations.values() if operation.is_read)

    @cached_property
    def lists(self) -> tuple[Operation, ...]:
        """The paginated list operations."""
        return tuple(operation for operation in self.operations.values() if operation.is_list)

    @cached_property
    def _by_length(self) -> Mapping[tuple[str, str, int], Sequence[Operation]]:
        """The operations by API, method, and number of slashes in their paths."""
        found: dict[tuple[str, str, int], list[Operation]] = defaultdict(list)
        for operation in self.operations.values():
            for length in {path.count("/") for path in (operation.path, *operation.alternate_paths)}:
                found[operation.api, operation.method, length].append(operation)
        return found

    def operation(self, id: str, *, where: str | None = None) -> Operation:
        """Return the operation called `id`. Raise UsageError with a suggestion if there is none.

        `where` is what that error says about where the id was named.
        """
        try:
            return self.operations[id]
        except KeyError:
            raise UsageError(
                f"There is no operation {id!r} in the contract.",
                where=where,
                expected="an operation id such as products.list",
                got=repr(id),
                hint=self.nearest(id) or "`whopwatch contract show` lists them",
            ) from None

    def nearest(self, id: str) -> str | None:
        """Return a suggestion for an unknown operation: for a known resource, the operations of that resource."""
        resource = id.rpartition(".")[0]
        own = [known for known, operation in self.operations.items() if operation.resource == resource]
        if own:
            return did_you_mean(id, own) or f"{resource} has {', '.join(own)}"
        return did_you_mean(id, self.operations)

    def event(self, name: str) -> Event:
        """Return the webhook event called `name`. Raise UsageError with a suggestion if there is none."""
        try:
            return self.events[name]
        except KeyError:
            raise UsageError(
                f"There is no event {name!r} in the contract.",
                expected="an event such as payment.succeeded",
                got=repr(name),
                hint=did_you_mean(name, self.events) or f"one of {', '.join(self.events)}",
            ) from None

    def match(self, method: str, path: str, api: str = "v1") -> Operation | None:
        """Return the operation of `method` and a concrete `path` (below the base URL), or None.

        Of several templates the one with the fewest parameters wins.
        """
        same_length = self._by_length.get((api, method, path.count("/")), ())
        candidates = [operation for operation in same_length if operation.path_pattern.fullmatch(path)]
        return min(candidates, key=lambda operation: operation.path.count("{"), default=None)

    def resolve(self, schema: Schema, api: str = "v1") -> Schema:
        """Return `schema`, or the schema that its `$ref` refers to."""
        return self._stores[api].resolve(schema)

    def validator(self, pointer: str, api: str = "v1") -> Validator:
        """Return the validator of the schema at `pointer` (`/components/schemas/Product`), compiled once."""
        return self._stores[api].validator(pointer)

    def paging(self, operation: Operation) -> Paging:
        """Return how a list is paged: as its operation or its page size documents it, else as all lists are."""
        stated = operation.raw.get("x-pagination", {})
        names = {parameter.name for parameter in operation.in_("query")}
        first = operation.parameter("first")
        size = self.resolve(first.schema, operation.api) if first else {}
        maximum = stated.get("maximum_size") or size.get("maximum")
        return Paging(
            stated.get("default_size") or size.get("default"),
            maximum or self.behaviour.pages["maximum_size"],
            names >= {"last", "before"},
            maximum is not None,
        )

    def filters_of(self, operation: Operation) -> Iterator[Filter]:
        """Yield the optional parameters of a list that choose among its items."""
        own = self.behaviour.operations.get(operation.id, {})
        for parameter in operation.in_("query"):
            declared = own.get(parameter.name) or self.behaviour.filters.get(parameter.name)
            # A time that is a number has a unit that no source states: nothing is concluded from it.
            is_number = self.resolve(parameter.schema, operation.api).get("type") in ("integer", "number")
            is_unclear = declared and is_number and declared.get("test") in ("before", "not-before")
            if declared and not parameter.required and not is_unclear:
                yield Filter(
                    parameter.name,
                    tuple(tuple(path.split(".")) for path in declared["field"].split("|")),
                    declared.get("test", "equals"),
                    parameter.is_array,
                    self.documented_values(operation, parameter),
                    parameter.id_prefixes,
                    parameter.resource == self.account.resource,
                    self.behaviour.wildcards,
                )

    def documented_values(self, operation: Operation, parameter: Parameter) -> tuple[str, ...]:
        """Return the documented values of an enum parameter, or of the items of an array one; () for any other."""
        schema = self.resolve(parameter.schema, operation.api)
        schema = self.resolve(schema.get("items", schema), operation.api)
        if schema.get("type") == "boolean":
            return ("true", "false")
        return tuple(str(value) for value in schema.get("enum", ()))
