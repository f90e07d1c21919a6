"""`whopwatch mcp serve`: what its tools return, and that the official client drives it over both transports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, get_default_environment, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.history.factories import finding, night, report, row
from whopwatch.cli import main
from whopwatch.cli._support.contract_text import describe_named
from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.core.finding import FindingState
from whopwatch.core.report import Report, State
from whopwatch.history import open_baseline
from whopwatch.history.records import FindingRecord, OperationRecord, Records
from whopwatch.mcp.agent_knowledge import MAX_CHARACTERS, Knowledge, bounded, check_operation
from whopwatch.mcp.agent_server import MAX_CHECKS_PER_HOUR, make_server, serve_http

TOOLS = {
    "what_changed_since",
    "operation_health",
    "explain_finding",
    "version_changes",
    "impact_on_code",
    "show_contract",
}
CODE = """\
from whop_sdk import Whop

for product in Whop().products.list(company_id="biz_x"):
    print(product.title)
"""
OLD, NEW = finding(location="/data/*/name"), finding()
FIXED = finding("plans.list")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a report of one finding, and a baseline of three nights with a fixed, an old and a new finding."""
    given = report(NEW, OLD, rows=(row(State.DRIFT), row(operation="plans.list")))
    (tmp_path / "report.json").write_text(json.dumps(given.to_json()))
    records = Records(b"salt", nights=[night(1), night(2), night(3)])
    records.operations["products.list"] = OperationRecord(
        3, 0, 3, [State.VERIFIED, State.VERIFIED, State.DRIFT], matched_night=2
    )
    for one, is_open, turns in ((OLD, True, [1]), (FIXED, False, [1, 2]), (NEW, True, [3])):
        record = FindingRecord(one, "2026-01-01T03:00:00Z", is_open=is_open, turns=turns)
        records.findings[one.fingerprint] = record
    with open_baseline(tmp_path / "baseline.sqlite") as held:
        held.save(records)
    (tmp_path / "app.py").write_text(CODE)
    assert main(["usage", str(tmp_path / "app.py"), "-o", str(tmp_path / "usage.json")]) == 0
    return tmp_path


@pytest.fixture
def known(contract: Contract, files: Path) -> Knowledge:
    baseline, usage = files / "baseline.sqlite", files / "usage.json"
    return Knowledge(contract, lambda: files / "report.json", baseline, usage, describe_named)


def test_what_changed_in_the_last_night_and_since_a_time(known: Knowledge) -> None:
    text = known.what_changed()
    assert f"appeared: 1\n  {NEW.fingerprint} critical" in text
    assert f"no longer seen: 0\nopen since before: 1\n  {OLD.fingerprint}" in text
    text = known.what_changed("2026-01-02")
    assert text.startswith("2 nights from 2026-01-02 03:00 UTC to 2026-01-03 03:00 UTC\nappeared: 1")
    assert f"no longer seen: 1\n  {FIXED.fingerprint}" in text
    assert known.what_changed("2026-02-01T00:00:00Z").startswith("No night has run since then.")
    with pytest.raises(UsageError, match="not a time"):
        known.what_changed("yesterday")


def test_a_report_without_a_history_says_so(known: Knowledge, files: Path) -> None:
    (files / "baseline.sqlite").unlink()
    text = known.what_changed()
    assert "There is no drift history." in text
    assert NEW.fingerprint in text
    (files / "report.json").unlink()
    alone = replace(known, report_file=lambda: None)
    assert "There is no report." in alone.what_changed()
    assert "There is no report." in alone.operation_health("products.list")


def test_the_health_of_an_operation(known: Knowledge) -> None:
    text = known.operation_health("products.list")
    assert text.startswith("products.list: drift: it does not match the contract (production, 2026-01-05 03:00 UTC)")
    assert NEW.fingerprint in text
    assert "last verified: 2026-01-02 03:00 UTC" in text
    assert "2 findings\n" in text
    assert "plans.list: verified" in known.operation_health("plans.list")
    assert "members.list: unknown, the newest report does not include it" in known.operation_health("members.list")
    with pytest.raises(UsageError, match=r"products\.list"):
        known.operation_health("products.lst")


@pytest.mark.parametrize(
    ("states", "matched", "shown"),
    [
        ([State.DRIFT], 0, "none"),
        ([State.COULD_NOT_CHECK, State.DRIFT], 0, "none"),
        ([State.VERIFIED, State.DRIFT], 1, "2026-01-01 03:00 UTC"),
        ([State.VERIFIED, State.DRIFT], 0, "on an earlier night"),  # a baseline of an earlier release
    ],
)
def test_a_night_of_drift_verifies_nothing(
    known: Knowledge, files: Path, states: list[State], matched: int, shown: str
) -> None:
    with open_baseline(files / "baseline.sqlite") as held:
        records = held.load()
        records.operations["products.list"] = OperationRecord(3, states=states, matched_night=matched)
        held.save(records)
    assert f"last verified: {shown}\n" in known.operation_health("products.list")


def test_an_accepted_finding_is_shown_with_its_state(known: Knowledge, files: Path) -> None:
    accepted = replace(NEW, state=FindingState.ACCEPTED, accepted="known")
    reason = "all findings are accepted"
    given = report(accepted, rows=(row(State.DRIFT, reason=reason),))
    (files / "report.json").write_text(json.dumps(given.to_json()))
    text = known.operation_health("products.list")
    assert f"reason: {reason}" in text
    assert f"no findings; 1 accepted\n    accepted: {NEW.fingerprint} critical" in text
    text = known.explain_finding(NEW.fingerprint)
    assert "accepted: known" in text
    assert "to accept it" not in text


def test_a_finding_of_the_report_and_one_of_the_history(known: Knowledge) -> None:
    text = known.explain_finding(NEW.fingerprint)
    assert text.startswith("products.list\ncritical: required-field-removed (D5)")
    assert f"whopwatch accept {NEW.fingerprint}" in text
    assert "in the drift history: no longer seen" in known.explain_finding(FIXED.fingerprint)
    with pytest.raises(UsageError, match="No finding has this fingerprint"):
        known.explain_finding("0" * 12)


def test_what_a_version_would_change(known: Knowledge) -> None:
    text = known.version_changes("2026-10-15-1")
    assert text.startswith("2025-01-01 → 2026-10-15-1: ")
    assert "Breaking changes: " in text
    assert len(text) < MAX_CHARACTERS + 200
    one = known.version_changes("newest", "products.list")
    assert "\nproducts.list: " in one
    assert "\n  what to do: " in one
    assert "more line" not in one
    for elsewhere in ("/etc", "../contracts", "sdk:9.9.9", ""):
        with pytest.raises(UsageError, match="no bundled contract"):
            known.version_changes(elsewhere)


def test_what_hits_the_code(known: Knowledge, files: Path) -> None:
    text = known.impact_on_code()
    assert text.startswith("open findings: 2; 1 hits you, 0 may hit you, 1 not used by you\n")
    assert f"hits you: {NEW.fingerprint} " in text
    assert re.search(r"^  at .*app\.py:4$", text, re.MULTILINE)
    assert OLD.fingerprint not in text, "the code does not read this field"
    assert "0 hits you, 0 may hit you, 1 not" in known.impact_on_code(OLD.fingerprint)
    of_operation = known.impact_on_code("products.list")
    assert of_operation.startswith("products.list: seen in the code at ")
    assert "  /data/*/title: " in of_operation
    assert known.impact_on_code("plans.list").startswith("plans.list: no use was seen in the code\n")
    assert known.impact_on_code("newest").startswith("changes of newest: ")
    with pytest.raises(UsageError, match="no operation"):
        known.impact_on_code("0" * 12)
    (files / "usage.json").unlink()
    with pytest.raises(UsageError, match="no usage profile"):
        known.impact_on_code()


def test_the_contract_of_a_name(known: Knowledge) -> None:
    assert "products: 5" in known.show_contract()
    assert "products.list  GET /products" in known.show_contract("products")
    assert "parameters (" in known.show_contract("products.list")
    assert known.show_contract("webhook:payment.succeeded") == known.show_contract("payment.succeeded")
    with pytest.raises(UsageError, match="no operation"):
        known.show_contract("nothing")


def test_a_check_is_made_only_where_it_is_allowed(known: Knowledge) -> None:
    async def drive(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == TOOLS | {"check_now"}
        annotations = tools["check_now"].annotations
        assert annotations
        assert annotations.open_world_hint
        is_error, text = await _call(client, "check_now", operation="products.list")
        assert (is_error, "products.list: verified" in text) == (False, True), text
        is_error, text = await _call(client, "check_now", operation="products.delete")
        assert (is_error, "write" in text) == (True, True), text

    check = partial(check_operation, known.contract, "simulator", {})
    with serve_http(make_server(known, check), 0) as url:

        async def connect() -> None:
            async with Client(streamable_http_client(url)) as client:
                await drive(client)

        run(connect)


def test_an_agent_that_repeats_itself_cannot_use_up_the_rate_limit(known: Knowledge) -> None:
    now, checked = [0.0], list[str]()

    def check(operation: str) -> str:
        checked.append(operation)
        return "verified"

    async def drive(client: Client) -> None:
        for _ in range(MAX_CHECKS_PER_HOUR):
            assert await _call(client, "check_now", operation="products.list") == (False, "verified")
        now[0] = 600.0
        is_error, text = await _call(client, "check_now", operation="products.list")
        assert (is_error, "wait 50 minutes" in text) == (True, True), text
        assert len(checked) == MAX_CHECKS_PER_HOUR
        now[0] = 3601.0
        assert await _call(client, "check_now", operation="products.list") == (False, "verified")

    with serve_http(make_server(known, check, lambda: now[0]), 0) as url:

        async def connect() -> None:
            async with Client(streamable_http_client(url)) as client:
                await drive(client)

        run(connect)


def test_results_are_bounded_and_safe_to_show() -> None:
    text = bounded(f"line {number} \x1b[31m::error::" + "x" * 5000 for number in range(100))
    assert len(text) < MAX_CHARACTERS + 200
    assert "more lines left out" in text
    assert "\x1b" not in text
    assert "::error" not in text


def test_check_and_serve_are_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", "serve", "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: whopwatch mcp serve [OPTIONS]\n")
    assert main(["mcp", "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: whopwatch mcp [OPTIONS] [URL]\n")
    assert main(["mcp", "nothing"]) == 2
    assert "This is not the address of an MCP server." in capsys.readouterr().err


async def _call(client: Client, name: str, /, **arguments: str) -> tuple[bool, str]:
    result: Any = await client.call_tool(name, arguments)
    return result.is_error, result.content[0].text


async def _drive(client: Client) -> None:
    """Use every tool, and misuse some."""
    listed = (await client.list_tools()).tools
    assert {tool.name for tool in listed} == TOOLS
    assert all(tool.annotations and tool.annotations.read_only_hint and tool.description for tool in listed)
    assert NEW.fingerprint in (await _call(client, "what_changed_since"))[1]
    assert "drift: it does not match" in (await _call(client, "operation_health", operation="products.list"))[1]
    assert "what to do" in (await _call(client, "explain_finding", fingerprint=NEW.fingerprint))[1]
    assert "2026-10-15-1: " in (await _call(client, "version_changes", version="newest", operation="plans.list"))[1]
    assert f"hits you: {NEW.fingerprint}" in (await _call(client, "impact_on_code"))[1]
    assert "GET /products" in (await _call(client, "show_contract", name="products.list"))[1]
    is_error, text = await _call(client, "operation_health", operation="products.lst")
    assert (is_error, "did you mean 'products.list'" in text) == (True, True)
    is_error, text = await _call(client, "show_contract", name="x" * 201)
    assert (is_error, "too long: 201 characters" in text) == (True, True)


def run(drive: Callable[[], Any]) -> None:
    with_limit: list[None] = []

    async def limited() -> None:
        with anyio.fail_after(120):
            with_limit.append(await drive())

    anyio.run(limited)
    assert with_limit


@pytest.mark.thorough
def test_the_official_client_drives_it_over_stdio(files: Path) -> None:
    secret = "whop_secret_0123456789abcdef"  # noqa: S105
    given = json.loads((files / "report.json").read_text())
    given["findings"][0]["observed"] = f"absent, {secret}"
    (files / "report.json").write_text(json.dumps(given))
    command = ["-m", "whopwatch", "mcp", "serve", "--report", "report.json", "--baseline", "baseline.sqlite"]
    environ = {**get_default_environment(), "WHOP_API_KEY": secret}
    server = StdioServerParameters(command=sys.executable, args=command, env=environ, cwd=files)

    async def drive() -> None:
        async with Client(stdio_client(server)) as client:
            await _drive(client)
            _, text = await _call(client, "explain_finding", fingerprint=NEW.fingerprint)
            assert "absent, ***" in text
            assert secret not in text

    run(drive)


@pytest.mark.thorough
def test_without_any_file_and_with_standard_input_closed_it_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "whopwatch", "mcp", "serve"],
        cwd=tmp_path, env={**os.environ}, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"")


def test_the_official_client_drives_it_over_http_and_no_other_web_site_can(known: Knowledge) -> None:
    with serve_http(make_server(known), 0) as url:

        async def drive() -> None:
            async with Client(streamable_http_client(url)) as client:
                await _drive(client)

        run(drive)
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        accept = {"Accept": "application/json, text/event-stream"}
        for hostile in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            response = httpx2.post(url, json=message, headers={**accept, **hostile})
            assert response.status_code in (403, 421)
        assert httpx2.post(url, content=b" " * (64 * 1024 + 1), headers=accept).status_code >= 400


def test_an_unexpected_error_shows_none_of_its_text(known: Knowledge, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Knowledge) -> Report:
        raise KeyError("a value out of a report")

    monkeypatch.setattr(Knowledge, "_report", fails)

    async def drive() -> None:
        async with Client(make_server(known)) as client:
            is_error, text = await _call(client, "operation_health", operation="products.list")
            assert (is_error, text) == (True, "Error executing tool operation_health")

    run(drive)
