"""Compiled validation: where a value is not what its schema says, and in which way.

jsonschema-rs does the work. This module turns its errors into Violations: located by path, named by what is wrong,
and free of the values they were found in. A nullable or a union is looked into, so that a wrong field three levels
down is reported there and not at the union that contains it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any, Literal

import jsonschema_rs

from whopwatch.contract.exact import exact
from whopwatch.core.names import document_names, name_token, shape_of
from whopwatch.core.plain_text import first_few

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Kind = Literal["required", "type", "null", "enum", "const", "format", "union", "other"]


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a value breaks its schema.

    `path` leads from the validated value to the place, array indexes as int; for `required` it ends with the missing
    property. `expected` and `observed` describe types, formats and documented enum values. The value itself is
    shown only if the field is an enum and the value has the form of one.
    """

    path: tuple[str | int, ...]
    kind: Kind
    expected: str
    observed: str

    @property
    def location(self) -> str:
        """The path as a JSON pointer with `*` for array items."""
        return pointer_of(self.path)


def pointer_of(path: Iterable[str | int]) -> str:
    """`path` as a JSON pointer (RFC 6901) in which every array index is `*`.

    Names come from a response and may be data: one that does not look like a field's name is shown as its shape.
    """
    return "".join("/*" if isinstance(token, int) else f"/{name_token(token)}" for token in path)


def json_type(value: Any) -> str:
    """The JSON type of a parsed value: null, boolean, integer, number, string, array or object."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


_ENUM_VALUE = re.compile(
    r"[a-z][a-z0-9]{0,29}(?:_[a-z0-9]{1,20}){0,5}|[A-Z][A-Z0-9]{0,29}(?:_[A-Z0-9]{1,20}){0,5}|", re.ASCII
)
MAX_DIGITS = 2
"""Digits of an enum value; ids and dates have more."""


class Validator:
    """One schema, compiled when it is first needed: `compiled` makes it of the schema, or of the exact one.

    Answers that keep the exact schema, as nearly all do, never need the other.
    """

    def __init__(self, compiled: Callable[[bool], jsonschema_rs.Validator]) -> None:
        self._make = compiled

    @cached_property
    def _compiled(self) -> jsonschema_rs.Validator:
        return self._make(False)

    @cached_property
    def _exact(self) -> jsonschema_rs.Validator:
        return self._make(True)

    def prepare(self) -> None:
        """Compile the exact schema now: the first answer shall not wait for it."""
        _ = self._exact

    def is_exact(self, value: Any) -> bool:
        """Whether `value` keeps the schema, has no undocumented field, and its ids begin as documented."""
        return bool(self._exact.is_valid(value))

    def is_valid(self, value: Any) -> bool:
        """Whether `value` keeps the schema. The fast path: nothing is explained."""
        return bool(self._compiled.is_valid(value))

    def violations(self, value: Any) -> Iterator[Violation]:
        """Every place where `value` breaks the schema, each once: of a wrong type nothing more is said."""
        found: dict[tuple[str | int, ...], Violation] = {}
        for error in self._compiled.iter_errors(value):
            for violation in _explain(error):
                known = found.setdefault(violation.path, violation)
                if violation.kind == "type" and known.kind != "type":
                    found[violation.path] = violation
        yield from found.values()


class SchemaStore:
    """The schemas of one self-contained OpenAPI document, compiled when they are first needed."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.validator = cache(self._validator)

    def _validator(self, pointer: str) -> Validator:
        """The validator of the schema at the JSON `pointer` of the document."""
        return Validator(partial(self._compile, pointer))

    def _compile(self, pointer: str, is_exact: bool) -> jsonschema_rs.Validator:
        """The schema at the JSON `pointer` of the document, or the exact one, compiled.

        It is compiled from as much of the document as the schema refers to, written out where it is referred to:
        a registry of the whole would keep another copy of it in memory, and each reference costs a compiled schema
        twice the memory. A process that runs for months has to be small.
        """
        schema = self._written_out(self._at(pointer))
        shown = exact if is_exact else _as_it_is
        root: dict[str, Any] = {"$schema": DIALECT, "allOf": [shown(schema)]}
        for reference, part in self._referred(schema).items():
            node = root
            *parents, last = _tokens(reference)
            for token in parents:
                node = node.setdefault(token, {})
            node[last] = shown(part)
        # Masked, because each error would otherwise repeat the whole value in its message: megabytes for a large item.
        return jsonschema_rs.validator_for(root, validate_formats=True, mask="a value")

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """`schema`, or what its `$ref` points at, as often as that is another `$ref`."""
        while "$ref" in schema:
            schema = self._at(schema["$ref"])
        return schema

    def _written_out(self, node: Any, within: frozenset[str] = frozenset()) -> Any:
        """`node` with what it refers to in place of references; those of a schema to itself stay."""
        if isinstance(node, list):
            return [self._written_out(part, within) for part in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("properties"), dict):
            document_names(node["properties"])
        reference = node.get("$ref")
        if isinstance(reference, str) and reference not in within and "allOf" not in node:
            target = self._written_out(self._at(reference), within | {reference})
            rest = {name: part for name, part in node.items() if name != "$ref"}
            return {**rest, "allOf": [target]} if rest else target
        return {name: self._written_out(part, within) for name, part in node.items()}

    def _at(self, reference: str) -> Any:
        node: Any = self._document
        for token in _tokens(reference):
            node = node[token]
        return node

    def _referred(self, schema: Any) -> dict[str, Any]:
        """Everything that `schema` refers to, directly or not, by its reference."""
        found: dict[str, Any] = {}
        todo = [schema]
        while todo:
            node = todo.pop()
            if isinstance(node, dict):
                reference = node.get("$ref")
                if isinstance(reference, str) and reference not in found:
                    found[reference] = self._at(reference)
                    todo.append(found[reference])
                todo += node.values()
            elif isinstance(node, list):
                todo += node
        return found


def _as_it_is(schema: Any) -> Any:
    return schema


def _tokens(reference: str) -> list[str]:
    """The steps of a JSON pointer, or of a reference within a document (`#/components/...`)."""
    steps = reference.removeprefix("#").split("/")[1:]
    return [step.replace("~1", "/").replace("~0", "~") for step in steps]


def is_enum_value(value: Any) -> bool:
    """Return whether `value` has the form of enum values: `on_hold`, `PAUSED`. Names, ids and dates have not."""
    if not isinstance(value, str) or not _ENUM_VALUE.fullmatch(value):
        return False
    return sum(map(str.isdigit, value)) <= MAX_DIGITS and (not value or shape_of(value) is None)


def _shown(value: Any) -> str:
    return f'"{value}"' if is_enum_value(value) else "(not shown)"


def _explain(error: jsonschema_rs.ValidationError) -> Iterator[Violation]:
    kind = error.kind.as_dict()
    name, path, instance = error.kind.name, tuple(error.instance_path), error.instance
    if name in ("anyOf", "oneOf") and "context" in kind:
        yield from _explain_union(kind["context"], path, instance)
    elif name == "required":
        yield Violation((*path, kind["property"]), "required", "present", "absent")
    elif name == "type":
        yield _mistyped(path, " or ".join(_types(kind)), instance)
    elif instance is None:
        yield Violation(path, "null", "not null", "null")
    elif name == "enum":
        yield Violation(path, "enum", first_few(kind["options"], 8), _shown(instance))
    elif name == "const":
        yield Violation(path, "const", str(kind["expected_value"]), _shown(instance))
    elif name == "format":
        yield Violation(path, "format", kind["format"], f"a {json_type(instance)} of another format")
    else:
        yield Violation(path, "other", f"schema keyword {name} holds", json_type(instance))


def _explain_union(
    branches: list[list[jsonschema_rs.ValidationError]], path: tuple[str | int, ...], instance: Any
) -> Iterator[Violation]:
    """What is wrong with a value that fits no branch: the errors of the one branch it was meant for."""
    if instance is None:
        yield Violation(path, "null", "not null", "null")
        return
    meant = [branch for branch in branches if not _is_null_branch(branch, path)]
    if len(meant) > 1:
        meant = [branch for branch in meant if not _excluded_by_tag(branch, path)]
    if len(meant) == 1:
        for error in meant[0]:
            yield from _explain(error)
    else:
        yield Violation(path, "union", "one of the documented variants", json_type(instance))


def _is_null_branch(branch: list[jsonschema_rs.ValidationError], path: tuple[str | int, ...]) -> bool:
    return (
        len(branch) == 1
        and branch[0].kind.name == "type"
        and tuple(branch[0].instance_path) == path
        and _types(branch[0].kind.as_dict()) == ["null"]
    )


def _excluded_by_tag(branch: list[jsonschema_rs.ValidationError], path: tuple[str | int, ...]) -> bool:
    """Whether a direct property that has to be one constant is another: the value names a different variant."""
    return any(_is_constant(error) and len(error.instance_path) == len(path) + 1 for error in branch) or any(
        error.kind.name == "type" and tuple(error.instance_path) == path for error in branch
    )


def _is_constant(error: jsonschema_rs.ValidationError) -> bool:
    """Whether the broken keyword allows one value only; an enum of several tells no variants apart."""
    return error.kind.name == "const" or (error.kind.name == "enum" and len(error.kind.as_dict()["options"]) == 1)


def _mistyped(path: tuple[str | int, ...], expected: str, instance: Any) -> Violation:
    observed = json_type(instance)
    return Violation(path, "null" if instance is None else "type", expected, observed)


def _types(kind: Mapping[str, Any]) -> list[str]:
    types = kind["types"]
    return [types] if isinstance(types, str) else sorted(types)
