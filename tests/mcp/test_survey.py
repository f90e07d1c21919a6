"""A survey of the simulated server: all of it on a faithful one, the lie of one that is not, and no write."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from tests.e2e.hostile.runner import shown_secrets
from whopwatch.contract import Contract
from whopwatch.core.errors import EXIT_COULD_NOT_CHECK, TargetError
from whopwatch.core.redaction import remember
from whopwatch.core.report import State, Verdict, exit_code
from whopwatch.mcp import OfferedTool, ToolResult, check_mcp_server
from whopwatch.mcp.session import failure_reason
from whopwatch.reports import FILE_NAMES, render
from whopwatch.simulator import Simulator, embedded

from .conftest import Reach

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("is_sse", [False, True], ids=["streamable-http", "sse"])
def test_a_faithful_server_is_verified(contract: Contract, simulator: Simulator, reach: Reach, is_sse: bool) -> None:
    before = simulator.requests["GET"]
    with reach(simulator, is_sse=is_sse) as (server, _):
        report = check_mcp_server(contract, server, name="simulator", ids={"companies": simulator.company_id})
    assert report.findings == ()
    assert report.verdict is Verdict.CLEAN
    assert report.count() == {State.VERIFIED: 79, State.NOT_COVERED: 70}
    assert simulator.requests["GET"] - before == report.sent <= 150
    assert set(simulator.requests) == {"GET"}


@pytest.mark.parametrize("seed", [3, 11])
def test_no_finding_in_another_world(contract: Contract, reach: Reach, seed: int) -> None:
    with embedded(contract, seed=seed) as other, reach(other) as (server, _):
        report = check_mcp_server(contract, server, name="simulator", ids={"companies": other.company_id}, seed=seed)
    assert (report.findings, report.verdict) == ((), Verdict.CLEAN)


@pytest.mark.parametrize(
    ("fault", "tool"),
    [
        ("field-missing@plans.list", "list_plans"),
        ("fails-500@promo_codes.retrieve", "retrieve_promo_codes"),
        ("enum-value-new@payments.retrieve", "retrieve_payments"),
    ],
)
def test_a_fault_of_the_api_shows_in_its_tool(contract: Contract, reach: Reach, fault: str, tool: str) -> None:
    with embedded(contract, faults=(fault,)) as broken, reach(broken) as (server, _):
        report = check_mcp_server(contract, server, name="simulator", ids={"companies": broken.company_id})
    assert {finding.operation for finding in report.findings if finding.breaks} == {f"mcp:{tool}"}
    assert report.verdict is Verdict.DRIFT


def test_a_check_that_fails_is_reported_and_the_others_are_used(
    contract: Contract, reach: Reach, make_check_fail: Callable[[str], None]
) -> None:
    make_check_fail("schema:fields")
    with embedded(contract, faults=("field-missing@plans.list",)) as broken, reach(broken) as (server, _):
        report = check_mcp_server(contract, server, name="simulator", ids={"companies": broken.company_id})
    assert {finding.operation for finding in report.findings if finding.breaks} == {"mcp:list_plans"}
    assert report.failed_inside == [{"place": "check fields", "error": "OverflowError"}]
    assert exit_code(report) == EXIT_COULD_NOT_CHECK


class EchoServer:
    """Offers a documented tool and one called as the key, and gives the key back in every way."""

    KEY = "apik_Zq8vR2mXw7LkT4nB_s9Yd3Hf6"

    def tools(self) -> list[OfferedTool]:
        schema = {"type": "object", "properties": {self.KEY: {"type": "string", "enum": [self.KEY]}}}
        return [OfferedTool(name, schema, True) for name in ("list_plans", self.KEY, f"list_{self.KEY.lower()}")]

    def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        written = base64.b64encode(f"Bearer {self.KEY}".encode()).decode()
        item = {self.KEY: 1, written: 2, self.KEY[:9]: {self.KEY[9:]: 3}, "status": self.KEY}
        return ToolResult(200, json.dumps({"data": [item], "page_info": {self.KEY: None}}))


def test_a_server_that_gives_the_key_back_puts_it_into_no_report(contract: Contract) -> None:
    remember(EchoServer.KEY)
    report = check_mcp_server(contract, EchoServer(), name="echo", ids={"companies": "biz_1"}, budget=3)
    assert report.findings
    for kind in FILE_NAMES:
        assert list(shown_secrets(render(kind, report).encode(), [EchoServer.KEY])) == []


def test_a_write_does_not_leave(simulator: Simulator, reach: Reach) -> None:
    with reach(simulator) as (server, transport):
        answer = server.call("delete_products", {"id": "prod_x"})
        assert answer == ToolResult(None, failure="protocol error")
        assert transport.held_back == 1
        assert server.call("list_products", {"company_id": simulator.company_id}).status == 200
    assert set(simulator.requests) == {"GET"}


def test_the_budget_holds_where_messages_leave(contract: Contract, simulator: Simulator, reach: Reach) -> None:
    with reach(simulator, budget=4) as (server, transport):
        assert len(server.tools()) == 149
        for _ in range(5):
            server.call("list_products", {"company_id": simulator.company_id})
        assert (transport.sent, transport.held_back) == (4, 4)


def test_a_spent_budget_is_not_green(contract: Contract, simulator: Simulator, reach: Reach) -> None:
    with reach(simulator) as (server, _):
        report = check_mcp_server(contract, server, name="simulator", ids={"companies": simulator.company_id}, budget=5)
    assert report.sent == 5
    assert report.count()[State.COULD_NOT_CHECK] > 60
    assert report.verdict is Verdict.COULD_NOT_CHECK


def test_the_wrong_key_is_refused_at_the_door(simulator: Simulator, reach: Reach) -> None:
    with pytest.raises(TargetError, match="the key was refused"), reach(simulator, key="wrong"):
        pytest.fail("no session is given")


class Silent:
    """A server that lists the contract's tools and answers none."""

    def __init__(self, answer: ToolResult, tools: list[OfferedTool]) -> None:
        self._answer, self._tools, self.calls = answer, tools, 0

    def tools(self) -> list[OfferedTool]:
        return self._tools

    def call(self, name: str, arguments: object) -> ToolResult:
        self.calls += 1
        return self._answer


@pytest.mark.parametrize(
    "answer", [ToolResult(401, "{}"), ToolResult(None, failure="an error"), ToolResult(200, "<html>")]
)
def test_a_server_that_answers_nothing_useful_is_given_up(
    contract: Contract, simulator: Simulator, reach: Reach, answer: ToolResult
) -> None:
    with reach(simulator) as (server, _):
        silent = Silent(answer, server.tools())
    report = check_mcp_server(contract, silent, name="silent", ids={"companies": "biz_1"})
    assert silent.calls <= 10
    assert report.verdict is not Verdict.CLEAN


def test_an_error_of_the_protocol_is_no_answer() -> None:
    assert failure_reason(ExceptionGroup("", [MCPError(-32601, "x")]), None).startswith(
        "the command ended, printed nothing"
    )
