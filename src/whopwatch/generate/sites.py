"""Where a valid value can be changed: every place in it, with the schema that holds there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whopwatch.contract.schema import json_type

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]
Resolve = Callable[[Schema], Schema]


@dataclass(frozen=True)
class Site:
    """One place. `schema` is the branch that the value there is of: never a union, never null's.

    `kinds` are the JSON types that may stand there (empty where any may), null not among them: that is `nullable`.
    `is_union` tells that several variants may stand there. `names` is the place of the union whose variants this
    place's constant tells apart: what breaks here, breaks the choice there.
    """

    path: Path
    schema: Schema
    value: Any
    kinds: frozenset[str]
    nullable: bool
    required: bool
    is_union: bool = False
    names: Path | None = None


def sites(schema: Schema, value: Any, resolve: Resolve) -> Iterator[Site]:
    """Every place of `value`, a valid value of `schema`, in the order of the document.

    Nothing is said of what lies inside a variant that no constant names: there is no telling which of the variants
    a changed value was meant to be.
    """
    yield from _sites(schema, value, resolve, (), None, True)


def _sites(
    schema: Schema, value: Any, resolve: Resolve, path: Path, names: Path | None, required: bool
) -> Iterator[Site]:
    variants = _variants(schema, resolve)
    branches = [branch for branch in variants if _kind(branch) != "null"]
    kinds = frozenset(filter(None, map(_kind, branches)))
    nullable = len(branches) < len(variants) or any(_is_open(branch) for branch in branches)
    is_union = len(branches) > 1
    meant = [] if value is None else [branch for branch in branches if _is_of(branch, value, resolve)]
    told_apart = len(meant) == 1 and bool(_tags(meant[0], resolve))
    known = meant[0] if meant and (told_apart or not is_union) else {} if is_union or not branches else branches[0]
    yield Site(path, known, value, kinds, nullable, required, is_union, names)
    if meant and (told_apart or not is_union):
        yield from _inside(known, value, resolve, path, _tags(known, resolve) if is_union else {})


def _inside(schema: Schema, value: Any, resolve: Resolve, path: Path, tags: Mapping[str, list[Any]]) -> Iterator[Site]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _sites(schema.get("items", {}), item, resolve, (*path, index), None, True)
    elif isinstance(value, dict):
        for name, part in schema.get("properties", {}).items():
            if name in value:
                names, required = path if name in tags else None, name in schema.get("required", ())
                yield from _sites(part, value[name], resolve, (*path, name), names, required)


def _variants(schema: Schema, resolve: Resolve) -> list[Schema]:
    """The variants of `schema`, unions in unions laid flat; itself where it is no union."""
    schema = resolve(schema)
    parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return [branch for part in parts for branch in _variants(part, resolve)] if parts else [schema]


def _kind(schema: Schema) -> str | None:
    return "object" if "properties" in schema else schema.get("type")


def _is_open(schema: Schema) -> bool:
    return _kind(schema) is None and "enum" not in schema and "const" not in schema


def _is_of(schema: Schema, value: Any, resolve: Resolve) -> bool:
    kind, observed = _kind(schema), json_type(value)
    if kind not in (None, observed) and (kind, observed) != ("number", "integer"):
        return False
    return all(value.get(name) in tags for name, tags in _tags(schema, resolve).items())


def _tags(schema: Schema, resolve: Resolve) -> dict[str, list[Any]]:
    """The required properties of an object that have to be one constant, with that constant."""
    constants = {}
    for name in schema.get("required", ()):
        part = resolve(schema["properties"].get(name, {}))
        values = [part["const"]] if "const" in part else part.get("enum", ())
        if len(values) == 1:
            constants[name] = list(values)
    return constants
