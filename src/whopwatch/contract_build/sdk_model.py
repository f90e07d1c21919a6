"""The model of an SDK release, in one form for all readers.

The types are immutable values, compared by content: two readings agree if they are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

ScalarKind = Literal["string", "integer", "number", "boolean", "date-time", "date", "any"]


@dataclass(frozen=True, slots=True)
class Scalar:
    """A plain value; `any` is a value of which the source says nothing."""

    kind: ScalarKind


@dataclass(frozen=True, slots=True)
class Enum:
    """A set of values, in the order of the source; one value is a constant.

    `is_open` says that the source allows other values, too. Fern writes every enum so, whatever is documented: two
    enums of the same values are equal all the same.
    """

    values: tuple[str | int | bool, ...]
    is_open: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class ListOf:
    """An array of one type."""

    item: Type


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object with free keys."""

    value: Type


@dataclass(frozen=True, slots=True)
class NamedType:
    """A reference to a named type of the API."""

    name: str


@dataclass(frozen=True, slots=True)
class Nullable:
    """A type, or null."""

    inner: Type


@dataclass(frozen=True, slots=True)
class RecordField:
    """A property of a record; `required` is None where the source does not say it.

    `is_learned` says that `required` and whether it is nullable follow from a rule, not from the source.
    `documentation` is the source's sentence about it.
    """

    name: str
    type: Type
    required: bool | None
    deprecated: bool = False
    is_learned: bool = field(default=False, compare=False)
    documentation: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RecordType:
    """An object with known properties, in the order of the source."""

    fields: tuple[RecordField, ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several types; `discriminator` names the property that identifies it."""

    variants: tuple[Type, ...]
    discriminator: str | None = None


Type: TypeAlias = Scalar | Enum | ListOf | MapOf | NamedType | Nullable | RecordType | OneOf


def nullable(inner: Type) -> Type:
    """Return `inner` or null; nullable twice is nullable once."""
    return inner if isinstance(inner, Nullable) else Nullable(inner)


@dataclass(frozen=True, slots=True)
class SdkOperation:
    """One method of the SDK: what it sends and what it expects back.

    `body` holds every accepted variant. `response` is the item's type where `is_list` is true; `page` is then the
    whole answer, where the source declares it. `scopes` are the permissions that the method's documentation lists:
    all are needed, or one of them where `any_scope` is set. `errors` are the statuses that it distinguishes; None where
    the source says nothing of them. `host` names the server (`vault`) where it is not the API's own.
    """

    id: str
    method: str
    path: str
    query: tuple[RecordField, ...] = ()
    body: tuple[Type, ...] = ()
    body_required: bool = False
    response: Type | None = None
    is_list: bool = False
    page: Type | None = None
    scopes: tuple[str, ...] = ()
    any_scope: bool = False
    errors: tuple[int, ...] | None = None
    deprecated: bool = False
    host: str | None = None
    documentation: str = field(default="", compare=False)

    @property
    def resource(self) -> str:
        """The resource that the operation belongs to: `payments`, or `partners.businesses` within another one."""
        return self.id.rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class SdkModel:
    """Everything read from one SDK release.

    `types` are the named types by name, `events` the webhook payloads by event name; `untyped_events` have a name and
    no payload. `array_suffix` is what the SDK appends to the name of a query array, `generator` who wrote its code.
    `api_version` is the version of the API that the SDK sends by default, `api_versions` are all that it knows.
    """

    language: str
    version: str
    operations: dict[str, SdkOperation] = field(default_factory=dict)
    types: dict[str, Type] = field(default_factory=dict)
    events: dict[str, Type] = field(default_factory=dict)
    untyped_events: tuple[str, ...] = ()
    array_suffix: str = ""
    api_version: str | None = None
    api_versions: tuple[str, ...] = ()
    generator: Literal["stainless", "fern"] = "stainless"


_UNION = "UnwrapWebhookEvent"


def sdk_events(types: dict[str, Type]) -> dict[str, Type]:
    """Return the payloads by event name, which each payload's `type` holds as a constant."""
    union = types.get(_UNION)
    events: dict[str, Type] = {}
    for variant in union.variants if isinstance(union, OneOf) else ():
        record = types[variant.name] if isinstance(variant, NamedType) else variant
        for item in record.fields if isinstance(record, RecordType) else ():
            if item.name == "type" and isinstance(item.type, Enum):
                events[str(item.type.values[0])] = variant
    return events
