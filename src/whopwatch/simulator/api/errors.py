"""The errors of the simulated API, in the form that the operation documents."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.schema_tree import SchemaNode, schemas_of

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    410: "gone",
    413: "request_too_large",
    422: "verification_required",
    429: "rate_limit_exceeded",
    500: "internal_server_error",
    501: "not_implemented",
    503: "unavailable",
}
MISSING = "parameter_missing"
INVALID = "parameter_invalid"
_PLACEHOLDERS: Mapping[str | None, Any] = {"string": "", "integer": 0, "number": 0.0, "boolean": False, "array": []}


class ApiError(Exception):
    """Ends a request with an error status. `param` is the wrong parameter or body field."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param


def error_body(contract: Contract, operation: Operation | None, problem: ApiError, api: str = "v1") -> Any:
    """Return the response body of an error: the documented fields of the operation's error with this status.

    Without an operation, or without a documented form, it has the form of the most errors of the API.
    """
    node = error_node(
        contract, operation.id if operation else None, problem.status, operation.api if operation else api
    )
    values = {
        "type": ERROR_TYPES.get(problem.status, "error"),
        "message": problem.message,
        "code": problem.code,
        "param": problem.param,
        "status": problem.status,
    }
    if node is None:
        return {"error": {name: values[name] for name in ("type", "message", "code", "param")}}
    body = _filled(node, values)
    if problem.param == VERSION_HEADER and isinstance(body.get("error"), dict):
        body["error"]["param"] = problem.param  # the API names this parameter in every form of its errors
    return body


@lru_cache(maxsize=4096)
def error_node(contract: Contract, operation: str | None, status: int, api: str) -> SchemaNode | None:
    """Return the schema of an error. Without one for `status`, of another error of the operation, then of the API."""
    own = [contract.operations[operation]] if operation else []
    for candidate in (*own, *(each for each in contract.operations.values() if each.api == api)):
        errors = {known: each for known, each in candidate.responses.items() if known >= 400 and each.schema}
        chosen = errors.get(status) or next(iter(errors.values()), None)
        if chosen and chosen.schema:
            return schemas_of(contract).read(chosen.schema, candidate.api)
    return None


def _filled(node: SchemaNode, values: Mapping[str, Any]) -> Any:
    """Return an object of `node` with the `values` that it documents, at any depth."""
    variants = [each for each in node.alternatives if each.fields]
    if not variants:
        return {"error": {name: value for name, value in values.items() if name != "status"}}
    chosen = max(variants, key=lambda each: len(each.fields))
    filled: dict[str, Any] = {}
    for name, child in chosen.fields.items():
        if any(each.fields for each in child.alternatives):
            filled[name] = _filled(child, values)
        elif name in values:
            value = values[name]
            if child.enum and value not in child.enum and value is not None:
                value = child.enum[0]
            if value is not None or child.nullable:
                filled[name] = value
        elif name in chosen.required:
            filled[name] = None if child.nullable else _PLACEHOLDERS.get(child.type, {})
    return filled


def parameter_missing(param: str) -> ApiError:
    """Return the 400 for a required parameter or field that is missing."""
    return ApiError(400, f"Missing required parameter: {param}.", code=MISSING, param=param)


def parameter_invalid(param: str, expected: str) -> ApiError:
    """Return the 400 for a parameter or field with an invalid value."""
    return ApiError(400, f"Invalid value for {param}: expected {expected}.", code=INVALID, param=param)


def not_found(what: str) -> ApiError:
    """Return the 404 for an object or path that does not exist."""
    return ApiError(404, f"There is no such {what}.")
