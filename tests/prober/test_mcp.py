"""Scheduled checks of the MCP server: the exported metrics, their requests, and when no server is checked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from tests.prober.support import CONTRACT, Time
from whopwatch.cli.probe import _check_mcp, _check_mcp_here
from whopwatch.config import Secret, Target
from whopwatch.config.shard import Shard
from whopwatch.contract import edition_dir
from whopwatch.contract.mcp_tools import tools_of
from whopwatch.core.errors import ConfigError, TargetError, UsageError
from whopwatch.core.finding import Finding, Severity
from whopwatch.core.report import Report, Verdict
from whopwatch.mcp.survey import rotating_lists
from whopwatch.metrics import McpMetrics
from whopwatch.prober import mcp
from whopwatch.prober.client import RequestBudget
from whopwatch.prober.mcp import McpChecker, mcp_url
from whopwatch.prober.service import ProberService
from whopwatch.prober.settings import McpOptions, default_file, parse_settings, read_settings, select_probes
from whopwatch.simulator import Simulator, embedded

pytestmark = pytest.mark.thorough

URL = "https://mcp.example.com/mcp"
ENTRY = {"probes": [{"operations": ["products.list"]}]}


def report(*findings: Finding) -> Report:
    return Report("m", "2026-01-01T00:00:00Z", 0.1, Verdict.CLEAN, (), findings, 3, 3)


def finding(drift_class: str, severity: Severity = Severity.HIGH) -> Finding:
    return Finding(drift_class, "mcp-tools", severity, "mcp:list_plans", "/name", "", "", "")


class CheckedServer:
    """A checker whose checks end with the given outcomes: a report, or the error that there is no session."""

    def __init__(self, *outcomes: Report | TargetError, per_minute: float = 600.0, url: str | None = URL) -> None:
        self.registry = CollectorRegistry()
        self.numbers: list[int] = []
        self.budget = RequestBudget(per_minute, Time())
        self._outcomes = iter(outcomes)
        self.checker = McpChecker(self._check, self.budget, McpMetrics(self.registry), clock=Time(), wall=Time(1000.0))
        self.checker.configure(url, McpOptions(url=url))

    def _check(self, url: str, options: McpOptions, number: int) -> tuple[Report, int]:
        self.numbers.append(number)
        outcome = next(self._outcomes)
        if isinstance(outcome, TargetError):
            raise outcome
        return outcome, 149

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"transport": "streamable-http", **labels})


def test_a_check_without_findings() -> None:
    made = CheckedServer(report(finding("D19", Severity.INFO)))
    made.checker.check_once()
    assert (made.value("whop_mcp_up"), made.value("whop_mcp_tools")) == (1, 149)
    assert made.value("whop_mcp_rounds_total", outcome="success") == 1
    assert made.value("whop_mcp_last_round_timestamp_seconds") == 1000
    assert made.value("whop_mcp_duration_seconds_count") == 1
    assert made.value("whop_mcp_findings", **{"class": "D19"}) is None


def test_findings_are_counted_by_class_until_they_are_gone() -> None:
    made = CheckedServer(report(finding("D1"), finding("D7"), finding("D7")), report(finding("D7")))
    made.checker.check_once()
    assert [made.value("whop_mcp_findings", **{"class": one}) for one in ("D1", "D7")] == [1, 2]
    made.checker.check_once()
    assert [made.value("whop_mcp_findings", **{"class": one}) for one in ("D1", "D7")] == [0, 1]
    assert made.value("whop_mcp_rounds_total", outcome="contract") == 2
    assert made.value("whop_mcp_up") == 1


def test_a_refusal_is_down_and_earlier_findings_stay() -> None:
    made = CheckedServer(report(finding("D1")), TargetError("No session.", got="the key was refused (401)"))
    made.checker.check_once()
    made.checker.check_once()
    assert made.value("whop_mcp_up") == 0
    assert made.value("whop_mcp_findings", **{"class": "D1"}) == 1
    assert made.value("whop_mcp_rounds_total", outcome="refused") == 1


def test_a_check_takes_its_requests_from_the_shared_budget() -> None:
    made = CheckedServer(report(), per_minute=48.0)
    before = made.budget.level().remaining
    made.checker.check_once()
    assert before - made.budget.level().remaining == McpOptions().requests
    made.checker.check_once()
    assert made.value("whop_mcp_rounds_total", outcome="skipped") == 1
    assert made.numbers == [0]


def test_without_a_server_there_are_no_series_and_no_requests() -> None:
    made = CheckedServer(report())
    made.checker.check_once()
    made.checker.configure(None, None)
    made.checker.check_once()
    assert made.numbers == [0]
    assert b"streamable" not in generate_latest(made.registry)


def test_every_list_of_the_company_has_its_turn() -> None:
    seen = [name for number in range(20) for name in rotating_lists(CONTRACT, 3, number)]
    tools = tools_of(CONTRACT)
    assert all(tools[name].operation.is_list for name in seen)
    assert len(set(seen)) == len(set(seen[: len(set(seen))])) > 20


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with embedded(CONTRACT, rate_limit=10**9) as running:
        yield running


def test_the_simulated_server_and_a_fault_of_it(simulator: Simulator) -> None:
    """In this process: that of `_check_mcp` takes seconds to start, and is tested below and in tests/cli."""
    target = simulator.target()
    assert target.api_key
    registry = CollectorRegistry()

    def check(url: str, options: McpOptions, number: int) -> tuple[Report, int]:
        return _check_mcp_here(edition_dir(), url, simulator.api_key, target.company_id, options, number)

    checker = McpChecker(check, RequestBudget(10**6, time.monotonic), McpMetrics(registry))
    checker.configure(mcp_url(McpOptions(), target), McpOptions())
    labels = {"transport": "streamable-http"}
    checker.check_once()
    assert registry.get_sample_value("whop_mcp_tools", labels) == 149
    assert registry.get_sample_value("whop_mcp_rounds_total", {**labels, "outcome": "success"}) == 1
    simulator.faults.switch(["tool-type-changed@plans.list"])
    checker.check_once()
    simulator.faults.switch([])
    assert registry.get_sample_value("whop_mcp_tools", labels) == 149
    assert registry.get_sample_value("whop_mcp_findings", {**labels, "class": "D7"}) == 1
    assert set(simulator.requests) == {"GET"}
    assert sum(simulator.requests.values()) == 2 * McpOptions().calls


def test_an_unreachable_server_is_down(simulator: Simulator) -> None:
    """The check runs in another process: its TargetError must be raised here as one."""
    with pytest.raises(TargetError) as caught:
        _check_mcp(edition_dir(), simulator.target(), "http://127.0.0.1:9/mcp", McpOptions(), 0)
    assert caught.value.got
    assert "unexpected" not in caught.value.got


def test_the_service_exports_it_beside_the_probes(simulator: Simulator, tmp_path: Path) -> None:
    checked = Event()

    def check(url: str, options: McpOptions, number: int) -> tuple[Report, int]:
        checked.set()
        return report(), 149

    config = tmp_path / "probes.toml"
    config.write_text('[mcp]\n[[probes]]\noperations = ["products.list"]\n', encoding="utf-8")
    service = ProberService(CONTRACT, simulator.target(), config, check_mcp=check)
    server = service.start(("127.0.0.1", 0))
    try:
        assert checked.wait(60)
        text = ""
        while 'whop_mcp_up{transport="streamable-http"} 1.0' not in text:
            with urlopen(f"http://127.0.0.1:{server.server_address[1]}/metrics") as response:
                text = response.read().decode()
    finally:
        service.stop()
        server.stop()
    assert 'whop_mcp_tools{transport="streamable-http"} 149.0' in text


def test_away_from_the_simulator_only_a_configured_server_is_checked(simulator: Simulator) -> None:
    live = replace(simulator.target(), name="sandbox", writable=False)
    options = read_settings(default_file()).mcp
    assert mcp_url(options, simulator.target()) == simulator.mcp_url
    assert mcp_url(options, live) is None
    assert mcp_url(McpOptions(url=URL), live) == URL
    assert mcp_url(None, simulator.target()) is None


def test_a_key_is_not_sent_to_an_mcp_server_unencrypted() -> None:
    target = Target("t", "https://e.com/api/v1", "https://e.com/api/v2", Secret("apik_0123456789"))
    with pytest.raises(UsageError, match="unencrypted"):
        mcp_url(McpOptions(url="http://mcp.example.com/mcp"), target)
    keyless = replace(target, api_key=None)
    assert mcp_url(McpOptions(url="http://mcp.example.com/mcp"), keyless) == "http://mcp.example.com/mcp"
    assert mcp_url(McpOptions(url="http://127.0.0.1:1/mcp"), target) == "http://127.0.0.1:1/mcp"


def test_a_configured_server_needs_the_library_and_the_simulators_own_does_not(
    monkeypatch: pytest.MonkeyPatch, simulator: Simulator, tmp_path: Path
) -> None:
    monkeypatch.setattr(mcp, "find_spec", lambda name: None)
    assert mcp_url(McpOptions(), simulator.target()) is None
    file = tmp_path / "probes.toml"
    file.write_text(f'[mcp]\nurl = "{URL}"\n[[probes]]\noperations = ["products.list"]\n')
    with pytest.raises(ConfigError, match="needs the mcp extra"):
        ProberService(CONTRACT, simulator.target(), file, Shard(0, 2))


@pytest.mark.parametrize(
    "url", ["mcp.example.com", "ftp://example.com/mcp", "https://key@example.com/mcp", f"{URL}?key=x", "", 7]
)
def test_an_invalid_url_is_refused_and_not_shown(url: object) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings({"mcp": {"url": url}, **ENTRY}, "probes.toml")
    assert "probes.toml, mcp.url" in str(caught.value)
    assert "key@" not in str(caught.value)


def test_a_schedule_with_more_checks_than_the_budget_allows_is_refused() -> None:
    tables = {"mcp": {"interval": "1s", "calls": 9}, "budget": {"requests_per_minute": 100}, **ENTRY}
    with pytest.raises(ConfigError, match="requests a minute, the budget allows 100"):
        select_probes(parse_settings(tables, "probes.toml"), CONTRACT)
