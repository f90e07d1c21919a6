"""Make the document of a dated version from the SDK that sends it, where no API reference lists the operations.

Everything that the SDK says is taken. `declared.yaml` of the edition adds what it cannot say: servers, the words for
resources in names of id fields, and how lists are paged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from whopwatch.contract_build.assemble import Assembler, pascal_case
from whopwatch.contract_build.presence import is_legacy, referenced_types
from whopwatch.contract_build.schemas import IdRelations, Schema, SchemaWriter, resource_singular
from whopwatch.contract_build.sdk_model import (
    NamedType,
    OneOf,
    RecordField,
    RecordType,
    SdkModel,
    SdkOperation,
    Type,
)
from whopwatch.contract_build.sources import ApiReference
from whopwatch.core.pointers import resolved

DECLARED = "declared.yaml"
"""The file of an edition that is made from an SDK alone: what the SDK cannot say."""
PAGE_INFO = "PageInfo"
PAGINATION_KEY = "x-pagination"
NATIVE_ERROR, LEGACY_ERROR = "V1ErrorResponse", "LegacyErrorResponse"
FORWARD, BACKWARD = ("first", "after"), ("last", "before")

_DESCRIPTIONS = {
    400: "The request is not valid",
    401: "The key is missing or wrong",
    402: "A payment is needed",
    403: "The key lacks a permission",
    404: "Nothing has this id",
    409: "The state of the object does not allow it",
    422: "The request cannot be processed",
    429: "Too many requests",
    500: "The server failed",
    503: "The server is not available",
}
_OF_ONE_METHOD = re.compile(r"(Response|PageInfo|Payload)$|Request|Payload|\.")
"""Names of types that the SDK makes for one method or event."""
_NATIVE_STATUSES = (400, 401, 403, 404)
"""Statuses of a native operation whose method distinguishes none."""


def reference_of(model: SdkModel, declared: Mapping[str, Any]) -> ApiReference:
    """Return the operations and events of `model` in the form of an API reference."""
    rows: dict[str, dict[str, Any]] = {}
    doubles = same_requests(model)
    for name, operation in sorted(model.operations.items()):
        if name in doubles:
            continue
        row = rows.setdefault(operation.resource, _row(operation.resource))
        row["operations"].append({"id": name, "method": operation.method, "path": operation.path})
    words = declared["words"]
    by_word = {resource_singular(name): name for name in rows} | words
    for event in sorted({*model.events, *model.untyped_events}):
        known = [by_word[word] for word in _event_words(event) if by_word.get(word)]
        name = known[0] if known else f"{_event_words(event)[-1]}s"
        rows.setdefault(name, _row(name))["events"].append(event)
    for row in rows.values():
        row["counted"] = {kind: len(row[kind]) for kind in ("operations", "events")}
    return ApiReference({"document": {"base_url": declared["servers"][0]["url"]}, "resources": list(rows.values())})


def same_requests(model: SdkModel) -> dict[str, str]:
    """Return the methods that send the request of another one, which is taken: the native one, as later releases do."""
    taken: dict[tuple[str, str], str] = {}
    doubles: dict[str, str] = {}
    for name, operation in sorted(model.operations.items(), key=lambda item: (is_legacy(item[1]), item[0])):
        kept = taken.setdefault((operation.method, _nameless(operation.path)), name)
        if kept != name:
            doubles[name] = kept
    return doubles


def _row(name: str) -> dict[str, Any]:
    return {"name": name, "section": "", "operations": [], "events": []}


def _event_words(event: str) -> list[str]:
    """Return what an event's resource may be called: `chat_message`, `message`, `chat` for `chat.message.created`."""
    words = event.split(".")[:-1]
    return ["_".join(words), words[-1], words[0]]


class DatedAssembler(Assembler):
    """Assembles the document of one dated version, with marks for what no source promises."""

    def __init__(
        self,
        model: SdkModel,
        reference: ApiReference,
        declared: Mapping[str, Any],
        prefixes: Mapping[str, list[str]],
    ) -> None:
        super().__init__(with_discriminators(_with_page_info(model)), reference)
        self._declared = declared
        self._doubles = same_requests(model)
        known = {name: group for name, group in prefixes.items() if name in reference.resources}
        self._relations = IdRelations(reference.resources, declared["words"], known)
        self._writer = SchemaWriter(self._relations, with_marks=True)

    def document(self) -> dict[str, Any]:
        """Return the document, before the official facts and the overlay."""
        document = super().document()
        document["info"] |= {
            "x-api-version-date": self._model.api_version,
            "x-known-versions": list(self._model.api_versions),
        }
        document["servers"] = self._declared["servers"]
        document["x-rate-limit"] = self._declared["rate_limit"]
        document[PAGINATION_KEY] = self._declared["paging"]["document"]
        document["components"] = {
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}},
            "parameters": self._declared["headers"],
            "responses": dict(self._error_responses()),
            "schemas": dict(sorted({**document["components"]["schemas"], **self._error_schemas()}.items())),
        }
        for item in document["paths"].values():
            if "get" in item and item["get"]["operationId"].rpartition(".")[2].startswith("list"):
                self._mark_items(document, item["get"])
        return document

    def _mark_items(self, document: dict[str, Any], operation: dict[str, Any]) -> None:
        """Mark the ids of the items of a collection, where neither a name nor a sentence says the resource."""
        resource, success = operation["tags"][0], operation["responses"].get("200", {})
        schema = success.get("content", {}).get("application/json", {}).get("schema", {})
        data = resolved(document, schema).get("properties", {}).get("data", {})
        item = resolved(document, data.get("items", {}))
        id = item.get("properties", {}).get("id", {})
        is_own = _snake(data.get("items", {}).get("$ref", "").rpartition("/")[2]) == resource_singular(resource)
        if id.get("type") == "string" and ("x-resource" not in id or is_own):
            id["x-resource"] = resource

    def _operation(self, operation: SdkOperation) -> dict[str, Any]:
        legacy = is_legacy(operation)
        assembled = super()._operation(operation)
        if operation.any_scope:
            assembled["security"] = [{"bearerAuth": [scope]} for scope in operation.scopes]
        assembled["x-whop-surface"] = "legacy" if legacy else "native"
        if operation.deprecated:
            assembled["deprecated"] = True
        others = [name for name, kept in self._doubles.items() if kept == operation.id]
        if others:
            assembled["x-other-ids"] = others
        if operation.host:
            assembled["servers"] = self._declared["hosts"][operation.host]
        if operation.id in self._declared["public"]:
            assembled["x-public"] = True
        if operation.id in self._declared["without_key"]:
            assembled["x-whop-credentials"] = []
        if operation.is_list:
            assembled[PAGINATION_KEY] = self._paging(operation, legacy)
        if not legacy:
            headers = ["ApiVersionDate", *(["IdempotencyKey"] if operation.method == "POST" else [])]
            assembled["parameters"] += [{"$ref": f"#/components/parameters/{name}"} for name in headers]
        if operation.method == "POST" and not legacy and operation.id.endswith(".create"):
            assembled["responses"] = {"201": assembled["responses"]["200"]}
        surface = "Legacy" if legacy else "Native"
        for status in sorted({*(operation.errors or _NATIVE_STATUSES), 401}):
            assembled["responses"][str(status)] = {"$ref": f"#/components/responses/{surface}{status}"}
        return assembled

    def _paging(self, operation: SdkOperation, legacy: bool) -> dict[str, Any]:
        """Return how a list is paged: sizes (null if nothing is stated) and directions."""
        declared = self._declared["paging"]
        names = {item.name for item in operation.query}
        directions = [name for name, pair in (("forward", FORWARD), ("backward", BACKWARD)) if names >= set(pair)]
        sizes = declared["legacy" if legacy else "native"]
        return {**sizes, "directions": directions, **declared["operations"].get(operation.id, {})}

    def _path_parameters(self, operation: SdkOperation) -> list[dict[str, Any]]:
        found = super()._path_parameters(operation)
        for parameter in found:
            resource = self._collections.get(_collection(operation.path, parameter["name"]))
            named = self._relations.of_field(parameter["name"], None)
            is_id = re.search(r"(^|_)id$", parameter["name"]) is not None
            if is_id and (named or resource):
                parameter["schema"]["x-resource"] = named or resource
            else:
                parameter["schema"].pop("x-resource", None)
        return found

    @cached_property
    def _collections(self) -> dict[str, str]:
        """The resource of each path that something is listed or created at."""
        found: dict[str, str] = {}
        for operation in self._model.operations.values():
            if operation.id.rpartition(".")[2] in ("list", "create") or (
                operation.is_list and "{" not in operation.path
            ):
                found.setdefault(_nameless(operation.path), operation.resource)
        for operation in self._model.operations.values():
            if operation.id.rpartition(".")[2] in ("retrieve", "update", "delete") and operation.path.endswith("}"):
                found.setdefault(_nameless(operation.path.rpartition("/")[0]), operation.resource)
        return found

    def _event(self, event: str) -> dict[str, Any]:
        if event in self._model.events:
            return super()._event(event)
        # The SDK names the event and has no type for it: the envelope is that of all events, the data is open.
        properties: Schema = {
            "id": {"type": "string"},
            "api_version": {"type": "string"},
            "api_version_date": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "type": {"type": "string", "enum": [event]},
            "timestamp": {"type": "string", "format": "date-time"},
            "account_id": {"anyOf": [{"type": "string", "x-resource": "accounts"}, {"type": "null"}]},
            "data": {"type": "object", "additionalProperties": True},
            "previous_attributes": {"type": "object", "additionalProperties": True},
        }
        required = ["id", "api_version", "api_version_date", "type", "timestamp", "data"]
        self._writer.hoisted[_payload_name(event)] = {"type": "object", "properties": properties, "required": required}
        return {
            "operationId": f"webhook:{event}",
            "tags": [self._reference.events[event]],
            "summary": f"Receive {event}",
            "x-event": event,
            "x-untyped": True,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{_payload_name(event)}"}}},
            },
            "responses": {"200": {"description": "The receiver has taken the event"}},
        }

    def _unreached(self) -> set[str]:
        """Return the objects and enums of the API that no operation refers to; the SDK publishes them all the same."""
        return {name for name in self._model.types if name == NATIVE_ERROR or not _OF_ONE_METHOD.search(name)}

    def _error_responses(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for surface in ("Native", "Legacy"):
            schema = {"$ref": f"#/components/schemas/{NATIVE_ERROR if surface == 'Native' else LEGACY_ERROR}"}
            for status, description in _DESCRIPTIONS.items():
                yield (
                    f"{surface}{status}",
                    {"description": description, "content": {"application/json": {"schema": schema}}},
                )

    def _error_schemas(self) -> dict[str, Schema]:
        """Return the declared schemas that the SDK does not have itself."""
        return {name: schema for name, schema in self._declared["schemas"].items() if name not in self._model.types}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _payload_name(event: str) -> str:
    return pascal_case(event.replace(".", "_")) + "Payload"


def _nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


def _collection(path: str, parameter: str) -> str:
    """Return the path up to a parameter, without the names of those before it."""
    return _nameless(path.partition(f"/{{{parameter}}}")[0])


def _with_page_info(model: SdkModel) -> SdkModel:
    """Return `model` with one PageInfo in place of the equal ones that each list has of its own."""
    equal = [name for name, read in model.types.items() if name.endswith("PageInfo") and _is_page_info(read)]
    if not equal:
        return model
    one = next((name for name in equal if name == PAGE_INFO), equal[0])
    types = {PAGE_INFO: model.types[one], **{name: read for name, read in model.types.items() if name not in equal}}
    same = {name for name in equal if model.types[name] == model.types[one]}
    types |= {name: model.types[name] for name in equal if name not in same}
    return replace(model, types={name: _renamed(read, same) for name, read in types.items()})


def _is_page_info(read: Type) -> bool:
    names = {item.name for item in read.fields} if isinstance(read, RecordType) else set()
    return "has_next_page" in names


def _renamed(read: Type, same: set[str]) -> Type:
    if isinstance(read, RecordType):
        fields = (
            replace(item, type=NamedType(PAGE_INFO))
            if isinstance(item.type, NamedType) and item.type.name in same
            else item
            for item in read.fields
        )
        return RecordType(tuple(fields))
    return read


def with_discriminators(model: SdkModel) -> SdkModel:
    """Return `model` with the discriminator in each type that is a variant of a union.

    The SDK has such a variant twice: with the discriminator in the module of the union, and without it under its own
    name, which nothing refers to. On the wire the discriminator is always there.
    """
    hidden: dict[tuple[RecordField, ...], list[RecordField]] = {}
    for union in (read for read in model.types.values() if isinstance(read, OneOf) and read.discriminator):
        for variant in (read for read in union.variants if isinstance(read, RecordType)):
            rest = tuple(item for item in variant.fields if item.name != union.discriminator)
            hidden.setdefault(rest, []).extend(item for item in variant.fields if item.name == union.discriminator)
    used = set(referenced_types(model))
    found = {
        name: RecordType((*hidden[read.fields], *read.fields))
        for name, read in model.types.items()
        if isinstance(read, RecordType) and name not in used and len(hidden.get(read.fields, ())) == 1
    }
    return replace(model, types={**model.types, **found})
