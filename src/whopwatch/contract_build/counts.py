"""What a contract comes to, in numbers that are held against the declared ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

from whopwatch.contract_build.schema_walk import all_schemas


def count(document: dict[str, Any]) -> dict[str, int]:
    """Return the counts of the v1 document, by the names that `sources.toml` declares them under."""
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    methods = Counter(method for item in document["paths"].values() for method in item)
    queries = [
        parameter
        for operation in operations
        for parameter in operation.get("parameters", ())
        if parameter.get("in") == "query"
    ]
    # An enum of one value is a constant that tells a variant or an event.
    listed = (schema.get("enum", ()) for _, schema in all_schemas(document))
    enums = {tuple(values) for values in listed if len(values) > 1}
    return {
        "operations": len(operations),
        "resources": len({operation["tags"][0] for operation in operations}),
        **{method: methods[method] for method in ("get", "post", "patch", "delete")},
        "paths": len(document["paths"]),
        "lists": sum(bool(operation.get("x-list")) for operation in operations),
        "events": len(document["webhooks"]),
        "query_parameters": len(queries),
        "required_query_parameters": sum(parameter["required"] for parameter in queries),
        "array_query_parameters": sum(parameter["name"].endswith("[]") for parameter in queries),
        "bodies": sum("requestBody" in operation for operation in operations),
        "bodies_of_several_variants": sum(_has_variants(operation) for operation in operations),
        "boolean_answers": sum(_answers_boolean(document, operation) for operation in operations),
        "enums": len(enums),
    }


def _has_variants(operation: dict[str, Any]) -> bool:
    content = operation.get("requestBody", {}).get("content", {})
    return any("anyOf" in carried["schema"] for carried in content.values())


def _answers_boolean(document: dict[str, Any], operation: dict[str, Any]) -> bool:
    schema = operation["responses"]["200"].get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return bool(document["components"]["schemas"].get(name, schema).get("type") == "boolean")
