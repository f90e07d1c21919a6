"""HTTP endpoints beside the API that replace the active faults and trigger webhook events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from whopwatch.core.errors import UsageError
from whopwatch.core.strict_json import parse_json
from whopwatch.simulator.events.delivery import OutgoingDelivery
from whopwatch.simulator.faults import ActiveFaults

FAULTS_PATH = "/__simulator__/faults"
EVENTS_PATH = "/__simulator__/events"


def handle_faults(faults: ActiveFaults, method: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Answer `GET` with the active faults, and `PUT` of `{"faults": [...]}` by replacing them first."""
    if method == "PUT":
        if not _is_json(headers):
            return _not_json()
        try:
            faults.switch(_names("faults", body))
        except UsageError as error:
            return _rejected(error)
    elif method != "GET":
        return JSONResponse({"error": "GET or PUT"}, 405)
    return JSONResponse({"faults": list(faults.active)})


def handle_events(
    trigger: Callable[[str], list[OutgoingDelivery]], method: str, headers: Mapping[str, str], body: bytes
) -> Response:
    """Trigger the events of a `POST` of `{"events": [...]}`. Answer with all events that occurred because of it."""
    if method != "POST":
        return JSONResponse({"error": "POST"}, 405)
    if not _is_json(headers):
        return _not_json()
    try:
        deliveries = [one for name in _names("events", body) for one in trigger(name)]
    except UsageError as error:
        return _rejected(error)
    return JSONResponse({"events": [delivery.event for delivery in deliveries]})


def _names(key: str, body: bytes) -> list[str]:
    """Return the names in a body of the form `{key: [...]}`. Raises UsageError for any other body."""
    value: Any = parse_json(body)[0]
    names = value.get(key) if isinstance(value, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f'expected {{"{key}": ["NAME", ...]}}')
    return names


def _is_json(headers: Mapping[str, str]) -> bool:
    """Check that the media type is JSON: a web page cannot send that to another origin without a preflight request."""
    return headers.get("content-type", "").partition(";")[0].strip() == "application/json"


def _not_json() -> Response:
    return JSONResponse({"error": "expected the header content-type: application/json"}, 415)


def _rejected(error: UsageError) -> Response:
    return JSONResponse({"error": str(error)}, 400)
