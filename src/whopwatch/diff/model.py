"""What is compared: one promise of an API, whatever it was read from.

Every reader says what it knows. Where a source cannot tell (TypeScript has one kind of number, a Python model one
notation for null and absent), the fact is None or its name is in `vague`, and nothing is ever concluded from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Facet = Literal[
    "statuses", "errors", "scopes", "security", "headers", "media", "servers", "array-names", "deprecations"
]
"""What a kind of source may be silent about altogether."""

Vague = Literal["integer", "format"]
"""What a source may not tell of a value: whether a number is whole, which format a string has."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The values that one place accepts or emits.

    `kinds` are JSON types without null, none for any value. `ref` names a shared schema: then nothing else is set.
    `properties` is None for an object with free keys, whose values have the shape `values`. `limits` are the bounds
    and patterns by their JSON Schema keyword.
    """

    kinds: frozenset[str] = frozenset()
    nullable: bool | None = False
    ref: str | None = None
    format: str | None = None
    enum: tuple[Any, ...] | None = None
    items: Shape | None = None
    properties: tuple[Property, ...] | None = None
    values: Shape | None = None
    variants: tuple[Shape, ...] = ()
    tag: str | None = None
    limits: tuple[tuple[str, Any], ...] = ()
    default: tuple[Any, ...] = ()
    prefixes: tuple[str, ...] = ()
    vague: frozenset[Vague] = frozenset()


@dataclass(frozen=True, slots=True)
class Property:
    """A named part of an object; `required` is None where the source cannot tell."""

    name: str
    shape: Shape
    required: bool | None
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a request; `where` is query, header, cookie or path."""

    name: str
    where: str
    shape: Shape
    required: bool
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: its shape, by media type, and whether it must be sent."""

    content: Mapping[str, Shape]
    required: bool

    @property
    def shape(self) -> Shape:
        """The JSON body, else the first."""
        return self.content.get("application/json") or next(iter(self.content.values()), Shape())


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `answers` are the successes by status (None: no content), `errors` the other statuses."""

    id: str
    method: str
    path: str
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    answers: Mapping[str, Mapping[str, Shape]] = field(default_factory=dict)
    errors: Mapping[str, Shape | None] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    security: frozenset[str] = frozenset()
    deprecated: bool = False


@dataclass(frozen=True)
class Api:
    """One promise: its operations by id, the payloads of its events by name, and the shapes they share.

    `name` is what the person who asked calls it; `facets` is what the source speaks of besides schemas.
    """

    name: str
    operations: Mapping[str, Operation]
    events: Mapping[str, Shape]
    types: Mapping[str, Shape]
    facets: frozenset[Facet] = frozenset()
    servers: tuple[str, ...] = ()
    is_sdk: bool = False

    def resolve(self, shape: Shape) -> Shape:
        """The shape itself, or the shared one that it names; a reference that leads nowhere is any value."""
        seen: set[str] = set()
        nullable = shape.nullable
        while shape.ref is not None and shape.ref not in seen:
            seen.add(shape.ref)
            shape = self.types.get(shape.ref, Shape())
            nullable = _either(nullable, shape.nullable)
        return shape if shape.nullable == nullable or shape.ref is not None else _with_null(shape, nullable)


def _either(mine: bool | None, other: bool | None) -> bool | None:
    """Whether null is accepted at a place, if it is by one of two layers."""
    return True if True in (mine, other) else None if None in (mine, other) else False


def _with_null(shape: Shape, nullable: bool | None) -> Shape:
    return replace(shape, nullable=nullable)
