"""Faults told by others than a check: `python -m benchmarks.detection.elsewhere`.

Each fault is placed once, and looked for by the witness that is to tell of it: a survey of the MCP server, a survey
through the official SDK, a receiver of deliveries. Faithful simulators of other seeds are looked at as well. Prints
the section of the page.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.detection.cases import EVERYWHERE
from benchmarks.detection.elsewhere_table import section
from benchmarks.detection.witnesses import Look, Sight, Witness, witnesses
from benchmarks.usage import command_line
from whopwatch.contract import Contract, load
from whopwatch.simulator import Simulator, embedded
from whopwatch.simulator.faults import InjectedFault, fault_catalogue, first_place, inject
from whopwatch.simulator.faults.catalogue import operations_for

SAMPLE = 50
"""Faults of a witness that are tried, unless more are asked for: a survey takes seconds."""
CLEAN = 5


@dataclass(frozen=True)
class Outcome:
    """What a witness said of one simulator; `fault` is empty for a faithful one, of which nothing is to be said.

    `caught` and `classed` say whether the operation was accused, and of the right class; `elsewhere` are findings that
    accuse somebody else. `cost` is in the witness's own coin, `seconds` what a look took.
    """

    witness: str
    fault: str
    operation: str
    drift_class: str
    caught: bool
    classed: bool
    elsewhere: int
    cost: int
    seconds: float


def outcomes(contract: Contract, *, seed: int = 1, sample: int = SAMPLE, clean: int = CLEAN) -> Iterator[Outcome]:
    """Of each witness at most `sample` faults, drawn by `seed`, and `clean` faithful simulators."""
    for who, witness in witnesses().items():
        names = list(witness.faults)
        if sample < len(names):
            names = sorted(random.Random(seed).sample(names, sample), key=witness.faults.index)  # noqa: S311
        with embedded(contract, rate_limit=10**9) as simulator, witness.looking(contract, simulator) as look:
            for name in names:
                yield _at(contract, simulator, who, witness, look, name, seed)
        for other in range(1, clean + 1):
            with (
                embedded(contract, seed=other, rate_limit=10**9) as simulator,
                witness.looking(contract, simulator) as look,
            ):
                sight, seconds = _timed(look)
                accused = sum(finding.breaks for finding in sight.findings)
                yield Outcome(who, "", "", "", False, False, accused, sight.cost, seconds)


def _at(
    contract: Contract, simulator: Simulator, who: str, witness: Witness, look: Look, name: str, seed: int
) -> Outcome:
    fault, planted = fault_catalogue()[name], _placed(contract, simulator, witness, name, seed)
    is_everywhere = name in witness.everywhere
    simulator.faults.switch([name if is_everywhere else f"{name}@{planted.operation.id}"])
    try:
        sight, seconds = _timed(look)
    finally:
        simulator.faults.switch([])
    accused = witness.accused(contract, planted)
    right = [finding for finding in sight.findings if is_everywhere or finding.operation in accused]
    others = sum(finding.breaks for finding in sight.findings if finding not in right)
    classed = any(finding.drift_class in fault.classes for finding in right)
    caught = classed or any(finding.breaks for finding in right)
    operation = EVERYWHERE if is_everywhere else planted.operation.id
    return Outcome(who, name, operation, fault.drift_class, caught, classed, others, sight.cost, seconds)


def _placed(contract: Contract, simulator: Simulator, witness: Witness, name: str, seed: int) -> InjectedFault:
    """The fault at the operation that shows it well, or at one drawn among those that the witness sees."""
    fault, world = fault_catalogue()[name], simulator.backend.world
    if witness.at_example:
        planted = first_place(contract, world, fault)
        assert planted
        return planted
    operations = [one for one in operations_for(contract, fault) if one.is_read or fault.sees != "read"]
    random.Random(f"{name}/{seed}").shuffle(operations)  # noqa: S311
    places = (inject(contract, world, fault, one) for one in operations if one.api == "v1")
    return next(one for one in places if one)


def _timed(look: Look) -> tuple[Sight, float]:
    begun = time.perf_counter()
    sight = look()
    return sight, time.perf_counter() - begun


def main() -> None:
    """Print the section."""
    parser = command_line(__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws the places (default %(default)s)")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="faults of each at most (default %(default)s)")
    parser.add_argument("--clean", type=int, default=CLEAN, help="faithful simulators of each (default %(default)s)")
    options = parser.parse_args()
    print(section(list(outcomes(load(), seed=options.seed, sample=options.sample, clean=options.clean))))


if __name__ == "__main__":
    main()
