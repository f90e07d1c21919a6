"""Convert a request to named arguments, as SDKs and MCP tools take them, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from whopwatch.contract.model import Contract
from whopwatch.contract.operation import Operation, Parameter

Pairs = tuple[tuple[str, str], ...]


def argument_name(parameter: Parameter) -> str:
    """Return the name of a parameter without the `[]` of arrays: `product_ids[]` is `product_ids`."""
    return parameter.name.removesuffix("[]")


def parameters_of(operation: Operation) -> dict[str, Parameter]:
    """Return the parameters in path and query, by the name of their argument."""
    return {argument_name(parameter): parameter for parameter in operation.parameters if parameter.location != "header"}


def arguments_of(
    contract: Contract, operation: Operation, path_params: Mapping[str, str], query: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """Return the arguments of the same request: numbers and booleans as such, repeated parameters as one list.

    A value that does not have the type of its parameter stays a string.
    """
    arguments: dict[str, Any] = dict(path_params)
    for name, text in query:
        parameter = operation.parameter(name)
        if parameter is None:
            arguments[name] = text
            continue
        schema = contract.resolve(parameter.schema, operation.api)
        if parameter.is_array:
            item = contract.resolve(schema["items"], operation.api)
            arguments.setdefault(argument_name(parameter), []).append(_typed(item, text))
        else:
            arguments[argument_name(parameter)] = _typed(schema, text)
    return arguments


def request_from_arguments(
    operation: Operation, arguments: Mapping[str, Any]
) -> tuple[dict[str, str], Pairs, dict[str, Any]]:
    """Return the path parameters, the query and the body of `arguments`: all but parameters belong to the body."""
    known = parameters_of(operation)
    path_params: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    body: dict[str, Any] = {}
    for name, value in arguments.items():
        parameter = known.get(name)
        if parameter is None:
            body[name] = value
        elif parameter.location == "path":
            path_params[parameter.name] = _text(value)
        else:
            values = value if isinstance(value, list) else [value]
            query += ((parameter.name, _text(one)) for one in values)
    return path_params, tuple(query), body


def _typed(schema: Mapping[str, Any], text: str) -> Any:
    kind = schema.get("type")
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    try:
        return int(text) if kind == "integer" else float(text) if kind == "number" else text
    except ValueError:
        return text


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
