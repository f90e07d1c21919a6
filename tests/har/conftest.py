"""Small archives in the style of the programs that write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.run.fake_api import FakeApi
from whopwatch.contract import Contract

BASE = "https://api.whop.com/api/v1"


@pytest.fixture(scope="session")
def page(contract: Contract) -> dict[str, Any]:
    """A page of products as the API documents it."""
    return FakeApi(contract, items=3).page(contract.operation("products.list"), {"first": "10"})


def chrome(url: str, body: object, **changes: Any) -> dict[str, Any]:
    """An entry as Chrome's network panel exports it: own keys, times, no Authorization, text as decoded."""
    text = body if isinstance(body, str) else json.dumps(body)
    entry: dict[str, Any] = {
        "_fromCache": None,
        "_initiator": {"type": "script", "stack": {"callFrames": [{"functionName": "", "url": "https://app.example"}]}},
        "_priority": "High",
        "_resourceType": "fetch",
        "cache": {},
        "connection": "443",
        "request": {
            "method": "GET",
            "url": url,
            "httpVersion": "h3",
            "headers": [{"name": ":authority", "value": "api.whop.com"}, {"name": "accept", "value": "*/*"}],
            "queryString": [],
            "cookies": [],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": 200,
            "statusText": "",
            "httpVersion": "h3",
            "headers": [
                {"name": ":status", "value": "200"},
                {"name": "Content-Type", "value": "application/json; charset=utf-8"},
            ],
            "cookies": [],
            "content": {"size": len(text.encode()), "mimeType": "application/json", "text": text},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
            "_transferSize": 700,
        },
        "serverIPAddress": "203.0.113.7",
        "startedDateTime": "2026-11-20T10:00:00.123Z",
        "time": 61.5,
        "timings": {
            "blocked": 2.5,
            "dns": -1,
            "ssl": 20,
            "connect": 30,
            "send": 0.5,
            "wait": 25,
            "receive": 3.5,
            "_blocked_queueing": 1.2,
        },
    }
    entry["response"].update(changes)
    return entry


def archive(*entries: dict[str, Any], creator: str = "WebInspector") -> dict[str, Any]:
    """An archive of `entries`."""
    return {"log": {"version": "1.2", "creator": {"name": creator, "version": "537.36"}, "entries": list(entries)}}


def saved(folder: Path, value: object) -> Path:
    """`value` as a file."""
    file = folder / "recording.har"
    file.write_text(json.dumps(value), encoding="utf-8")
    return file
