"""Write types as JSON Schema, in the few keywords that the contract uses, and find the resource behind an id field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from whopwatch.contract_build.sdk_model import (
    Enum,
    ListOf,
    MapOf,
    NamedType,
    Nullable,
    OneOf,
    RecordField,
    RecordType,
    Scalar,
    Type,
)


def resource_singular(resource: str) -> str:
    """`companies` as `company`, `promo_codes` as `promo_code`."""
    if resource.endswith("ies"):
        return resource[:-3] + "y"
    return resource.removesuffix("s")


class IdRelations:
    """Finds the resource behind a field, among the resources of one API."""

    def __init__(self, resources: Iterable[str]) -> None:
        self._by_word = {resource_singular(name): name for name in resources}
        self._by_word |= {name: name for name in self._by_word.values()}

    def of_field(self, name: str, owner: str | None) -> str | None:
        """Return the resource that the value of a field identifies, if its name says so.

        `owner` is the resource of the object that holds the field, which its `id` belongs to.
        """
        if name == "id":
            return owner
        for suffix in ("_id", "_ids"):
            if name.endswith(suffix):
                return self._by_word.get(name.removesuffix(suffix))
        return None

    def of_object(self, name: str) -> str | None:
        """Return the resource that a nested object is a part of, if the name of its property says so."""
        return self._by_word.get(name)

    def of_path(self, path: str, parameter: str) -> str | None:
        """Return the resource that a path parameter identifies."""
        return self.of_field(parameter, self._by_word.get(path.split("/")[1]))


Schema = dict[str, Any]

_SCALARS: dict[str, Schema] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date-time": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "any": {},
}
_JSON_TYPES = {str: "string", int: "integer", bool: "boolean"}


@dataclass(frozen=True)
class SchemaPlace:
    """Where a type stands: a name for what is written there, and the resource that an `id` there belongs to.

    `parts` are the resources of those properties whose name does not tell.
    """

    name: str
    owner: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)

    def below(self, part: str, owner: str | None = None) -> SchemaPlace:
        """The place of a part of the object here."""
        return SchemaPlace(self.name + "".join(word.capitalize() for word in part.split("_")), owner)


class SchemaWriter:
    """Writes types as schemas, and marks the fields that identify a resource.

    The variants of a discriminated union need names of their own, because a discriminator maps to references:
    they are collected in `hoisted`.
    """

    def __init__(self, relations: IdRelations) -> None:
        self._relations = relations
        self.hoisted: dict[str, Schema] = {}

    def schema(self, read: Type, place: SchemaPlace) -> Schema:
        """Return the schema of the type that stands at `place`."""
        match read:
            case Scalar(kind=kind):
                return dict(_SCALARS[kind])
            case Enum(values=values):
                return {"type": _JSON_TYPES[type(values[0])], "enum": list(values)}
            case ListOf(item=item):
                return {"type": "array", "items": self.schema(item, place)}
            case MapOf(value=Scalar(kind="any")):
                return {"type": "object", "additionalProperties": True}
            case MapOf(value=value):
                return {"type": "object", "additionalProperties": self.schema(value, place)}
            case NamedType(name=name):
                return {"$ref": f"#/components/schemas/{name}"}
            case Nullable(inner=inner):
                return {"anyOf": [self.schema(inner, place), {"type": "null"}]}
            case RecordType():
                return self._record(read, place)
            case OneOf():
                return self._union(read, place)

    def field(self, item: RecordField, place: SchemaPlace) -> Schema:
        """Return the schema of a field of the object at `place`."""
        resource = self._relations.of_field(item.name, place.owner)
        if resource is not None:
            return self._identifying(item.type, resource, place)
        owner = place.parts.get(item.name) or self._relations.of_object(item.name)
        return self.schema(item.type, place.below(item.name, owner))

    def _identifying(self, read: Type, resource: str, place: SchemaPlace) -> Schema:
        match read:
            case Scalar(kind="string"):
                return {"type": "string", "x-resource": resource}
            case Nullable(inner=inner):
                return {"anyOf": [self._identifying(inner, resource, place), {"type": "null"}]}
            case ListOf(item=item):
                return {"type": "array", "items": self._identifying(item, resource, place)}
        return self.schema(read, place)

    def _record(self, read: RecordType, place: SchemaPlace) -> Schema:
        schema: Schema = {
            "type": "object",
            "properties": {item.name: self.field(item, place) for item in read.fields},
        }
        required = [item.name for item in read.fields if item.required]
        return {**schema, "required": required} if required else schema

    def _union(self, read: OneOf, place: SchemaPlace) -> Schema:
        tags = [_tag(variant, read.discriminator) for variant in read.variants]
        if read.discriminator is None or None in tags:
            return {"anyOf": [self.schema(variant, place) for variant in read.variants]}
        references = []
        for tag, variant in zip(tags, read.variants, strict=True):
            named = replace(place, name=f"{place.name}{tag}", owner=self._owner_of(str(tag)) or place.owner)
            if isinstance(variant, NamedType):
                references.append(self.schema(variant, named))
                continue
            self.hoisted[named.name] = self.schema(variant, named)
            references.append({"$ref": f"#/components/schemas/{named.name}"})
        mapping = {str(tag): item["$ref"] for tag, item in zip(tags, references, strict=True)}
        return {
            "oneOf": references,
            "discriminator": {"propertyName": read.discriminator, "mapping": mapping},
        }

    def _owner_of(self, tag: str) -> str | None:
        """The resource that a type name such as `User` or `LedgerAccount` stands for."""
        return self._relations.of_object(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", tag).lower())


def _tag(variant: Type, discriminator: str | None) -> str | None:
    """The constant by which a variant tells what it is."""
    for item in variant.fields if isinstance(variant, RecordType) else ():
        if item.name == discriminator and isinstance(item.type, Enum) and len(item.type.values) == 1:
            return str(item.type.values[0])
    return None
