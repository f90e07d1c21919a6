"""Generate valid values of any schema of the contract, as Hypothesis strategies.

One short function per keyword. `contract verify` rejects a contract with other keywords, so an unknown type or format
is an error here, and never means "any value".
"""

from __future__ import annotations

import string
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from whopwatch.contract import Contract
from whopwatch.contract.operation import lookup
from whopwatch.contract.schema_tree import Schema, SchemaNode, schemas_of
from whopwatch.core.errors import ContractError

MAX_ARRAY_LENGTH = 3
"""The longest generated array: two equal items and a different one are enough to break every check of arrays."""

_ALPHANUMERIC = string.ascii_letters + string.digits
_EXTRA_NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8)
_ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=4), st.just([]), st.just({}))
_PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SCALARS: dict[str, SearchStrategy[Any]] = {
    "string": _PLAIN,
    "integer": st.integers(-(2**53), 2**53),
    "number": st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False, width=32),
    "boolean": st.booleans(),
}


def _date_times() -> SearchStrategy[str]:
    times = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))
    return times.map(lambda time: time.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


_FORMATS = {
    "date-time": _date_times(),
    "date": st.dates().map(lambda date: date.isoformat()),
    "email": st.from_regex(r"[a-z]{1,8}@example\.com", fullmatch=True),
    "uri": st.from_regex(r"https://example\.com/[a-z]{0,8}", fullmatch=True),
}


class Strategies:
    """Strategies for one document of `contract`; each named schema gets one strategy.

    Raise ContractError for a schema of an unsupported type or format.
    """

    def __init__(self, contract: Contract, api: str = "v1") -> None:
        self.contract = contract
        self.api = api
        self._built: dict[SchemaNode, SearchStrategy[Any]] = {}

    def at(self, pointer: str) -> SearchStrategy[Any]:
        """Return the strategy for the schema at the JSON `pointer` of the document."""
        return self.of(lookup(self.contract.documents[self.api], pointer))

    def of(self, schema: Schema) -> SearchStrategy[Any]:
        """Return the strategy for `schema`. It is cached: Hypothesis takes long to build and validate one."""
        return self._of(self.node(schema))

    def node(self, schema: Schema) -> SchemaNode:
        """Return `schema` as the schema tree reads it."""
        return schemas_of(self.contract).read(schema, self.api)

    def _of(self, node: SchemaNode) -> SearchStrategy[Any]:
        if node not in self._built:
            # Deferred, because an object may contain objects of its own schema.
            is_object = node.type == "object"
            self._built[node] = st.deferred(lambda: self._build(node)) if is_object else self._build(node)
        return self._built[node]

    def _build(self, node: SchemaNode) -> SearchStrategy[Any]:
        if node.type == "null":
            return st.none()
        return st.none() | self._not_null(node) if node.nullable else self._not_null(node)

    def _not_null(self, node: SchemaNode) -> SearchStrategy[Any]:
        if node.variants:
            return st.one_of([self._of(variant) for variant in node.variants])
        if node.enum is not None:
            return st.sampled_from(node.enum)
        if node.type == "object":
            return self._objects(node)
        if node.type == "array":
            return st.lists(self._of(node.items) if node.items else _ANYTHING, max_size=MAX_ARRAY_LENGTH)
        if node.type == "string":
            return _strings(node)
        if node.type is None:
            return _ANYTHING
        try:
            return _SCALARS[node.type]
        except KeyError:
            raise ContractError(
                "Cannot generate values of a schema.", expected="a JSON type", got=repr(node.type)
            ) from None

    def _objects(self, node: SchemaNode) -> SearchStrategy[dict[str, Any]]:
        fields = {name: self._of(part) for name, part in node.fields.items()}
        required = {name: fields.pop(name) for name in node.fields if name in node.required}
        documented = st.fixed_dictionaries(required, optional=fields)
        if not node.additional:
            return documented
        extra = st.dictionaries(_EXTRA_NAMES, self._of(node.additional), max_size=2)
        return st.builds(lambda more, known: {**more, **known}, extra, documented)


def _strings(node: SchemaNode) -> SearchStrategy[str]:
    if node.prefixes:
        suffix = st.text(_ALPHANUMERIC, min_size=13, max_size=14)
        return st.builds(str.__add__, st.sampled_from(node.prefixes), suffix)
    if node.format is None:
        return st.sampled_from(node.known_values) | _PLAIN if node.known_values else _PLAIN
    try:
        return _FORMATS[node.format]
    except KeyError:
        raise ContractError(
            "Cannot generate values of a format.", expected=", ".join(_FORMATS), got=repr(node.format)
        ) from None
