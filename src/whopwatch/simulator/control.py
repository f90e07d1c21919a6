"""Switching faults and letting events happen while the simulator runs, by requests beside the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from whopwatch.core.errors import UsageError
from whopwatch.core.strict_json import parse_json
from whopwatch.simulator.faults import Faults
from whopwatch.simulator.parcel import Parcel

CONTROL = "/__simulator__/faults"
EVENTS = "/__simulator__/events"


def control(faults: Faults, method: str, headers: Mapping[str, str], body: bytes) -> Response:
    """`GET` tells the active faults, `PUT` of `{"faults": [...]}` replaces them; both answer `{"faults": [...]}`."""
    if method == "PUT":
        if not _is_json(headers):
            return _not_json()
        try:
            faults.switch(_names("faults", body))
        except UsageError as error:
            return _refusal(error)
    elif method != "GET":
        return JSONResponse({"error": "GET or PUT"}, 405)
    return JSONResponse({"faults": list(faults.active)})


def happen(let_happen: Callable[[str], list[Parcel]], method: str, headers: Mapping[str, str], body: bytes) -> Response:
    """`POST` of `{"events": [...]}` lets these happen; answers `{"events": [...]}` with all that came of it."""
    if method != "POST":
        return JSONResponse({"error": "POST"}, 405)
    if not _is_json(headers):
        return _not_json()
    try:
        parcels = [parcel for name in _names("events", body) for parcel in let_happen(name)]
    except UsageError as error:
        return _refusal(error)
    return JSONResponse({"events": [parcel.event for parcel in parcels]})


def _names(key: str, body: bytes) -> list[str]:
    """The names in a body of the form `{key: [...]}`; raises UsageError for any other."""
    value: Any = parse_json(body)[0]
    names = value.get(key) if isinstance(value, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UsageError(f'expected {{"{key}": ["NAME", ...]}}')
    return names


def _is_json(headers: Mapping[str, str]) -> bool:
    """Whether the media type is JSON, which no web page can send here without being asked first."""
    return headers.get("content-type", "").partition(";")[0].strip() == "application/json"


def _not_json() -> Response:
    return JSONResponse({"error": "expected the header content-type: application/json"}, 415)


def _refusal(error: UsageError) -> Response:
    return JSONResponse({"error": str(error)}, 400)
