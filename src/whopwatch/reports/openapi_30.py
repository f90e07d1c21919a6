"""An OpenAPI 3.1 document as OpenAPI 3.0, for tools that read no other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Node = Mapping[str, Any]

_SCHEMA_LISTS = ("anyOf", "oneOf", "allOf")
_UNKNOWN = frozenset(
    {
        "$anchor", "$comment", "$defs", "$dynamicAnchor", "$dynamicRef", "$id", "$schema", "$vocabulary", "contains",
        "contentEncoding", "contentMediaType", "contentSchema", "dependentRequired", "dependentSchemas", "else", "if",
        "maxContains", "minContains", "patternProperties", "prefixItems", "propertyNames", "then", "unevaluatedItems",
        "unevaluatedProperties",
    }
)  # fmt: skip
"""Keywords of JSON Schema 2020-12 that OpenAPI 3.0 lacks. They are kept as `x-json-schema-*`."""
_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def openapi_30(document: Node) -> dict[str, Any]:
    """Return `document` in OpenAPI 3.0.3. What 3.0 cannot say is kept in extensions: webhooks as `x-webhooks`."""
    kept = {key: value for key, value in document.items() if key not in ("jsonSchemaDialect", "webhooks")}
    if "webhooks" in document:
        kept["x-webhooks"] = document["webhooks"]
    license = document["info"].get("license", {})
    info = {key: value for key, value in document["info"].items() if key != "summary"}
    if license:
        info["license"] = {key: value for key, value in license.items() if key != "identifier"}
    components = {key: value for key, value in document.get("components", {}).items() if key != "pathItems"}
    converted: dict[str, Any] = _converted({"paths": {}, **kept, "components": components})
    return {**converted, "openapi": "3.0.3", "info": info}


def _converted(node: Any) -> Any:
    """Return a part of a document that is no schema, with the schemas in it converted."""
    if isinstance(node, list):
        return [_converted(part) for part in node]
    if not isinstance(node, dict):
        return node
    done = {}
    for key, value in node.items():
        if key == "schema":
            done[key] = _schema(value)
        elif key == "schemas":
            done[key] = {name: _schema(part) for name, part in value.items()}
        else:
            done[key] = value if key in ("example", "examples", "default") else _converted(value)
    return done


def _schema(schema: Any) -> dict[str, Any]:
    """Return a schema of JSON Schema 2020-12 as one of OpenAPI 3.0."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    if "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        reference = {"$ref": schema["$ref"]}
        return {**_schema(rest), "allOf": [reference]} if rest else reference
    done: dict[str, Any] = {}
    for key, value in schema.items():
        _convert_keyword(done, key, value)
    _convert_types(done)
    _convert_null_branch(done)
    if done.get("type") == "array":
        done.setdefault("items", {})
    return done


def _convert_keyword(done: dict[str, Any], key: str, value: Any) -> None:
    if key in _SCHEMA_LISTS:
        done[key] = [_schema(part) if part != {"type": "null"} else part for part in value]
    elif key == "properties":
        done[key] = {name: _schema(part) for name, part in value.items()}
    elif key in ("items", "not") or (key == "additionalProperties" and not isinstance(value, bool)):
        done[key] = _schema(value)
    elif key == "const":
        done["enum"] = [value]
    elif key == "examples" and isinstance(value, list):
        done.update({"example": value[0]} if value else {})
    elif key in _BOUNDS and not isinstance(value, bool):
        done.update({_BOUNDS[key]: value, key: True})
    else:
        done[f"x-json-schema-{key}" if key in _UNKNOWN else key] = value


def _convert_types(schema: dict[str, Any]) -> None:
    """Replace a list of types, and the type null, which 3.0 does not have."""
    types = schema.get("type")
    if types == "null":
        schema.update({"type": "string", "nullable": True, "enum": [None]})
    elif isinstance(types, list):
        named = [one for one in types if one != "null"]
        del schema["type"]
        if len(named) < len(types):
            schema["nullable"] = True
        if len(named) == 1:
            schema["type"] = named[0]
        elif named:
            variants = [{"type": one, **({"items": {}} if one == "array" else {})} for one in named]
            schema.setdefault("allOf", []).append({"anyOf": variants})


def _convert_null_branch(schema: dict[str, Any]) -> None:
    """Say `nullable` instead of a branch that is null. A branch that is left alone becomes the schema itself."""
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if not branches or {"type": "null"} not in branches:
            continue
        rest = [branch for branch in branches if branch != {"type": "null"}]
        del schema[key]
        schema["nullable"] = True
        if len(rest) > 1:
            schema[key] = rest
        elif rest and ("$ref" in rest[0] or not schema.keys().isdisjoint(rest[0])):
            schema["allOf"] = [*schema.get("allOf", ()), *rest]
        elif rest:
            schema.update(rest[0])
