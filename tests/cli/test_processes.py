"""The command as a process: signals, closed pipes, terminals, and how fast it answers."""

from __future__ import annotations

import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import time
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from whopwatch.run import INTERRUPTED
from whopwatch.simulator import embedded

pytestmark = pytest.mark.thorough

WHOPWATCH = [sys.executable, "-m", "whopwatch"]
PATIENCE = 120
"""Seconds after which a process hangs. No test measures them: a busy machine may take long."""


def started(*args: str, **options: object) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([*WHOPWATCH, *args], text=True, **pipes)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_simulate_prints_one_line_serves_and_ends_cleanly(number: signal.Signals) -> None:
    with started("simulate", "--seed", "3", "--api-key", "test key", "--items", "3") as process:
        assert process.stdout
        assert process.stderr
        ready = json.loads(process.stdout.readline())
        assert set(ready) == {"base_url", "api_key", "app_key", "company_id", "v2_base_url", "mcp_url", "contract"}
        assert ready["api_key"] == "test key"
        request = urllib.request.Request(
            f"{ready['base_url']}/products?company_id={ready['company_id']}",
            headers={"Authorization": f"Bearer {ready['api_key']}"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert len(json.load(answer)["data"]) == 3
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        assert process.stdout.read() == ""
        assert "Ctrl-C" in process.stderr.read()


def test_a_port_that_is_taken_is_named() -> None:
    with started("simulate") as first:
        assert first.stdout
        port = json.loads(first.stdout.readline())["base_url"].split(":")[2].split("/")[0]
        done = subprocess.run(
            [*WHOPWATCH, "simulate", "--port", port], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        first.terminate()
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "choose another --port" in done.stderr


@pytest.mark.parametrize(
    "command", ["contract export", "check --only products.list", "check --only products.list --json -"]
)
def test_a_reader_that_goes_away_is_no_error(command: str) -> None:
    with started(*command.split()) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.wait(PATIENCE) == 0
        assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_130_and_a_report(number: signal.Signals, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    with embedded(items=3) as simulator:
        environ = {**os.environ, "WHOP_API_KEY": simulator.api_key, "WHOP_COMPANY_ID": simulator.company_id}
        args = ("check", "--target", simulator.base_url, "--rate", "10", "--json", str(file))
        # What a script starts in the background ignores SIGINT, and hands that down.
        listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        with started(*args, env=environ, start_new_session=True, preexec_fn=listening) as process:
            while simulator.requests.total() < 5 and process.poll() is None:
                time.sleep(0.02)
            process.send_signal(number)
            assert process.wait(PATIENCE) == 130
            assert process.stderr
            assert "Traceback" not in process.stderr.read()
            assert process.stdout
            assert "COULD NOT CHECK" in process.stdout.read()
    report = json.loads(file.read_text())
    assert (report["verdict"], report["reason"]) == ("could-not-check", INTERRUPTED)
    assert any(row["state"] == "verified" for row in report["operations"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize(
    "command",
    ["--help", "contract show products.list", "check --only plans.list --json -"],
)
def test_a_full_disk_behind_stdout_is_named(command: str) -> None:
    with open("/dev/full", "w") as full, started(*command.split(), stdout=full) as process:
        assert process.stderr
        assert process.wait(PATIENCE) == 2
        shown = process.stderr.read()
    assert "standard output" in shown
    assert "bug" not in shown


@pytest.mark.parametrize(("closed", "code"), [(">&-", 2), ("2>&-", 0), ("<&-", 0), ("<&- >&- 2>&-", 2)])
def test_a_closed_stream_is_reported_if_it_is_needed(closed: str, code: int, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    command = [*WHOPWATCH, "check", "--only", "products.list", "--json", str(file)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert done.stdout == "" if code else "CLEAN" in done.stdout
    shown = "" if "2>&-" in closed else "a closed stream" if code else "Checking simulator"
    assert shown in done.stderr
    assert bool(done.stderr) is bool(shown)
    assert file.exists() == (code == 0)


def on_a_terminal(*args: str, **environ: str) -> str:
    """What the command writes to a terminal of 80 columns, stdout and stderr alike."""
    parent, child = pty.openpty()
    surroundings = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **environ}
    process = subprocess.Popen([*WHOPWATCH, *args], stdout=child, stderr=child, stdin=child, env=surroundings)
    os.close(child)
    written = b""
    while select.select([parent], [], [], PATIENCE)[0]:
        try:
            chunk = os.read(parent, 65536)
        except OSError:
            break
        if not chunk:
            break
        written += chunk
    os.close(parent)
    assert process.wait(PATIENCE) == 0
    return written.decode()


def test_a_terminal_gets_progress_and_colour_and_a_pipe_neither() -> None:
    shown = on_a_terminal("check", "--resource", "products")
    assert "checking" in shown
    assert "\x1b[1;30;42m CLEAN" in shown
    piped = subprocess.run(
        [*WHOPWATCH, "check", "--resource", "products"], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert "\x1b" not in piped.stdout
    assert piped.stderr.startswith("Checking simulator")
    assert piped.stderr.count("\n") == 1


def test_no_color_is_respected() -> None:
    assert "\x1b[1;30;42m" not in on_a_terminal("check", "--only", "products.list", NO_COLOR="1")


def test_help_answers_at_once_and_imports_little() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "whopwatch", "--help"], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"httpx", "starlette", "uvicorn", "rich", "yaml", "jsonschema_rs", "pytest"}
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


@pytest.mark.parametrize(("fault", "code"), [([], 0), (["--fault", "null-field@products.list"], 1)])
def test_a_reader_that_goes_away_does_not_change_the_exit_code(fault: list[str], code: int) -> None:
    with started("simulate", "--items", "3", *fault) as simulator:
        assert simulator.stdout
        ready = json.loads(simulator.stdout.readline())
        surroundings = {**os.environ, "WHOP_API_KEY": ready["api_key"], "WHOP_COMPANY_ID": ready["company_id"]}
        command = ["check", "--target", ready["base_url"], "--only", "products.list", "--rate", "1000"]
        reader, writer = os.pipe()
        os.close(reader)
        with started(*command, stdout=writer, stderr=writer, env=surroundings) as process:
            os.close(writer)
            ended = process.wait(PATIENCE)
        simulator.terminate()
    assert ended == code


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("command", ["check --only products.list --budget 3", "faults --for payments.list", "--help"])
def test_any_encoding_of_the_terminal_will_do(command: str, encoding: str) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(
        [*WHOPWATCH, *command.split()], capture_output=True, env=environ, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert done.stdout.decode(encoding)
