"""Switching faults while the simulator runs, by requests beside the API."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from whopwatch.errors import UsageError
from whopwatch.exchange import parse_json
from whopwatch.simulator.faults import Faults

CONTROL = "/__simulator__/faults"


def control(faults: Faults, method: str, headers: Mapping[str, str], body: bytes) -> Response:
    """`GET` tells the active faults, `PUT` of `{"faults": [...]}` replaces them; both answer `{"faults": [...]}`.

    The media type has to be JSON, which no web page can send here without being asked first.
    """
    if method == "PUT":
        value, problem = parse_json(body)
        names = value.get("faults") if isinstance(value, dict) else None
        if problem or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return JSONResponse({"error": 'expected {"faults": ["NAME@OPERATION", ...]}'}, 400)
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return JSONResponse({"error": "expected application/json"}, 415)
        try:
            faults.switch(names)
        except UsageError as error:
            return JSONResponse({"error": str(error)}, 400)
    elif method != "GET":
        return JSONResponse({"error": "GET or PUT"}, 405)
    return JSONResponse({"faults": list(faults.active)})
