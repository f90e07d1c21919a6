"""Read a request as the contract documents it: path, query parameters, body, headers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.loader import is_version
from whopwatch.contract.schema_tree import SchemaNode, schemas_of
from whopwatch.core.pointers import escape_pointer
from whopwatch.core.strict_json import BodyProblem, parse_json
from whopwatch.simulator.api.errors import INVALID, ApiError, parameter_invalid, parameter_missing
from whopwatch.simulator.world.values import to_milliseconds

INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
MAX_KEY_BYTES = 255


class Routes:
    """The paths of a contract, alternates included, by API, method and number of segments."""

    def __init__(self, contract: Contract) -> None:
        self._by_shape: dict[tuple[str, str, int, str], list[tuple[list[str], Operation]]] = {}
        for operation in contract.operations.values():
            for template in (operation.path, *operation.alternate_paths):
                segments = template.strip("/").split("/")
                key = (operation.api, operation.method, len(segments), segments[0])
                self._by_shape.setdefault(key, []).append((segments, operation))

    def find(self, api: str, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """Return the operation of a path and its decoded path parameters; None if the path is not documented."""
        segments = path.strip("/").split("/")
        candidates = self._by_shape.get((api, method, len(segments), segments[0]), [])
        for template, operation in sorted(candidates, key=lambda entry: sum("{" in part for part in entry[0])):
            pairs = list(zip(template, segments, strict=True))
            if all(part.startswith("{") or part == given for part, given in pairs):
                return operation, {part[1:-1]: unquote(given) for part, given in pairs if part.startswith("{")}
        return None


def query_values(contract: Contract, operation: Operation, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the documented query parameters by name, each of its type. Other parameters are ignored.

    Raise ApiError 400 for a missing or malformed parameter.
    """
    sent: dict[str, list[str]] = {}
    for name, value in pairs:
        sent.setdefault(name, []).append(value)
    values: dict[str, Any] = {}
    schemas = schemas_of(contract)
    for parameter in operation.in_("query"):
        texts = sent.get(parameter.name)
        if texts is None:
            if parameter.required:
                raise parameter_missing(parameter.name)
            continue
        node = schemas.read(parameter.schema, operation.api)
        if node.type == "array":
            values[parameter.name] = [_read(parameter, node.items or node, text) for text in texts]
        else:
            values[parameter.name] = _read(parameter, node, texts[-1])
    return values


def _read(parameter: Parameter, node: SchemaNode, text: str) -> Any:
    if node.variants:
        return _first_readable(parameter, node, text)
    if node.known_values:
        # Responses may show further values of an open enum, but a request with one is rejected all the same.
        known = {str(value): value for value in node.known_values}
        if text not in known:
            raise parameter_invalid(parameter.name, "one of the documented values")
        return known[text]
    if node.type == "integer":
        if not INTEGER.fullmatch(text):
            raise parameter_invalid(parameter.name, "an integer")
        return int(text)
    if node.type == "number":
        try:
            return float(text)
        except ValueError:
            raise parameter_invalid(parameter.name, "a number") from None
    if node.type == "boolean":
        if text not in ("true", "false"):
            raise parameter_invalid(parameter.name, "true or false")
        return text == "true"
    if node.format in ("date-time", "date"):
        try:
            return to_milliseconds(text)
        except (ValueError, OverflowError):
            raise parameter_invalid(parameter.name, "an ISO 8601 date and time") from None
    if not text and parameter.required:
        raise parameter_missing(parameter.name)
    return text


def _first_readable(parameter: Parameter, node: SchemaNode, text: str) -> Any:
    """Return the value as the first variant that accepts it. Raise ApiError 400 if none does."""
    for variant in node.variants:
        try:
            return _read(parameter, variant, text)
        except ApiError as problem:
            rejected = problem
    raise rejected


def body_value(contract: Contract, operation: Operation, body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request body, {} if none is required. Raise ApiError 400 for anything else."""
    if operation.body is None or (not body.strip() and not operation.body_required):
        return {}
    value, problem = parse_json(body)
    if problem is BodyProblem.EMPTY:
        value, problem = {}, None
    if problem:
        raise ApiError(400, f"The request body is not a JSON document ({problem.value}).", code="parameter_invalid")
    if not isinstance(value, dict):
        raise ApiError(400, "The request body has to be a JSON object.", code="parameter_invalid")
    path = f"/paths/{escape_pointer(operation.path)}/{operation.method.lower()}"
    validator = contract.validator(f"{path}/requestBody/content/application~1json/schema", operation.api)
    if not validator.is_valid(value):
        violation = next(validator.violations(value))
        param = ".".join(str(step) for step in violation.path) or "body"
        raise parameter_missing(param) if violation.kind == "required" else parameter_invalid(param, violation.expected)
    return value


def check_request_headers(contract: Contract, operation: Operation, headers: Mapping[str, str], lenient: bool) -> None:
    """Raise ApiError 400 for an unusable `Api-Version-Date` or `Idempotency-Key`.

    The simulated API supports the version of its contract only. A `lenient` one accepts every version.
    """
    version = headers.get(VERSION_HEADER.lower())
    if version is not None:
        if not is_version(version):
            raise parameter_invalid(VERSION_HEADER, "a version such as 2025-01-01 or 2026-10-15-1")
        if contract.version not in (None, version) and not lenient:
            message = f"Unknown API version {version}. Supported versions: {contract.version}."
            raise ApiError(400, message, code=INVALID, param=VERSION_HEADER)
    key = headers.get("idempotency-key")
    if key is not None and operation.method == "POST" and not 0 < len(key.encode()) <= MAX_KEY_BYTES:
        raise parameter_invalid("Idempotency-Key", f"1 to {MAX_KEY_BYTES} bytes")
