"""Search for faults with the other checks: `python -m benchmarks.detection.run_other_checks`.

Each fault is placed once and searched for by the check that must find it: of the MCP server, of the official SDK, or of
deliveries. Simulators without faults, with other seeds, are checked as well. Prints the section of the page.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from benchmarks.detection.cases import EVERYWHERE
from benchmarks.detection.other_checks import CheckResult, OtherCheck, OtherOutcome, RunCheck, other_checks
from benchmarks.detection.other_checks_table import section
from benchmarks.usage import command_line
from whopwatch.contract import Contract, load
from whopwatch.simulator import Simulator, embedded
from whopwatch.simulator.faults import InjectedFault, fault_catalogue, first_place, inject
from whopwatch.simulator.faults.catalogue import operations_for

SAMPLE = 50
"""Faults tried with each check by default: a check takes seconds."""
CLEAN = 5


def run_other_checks(
    contract: Contract, *, seed: int = 1, sample: int = SAMPLE, clean: int = CLEAN
) -> Iterator[OtherOutcome]:
    """Run each check at `sample` of its faults, drawn by `seed`, and at `clean` simulators without faults."""
    for who, check in other_checks().items():
        names = list(check.faults)
        if sample < len(names):
            names = sorted(random.Random(seed).sample(names, sample), key=check.faults.index)  # noqa: S311
        with embedded(contract, rate_limit=10**9) as simulator, check.running(contract, simulator) as run_check:
            for name in names:
                yield _run_at(contract, simulator, who, check, run_check, name, seed)
        for other in range(1, clean + 1):
            with (
                embedded(contract, seed=other, rate_limit=10**9) as simulator,
                check.running(contract, simulator) as run_check,
            ):
                result, seconds = _timed(run_check)
                wrong = sum(finding.breaks for finding in result.findings)
                yield OtherOutcome(who, "", "", "", False, False, wrong, result.cost, seconds)


def _run_at(
    contract: Contract, simulator: Simulator, who: str, check: OtherCheck, run_check: RunCheck, name: str, seed: int
) -> OtherOutcome:
    fault, planted = fault_catalogue()[name], _placed(contract, simulator, check, name, seed)
    is_everywhere = name in check.everywhere
    simulator.faults.switch([name if is_everywhere else f"{name}@{planted.operation.id}"])
    try:
        result, seconds = _timed(run_check)
    finally:
        simulator.faults.switch([])
    expected = check.expected_operations(contract, planted)
    right = [finding for finding in result.findings if is_everywhere or finding.operation in expected]
    others = sum(finding.breaks for finding in result.findings if finding not in right)
    classed = any(finding.drift_class in fault.classes for finding in right)
    caught = classed or any(finding.breaks for finding in right)
    operation = EVERYWHERE if is_everywhere else planted.operation.id
    return OtherOutcome(who, name, operation, fault.drift_class, caught, classed, others, result.cost, seconds)


def _placed(contract: Contract, simulator: Simulator, check: OtherCheck, name: str, seed: int) -> InjectedFault:
    """Return the fault at the first operation that shows it, or at one drawn among the possible ones."""
    fault, world = fault_catalogue()[name], simulator.backend.world
    if check.at_example:
        planted = first_place(contract, world, fault)
        assert planted
        return planted
    operations = [one for one in operations_for(contract, fault) if one.is_read or fault.sees != "read"]
    random.Random(f"{name}/{seed}").shuffle(operations)  # noqa: S311
    places = (inject(contract, world, fault, one) for one in operations if one.api == "v1")
    return next(one for one in places if one)


def _timed(run_check: RunCheck) -> tuple[CheckResult, float]:
    begun = time.perf_counter()
    result = run_check()
    return result, time.perf_counter() - begun


def main() -> None:
    """Print the section."""
    parser = command_line(__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws the places (default %(default)s)")
    parser.add_argument("--sample", type=int, default=SAMPLE, help="faults of each at most (default %(default)s)")
    parser.add_argument("--clean", type=int, default=CLEAN, help="faithful simulators of each (default %(default)s)")
    options = parser.parse_args()
    print(section(list(run_other_checks(load(), seed=options.seed, sample=options.sample, clean=options.clean))))


if __name__ == "__main__":
    main()
