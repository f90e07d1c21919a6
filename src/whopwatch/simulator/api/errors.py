"""The errors of the simulated API, in the envelope of each API."""

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
    """Ends a request with an error status. `param` is the wrong parameter or body field."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param

    def envelope(self, api: str) -> dict[str, Any]:
        """Return the response body: `{error: {type, message, code, param}}`, in v2 `{error: {status, message}}`."""
        if api == "v2":
            return {"error": {"status": self.status, "message": self.message}}
        error = {"type": TYPES[self.status], "message": self.message, "code": self.code, "param": self.param}
        return {"error": error}


def parameter_missing(param: str) -> ApiError:
    """Return the 400 for a required parameter or field that is missing."""
    return ApiError(400, f"Missing required parameter: {param}.", code=MISSING, param=param)


def parameter_invalid(param: str, expected: str) -> ApiError:
    """Return the 400 for a parameter or field with an invalid value."""
    return ApiError(400, f"Invalid value for {param}: expected {expected}.", code=INVALID, param=param)


def not_found(what: str) -> ApiError:
    """Return the 404 for an object or path that does not exist."""
    return ApiError(404, f"There is no such {what}.")
