"""The other checks of the API: `whopwatch mcp`, `whopwatch sdk`, and the webhook receiver."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from tests.webhooks.observed import EVENTS, observed
from whopwatch.contract import Contract
from whopwatch.contract.mcp_tools import MCP_PREFIX, tools_of
from whopwatch.core.finding import Finding
from whopwatch.http import Client
from whopwatch.mcp import check_mcp_server, session
from whopwatch.relay import run_relay
from whopwatch.sdk import SDK_REQUEST_BUDGET, check_sdk
from whopwatch.sdk.findings import ALL_OPERATIONS
from whopwatch.sdk.releases import DRIVERS_FOLDER, run_program
from whopwatch.simulator import Simulator
from whopwatch.simulator.faults import InjectedFault, fault_catalogue

MESSAGES = 60
CALLS = 5
"""Tool calls in one check. The list of tools shows these faults, not the results of tools."""
SDK_FAULTS = Path(__file__).with_name("sdk_faults.toml")


@dataclass(frozen=True)
class CheckResult:
    """The findings of one check, and its cost: messages, requests or deliveries."""

    findings: Sequence[Finding]
    cost: int


RunCheck = Callable[[], CheckResult]


@dataclass(frozen=True)
class OtherOutcome:
    """The result of one check at one simulator. `fault` is empty if the simulator has none.

    `caught` and `classed` say whether a finding names the operation, and the right class. `elsewhere` counts findings
    about other operations. `cost` is in the unit of the check, `seconds` the duration of one check.
    """

    check: str
    fault: str
    operation: str
    drift_class: str
    caught: bool
    classed: bool
    elsewhere: int
    cost: int
    seconds: float


@dataclass(frozen=True)
class OtherCheck:
    """One kind of check.

    `name` is its name on the page, `costs` the unit of its cost, `faults` the faults that it must find. `running` is a
    context that yields a function for one check of a simulator. `expected_operations` returns the operations that a
    finding about a fault may name. Faults in `everywhere` are placed at every operation; the others at one, drawn at
    random or, with `at_example`, at the first that shows it.
    """

    name: str
    costs: str
    faults: tuple[str, ...]
    running: Callable[[Contract, Simulator], AbstractContextManager[RunCheck]]
    expected_operations: Callable[[Contract, InjectedFault], set[str]]
    everywhere: frozenset[str] = frozenset()
    at_example: bool = False


@cache
def other_checks() -> dict[str, OtherCheck]:
    """Return all checks by a short name."""
    declared = tomllib.loads(SDK_FAULTS.read_text(encoding="utf-8"))
    one, everywhere = declared["one"]["faults"], declared["everywhere"]["faults"]
    return {
        "mcp": OtherCheck("MCP server", "messages", _seen_by("mcp"), _by_mcp, _tools),
        "webhook": OtherCheck(
            "webhook deliveries", "deliveries", _seen_by("webhook"), _by_receiver, _delivery, at_example=True
        ),
        "sdk": OtherCheck(
            "official SDK",
            "requests",
            (*one, *everywhere),
            _by_sdk,
            lambda _, planted: {planted.operation.id, ALL_OPERATIONS},
            frozenset(everywhere),
        ),
    }


def _seen_by(who: str) -> tuple[str, ...]:
    return tuple(name for name, fault in fault_catalogue().items() if fault.sees == who)


@contextmanager
def _by_mcp(contract: Contract, simulator: Simulator) -> Iterator[RunCheck]:
    readable = {tool.name for tool in tools_of(contract).values() if tool.operation.is_read}

    def run_check() -> CheckResult:
        sender = session.transport_to(simulator.mcp_url, readable, MESSAGES)
        with session.over_http(simulator.mcp_url, simulator.api_key, sender, is_sse=False) as server:
            report = check_mcp_server(contract, server, name="simulator", ids={}, budget=CALLS)
        return CheckResult(report.findings, sender.sent)

    yield run_check


@contextmanager
def _by_receiver(contract: Contract, simulator: Simulator) -> Iterator[RunCheck]:
    def run_check() -> CheckResult:
        ledger = observed(simulator, EVENTS)
        return CheckResult(ledger.findings(), ledger.received)

    yield run_check


@contextmanager
def _by_sdk(contract: Contract, simulator: Simulator) -> Iterator[RunCheck]:
    """Use one driver program for all checks, because it keeps no state of responses."""
    target = replace(simulator.target(), writable=False)
    with (
        Client(target, contract, budget=sys.maxsize) as client,
        run_relay(client, contract) as relay,
        run_program([sys.executable, str(DRIVERS_FOLDER / "driver.py"), relay.url, relay.token], {}) as program,
    ):

        def run_check() -> CheckResult:
            relay.exchanges.clear()
            ids = {"companies": simulator.company_id}
            report = check_sdk(contract, program, relay, name="the SDK", ids=ids, budget=SDK_REQUEST_BUDGET)
            return CheckResult(report.findings, report.sent)

        yield run_check


def _tools(contract: Contract, planted: InjectedFault) -> set[str]:
    """Return the tool under its own and its new name."""
    names = [tool.name for tool in tools_of(contract).values() if tool.operation.id == planted.operation.id]
    return {f"{MCP_PREFIX}{name}{end}" for name in names for end in ("", "_renamed")}


def _delivery(_: Contract, planted: InjectedFault) -> set[str]:
    """Return the delivery's operation, and that of deliveries in general."""
    return {planted.operation.id, "webhook:*"}
