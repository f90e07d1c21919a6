"""Sessions with MCP servers: no server holds one up, none gets the key in plain text, and each refusal has a reason."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from tests.local_http import LocalHandler, running
from whopwatch.cli import main
from whopwatch.cli._support.subprocess_call import call_in_subprocess
from whopwatch.contract import load
from whopwatch.contract.mcp_tools import tools_of
from whopwatch.core.errors import TargetError, UsageError
from whopwatch.core.report import Verdict
from whopwatch.mcp import ToolResult, check_mcp_server, session
from whopwatch.mcp.compare import OfferedTool
from whopwatch.mcp.session import ReadOnlyTransport

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


@pytest.mark.parametrize("is_sse", [True, False])
def test_a_session_with_a_key_is_refused_over_plain_http(is_sse: bool) -> None:
    silent = httpx2.MockTransport(lambda request: httpx2.Response(500))
    transport = ReadOnlyTransport(silent, ("http", "mcp.example.com", None), (), budget=5)
    opened = session.over_http("http://mcp.example.com/mcp", "apik_0123456789", transport, is_sse=is_sse)
    with pytest.raises(UsageError, match="unencrypted") as caught:
        opened.__enter__()
    assert transport.sent == 0
    assert "apik" not in str(caught.value)


KEY = "key_that_must_not_show"
OAUTH = 'Bearer resource_metadata="https://example.com/.well-known/oauth-protected-resource"'
ANSWERS: dict[str, tuple[int, dict[str, str]]] = {
    "/oauth": (401, {"WWW-Authenticate": OAUTH}),
    "/wrong": (401, {"WWW-Authenticate": "Bearer"}),
    "/moved": (307, {"Location": f"https://example.com/{KEY}"}),
    "/old/sse": (404, {}),
    "/html": (200, {"Content-Type": "text/html"}),
    "/down": (503, {}),
}


class Refusing(LocalHandler):
    """Answers by the path."""

    def do_POST(self) -> None:
        status, headers = ANSWERS[self.path]
        self.send_response(status)
        for name, value in {"Content-Length": "6", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"<html>")

    do_GET = do_POST


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with running(ThreadingHTTPServer(("127.0.0.1", 0), Refusing)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run(*arguments)` is the exit code of `whopwatch mcp` and all of its output."""
    monkeypatch.setenv("WHOP_API_KEY", KEY)

    def ran(*arguments: str) -> tuple[int, str]:
        code = main(["mcp", *arguments])
        output = "".join(capsys.readouterr())
        assert KEY not in output
        return code, output

    return ran


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/oauth", "requires OAuth and accepts no API key"),
        ("/wrong", "the key was refused"),
        ("/moved", "a redirect (307), which is not followed"),
        ("/old/sse", "the transport was retired"),
        ("/html", "does not speak MCP"),
        ("/down", "status 503"),
    ],
)
def test_each_refusal_is_reported(run: Run, root: str, tmp_path: Path, path: str, reason: str) -> None:
    file = tmp_path / "report.json"
    code, _ = run(root + path, "--json", str(file))
    report = json.loads(file.read_text())
    assert code == 3
    assert report["verdict"] == "could-not-check"
    assert reason in report["reason"]
    assert report["seconds"] > 0
    assert {row["state"] for row in report["operations"]} == {"could-not-check"}


def test_nothing_listens(run: Run) -> None:
    code, output = run("http://127.0.0.1:9/mcp")
    assert (code, "nothing accepts a connection" in " ".join(output.split())) == (3, True)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-command-anywhere", "was not found"),
        (f"{sys.executable} -c pass", "run it by hand to see its output"),
    ],
)
def test_a_command_that_is_no_server(run: Run, command: str, reason: str) -> None:
    code, output = run("--stdio", command)
    assert (code, reason in " ".join(output.split())) == (3, True)


def test_a_program_that_downloads_is_named_before_it_runs(run: Run, tmp_path: Path) -> None:
    program = tmp_path / "npx"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o700)
    code, output = run("--stdio", f"{program} -y @whop/mcp", "--trust")
    assert (code, "npx downloads packages that are not checked against known hashes" in output) == (3, True)


@pytest.mark.parametrize(
    "arguments", [["nowhere"], ["http://127.0.0.1:9/mcp", "--stdio", "x"], ["--target", "sandbox"], ["--stdio", " "]]
)
def test_bad_usage(run: Run, arguments: list[str]) -> None:
    code, output = run(*arguments)
    assert (code, "expected" in output) == (2, True)
