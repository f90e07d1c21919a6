"""Small HTTP servers that are no Whop API, each in its own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.proxy import Proxy, proxied
from tests.local_http import LocalHandler, running
from whopwatch.contract import load
from whopwatch.simulator import embedded

Answer = tuple[int, dict[str, str], bytes]
JSON = {"content-type": "application/json"}
KEY = "apik_never_shown"
UNAUTHORIZED = json.dumps({"error": {"type": "unauthorized", "message": "no"}}).encode()
EMPTY_PAGE = {
    "data": [],
    "page_info": {"has_next_page": False, "has_previous_page": False, "start_cursor": None, "end_cursor": None},
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Proxy]:
    """A simulator behind a proxy that can change its responses; the environment has its key and company."""
    monkeypatch.chdir(tmp_path)
    with embedded(load(), items=3) as simulator, proxied(simulator) as proxy:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        yield proxy


def _empty_company(path: str, authorization: str | None) -> Answer:
    if authorization != f"Bearer {KEY}":
        return 401, JSON, UNAUTHORIZED
    operation = load().match("GET", path.partition("?")[0].removeprefix("/api/v1"))
    if operation and operation.is_list:
        return 200, JSON, json.dumps(EMPTY_PAGE).encode()
    return 404, JSON, json.dumps({"error": {"type": "not_found", "message": "no"}}).encode()


ANSWERS: dict[str, Callable[[str, str | None], Answer]] = {
    "refuses the key": lambda path, authorization: (
        401,
        JSON,
        UNAUTHORIZED,
    ),
    "answers HTML": lambda path, authorization: (200, {"content-type": "text/html"}, b"<html>hello</html>"),
    "redirects": lambda path, authorization: (302, {"location": "https://elsewhere.example/"}, b""),
    "is empty": _empty_company,
    "fails": lambda path, authorization: (500, JSON, b'{"error": {"type": "internal_server_error", "message": "no"}}'),
}


@contextmanager
def serving(answer: Callable[[str, str | None], Answer]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives `answer` to every GET: its base URL, and the requests it was sent (`GET /path`)."""
    seen: list[str] = []

    class Handler(LocalHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            seen.append(f"{self.command} {self.path}")
            status, headers, body = answer(self.path, self.headers["authorization"])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    with running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}/api/v1", seen


@pytest.fixture(autouse=True)
def clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No configuration but the test's own: neither of the environment nor of the working directory."""
    for name in ("WHOP_API_KEY", "WHOP_COMPANY_ID", "WHOP_BASE_URL", "WHOP_API_VERSION_DATE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
