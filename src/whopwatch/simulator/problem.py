"""The errors that the simulated API answers with, in the envelope of each API version."""

from __future__ import annotations

from typing import Any

TYPES = {
    400: "invalid_request_error",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    422: "verification_required",
    429: "rate_limit_exceeded",
    500: "internal_server_error",
}
MISSING = "parameter_missing"
INVALID = "parameter_invalid"


class ApiError(Exception):
    """Ends a request with an error status. `param` is the parameter or body field at fault."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param

    def envelope(self, api: str) -> dict[str, Any]:
        """The body: `{error: {type, message, code, param}}`, in v2 `{error: {status, message}}`."""
        if api == "v2":
            return {"error": {"status": self.status, "message": self.message}}
        error = {"type": TYPES[self.status], "message": self.message, "code": self.code, "param": self.param}
        return {"error": error}


def missing(param: str) -> ApiError:
    """400 for a parameter or field that is required and not there."""
    return ApiError(400, f"Missing required parameter: {param}.", code=MISSING, param=param)


def invalid(param: str, expected: str) -> ApiError:
    """400 for a parameter or field of the wrong form."""
    return ApiError(400, f"Invalid value for {param}: expected {expected}.", code=INVALID, param=param)


def not_found(what: str) -> ApiError:
    """404 for an object or path that is not there."""
    return ApiError(404, f"There is no such {what}.")
