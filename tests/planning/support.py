"""Exchanges made by hand."""

from __future__ import annotations

import json
from typing import Any

from whopwatch.core.exchange import Exchange
from whopwatch.http import Call


def answer(call: Call, body: Any = None, status: int = 200) -> Exchange:
    return Exchange(
        operation=call.operation.id,
        purpose=call.purpose,
        method=call.operation.method,
        url="http://127.0.0.1/",
        path_params=dict(call.path_params),
        query=call.query,
        credential=call.credential,
        status=status,
        headers=(("content-type", "application/json"),),
        body=json.dumps(body).encode(),
    )


def page(ids: list[str], end: str | None = None, more: bool = False, start: str | None = "s") -> dict[str, Any]:
    info = {"start_cursor": start, "end_cursor": end, "has_next_page": more, "has_previous_page": False}
    return {"data": [{"id": id} for id in ids], "page_info": info}
