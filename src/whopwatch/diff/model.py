"""The data that a comparison works on: one API description, independent of the source it was read from, and its words.

Every reader records what its source states. Where a source cannot state a fact (TypeScript has one kind of number, a
Python model writes null and absent in the same way), the fact is None or its name is in `vague`, and the comparison
concludes nothing from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from whopwatch.core.wording import first_few

Facet = Literal[
    "statuses",
    "errors",
    "scopes",
    "security",
    "headers",
    "media",
    "servers",
    "array-names",
    "deprecations",
    "serialization",
    "hosts",
]
"""A part of an API description that some kinds of sources say nothing about."""

Vague = Literal["integer", "format"]
"""What a source may not state about a value: whether a number is an integer, and the format of a string."""


CallbackKey = tuple[str, str, str]
"""Name, method and URL of a callback."""
_MAX_SHOWN = 8
_MAX_FIELDS = 3


class Direction(StrEnum):
    """Who decides what is sent: the client decides about a request, the API about a response or a webhook."""

    SENT = "sent"
    RECEIVED = "received"

    @property
    def opposite(self) -> Direction:
        """The other direction."""
        return Direction.RECEIVED if self is Direction.SENT else Direction.SENT


@dataclass(frozen=True, slots=True)
class Shape:
    """The values that are allowed at one place.

    - `kinds` are JSON types without null; empty if every type is allowed. `is_never`: no value is allowed.
      `is_implied`: no keyword states them, but the other keywords are of an object or array.
    - `ref` is the name of a shared schema; then only `nullable` is set as well.
    - `enum` are the only allowed values; `known` are documented values if others are allowed, too.
    - `properties` is None for an object with free keys, whose values have the shape `values`. `is_closed`: an object
      may not have other properties.
    - `prefix_items` are the shapes of the first items of an array, `items` of the others.
    - `variants` are the alternatives of a union, `tag` the property that selects one and `mapping` its values.
      `is_exclusive`: exactly one alternative has to match (`oneOf`).
    - `limits` are bounds and patterns by keyword. `facts` are other keywords that are compared by their value.
    - `rules` are subschemas by keyword: `not`, `contains`, `propertyNames`, `patternProperties/PATTERN`, `if`, ...
    - `dependent` are the properties that are required if another one is present: `(property, required ones)`.
    - `unknown` are keywords that were not read, because the comparison does not support them or because they have no
      effect where they are, with their value as JSON.
    """

    kinds: frozenset[str] = frozenset()
    nullable: bool | None = False
    ref: str | None = None
    format: str | None = None
    enum: tuple[Any, ...] | None = None
    known: tuple[Any, ...] = ()
    items: Shape | None = None
    prefix_items: tuple[Shape, ...] = ()
    properties: tuple[Property, ...] | None = None
    values: Shape | None = None
    is_closed: bool = False
    variants: tuple[Shape, ...] = ()
    is_exclusive: bool = False
    tag: str | None = None
    mapping: tuple[tuple[str, str], ...] = ()
    limits: tuple[tuple[str, Any], ...] = ()
    default: tuple[Any, ...] = ()
    prefixes: tuple[str, ...] = ()
    vague: frozenset[Vague] = frozenset()
    facts: tuple[tuple[str, str], ...] = ()
    rules: tuple[tuple[str, Shape], ...] = ()
    dependent: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    is_never: bool = False
    is_implied: bool = False

    @property
    def is_any(self) -> bool:
        """Whether nothing is stated about the value."""
        stated = self.kinds or self.variants or self.ref is not None or self.enum is not None or self.is_never
        return not stated


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an object. `required` is None if the source does not say it.

    `only` is the direction that the property occurs in: a read-only one in responses, a write-only one in requests.
    """

    name: str
    shape: Shape
    required: bool | None
    deprecated: bool = False
    only: Direction | None = None


@dataclass(frozen=True, slots=True)
class ApiParameter:
    """A parameter of a request, or a header of a response.

    `where` is query, header, cookie or path. `style` says how a value is serialized, in the words of OpenAPI, such as
    `form, exploded` or `application/json`; None if the source does not state it. `lifecycle` are extensions such as
    `x-sunset`. `unknown` is as in Shape.
    """

    name: str
    where: str
    shape: Shape
    required: bool
    deprecated: bool = False
    style: str | None = None
    lifecycle: tuple[tuple[str, str], ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """The content of a request or response by media type, and whether it is required."""

    content: Mapping[str, Shape]
    required: bool = False

    @property
    def shape(self) -> Shape:
        """The JSON content, or else the first one."""
        return self.content.get("application/json") or next(iter(self.content.values()), Shape())


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """A documented response: its content by media type, and its headers."""

    content: Mapping[str, Shape] = field(default_factory=dict)
    headers: tuple[ApiParameter, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def shape(self) -> Shape | None:
        """The JSON content, or else the first one; None for a response without content."""
        return Body(self.content).shape if self.content else None


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """One operation, event or callback.

    `answers` are the success responses and `errors` the others, by status. `errors` is None for a status whose body
    the source does not state. `scopes` are the required permissions, None if the source does not state them; with
    `any_scope` one of them is enough.
    `security` are the alternative sets of schemes and scopes (`key`, `key: scope`), of which a client needs one.
    `lifecycle` are extensions such as `x-sunset`, `behaviour` such as `x-rate-limit`."""

    id: str
    method: str
    path: str
    parameters: tuple[ApiParameter, ...] = ()
    body: Body | None = None
    answers: Mapping[str, ApiResponse] = field(default_factory=dict)
    errors: Mapping[str, ApiResponse | None] = field(default_factory=dict)
    scopes: frozenset[str] | None = frozenset()
    any_scope: bool = False
    security: frozenset[frozenset[str]] = frozenset()
    deprecated: bool = False
    servers: tuple[str, ...] = ()
    callbacks: Mapping[CallbackKey, ApiOperation] = field(default_factory=dict)
    lifecycle: tuple[tuple[str, str], ...] = ()
    behaviour: tuple[tuple[str, str], ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityScheme:
    """What a client does to authenticate, as JSON, the addresses where it gets a token, and the scopes there are."""

    definition: str
    addresses: tuple[str, ...] = ()
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Api:
    """One API description: its operations by ID, its events by name, and the schemas that they share.

    `name` is the user's name for it. `facets` are the parts that the source states in addition to schemas.
    `schemes` are the definitions of the security schemes, `unknown` are parts of the document that are not compared.
    `unused` are the shared parts (`schemas Cat`) that no operation, event or other part refers to, each with a string
    that is equal for equal parts.
    """

    name: str
    operations: Mapping[str, ApiOperation]
    events: Mapping[str, ApiOperation]
    types: Mapping[str, Shape]
    facets: frozenset[Facet] = frozenset()
    servers: tuple[str, ...] = ()
    schemes: Mapping[str, SecurityScheme] = field(default_factory=dict)
    default_version: str | None = None
    behaviour: tuple[tuple[str, str], ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    unused: Mapping[str, str] = field(default_factory=dict)
    is_sdk: bool = False

    def resolve(self, shape: Shape) -> Shape:
        """Return the shape itself, or the shared one that it refers to; every value is allowed if there is none."""
        seen: set[str] = set()
        nullable = shape.nullable
        while shape.ref is not None and shape.ref not in seen:
            seen.add(shape.ref)
            shape = self.types.get(shape.ref, Shape())
            nullable = _either(nullable, shape.nullable)
        return shape if shape.nullable == nullable or shape.ref is not None else replace(shape, nullable=nullable)


def event(name: str, payload: Shape | None) -> ApiOperation:
    """Return the event `name` with a JSON payload; None if the source does not describe it."""
    body = Body({"application/json": payload}, required=True) if payload is not None else None
    return ApiOperation(f"webhook:{name}", "POST", name, body=body)


def _either(mine: bool | None, other: bool | None) -> bool | None:
    """Return whether null is allowed if one of two layers allows it."""
    return True if True in (mine, other) else None if None in (mine, other) else False


def describe(shape: Shape) -> str:
    """Return a shape in the words of a reference: `string (date-time) or null`."""
    text = _content(shape)
    return f"{text} or null" if shape.nullable and text != "any value" else text


def describe_variant(shape: Shape) -> str:
    """Return a variant of a union in words that distinguish it: its constant, or its first fields."""
    for item in shape.properties or ():
        if item.shape.enum is not None and len(item.shape.enum) == 1:
            return f"object with {item.name} {item.shape.enum[0]}"
    if shape.properties:
        return f"object with {first_few((item.name for item in shape.properties), _MAX_FIELDS)}"
    return _content(shape)


def describe_field(item: Property) -> str:
    """Return a field in words: `required, string`."""
    need = "required" if item.required else "optional"
    return f"{need}, {describe(item.shape)}"


def list_words(values: Iterable[object]) -> str:
    """Return the first few of several values in a row."""
    return first_few(values, _MAX_SHOWN)


def _content(shape: Shape) -> str:
    if shape.ref is not None:
        return shape.ref.rpartition("/")[2]
    if shape.is_never:
        return "no value"
    if shape.variants:
        return "one of " + list_words(describe_variant(variant) for variant in shape.variants)
    if shape.enum is not None:
        return f"one of {list_words(shape.enum)}" if len(shape.enum) > 1 else f"the constant {list_words(shape.enum)}"
    if shape.items is not None and shape.kinds <= {"array"}:
        return f"array of {_content(shape.items)}"
    if not shape.kinds:
        return "any value"
    kinds = " or ".join(sorted(shape.kinds))
    return f"{kinds} ({shape.format})" if shape.format else kinds
