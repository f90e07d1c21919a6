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

from whopwatch.core.pointers import pointer_steps
from whopwatch.core.redaction import document_names, name_token, shape_of
from whopwatch.core.wording import first_few

_NULL = {"type": "null"}
_ANNOTATIONS = frozenset({"default", "deprecated", "description", "discriminator", "example", "examples", "title"})
_IGNORING_NULL = frozenset({"additionalProperties", "format", "items", "pattern", "properties", "required"})

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Kind = Literal["required", "type", "null", "enum", "const", "format", "union", "other"]
_ENUM_VALUE = re.compile(
    r"[a-z][a-z0-9]{0,29}(?:_[a-z0-9]{1,20}){0,5}|[A-Z][A-Z0-9]{0,29}(?:_[A-Z0-9]{1,20}){0,5}|", re.ASCII
)
MAX_DIGITS = 2
"""Digits of an enum value; ids and dates have more."""
MAX_WRITTEN_OUT = 800
"""References of one schema that are replaced by their targets; the largest schema of a bundled edition has 750."""


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
        """Return the path as a JSON pointer with `*` for array items."""
        return pointer_of(self.path)


def pointer_of(path: Iterable[str | int]) -> str:
    """Return `path` as a JSON pointer (RFC 6901) in which every array index is `*`.

    Names come from a response and may be data: one that does not look like a field's name is shown as its shape.
    """
    return "".join("/*" if isinstance(token, int) else f"/{name_token(token)}" for token in path)


def json_type(value: Any) -> str:
    """Return the JSON type of a parsed value: null, boolean, integer, number, string, array or object."""
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


class Validator:
    """One schema, compiled on first use: `compiled(False)` compiles the schema, `compiled(True)` its strict form.

    Values that are valid for the strict form, as nearly all are, never need the other.
    """

    def __init__(self, compiled: Callable[[bool], jsonschema_rs.Validator]) -> None:
        self._make = compiled

    @cached_property
    def _compiled(self) -> jsonschema_rs.Validator:
        return self._make(False)

    @cached_property
    def _strict(self) -> jsonschema_rs.Validator:
        return self._make(True)

    def prepare(self) -> None:
        """Compile the strict form now, so that the first response does not wait for it."""
        _ = self._strict

    def is_exact(self, value: Any) -> bool:
        """Return whether `value` is valid, has no undocumented field, and its ids have a documented prefix."""
        return bool(self._strict.is_valid(value))

    def is_valid(self, value: Any) -> bool:
        """Return whether `value` is valid. Fast, because nothing is explained."""
        return bool(self._compiled.is_valid(value))

    def violations(self, value: Any) -> Iterator[Violation]:
        """Yield every place where `value` breaks the schema, each once: for a wrong type, only the type."""
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
        """Return the validator of the schema at the JSON `pointer` of the document."""
        return Validator(partial(self._compile, pointer))

    def _compile(self, pointer: str, is_strict: bool) -> jsonschema_rs.Validator:
        """Compile the schema at the JSON `pointer` of the document, or its strict form.

        Only the parts of the document that the schema refers to are compiled, each written out in place of its
        reference: a registry of the whole document would be another copy in memory, and a reference doubles the
        memory of a compiled schema. The prober runs for months and has to be small.
        """
        schema = self._written_out(self._at(pointer), iter(range(MAX_WRITTEN_OUT)))
        transform = strict_schema if is_strict else _as_it_is
        root: dict[str, Any] = {"$schema": DIALECT, "allOf": [transform(schema)]}
        for reference, part in self._referred(schema).items():
            node = root
            *parents, last = pointer_steps(reference)
            for token in parents:
                node = node.setdefault(token, {})
            node[last] = transform(part)
        # Masked, because each error would otherwise repeat the whole value in its message: megabytes for a large item.
        return jsonschema_rs.validator_for(root, validate_formats=True, mask="a value")

    def resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return `schema`; if it is a `$ref`, the schema at the end of the chain of references."""
        while "$ref" in schema:
            schema = self._at(schema["$ref"])
        return schema

    def _written_out(self, node: Any, left: Iterator[int], within: frozenset[str] = frozenset()) -> Any:
        """Return `node` with references replaced by their targets: as many as `left` yields, and no schema in itself.

        Schemas that refer to each other in many ways would else be written out along every path.
        """
        if isinstance(node, list):
            return [self._written_out(part, left, within) for part in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref") if "allOf" not in node else None
        if isinstance(reference, str) and reference not in within and next(left, None) is not None:
            target = self._written_out(self._at(reference), left, within | {reference})
            rest = {name: part for name, part in node.items() if name != "$ref"}
            return {**rest, "allOf": [target]} if rest else target
        return {name: self._written_out(part, left, within) for name, part in node.items()}

    def _at(self, reference: str) -> Any:
        node: Any = self._document
        for token in pointer_steps(reference):
            node = node[int(token)] if isinstance(node, list) else node[token]
        return node

    def _referred(self, schema: Any) -> dict[str, Any]:
        """Return every part that `schema` refers to, directly or not, by its reference. Their field names are shown."""
        found: dict[str, Any] = {}
        todo = [schema]
        while todo:
            node = todo.pop()
            if isinstance(node, dict):
                if isinstance(node.get("properties"), dict):
                    document_names(node["properties"])
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
    """Yield the violations of a value that fits no branch: the errors of the one branch that it was meant for."""
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
    """Return whether a property that must be one constant has another value: the value is of a different variant."""
    return any(_is_constant(error) and len(error.instance_path) == len(path) + 1 for error in branch) or any(
        error.kind.name == "type" and tuple(error.instance_path) == path for error in branch
    )


def _is_constant(error: jsonschema_rs.ValidationError) -> bool:
    """Return whether the broken keyword allows one value only; an enum of several separates no variants."""
    return error.kind.name == "const" or (error.kind.name == "enum" and len(error.kind.as_dict()["options"]) == 1)


def _mistyped(path: tuple[str | int, ...], expected: str, instance: Any) -> Violation:
    observed = json_type(instance)
    return Violation(path, "null" if instance is None else "type", expected, observed)


def _types(kind: Mapping[str, Any]) -> list[str]:
    types = kind["types"]
    return [types] if isinstance(types, str) else sorted(types)


def strict_schema(schema: Any) -> Any:
    """Return `schema`, strict: it also rejects undocumented fields and ids with an undocumented prefix.

    JSON Schema allows any other field in an object, and has no keyword for id prefixes. A value that is valid for the
    strict schema is valid for `schema`, so one pass of the compiled validator is enough for nearly every value. The
    reverse holds except for objects that are documented in several parts (`allOf`): no part names the others' fields.
    """
    if not isinstance(schema, dict):
        return schema
    made = {keyword: _inside(keyword, part) for keyword, part in schema.items() if _is_rule(keyword)}
    also = [*made.get("allOf", ())]
    if "properties" in schema and not schema.get("additionalProperties"):
        made["additionalProperties"] = False
    if "oneOf" in schema:  # is kept, too: a value that is valid for two variants is valid for a strict one
        also.append({"anyOf": [strict_schema(part) for part in schema["oneOf"]]})
    begins = [{"pattern": f"^{re.escape(prefix)}"} for prefix in schema.get("x-id-prefix", ())]
    if len(begins) == 1 and "pattern" not in schema:  # the plainest form takes the least memory
        made |= begins[0]
    elif begins:
        also.append({"anyOf": begins})
    return {**made, "allOf": also} if also else _merged_with_null(made)


def _is_rule(keyword: str) -> bool:
    """Return whether a keyword rejects values. The others only take memory in a compiled schema."""
    return keyword not in _ANNOTATIONS and not keyword.startswith("x-")


def _merged_with_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return `schema`; if it is a nullable, "of this type or null" in one part, which takes a third of the memory.

    That is the same only if all other keywords of the part ignore null.
    """
    branches = schema.get("anyOf", ())
    if len(schema) != 1 or len(branches) != 2 or _NULL not in branches:
        return schema
    part = branches[1 - branches.index(_NULL)]
    is_plain = isinstance(part, dict) and part.keys() <= _IGNORING_NULL | {"type", "enum"}
    if not is_plain or not isinstance(part.get("type"), str) or part == _NULL:
        return schema
    merged = {**part, "type": [part["type"], "null"]}
    return {**merged, "enum": [*part["enum"], None]} if "enum" in part else merged


def _inside(keyword: str, part: Any) -> Any:
    if keyword == "properties" and isinstance(part, Mapping):
        return {name: strict_schema(schema) for name, schema in part.items()}
    if keyword in ("anyOf", "allOf"):
        return [strict_schema(schema) for schema in part]
    return strict_schema(part) if keyword in ("items", "additionalProperties") else part
