"""Who else looks at the API: a survey of the MCP server, one through the official SDK, a receiver of deliveries."""

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
from whopwatch.contract.mcp_tools import tools_of
from whopwatch.core.finding import Finding
from whopwatch.http import Client
from whopwatch.mcp import check_mcp_server, session
from whopwatch.mcp.compare import MCP_PREFIX
from whopwatch.relay import run_relay
from whopwatch.sdk import SDK_REQUEST_BUDGET, check_sdk
from whopwatch.sdk.findings import ALL_OPERATIONS
from whopwatch.sdk.releases import DRIVERS_FOLDER, run_program
from whopwatch.simulator import Simulator
from whopwatch.simulator.faults import InjectedFault, fault_catalogue

MESSAGES = 60
CALLS = 5
"""Calls of tools in a survey: the list of tools tells of these faults, and not what they answer."""
SDK_FAULTS = Path(__file__).with_name("sdk_faults.toml")


@dataclass(frozen=True)
class Sight:
    """What one look showed, and what it cost: messages, requests or deliveries."""

    findings: Sequence[Finding]
    cost: int


Look = Callable[[], Sight]


@dataclass(frozen=True)
class Witness:
    """One who looks.

    `name` and `costs` are what the page calls it and what it spends, `faults` what it is to tell of. `looking` gives,
    as long as its context lasts, what looks at a simulator once. `accused` are the operations that a finding about a
    fault may name. `everywhere` are faults to be placed at all operations; the others are placed at one, drawn or, with
    `at_example`, at the one that shows them well.
    """

    name: str
    costs: str
    faults: tuple[str, ...]
    looking: Callable[[Contract, Simulator], AbstractContextManager[Look]]
    accused: Callable[[Contract, InjectedFault], set[str]]
    everywhere: frozenset[str] = frozenset()
    at_example: bool = False


@cache
def witnesses() -> dict[str, Witness]:
    """All of them, by a short name."""
    declared = tomllib.loads(SDK_FAULTS.read_text(encoding="utf-8"))
    one, everywhere = declared["one"]["faults"], declared["everywhere"]["faults"]
    return {
        "mcp": Witness("a survey of the MCP server", "messages", _seen_by("mcp"), _by_mcp, _tools),
        "webhook": Witness(
            "a receiver of the webhooks", "deliveries", _seen_by("webhook"), _by_receiver, _delivery, at_example=True
        ),
        "sdk": Witness(
            "a survey through the official SDK",
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
def _by_mcp(contract: Contract, simulator: Simulator) -> Iterator[Look]:
    readable = {tool.name for tool in tools_of(contract).values() if tool.operation.is_read}

    def look() -> Sight:
        door = session.transport_to(simulator.mcp_url, readable, MESSAGES)
        with session.over_http(simulator.mcp_url, simulator.api_key, door, is_sse=False) as server:
            report = check_mcp_server(contract, server, name="simulator", ids={}, budget=CALLS)
        return Sight(report.findings, door.sent)

    yield look


@contextmanager
def _by_receiver(contract: Contract, simulator: Simulator) -> Iterator[Look]:
    def look() -> Sight:
        ledger = observed(simulator, EVENTS)
        return Sight(ledger.findings(), ledger.received)

    yield look


@contextmanager
def _by_sdk(contract: Contract, simulator: Simulator) -> Iterator[Look]:
    """One program for all looks: it remembers nothing of what it was answered."""
    target = replace(simulator.target(), writable=False)
    with (
        Client(target, contract, budget=sys.maxsize) as client,
        run_relay(client, contract) as relay,
        run_program([sys.executable, str(DRIVERS_FOLDER / "driver.py"), relay.url, relay.token], {}) as program,
    ):

        def look() -> Sight:
            relay.exchanges.clear()
            ids = {"companies": simulator.company_id}
            report = check_sdk(contract, program, relay, name="the SDK", ids=ids, budget=SDK_REQUEST_BUDGET)
            return Sight(report.findings, report.sent)

        yield look


def _tools(contract: Contract, planted: InjectedFault) -> set[str]:
    """The tool, by its own name or its new one."""
    names = [tool.name for tool in tools_of(contract).values() if tool.operation.id == planted.operation.id]
    return {f"{MCP_PREFIX}{name}{end}" for name in names for end in ("", "_renamed")}


def _delivery(_: Contract, planted: InjectedFault) -> set[str]:
    """The delivery, or deliveries as such."""
    return {planted.operation.id, "webhook:*"}
