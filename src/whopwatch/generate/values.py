"""Valid values of any schema of the contract, as Hypothesis strategies.

One short function a keyword. The contract allows only these keywords (`contract verify` refuses the others), so a
schema that none of them describes is an error here and never silently `anything`.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from whopwatch.contract import Contract
from whopwatch.contract.operation import lookup
from whopwatch.core.errors import ContractError

Schema = Mapping[str, Any]

MAX_ITEMS = 3
"""How many items a generated array holds at most: two that agree and one that differs show what an array can show."""

_ALPHANUMERIC = string.ascii_letters + string.digits
_EXTRA_NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8)
_ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=4), st.just([]), st.just({}))
_PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SCALARS: dict[str, SearchStrategy[Any]] = {
    "string": _PLAIN,
    "integer": st.integers(-(2**53), 2**53),
    "number": st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False, width=32),
    "boolean": st.booleans(),
    "null": st.none(),
}


def _date_times() -> SearchStrategy[str]:
    moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))
    return moments.map(lambda moment: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


_FORMATS = {
    "date-time": _date_times(),
    "date": st.dates().map(lambda date: date.isoformat()),
    "email": st.from_regex(r"[a-z]{1,8}@example\.com", fullmatch=True),
    "uri": st.from_regex(r"https://example\.com/[a-z]{0,8}", fullmatch=True),
}


class Strategies:
    """The strategies of one document of `contract`; each named schema is made once.

    Raises ContractError for a schema with a type or format that it cannot make values of.
    """

    def __init__(self, contract: Contract, api: str = "v1") -> None:
        self.contract = contract
        self.api = api
        self._named = cache(lambda reference: st.deferred(lambda: self.of(self.resolve({"$ref": reference}))))
        self._made: dict[int, tuple[Schema, SearchStrategy[Any]]] = {}

    def at(self, pointer: str) -> SearchStrategy[Any]:
        """Valid values of the schema at the JSON `pointer` of the document."""
        return self.of(lookup(self.contract.documents[self.api], pointer))

    def resolve(self, schema: Schema) -> Schema:
        """`schema`, or what its `$ref` points at."""
        return self.contract.resolve(schema, self.api)

    def of(self, schema: Schema) -> SearchStrategy[Any]:
        """Valid values of `schema`; the same strategy for the same object, as making and validating one is dear."""
        known = self._made.get(id(schema))
        if known is None or known[0] is not schema:
            known = self._made[id(schema)] = schema, self._of(schema)
        return known[1]

    def _of(self, schema: Schema) -> SearchStrategy[Any]:
        if "$ref" in schema:
            return self._named(schema["$ref"])
        if "const" in schema:
            return st.just(schema["const"])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
        if branches:
            return st.one_of([self.of(branch) for branch in branches])
        return self._of_type(schema)

    def _of_type(self, schema: Schema) -> SearchStrategy[Any]:
        kind = schema.get("type")
        if kind == "object":
            return self._objects(schema)
        if kind == "array":
            return st.lists(self.of(schema.get("items", {})), max_size=MAX_ITEMS)
        if kind == "string":
            return _strings(schema)
        if kind is None:
            return _ANYTHING
        try:
            return _SCALARS[kind]
        except (KeyError, TypeError):
            raise ContractError("No values can be made of a schema.", expected="one JSON type", got=str(kind)) from None

    def _objects(self, schema: Schema) -> SearchStrategy[dict[str, Any]]:
        properties = {name: self.of(part) for name, part in schema.get("properties", {}).items()}
        required = {name: properties.pop(name) for name in schema.get("required", ()) if name in properties}
        documented = st.fixed_dictionaries(required, optional=properties)
        additional = schema.get("additionalProperties")
        if not additional:
            return documented
        values = self.of(additional) if isinstance(additional, Mapping) else _ANYTHING
        extra = st.dictionaries(_EXTRA_NAMES, values, max_size=2)
        return st.builds(lambda more, known: {**more, **known}, extra, documented)


def _strings(schema: Schema) -> SearchStrategy[str]:
    if "x-id-prefix" in schema:
        suffix = st.text(_ALPHANUMERIC, min_size=13, max_size=14)
        return st.builds(str.__add__, st.sampled_from(schema["x-id-prefix"]), suffix)
    if "format" not in schema:
        return _PLAIN
    try:
        return _FORMATS[schema["format"]]
    except KeyError:
        raise ContractError(
            "No values can be made of a format.", expected=", ".join(_FORMATS), got=schema["format"]
        ) from None
