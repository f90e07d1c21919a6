"""`whopwatch probe` at the command line."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from whopwatch.cli import main
from whopwatch.cli.probe import _JsonFormatter
from whopwatch.core.errors import TargetError
from whopwatch.simulator import embedded

pytestmark = pytest.mark.thorough

TWO = '[[probes]]\noperations = ["products.list", "products.retrieve"]\n'


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("WHOP_API_KEY", "WHOP_COMPANY_ID", "WHOP_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "probes.toml"
    file.write_text(TWO, encoding="utf-8")
    return file


def test_once_at_the_simulator_is_clean(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--once", "--config", str(config), "--json", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    states = {operation["id"]: operation["state"] for operation in report["operations"]}
    assert (states["products.list"], states["products.retrieve"]) == ("verified", "verified")
    assert report["requests"]["unsafe"] == 0


def test_once_checks_the_configured_mcp_server(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with embedded(faults=["tool-type-changed@products.list"]) as simulator:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        config.write_text(f'{TWO}\n[mcp]\nurl = "{simulator.mcp_url}"\n', encoding="utf-8")
        arguments = ["--once", "--config", str(config), "--target", simulator.base_url, "--json", "-"]
        assert main(["probe", *arguments]) == 1
    report = json.loads(capsys.readouterr().out)
    tools = [row["state"] for row in report["operations"] if row["id"].startswith("mcp:")]
    assert tools.count("drift") == 1
    assert tools.count("verified") > 0


def test_once_at_a_drifting_api_finds_what_check_finds(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    with embedded(faults=["field-missing@products.list"]) as simulator:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        probe = ["probe", "--once", "--config", str(config)]
        for command in (probe, ["check", "--only", "products.list"]):
            assert main([*command, "--target", simulator.base_url, "--json", "-"]) == 1
            report = json.loads(capsys.readouterr().out)
            found.append({finding["fingerprint"] for finding in report["findings"]})
    assert found[0]
    assert found[0] <= found[1]


def test_once_with_a_refused_key_could_not_check(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded() as simulator:
        monkeypatch.setenv("WHOP_API_KEY", "apik_of_another_environment")
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        assert main(["probe", "--once", "--config", str(config), "--target", simulator.base_url]) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--shard", "3/3"], "The shard is invalid."),
        (["--listen", "9464x"], "Invalid address."),
        (["--listen", "127.0.0.1:99999"], "Invalid address."),
        (["--config", "nowhere.toml"], "does not exist"),
        (["--json", "x.json"], "--json requires --once."),
        (["--target", "prodution"], "did you mean 'production'?"),
        (["--target", "production"], "The API key of production is missing."),
    ],
)
def test_a_usage_error(config: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--once", *arguments] if "--json" not in arguments else ["probe", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_it_serves_reloads_and_drains(config: Path) -> None:
    command = [sys.executable, "-m", "whopwatch", "probe", "--config", str(config), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stderr is not None
        try:
            url = process.stderr.readline().split("; ")[1].strip()
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert b"whop_prober_build_info" in answer.read()
            process.send_signal(signal.SIGHUP)
            assert "reloaded: 2 operations" in process.stderr.readline()
            config.write_text("gets = 3", encoding="utf-8")
            process.send_signal(signal.SIGHUP)
            assert "invalid" in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + 120
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            assert process.returncode == 0
            assert "All runs have ended." in process.stderr.read()
        finally:
            process.kill()


def test_the_scheduled_prober_loads_no_planner() -> None:
    code = (
        "import sys, whopwatch.cli.probe, whopwatch.prober.service;"
        "print(sorted(name for name in sys.modules if name.startswith(('whopwatch.planning', 'whopwatch.run'))))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert loaded.stdout == "[]\n"


def test_json_logs_are_one_object_a_line() -> None:
    record = logging.makeLogRecord(
        {"msg": "%s fails", "args": ("plans.list",), "levelname": "WARNING", "created": 0.0, "fields": {"outcome": "x"}}
    )
    assert json.loads(_JsonFormatter().format(record)) == {
        "time": "1970-01-01T00:00:00Z",
        "level": "warning",
        "message": "plans.list fails",
        "outcome": "x",
    }


def test_what_a_target_says_is_made_safe(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise TargetError("The target could not be checked.", got="\x1b[2J\n::error::no")

    monkeypatch.setattr("whopwatch.cli.probe.call_in_subprocess", fails)
    assert main(["probe", "--once", "--target", "http://127.0.0.1:9/api/v1", "--max-time", "1"]) == 3
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "did not show its version" in line]
    assert "\x1b" not in line
    assert "::error" not in line
