"""Faults that no request to the API shows: `python -m benchmarks.detection.elsewhere`.

Each fault of the MCP server's tools is placed once, drawn by a seeded random, and looked for by a survey of the
simulator's MCP server; each fault of a delivery at the event that shows it well, and looked for by what a receiver
checks. Prints a table as Markdown; a fault is caught where a finding names its operation and drift class.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.webhook.observed import observed
from whopwatch.contract import Contract, load
from whopwatch.contract.tools import tools_of
from whopwatch.finding import Finding
from whopwatch.mcp import session, survey
from whopwatch.mcp.compare import PREFIX
from whopwatch.simulator import Simulator, embedded
from whopwatch.simulator.faults import SEES, Planted, catalogue, first_place, plant
from whopwatch.simulator.faults.catalogue import operations_for

MESSAGES = 60
CALLS = 5
"""Calls of tools in a survey: the list of tools tells of these faults, and not what they answer."""


@dataclass(frozen=True)
class Outcome:
    """What was found of one placed fault; `elsewhere` are findings that accuse somebody else."""

    planted: Planted
    caught: bool
    elsewhere: int


def outcomes(contract: Contract, sees: str, seed: int = 1) -> Iterator[Outcome]:
    """Every fault that those who `sees` names can see, placed once each."""
    look, place = LOOKS[sees]
    with embedded(contract, rate_limit=10**9) as simulator:
        for name, fault in catalogue().items():
            if fault.sees == sees:
                planted = place(contract, simulator, name, seed)
                simulator.faults.switch([f"{name}@{planted.operation.id}"])
                findings = look(contract, simulator)
                simulator.faults.switch([])
                accused = _accused(contract, planted)
                right = [finding for finding in findings if finding.operation in accused]
                caught = any(finding.drift_class in fault.classes for finding in right)
                yield Outcome(planted, caught, len(findings) - len(right))


def _surveyed(contract: Contract, simulator: Simulator) -> Sequence[Finding]:
    readable = {tool.name for tool in tools_of(contract).values() if tool.operation.is_read}
    door = session.door_to(simulator.mcp_url, readable, MESSAGES)
    with session.over_http(simulator.mcp_url, simulator.api_key, door, is_sse=False) as server:
        return survey(contract, server, name="simulator", ids={}, budget=CALLS).findings


def _received(contract: Contract, simulator: Simulator) -> Sequence[Finding]:
    return observed(simulator).findings()


def _drawn(contract: Contract, simulator: Simulator, name: str, seed: int) -> Planted:
    operations = operations_for(contract, catalogue()[name])
    random.Random(f"{name}/{seed}").shuffle(operations)  # noqa: S311
    places = (plant(contract, simulator.backend.world, catalogue()[name], operation) for operation in operations)
    return next(one for one in places if one)


def _at_its_example(contract: Contract, simulator: Simulator, name: str, seed: int) -> Planted:
    planted = first_place(contract, simulator.backend.world, catalogue()[name])
    assert planted
    return planted


Look = Callable[[Contract, Simulator], Sequence[Finding]]
Place = Callable[[Contract, Simulator, str, int], Planted]
LOOKS: dict[str, tuple[Look, Place]] = {"mcp": (_surveyed, _drawn), "webhook": (_received, _at_its_example)}
"""How each looks, and where the faults are put that it is to see."""


def _accused(contract: Contract, planted: Planted) -> set[str]:
    """What a finding may name: the delivery, or deliveries as such; the tool, by its own name or its new one."""
    id = planted.operation.id
    names = [tool.name for tool in tools_of(contract).values() if tool.operation.id == id]
    return {id, "webhook:*", *(f"{PREFIX}{name}{end}" for name in names for end in ("", "_renamed"))}


def table(contract: Contract, seed: int) -> Iterator[str]:
    """The rows of Markdown."""
    yield "| who can see it | faults | caught | findings that accuse somebody else |\n| --- | --: | --: | --: |"
    for sees in LOOKS:
        found = list(outcomes(contract, sees, seed))
        wrong, caught = sum(one.elsewhere for one in found), sum(one.caught for one in found)
        yield f"| {SEES[sees]} | {len(found)} | {caught} | {wrong} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection.elsewhere", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws the places (default %(default)s)")
    options = parser.parse_args()
    for line in table(load(), options.seed):
        print(line)


if __name__ == "__main__":
    main()
