"""A server that never finishes a response holds nothing up: not a session, a check, the prober or its command."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.local_http import LocalHandler, running
from whopwatch.cli import main
from whopwatch.cli._support.subprocess_call import call_in_subprocess
from whopwatch.contract import load
from whopwatch.contract.mcp_tools import tools_of
from whopwatch.core.errors import TargetError
from whopwatch.core.report import Verdict
from whopwatch.mcp import ToolResult, check_mcp_server, session
from whopwatch.mcp.compare import OfferedTool

PROTOCOL = "2025-06-18"
SECONDS = 0.2
BOUND = 60.0
"""Far above the deadlines under test, and far below for ever: a busy machine must not decide."""


class Hanging(ThreadingHTTPServer):
    """An MCP server that drips the response to one method for ever, one byte at a time."""

    daemon_threads = True

    def __init__(self, hangs_at: str) -> None:
        self.hangs_at = hangs_at
        self.is_over = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(LocalHandler):
    server: Hanging
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        method = message["method"]
        if method == self.server.hangs_at:
            self.drip()
        elif "id" not in message:
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()
        elif method == "initialize":
            info = {"name": "hanging", "version": "1"}
            self.reply(message, {"protocolVersion": PROTOCOL, "capabilities": {"tools": {}}, "serverInfo": info})
        else:
            self.reply(message, {"tools": []})

    def do_GET(self) -> None:
        if self.server.hangs_at == "GET":
            self.drip()
        self.send_response(405)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_DELETE(self) -> None:
        self.drip()

    def reply(self, message: dict[str, object], result: dict[str, object]) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("mcp-session-id", "1")
        self.end_headers()
        self.wfile.write(body)

    def drip(self) -> None:
        """Send an event stream of comments: every read gets a byte, so no read ever times out."""
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            while not self.server.is_over.wait(0.02):
                self.wfile.write(b":\n")
        self.close_connection = True


@pytest.fixture
def hanging() -> Iterator[Callable[[str], str]]:
    """`hanging(method)` is the URL of a server that never completes its response to `method`."""
    with ExitStack() as open_servers:

        def start(method: str) -> str:
            server = open_servers.enter_context(running(Hanging(method)))
            open_servers.callback(server.is_over.set)
            return f"http://127.0.0.1:{server.server_port}/mcp"

        yield start


@pytest.mark.parametrize("method", ["initialize", "notifications/initialized", "tools/list", "GET", "DELETE"])
def test_a_session_ends_whatever_never_ends(
    hanging: Callable[[str], str], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_CLOSE_SECONDS", SECONDS)
    url = hanging(method)
    begun = time.monotonic()
    transport = session.transport_to(url, (), 30)
    with suppress(TargetError), session.over_http(url, None, transport, is_sse=False, seconds=SECONDS) as server:
        assert server.tools() == []
    assert time.monotonic() - begun < BOUND


def test_the_command_ends_with_the_reason(
    hanging: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "_CLOSE_SECONDS", SECONDS)
    original = session.over_http
    monkeypatch.setattr(
        session, "over_http", lambda *args, **options: original(*args, **{**options, "seconds": SECONDS})
    )
    assert main(["mcp", hanging("initialize"), "--json", "-"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert "no response in time" in report["reason"]


class Slow:
    """A server whose every call takes a minute of `clock`."""

    def __init__(self, tools: list[OfferedTool]) -> None:
        self.now = 0.0
        self._tools = tools

    def clock(self) -> float:
        return self.now

    def tools(self) -> list[OfferedTool]:
        return self._tools

    def call(self, name: str, arguments: object) -> ToolResult:
        self.now += 60.0
        return ToolResult(200, '{"data": [], "page_info": {}}')


def test_a_check_ends_at_its_time_limit() -> None:
    contract = load()
    slow = Slow([OfferedTool(tool.name, {}, tool.operation.is_read) for tool in tools_of(contract).values()])
    report = check_mcp_server(contract, slow, name="m", ids={"companies": "biz_1"}, max_seconds=300.0, clock=slow.clock)
    assert report.sent == 5
    assert report.verdict is not Verdict.CLEAN
    assert "the time limit of 300 s was reached" in str(report.reason)


def test_a_program_that_prints_nothing_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp.client.stdio.PROCESS_TERMINATION_TIMEOUT", 0.1)
    pid = tmp_path / "pid"
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    begun = time.monotonic()
    with (
        pytest.raises(TargetError, match="does not open a session"),
        session.over_stdio([sys.executable, "-c", code], {}, seconds=1.0),
    ):
        pytest.fail("a session was opened")
    assert time.monotonic() - begun < BOUND
    if pid.exists():  # on a very busy machine the program may not have started in time
        assert not Path(f"/proc/{pid.read_text()}").exists()


def test_a_child_process_is_killed_after_its_timeout() -> None:
    with pytest.raises(TargetError) as caught:
        call_in_subprocess(time.sleep, 600, timeout=0.2)
    assert caught.value.got == "no result within 0.2 s"
