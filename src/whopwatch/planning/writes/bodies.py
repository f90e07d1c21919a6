"""Build request bodies of writes that follow the contract, with values that no other object has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema_tree import schemas_of

Schema = Mapping[str, Any]
Body = dict[str, Any]

LATER = ("2037-01-15T12:00:00.000Z", "2038-03-16T13:00:00.000Z")
NUMBERS = (10, 20)
"""Two values each: one to create with, and another one to update to."""
NOT_TAKEN: Mapping[Any, int] = MappingProxyType({})
INVALID_VALUE = [["whopwatch"]]
"""A value that no plain field accepts."""


class BodyBuilder:
    """Builds bodies. `id_of` returns the best known id of a resource, `unique` a new string on every call."""

    def __init__(self, contract: Contract, id_of: Callable[[str], str | None], unique: Callable[[], str]) -> None:
        self._contract = contract
        self._id_of = id_of
        self._unique = unique

    def required_resources(self, operation: Operation) -> Iterator[str]:
        """Yield the resources of which the minimal body needs an id."""
        schema = self._body(operation)
        for name in schema.get("required", ()):
            resource = self._branch(schema["properties"][name], operation).get("x-resource")
            if resource:
                yield str(resource)

    def minimal(self, operation: Operation) -> Body:
        """Return a body with the required fields only."""
        schema = self._body(operation)
        return {name: self._value(name, schema["properties"][name], operation) for name in schema.get("required", ())}

    def parents(self, operation: Operation, resources: Collection[str]) -> Body:
        """Return the optional fields that name the parent among `resources`, one for each."""
        schema = self._body(operation)
        body: Body = {}
        for name, part in schema.get("properties", {}).items():
            resource = str(self._branch(part, operation).get("x-resource"))
            if name not in schema.get("required", ()) and resource in resources:
                body[name] = self._id_of(resource)
        return body

    def full(self, operation: Operation) -> Body:
        """Return a body with the required fields and every plain field."""
        return {**self.minimal(operation), **self.changed(operation, {})}

    def changed(self, operation: Operation, current: Mapping[str, Any], others: Sequence[Any] = ()) -> Body:
        """Return every plain field with a value that differs from `current` and that few of `others` have."""
        schema = self._body(operation)
        names = self._contract.write_effects.renamed.get(operation.resource, {})
        body: Body = {}
        for name, part in schema.get("properties", {}).items():
            if self._is_plain(name, part, operation) and not part.get("deprecated"):
                shown = names.get(name, name)
                taken = Counter(other.get(shown) for other in others if isinstance(other.get(shown), str))
                body[name] = self._value(name, part, operation, current.get(shown), taken)
        return body

    def invalid(self, operation: Operation, body: Body) -> Body | None:
        """Return `body` with a plain field of an invalid type, None if the body has no plain field."""
        schema = self._body(operation)
        plain = [name for name, part in schema.get("properties", {}).items() if self._is_plain(name, part, operation)]
        plain.sort(key=lambda name: name not in body)
        return {**body, plain[0]: INVALID_VALUE} if plain else None

    def _body(self, operation: Operation) -> Schema:
        return self._branch(operation.body or {}, operation)

    def _branch(self, schema: Schema, operation: Operation) -> Schema:
        """Return `schema` itself, or the first of its branches that is not null."""
        schema = self._contract.resolve(schema, operation.api)
        branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        for branch in branches:
            found = self._branch(branch, operation)
            if found.get("type") != "null":
                return found
        return schema

    def _is_plain(self, name: str, schema: Schema, operation: Operation) -> bool:
        part = self._branch(schema, operation)
        if "x-resource" in part or name.endswith(("_id", "_key")):
            return False
        if part.get("type") == "object":
            return name == "metadata"
        return part.get("type") in ("string", "boolean", "integer", "number")

    def _value(
        self, name: str, schema: Schema, operation: Operation, current: Any = None, taken: Mapping[Any, int] = NOT_TAKEN
    ) -> Any:
        part = self._branch(schema, operation)
        known = part.get("enum") or (self._shown_values(name, operation) if part.get("type") == "string" else ())
        if known:
            return min(known, key=lambda value: (value == current, taken.get(value, 0)))
        if "x-resource" in part:
            return self._id_of(part["x-resource"])
        kind = part.get("type")
        if kind == "object":
            return self._object(name, part, operation)
        if kind == "array":
            return [self._value(name, part.get("items", {}), operation)]
        if kind == "boolean":
            return not current
        if kind in ("integer", "number"):
            return next(number for number in NUMBERS if number != current)
        if part.get("format") in ("date-time", "date") or name.endswith("_at"):
            return next(date[:10] if part.get("format") == "date" else date for date in LATER if date != current)
        return self._contract.write_effects.text(name, self._unique())

    def _shown_values(self, name: str, operation: Operation) -> Sequence[Any]:
        """Return the documented values of the field of this name in the response: a request takes no others."""
        shown = schemas_of(self._contract).of(operation).fields.get(name)
        return shown.known_values if shown and shown.types == {"string"} else ()

    def _object(self, name: str, schema: Schema, operation: Operation) -> Body:
        if name == "metadata":
            return {"whopwatch": self._unique()}
        properties = schema.get("properties", {})
        return {inner: self._value(inner, properties[inner], operation) for inner in schema.get("required", ())}
