"""The coverage table: what each part of whopwatch covers of every system in the API reference.

The parts themselves supply the numbers; a cell without a number says why there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from whopwatch.contract import Contract, Event, Operation
from whopwatch.simulator.declarations import declarations_of
from whopwatch.simulator.faults import fault_catalogue, inject, operations_named
from whopwatch.simulator.world.tables import World
from whopwatch.webhooks.delivery import event_operation
from whopwatch.webhooks.lookup import can_retrieve

PARTS = ("contract", "simulator", "check", "suite", "faults", "probe")
NO_READ = "no read to probe"
DELIVERY_CHECKS = ("signature", "content", "event", "schema", "fields", "identity", "retries")
"""The checks of every delivery. `lookup` is added if the event's object can be retrieved."""
EVENT_SUITE = "suites/webhooks"
"""The test suite of payloads, signatures and objects."""
EVENT_METRIC = "whop_webhook_deliveries_total"
"""The receiver counts each event in this metric."""


@dataclass(frozen=True, slots=True)
class System:
    """One row of the table: a cell for each part, and the command or file that runs its checks."""

    name: str
    cells: Mapping[str, str]
    note: str = ""


def systems(contract: Contract, folder: Path) -> list[System]:
    """Return the rows: the 45 resources, the webhook events, v2, the SDKs and the MCP server."""
    parts = _parts(contract)
    return [
        *_resources(contract, folder, parts),
        *_events(contract),
        _v2(contract, parts),
        *_sdks(contract),
        _mcp(contract),
    ]


def table(rows: Sequence[System]) -> Iterator[str]:
    """Yield the rows as lines of text."""
    widths = {part: max(len(part), *(len(row.cells[part]) for row in rows)) for part in PARTS}
    name = max(len(row.name) for row in rows)
    yield f"{'system':<{name}}  " + "  ".join(f"{part:<{widths[part]}}" for part in PARTS)
    for row in rows:
        cells = "  ".join(f"{row.cells[part]:<{widths[part]}}" for part in PARTS)
        yield f"{row.name:<{name}}  {cells}".rstrip() + (f"  {row.note}" if row.note else "")


@dataclass(frozen=True, slots=True)
class _Parts:
    """Functions that return what each part covers of one operation."""

    is_simulated: Callable[[Operation], bool]
    is_safe_to_write: Callable[[Operation], bool]
    tests: Callable[[Operation], int]
    faults: Callable[[Operation], int]
    is_probed: Callable[[Operation], bool]


def _parts(contract: Contract) -> _Parts:
    from whopwatch.checks.registry import CHECK_GROUPS
    from whopwatch.prober.settings import default_file, read_settings, select_probes
    from whopwatch.simulator.api.request import Routes
    from whopwatch.simulator.faults import fault_catalogue

    routes = Routes(contract)
    faults = [fault for fault in fault_catalogue().values() if fault.sees != "mcp"]
    probed = {probe.id for probe in select_probes(read_settings(default_file()), contract)}
    return _Parts(
        is_simulated=lambda one: routes.find(one.api, one.method, one.path) is not None,
        is_safe_to_write=lambda one: contract.write_effects.reason_against(one) is None,
        tests=lambda one: sum(group.applies(contract, one) for group in CHECK_GROUPS.values()),
        faults=lambda one: sum(fault.suits(one) for fault in faults),
        is_probed=lambda one: one.id in probed,
    )


def _resources(contract: Contract, folder: Path, parts: _Parts) -> Iterator[System]:
    from whopwatch.contract_build.coverage import coverage

    for row in coverage(contract, folder):
        operations = [one for one in contract.operations.values() if one.api == "v1" and one.resource == row.resource]
        yield System(row.resource, _cells(operations, parts, row.documented_operations))


def _v2(contract: Contract, parts: _Parts) -> System:
    operations = [one for one in contract.operations.values() if one.api == "v2"]
    return System("v2.plans", _cells(operations, parts, 1), "whopwatch check --resource v2")


def _cells(operations: Sequence[Operation], parts: _Parts, documented: int) -> dict[str, str]:
    reads = [one for one in operations if one.is_read]
    writes = [one for one in operations if not one.is_read]
    safe = sum(parts.is_safe_to_write(one) for one in writes)
    checked = [f"{len(reads)} read"] if reads else []
    checked += [f"{safe} of {len(writes)} written"] if writes else []
    return {
        "contract": f"{len(operations)} of {documented}",
        "simulator": f"{sum(parts.is_simulated(one) for one in operations)} of {len(operations)}",
        "check": ", ".join(checked),
        "suite": f"{sum(parts.tests(one) for one in operations)} tests",
        "faults": str(sum(parts.faults(one) for one in operations)),
        "probe": f"{sum(parts.is_probed(one) for one in reads)} of {len(reads)}" if reads else NO_READ,
    }


def _events(contract: Contract) -> Iterator[System]:
    for row in event_coverage(contract):
        cells = {
            "contract": "payload",
            "simulator": "delivered" if row.simulator else "not triggered by any change",
            "check": f"{len(row.checks)} checks",
            "suite": row.suite,
            "faults": str(len(row.faults)),
            "probe": "by its receiver",
        }
        yield System(f"webhook:{row.event}", cells)


def _sdks(contract: Contract) -> Iterator[System]:
    reads = sum(one.is_read and one.api == "v1" for one in contract.operations.values())
    driven = {
        "contract": "built from it",
        "simulator": "answers it",
        "check": f"{reads} read",
        "suite": "suites/sdk",
        "faults": "those of the API",
        "probe": "each night, with metrics",
    }
    yield System("SDK, Python", driven, "whopwatch sdk sdk:VERSION")
    yield System("SDK, TypeScript", {**driven, "suite": "no: needs Node; by command"}, "whopwatch sdk npm:VERSION")
    without = dict.fromkeys(PARTS, "no: without facts")
    yield System("SDK, Ruby", without, "its gem is on no registry that the contract is made with")


def _mcp(contract: Contract) -> System:
    from whopwatch.contract.mcp_tools import tools_of
    from whopwatch.prober.settings import default_file, read_settings
    from whopwatch.simulator.faults import fault_catalogue

    terms = read_settings(default_file()).mcp
    tools = tools_of(contract).values()
    reads = sum(tool.operation.is_read for tool in tools)
    faults = sum(fault.sees == "mcp" for fault in fault_catalogue().values())
    cells = {
        "contract": f"{len(tools)} tools, {len(contract.mcp_server.transports)} transports",
        "simulator": f"{len(tools)} tools",
        "check": f"{reads} called",
        "suite": "suites/mcp",
        "faults": f"{faults}, and those of the API",
        "probe": f"its tools, {terms.calls} called a round" if terms else "no: [mcp] is not in probes.toml",
    }
    return System("MCP server", cells, "whopwatch mcp URL")


@dataclass(frozen=True, slots=True)
class EventCoverage:
    """The coverage of one event. `simulator` says whether the simulator sends it; `checks` and `faults` are names."""

    event: str
    resource: str
    simulator: bool
    checks: tuple[str, ...]
    suite: str
    faults: tuple[str, ...]
    probe: str


def event_coverage(contract: Contract) -> Iterator[EventCoverage]:
    """Yield the coverage of each event, in the contract's order."""
    world = World(contract)
    for event in contract.events.values():
        yield EventCoverage(
            event=event.name,
            resource=event.resource,
            simulator=event.name in declarations_of(contract).events,
            checks=(*DELIVERY_CHECKS, "lookup") if can_retrieve(contract, event) else DELIVERY_CHECKS,
            suite=EVENT_SUITE,
            faults=tuple(_faults(contract, world, event)),
            probe=EVENT_METRIC,
        )


def _faults(contract: Contract, world: World, event: Event) -> Iterator[str]:
    (operation,) = operations_named(contract, event_operation(event.name))
    return (name for name, fault in fault_catalogue().items() if inject(contract, world, fault, operation))
