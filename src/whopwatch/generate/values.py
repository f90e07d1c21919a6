"""Generate valid values of any schema of the contract, and values with one thing changed or broken.

One short function per keyword. `contract verify` rejects a contract with other keywords, so an unknown type or format
is an error here, and never means "any value".

A Breakage breaks the contract: it says where the value is now wrong, in which way, and which drift class that is. An
AllowedChange is a change that the contract allows: a check reports nothing above `info`.
"""

from __future__ import annotations

import copy
import string
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from whopwatch.contract import Contract
from whopwatch.contract.schema import json_type
from whopwatch.contract.schema_tree import Path, Schema, SchemaNode, schemas_of
from whopwatch.core.errors import ContractError
from whopwatch.core.pointers import lookup
from whopwatch.core.report import timestamp

MUTATION_CLASSES = {
    "required": "D5",
    "null": "D9",
    "type": "D7",
    "fraction": "D8",
    "enum": "D10",
    "const": "D18",
    "format": "D12",
    "prefix": "D12",
    "union": "D18",
}
"""The drift class of each way to break a response. `fraction` puts a fraction where an integer is documented."""

_OF_TYPE: dict[str, SearchStrategy[Any]] = {
    "string": st.text(max_size=8),
    "integer": st.integers(-99, 99),
    "number": st.integers(-99, 99).map(lambda whole: whole + 0.5),
    "boolean": st.booleans(),
    "array": st.lists(st.booleans(), max_size=2),
    "object": st.dictionaries(st.text(string.ascii_lowercase, max_size=3), st.booleans(), max_size=2),
}
_REMOVED = st.just(...)
_NUMBERS = frozenset({"integer", "number"})
_MALFORMED = {
    "date-time": st.sampled_from(
        [
            "",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "1767225600",
            "2026-01-01",
            "2026-01-01T00:00:00",
        ]
    ),
    "date": st.sampled_from(["", "yesterday", "2026-13-01", "2026-02-30", "2026-01-01T00:00:00Z"]),
    "email": st.just("no-at-sign"),
    "uri": st.just("not a link"),
}
_WORDS = st.text(string.ascii_letters, min_size=1, max_size=12)


@dataclass(frozen=True)
class Breakage:
    """A value that breaks its schema at `path` only; `kind` is what is wrong there."""

    value: Any
    path: Path
    kind: str
    drift_class: str


@dataclass(frozen=True)
class AllowedChange:
    """A value that still conforms although it was changed at `path`. `kind` is extra, null, absent or none."""

    value: Any
    path: Path
    kind: str


@dataclass(frozen=True)
class Site:
    """One place of a valid value that can be changed.

    `schema` is the plain schema of the value there. `types` are the allowed JSON types without null (empty: all).
    `union_path` is set where the value is the constant that selects a variant: the path of the union. A change here
    breaks the union there.
    """

    path: Path
    schema: Schema
    value: Any
    types: frozenset[str]
    nullable: bool
    required: bool
    is_union: bool = False
    union_path: Path | None = None


Change = tuple[str, Path, Site, SearchStrategy[Any]]
"""The kind of a change, the path to report, the site to change, and its new values."""


@st.composite
def broken(draw: DrawFn, strategies: Strategies, schema: Schema) -> Breakage:
    """Draw a valid value of `schema` and break one thing in it; every possible kind of breakage is equally likely."""
    value = draw(strategies.of(schema))
    changes = [change for site in sites(strategies.node(schema), value) for change in _breakages(site)]
    kind, path, site, replacement = _choose(draw, changes)
    return Breakage(_with(value, site.path, draw(replacement)), path, _reported_kind(kind), MUTATION_CLASSES[kind])


@st.composite
def allowed(draw: DrawFn, strategies: Strategies, schema: Schema) -> AllowedChange:
    """Draw a valid value of `schema` and make one change that the contract allows."""
    value = draw(strategies.of(schema))
    changes = [change for site in sites(strategies.node(schema), value) for change in _allowances(site)]
    if not changes:
        return AllowedChange(value, (), "none")
    kind, path, _, replacement = _choose(draw, changes)
    return AllowedChange(_with(value, path, draw(replacement)), path, kind)


def sites(
    node: SchemaNode, value: Any, path: Path = (), union_path: Path | None = None, required: bool = True
) -> Iterator[Site]:
    """Yield every site of `value`, a valid value of `node`, in document order.

    The inside of a union's value is left out where no constant selects its variant: after a change there it is
    unknown which variant was meant.
    """
    meant = [] if value is None else [each for each in node.alternatives if _fits(each, value)]
    selected = len(meant) == 1 and bool(_selectors(meant[0]))
    is_union = bool(node.variants)
    known = meant[0] if meant and (selected or not is_union) else None
    schema = known.schema if known else {} if is_union else node.schema
    nullable = node.nullable or any(each.is_any for each in node.alternatives)
    yield Site(path, schema, value, node.types, nullable, required, is_union, union_path)
    if known and isinstance(value, list) and known.items:
        for index, item in enumerate(value):
            yield from sites(known.items, item, (*path, index))
    elif known and isinstance(value, dict):
        selectors = _selectors(known) if is_union else {}
        for name, child in known.fields.items():
            if name in value:
                here = path if name in selectors else None
                yield from sites(child, value[name], (*path, name), here, name in known.required)


def _fits(node: SchemaNode, value: Any) -> bool:
    observed = json_type(value)
    if node.type not in (None, observed) and (node.type, observed) != ("number", "integer"):
        return False
    return all(value.get(name) in tags for name, tags in _selectors(node).items())


def _selectors(node: SchemaNode) -> dict[str, frozenset[Any]]:
    """Return the required properties of a variant that can only be one constant."""
    return {name: values for name, values in node.tags.items() if name in node.required}


def _choose(draw: DrawFn, changes: list[Change]) -> Change:
    kind = draw(st.sampled_from(sorted({change[0] for change in changes})))
    return draw(st.sampled_from([change for change in changes if change[0] == kind]))


def _reported_kind(kind: str) -> str:
    return "type" if kind == "fraction" else kind


def _breakages(site: Site) -> Iterator[Change]:
    for kind, replacement in _replacements(site):
        if site.union_path is not None:
            yield "union", site.union_path, site, replacement
        elif kind == "type" and site.is_union:
            yield "union", site.path, site, replacement
        else:
            yield kind, site.path, site, replacement


def _replacements(site: Site) -> Iterator[tuple[str, SearchStrategy[Any]]]:
    """Yield each kind of breakage of one site with its new values, as if the site selected no variant."""
    schema = site.schema
    if site.required and site.path and isinstance(site.path[-1], str):
        yield "required", _REMOVED
    if not site.nullable:
        yield "null", st.none()
    if site.types:
        accepted = site.types | (_NUMBERS if site.types & _NUMBERS else set())
        yield "type", _of_other_types(accepted)
    if schema.get("type") == "integer":
        yield "fraction", _OF_TYPE["number"]
    if "enum" in schema:
        yield "enum", _words_except(*schema["enum"])
    if "const" in schema:
        yield "const", _words_except(schema["const"])
    if "format" in schema:
        yield "format", _MALFORMED[schema["format"]]
    if "x-id-prefix" in schema:
        yield "prefix", _words_without_prefix(*schema["x-id-prefix"])


@cache
def _of_other_types(accepted: frozenset[str]) -> SearchStrategy[Any]:
    return st.one_of([values for kind, values in _OF_TYPE.items() if kind not in accepted])


@cache
def _words_except(*known: Any) -> SearchStrategy[str]:
    return _WORDS.filter(lambda word: word not in known)


@cache
def _words_without_prefix(*prefixes: str) -> SearchStrategy[str]:
    return _WORDS.filter(lambda word: not word.startswith(prefixes))


def _allowances(site: Site) -> Iterator[Change]:
    if site.nullable and site.value is not None:
        yield "null", site.path, site, st.none()
    if not site.required:
        yield "absent", site.path, site, _REMOVED
    if isinstance(site.value, dict) and "properties" in site.schema and not site.schema.get("additionalProperties"):
        yield "extra", (*site.path, "x_undocumented"), site, _of_other_types(frozenset())


def _with(value: Any, path: Path, part: Any) -> Any:
    """Return a copy of `value` with `part` at `path`; an ellipsis removes what is there."""
    if not path:
        return part
    changed = copy.deepcopy(value)
    holder = changed
    for token in path[:-1]:
        holder = holder[token]
    if part is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = part
    return changed


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
    return times.map(lambda time: timestamp(time, "milliseconds"))


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
