"""Changes of a valid value, each with what an observer has to make of it.

A breakage is one way to break a contract: it says where the value is now wrong, in which way, and which drift class
that is. An allowance is a change that clients have to bear; where it is worth a word at all it is information.
"""

from __future__ import annotations

import copy
import string
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from whopwatch.generate.sites import Path, Schema, Site, sites
from whopwatch.generate.values import Strategies

DRIFT_CLASSES = {
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
"""The drift class of each way to break a response. `fraction` is a whole number that became any number."""

_OF_TYPE: dict[str, SearchStrategy[Any]] = {
    "string": st.text(max_size=8),
    "integer": st.integers(-99, 99),
    "number": st.integers(-99, 99).map(lambda whole: whole + 0.5),
    "boolean": st.booleans(),
    "array": st.lists(st.booleans(), max_size=2),
    "object": st.dictionaries(st.text(string.ascii_lowercase, max_size=3), st.booleans(), max_size=2),
}
_ABSENT = st.just(...)
_NUMBERS = frozenset({"integer", "number"})
_OF_NO_FORMAT = {
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
    "email": st.just("nobody"),
    "uri": st.just("not a link"),
}
_WORDS = st.text(string.ascii_letters, min_size=1, max_size=12)


@dataclass(frozen=True)
class Breakage:
    """A value that is wrong at `path`, and nowhere else, in the way `kind`, which is drift of `drift_class`."""

    value: Any
    path: Path
    kind: str
    drift_class: str


@dataclass(frozen=True)
class Allowance:
    """A value that is still right although `kind` of thing was changed at `path`: extra, null or absent."""

    value: Any
    path: Path
    kind: str


Change = tuple[str, Path, Site, SearchStrategy[Any]]
"""The kind of a change, the place it shows at, the place it is made at, and what stands there afterwards."""


@st.composite
def broken(draw: DrawFn, strategies: Strategies, schema: Schema) -> Breakage:
    """A valid value of `schema` with one thing broken; every kind of breakage that it allows is as likely."""
    value = draw(strategies.of(schema))
    changes = [change for site in sites(schema, value, strategies.resolve) for change in _breakages(site)]
    kind, path, site, replacement = _choose(draw, changes)
    return Breakage(_with(value, site.path, draw(replacement)), path, _seen_as(kind), DRIFT_CLASSES[kind])


@st.composite
def allowed(draw: DrawFn, strategies: Strategies, schema: Schema) -> Allowance:
    """A valid value of `schema` with one change that the contract allows."""
    value = draw(strategies.of(schema))
    changes = [change for site in sites(schema, value, strategies.resolve) for change in _allowances(site)]
    if not changes:
        return Allowance(value, (), "none")
    kind, path, _, replacement = _choose(draw, changes)
    return Allowance(_with(value, path, draw(replacement)), path, kind)


def _choose(draw: DrawFn, changes: list[Change]) -> Change:
    kind = draw(st.sampled_from(sorted({change[0] for change in changes})))
    return draw(st.sampled_from([change for change in changes if change[0] == kind]))


def _seen_as(kind: str) -> str:
    return "type" if kind == "fraction" else kind


def _breakages(site: Site) -> Iterator[Change]:
    for kind, replacement in _replacements(site):
        if site.names is not None:
            yield "union", site.names, site, replacement
        elif kind == "type" and site.is_union:
            yield "union", site.path, site, replacement
        else:
            yield kind, site.path, site, replacement


def _replacements(site: Site) -> Iterator[tuple[str, SearchStrategy[Any]]]:
    """Every way to break one place, by the kind that it would be if the place told no variants apart."""
    schema = site.schema
    if site.required and site.path and isinstance(site.path[-1], str):
        yield "required", _ABSENT
    if not site.nullable:
        yield "null", st.none()
    if site.kinds:
        accepted = site.kinds | (_NUMBERS if site.kinds & _NUMBERS else set())
        yield "type", _of_other_types(accepted)
    if schema.get("type") == "integer":
        yield "fraction", _OF_TYPE["number"]
    if "enum" in schema:
        yield "enum", _words_besides(*schema["enum"])
    if "const" in schema:
        yield "const", _words_besides(schema["const"])
    if "format" in schema:
        yield "format", _OF_NO_FORMAT[schema["format"]]
    if "x-id-prefix" in schema:
        yield "prefix", _words_without_prefix(*schema["x-id-prefix"])


@cache
def _of_other_types(accepted: frozenset[str]) -> SearchStrategy[Any]:
    return st.one_of([values for kind, values in _OF_TYPE.items() if kind not in accepted])


@cache
def _words_besides(*known: Any) -> SearchStrategy[str]:
    return _WORDS.filter(lambda word: word not in known)


@cache
def _words_without_prefix(*prefixes: str) -> SearchStrategy[str]:
    return _WORDS.filter(lambda word: not word.startswith(prefixes))


def _allowances(site: Site) -> Iterator[Change]:
    if site.nullable and site.value is not None:
        yield "null", site.path, site, st.none()
    if not site.required:
        yield "absent", site.path, site, _ABSENT
    if isinstance(site.value, dict) and "properties" in site.schema and not site.schema.get("additionalProperties"):
        yield "extra", (*site.path, "x_undocumented"), site, _of_other_types(frozenset())


def _with(value: Any, path: Path, part: Any) -> Any:
    """A copy of `value` with `part` at `path`, or with nothing there where `part` is an ellipsis."""
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
