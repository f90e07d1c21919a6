"""A server that gives no session says why, and that is a verdict of its own with exit code 3."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.local_http import LocalHandler, running
from whopwatch.cli import main

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
