"""Put the exact schema and the declared facts together as OpenAPI documents."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from whopwatch.contract_build.schemas import IdRelations, Schema, SchemaPlace, SchemaWriter, resource_singular
from whopwatch.contract_build.sdk_model import ListOf, NamedType, Nullable, RecordField, SdkModel, SdkOperation
from whopwatch.contract_build.sources import ApiReference
from whopwatch.contract_build.walk import referenced_schemas
from whopwatch.core.pointers import mappings

_METHODS_ON_ONE = {"create", "retrieve", "update", "delete"}


class Assembler:
    """Assembles the v1 document."""

    def __init__(self, model: SdkModel, reference: ApiReference) -> None:
        self._model = model
        self._reference = reference
        self._relations = IdRelations(reference.resources)
        self._writer = SchemaWriter(self._relations)

    def document(self) -> dict[str, Any]:
        """Return the document, before the decisions of the overlay."""
        paths: dict[str, dict[str, Any]] = {}
        for name in self._reference.operations:
            operation = self._model.operations[name]
            paths.setdefault(operation.path, {})[operation.method.lower()] = self._operation(operation)
        document: dict[str, Any] = {
            "openapi": "3.1.0",
            "info": {"title": "Whop API", "version": self._model.version},
            "servers": [{"url": self._reference.data["document"]["base_url"], "description": "production"}],
            "tags": [{"name": resource} for resource in self._reference.resources],
            "paths": paths,
            "webhooks": {event: {"post": self._event(event)} for event in self._reference.events},
            "components": {"schemas": {}},
        }
        document["components"]["schemas"] = self._schemas(document)
        return document

    def _operation(self, operation: SdkOperation) -> dict[str, Any]:
        place = SchemaPlace(pascal_case(operation.id.replace(".", "_")), operation.resource)
        scopes = {
            "reference": self._reference.scopes(operation.id),
            "sdk": list(operation.scopes),
        }
        assembled: dict[str, Any] = {
            "operationId": operation.id,
            "tags": [operation.resource],
            "summary": _summary(operation),
            "security": [{"bearerAuth": scopes["sdk"] or scopes["reference"]}],
            "x-scopes": scopes,
        }
        if operation.is_list:
            assembled["x-list"] = True
        assembled["parameters"] = [
            *self._path_parameters(operation),
            *(self._query_parameter(item) for item in operation.query),
        ]
        if operation.body:
            assembled["requestBody"] = {
                "required": operation.body_required,
                "content": _json(self._body(operation, place)),
            }
        assembled["responses"] = {"200": {"description": "Success", **self._answer(operation, place)}}
        return assembled

    def _path_parameters(self, operation: SdkOperation) -> list[dict[str, Any]]:
        names = re.findall(r"\{(\w+)\}", operation.path)
        found = []
        for name in names:
            schema: Schema = {"type": "string"}
            resource = self._relations.of_path(operation.path, name)
            if resource is not None:
                schema["x-resource"] = resource
            found.append({"name": name, "in": "path", "required": True, "schema": schema})
        return found

    def _query_parameter(self, item: RecordField) -> dict[str, Any]:
        # Null cannot be written in a query string: a nullable parameter is one that may be left out.
        read = item.type.inner if isinstance(item.type, Nullable) else item.type
        is_array = isinstance(read, ListOf)
        parameter: dict[str, Any] = {
            "name": item.name + (self._model.array_suffix if is_array else ""),
            "in": "query",
            "required": bool(item.required),
        }
        if is_array:
            parameter |= {"style": "form", "explode": True}
        parameter["schema"] = self._writer.field(replace(item, type=read), SchemaPlace("Query"))
        return parameter

    def _body(self, operation: SdkOperation, place: SchemaPlace) -> Schema:
        variants = [self._writer.schema(variant, SchemaPlace(place.name)) for variant in operation.body]
        return variants[0] if len(variants) == 1 else {"anyOf": variants}

    def _answer(self, operation: SdkOperation, place: SchemaPlace) -> dict[str, Any]:
        if operation.response is None:
            return {}
        if operation.page is not None:
            declared = operation.page
            whole = self._model.types[declared.name] if isinstance(declared, NamedType) else declared
            return {"content": _json(self._writer.schema(whole, place))}
        schema = self._writer.schema(operation.response, place)
        if operation.is_list:
            page = {"data": {"type": "array", "items": schema}, "page_info": _reference_to("PageInfo")}
            schema = {"type": "object", "properties": page, "required": list(page)}
        return {"content": _json(schema)}

    def _event(self, event: str) -> dict[str, Any]:
        payload = self._writer.schema(self._model.events[event], SchemaPlace(pascal_case(event.replace(".", "_"))))
        return {
            "operationId": f"webhook:{event}",
            "tags": [self._reference.events[event]],
            "summary": f"Receive {event}",
            "x-event": event,
            "requestBody": {"required": True, "content": _json(payload)},
            "responses": {"200": {"description": "The receiver has taken the event"}},
        }

    def _schemas(self, document: dict[str, Any]) -> dict[str, Schema]:
        """Return every named type that the document reaches, in alphabetical order."""
        places = self._places()
        found: dict[str, Schema] = {}
        open_names = referenced_schemas(document) | self._unreached()
        while open_names:
            name = min(open_names)  # in an order that does not change from run to run
            open_names.remove(name)
            if name in found:
                continue
            if name in self._writer.hoisted:
                found[name] = self._writer.hoisted[name]
            else:
                found[name] = self._writer.schema(self._model.types[name], places.get(name, SchemaPlace(name)))
            open_names |= referenced_schemas(found[name])
        return dict(sorted(found.items()))

    def _unreached(self) -> set[str]:
        """Return the named types that are documented although no operation needs them: none."""
        return set()

    def _places(self) -> dict[str, SchemaPlace]:
        """Return the place of each named type: the resource whose object a response or the data of an event is."""
        places: dict[str, SchemaPlace] = {}
        for operation in self._model.operations.values():
            method = operation.id.rpartition(".")[2]
            if isinstance(operation.response, NamedType) and method in {*_METHODS_ON_ONE, "list"}:
                name = operation.response.name
                places.setdefault(name, SchemaPlace(name, operation.resource))
        for event, payload in self._model.events.items():
            if isinstance(payload, NamedType):
                parts = {"data": self._reference.events[event]}
                places[payload.name] = SchemaPlace(payload.name, parts=parts)
        return places


def _summary(operation: SdkOperation) -> str:
    resource, _, method = operation.id.rpartition(".")
    one = resource_singular(resource).replace("_", " ")
    words = method.replace("_", " ")
    if method == "list":
        return f"List {resource.replace('_', ' ')}"
    if method in _METHODS_ON_ONE:
        return f"{words.capitalize()} {'an' if one[0] in 'aeiou' and one != 'user' else 'a'} {one}"
    return f"{one.capitalize()}: {words}"


def pascal_case(name: str) -> str:
    """Return a name of words joined by underscores with each word capitalized and joined."""
    return "".join(word.capitalize() for word in name.split("_"))


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _reference_to(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_OPEN: dict[str, dict[str, Any]] = {"object": {"additionalProperties": True}, "array": {"items": {}}}


def assemble_v2(reference: ApiReference) -> dict[str, Any]:
    """Return the v2 document, before the decisions of its overlay."""
    facts = reference.data["v2"]
    operation = facts["operation"]
    plan = {"type": "object", "properties": {item["name"]: _field(item) for item in facts["fields"]}}
    parameters = [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "x-resource": "plans"}},
        {
            "name": "expand[]",
            "in": "query",
            "required": False,
            "style": "form",
            "explode": True,
            "schema": {"type": "array", "items": {"type": "string", "enum": facts["expand"]}},
        },
    ]
    assembled = {
        "operationId": operation["id"],
        "tags": [operation["tag"]],
        "summary": "Retrieve a plan",
        "security": [{"bearerAuth": []}],
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "Success",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Plan"}}},
            }
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Whop API v2", "version": "2"},
        "servers": [{"url": facts["base_url"], "description": "production"}],
        "tags": [{"name": operation["tag"]}],
        "paths": {operation["path"]: {operation["method"].lower(): assembled}},
        "components": {"schemas": {"Plan": plan}},
    }


def _field(item: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": item["type"], **_OPEN.get(item["type"], {})}
    if item["name"] == "id":
        schema["x-resource"] = "plans"
    if "expandable" in item:
        schema["x-resource"] = f"{item['expandable']}s"
        schema = {"anyOf": [schema, {"type": "object", "additionalProperties": True}]}
    for key in ("enum", "deprecated"):
        if key in item:
            schema[key] = item[key]
    return schema


_ABOUT_IDS = ("x-resource", "x-resource-alternatives", "x-id-prefix")


def annotate(document: dict[str, Any], prefixes: dict[str, list[str]], gone: Collection[str] = ()) -> None:
    """Settle the annotations of every id in `document`, in place; `prefixes` are the documented ones by resource.

    An annotation belongs to the string that it speaks of: one put on a nullable field or on an array moves to the
    string inside. An id gets the prefixes of all the resources it may belong to, and none if one of them has none.
    `gone` are resources that other releases have: no operation of this document returns such an id.
    """
    for schema in list(mappings(document)):
        moved = {key: schema[key] for key in _ABOUT_IDS if key in schema}
        strings = list(_strings_in(schema)) if moved and schema.get("type") != "string" else []
        for string in strings:
            string.update(moved)
        if strings:
            for key in moved:
                del schema[key]
    for schema in mappings(document):
        if "x-resource" in schema:
            _leave_out(schema, gone)
        if schema.get("type") == "string" and "x-resource" in schema and "x-id-prefix" not in schema:
            resources = [schema["x-resource"], *schema.get("x-resource-alternatives", [])]
            known = [prefixes.get(resource, []) for resource in resources]
            if all(known):
                schema["x-id-prefix"] = [prefix for group in known for prefix in group]


def _leave_out(schema: dict[str, Any], gone: Collection[str]) -> None:
    """Take the resources of an id out that are gone."""
    named = [schema["x-resource"], *schema.get("x-resource-alternatives", ())]
    left = [resource for resource in named if resource not in gone]
    if left == named:
        return
    for key in ("x-resource", "x-resource-alternatives"):
        schema.pop(key, None)
    if left:
        schema["x-resource"] = left[0]
    if left[1:]:
        schema["x-resource-alternatives"] = left[1:]


def _strings_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the string schemas that a nullable field or an array consists of."""
    for inner in [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]:
        if inner.get("type") == "string":
            yield inner
        else:
            yield from _strings_in(inner)
