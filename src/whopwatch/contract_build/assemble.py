"""The exact schema and the declared facts put together as one OpenAPI document."""

from __future__ import annotations

import re
from typing import Any

from whopwatch.contract_build.declared import Reference
from whopwatch.contract_build.model import Field, ListOf, Named, Nullable, Operation, SdkModel
from whopwatch.contract_build.relations import Relations, singular
from whopwatch.contract_build.schemas import Place, Schema, SchemaWriter
from whopwatch.contract_build.walk import references

_METHODS_ON_ONE = {"create", "retrieve", "update", "delete"}


class Assembler:
    """Assembles the v1 document."""

    def __init__(self, model: SdkModel, reference: Reference) -> None:
        self._model = model
        self._reference = reference
        self._relations = Relations(reference.resources)
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

    def _operation(self, operation: Operation) -> dict[str, Any]:
        place = Place(_pascal(operation.id.replace(".", "_")), operation.resource)
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

    def _path_parameters(self, operation: Operation) -> list[dict[str, Any]]:
        names = re.findall(r"\{(\w+)\}", operation.path)
        found = []
        for name in names:
            schema: Schema = {"type": "string"}
            resource = self._relations.of_path(operation.path, name)
            if resource is not None:
                schema["x-resource"] = resource
            found.append({"name": name, "in": "path", "required": True, "schema": schema})
        return found

    def _query_parameter(self, item: Field) -> dict[str, Any]:
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
        parameter["schema"] = self._writer.field(Field(item.name, read, item.required), Place("Query"))
        return parameter

    def _body(self, operation: Operation, place: Place) -> Schema:
        variants = [self._writer.schema(variant, Place(place.name)) for variant in operation.body]
        return variants[0] if len(variants) == 1 else {"anyOf": variants}

    def _answer(self, operation: Operation, place: Place) -> dict[str, Any]:
        if operation.response is None:
            return {}
        if operation.page is not None:
            declared = operation.page
            whole = self._model.types[declared.name] if isinstance(declared, Named) else declared
            return {"content": _json(self._writer.schema(whole, place))}
        schema = self._writer.schema(operation.response, place)
        if operation.is_list:
            page = {"data": {"type": "array", "items": schema}, "page_info": _reference_to("PageInfo")}
            schema = {"type": "object", "properties": page, "required": list(page)}
        return {"content": _json(schema)}

    def _event(self, event: str) -> dict[str, Any]:
        payload = self._writer.schema(self._model.events[event], Place(_pascal(event.replace(".", "_"))))
        return {
            "operationId": f"webhook:{event}",
            "tags": [self._reference.events[event]],
            "summary": f"Receive {event}",
            "x-event": event,
            "requestBody": {"required": True, "content": _json(payload)},
            "responses": {"200": {"description": "The receiver has taken the event"}},
        }

    def _schemas(self, document: dict[str, Any]) -> dict[str, Schema]:
        """Every named type that the document reaches, in alphabetical order."""
        places = self._places()
        found: dict[str, Schema] = {}
        open_names = references(document)
        while open_names:
            name = open_names.pop()
            if name in found:
                continue
            if name in self._writer.hoisted:
                found[name] = self._writer.hoisted[name]
            else:
                found[name] = self._writer.schema(self._model.types[name], places.get(name, Place(name)))
            open_names |= references(found[name])
        return dict(sorted(found.items()))

    def _places(self) -> dict[str, Place]:
        """What is known of the named types: whose object a response is, and whose an event's data."""
        places: dict[str, Place] = {}
        for operation in self._model.operations.values():
            method = operation.id.partition(".")[2]
            if isinstance(operation.response, Named) and method in {*_METHODS_ON_ONE, "list"}:
                name = operation.response.name
                places.setdefault(name, Place(name, operation.resource))
        for event, payload in self._model.events.items():
            if isinstance(payload, Named):
                parts = {"data": self._reference.events[event]}
                places[payload.name] = Place(payload.name, parts=parts)
        return places


def _summary(operation: Operation) -> str:
    resource, _, method = operation.id.partition(".")
    one = singular(resource).replace("_", " ")
    words = method.replace("_", " ").replace(".", " ")
    if method == "list":
        return f"List {resource.replace('_', ' ')}"
    if method in _METHODS_ON_ONE:
        return f"{words.capitalize()} {'an' if one[0] in 'aeiou' and one != 'user' else 'a'} {one}"
    return f"{one.capitalize()}: {words}"


def _pascal(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _reference_to(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
