"""Write types as JSON Schema, in the few keywords that the contract uses, and find the resource behind an id field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from whopwatch.contract.schema_tree import LEARNED, OPEN_ENUM
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
    """Return the singular of a resource: `companies` is `company`, `promo_codes` is `promo_code`."""
    if resource.endswith("ies"):
        return resource[:-3] + "y"
    return resource.removesuffix("s")


_PREFIX = re.compile(r"`([a-z]+_)`")


class IdRelations:
    """Finds the resource behind a field, among the resources of one API.

    `words` name resources that are called otherwise in fields (`company` for `accounts`), an empty one no resource.
    `prefixes` are the id prefixes by resource: what a field's documentation says of its prefix tells the resource.
    """

    def __init__(
        self,
        resources: Iterable[str],
        words: Mapping[str, str] | None = None,
        prefixes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        known = tuple(resources)
        self._by_word = {resource_singular(name): name for name in known}
        self._by_word |= {name: name for name in self._by_word.values()}
        self._by_word |= words or {}
        self._by_prefix: dict[str, str] = {}
        for name, group in (prefixes or {}).items():
            for prefix in group:
                self._by_prefix.setdefault(prefix, name)

    def of_field(self, name: str, owner: str | None) -> str | None:
        """Return the resource that the value of a field identifies, if its name says so.

        `owner` is the resource of the object that holds the field, which its `id` belongs to.
        """
        if name == "id":
            return owner
        for suffix in ("_id", "_ids"):
            if name.endswith(suffix):
                return self._by_word.get(name.removesuffix(suffix)) or None
        return None

    def of_documentation(self, name: str, documentation: str) -> tuple[list[str], list[str]]:
        """Return the resources and the prefixes that the documentation of an id field names."""
        if "prefixed" not in documentation or not re.search(r"(^|_)ids?$", name):
            return [], []
        prefixes = list(dict.fromkeys(_PREFIX.findall(documentation)))
        return list(dict.fromkeys(self._by_prefix[one] for one in prefixes if one in self._by_prefix)), prefixes

    def of_object(self, name: str) -> str | None:
        """Return the resource that a nested object is a part of, if the name of its property says so."""
        return self._by_word.get(name) or None

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

    `parts` are the resources of those properties whose name does not say it.
    """

    name: str
    owner: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)

    def below(self, part: str, owner: str | None = None) -> SchemaPlace:
        """Return the place of a part of the object at this place."""
        return SchemaPlace(self.name + "".join(word.capitalize() for word in part.split("_")), owner)


class SchemaWriter:
    """Writes types as schemas, and marks the fields that identify a resource.

    The variants of a discriminated union need names of their own, because a discriminator maps to references:
    they are collected in `hoisted`.
    """

    def __init__(self, relations: IdRelations, *, with_marks: bool = False) -> None:
        """Write schemas; with `with_marks` also which are deprecated, learned, or open to other values."""
        self._relations = relations
        self._with_marks = with_marks
        self.hoisted: dict[str, Schema] = {}

    def schema(self, read: Type, place: SchemaPlace) -> Schema:
        """Return the schema of the type that stands at `place`."""
        match read:
            case Scalar(kind=kind):
                return dict(_SCALARS[kind])
            case Enum(values=values):
                is_open = self._with_marks and read.is_open
                opened = {OPEN_ENUM: True} if is_open else {}
                return {"type": _JSON_TYPES[type(values[0])], "enum": list(values), **opened}
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
        schema = self._documented(item, place) or self._field(item, place)
        return {**schema, "deprecated": True} if self._with_marks and item.deprecated else schema

    def _documented(self, item: RecordField, place: SchemaPlace) -> Schema | None:
        """Return the schema of an id whose documentation names its prefix."""
        resources, prefixes = self._relations.of_documentation(item.name, item.documentation)
        if not self._with_marks or not prefixes:
            return None
        marks: Schema = {"x-resource": resources[0]} if resources else {}
        if resources[1:]:
            marks["x-resource-alternatives"] = resources[1:]
        return self._marked(item.type, marks or {"x-id-prefix": prefixes}, place)

    def _field(self, item: RecordField, place: SchemaPlace) -> Schema:
        resource = self._relations.of_field(item.name, place.owner)
        if resource is not None:
            return self._marked(item.type, {"x-resource": resource}, place)
        owner = place.parts.get(item.name) or self._relations.of_object(item.name)
        return self.schema(item.type, place.below(item.name, owner))

    def _marked(self, read: Type, marks: Schema, place: SchemaPlace) -> Schema:
        """Return the schema of `read` with `marks` at the string that holds an id."""
        match read:
            case Scalar(kind="string"):
                return {"type": "string", **marks}
            case Nullable(inner=inner):
                return {"anyOf": [self._marked(inner, marks, place), {"type": "null"}]}
            case ListOf(item=item):
                return {"type": "array", "items": self._marked(item, marks, place)}
        return self.schema(read, place)

    def _record(self, read: RecordType, place: SchemaPlace) -> Schema:
        schema: Schema = {
            "type": "object",
            "properties": {item.name: self.field(item, place) for item in read.fields},
        }
        required = [item.name for item in read.fields if item.required]
        if required:
            schema["required"] = required
        learned = [item.name for item in read.fields if item.is_learned]
        if learned and self._with_marks:
            schema[LEARNED] = learned
        return schema

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
        """Return the resource of a type name such as `User` or `LedgerAccount`."""
        return self._relations.of_object(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", tag).lower())


def _tag(variant: Type, discriminator: str | None) -> str | None:
    """Return the constant that identifies a variant."""
    for item in variant.fields if isinstance(variant, RecordType) else ():
        if item.name == discriminator and isinstance(item.type, Enum) and len(item.type.values) == 1:
            return str(item.type.values[0])
    return None
