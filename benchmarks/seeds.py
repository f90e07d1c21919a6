"""False alarms and reach: `check` at simulators of 30 different seeds, where there is nothing to find.

Prints a line for each seed that is not as it has to be, then the sums; ends with 1 where there is one.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from whopwatch.contract import Contract, load
from whopwatch.finding import Report, State
from whopwatch.run import check
from whopwatch.simulator import embedded

SEEDS = range(30)
READS = 79


def observed(contract: Contract, seed: int) -> tuple[Report, int]:
    """The report on one seed, and the requests that reached the simulator and were no GET."""
    with embedded(contract, seed=seed) as simulator:
        report = check(contract, simulator.target(), seed=seed)
        return report, simulator.requests.total() - simulator.requests["GET"]


def complaints(report: Report, unsafe: int) -> Iterator[str]:
    """What is not as it has to be."""
    yield from (f"finding: {finding.message}" for finding in report.findings)
    if report.count()[State.VERIFIED] != READS:
        yield from (f"{row.id}: {row.reason}" for row in report.operations if row.state is State.COULD_NOT_CHECK)
    if unsafe or report.unsafe:
        yield f"unsafe requests: {unsafe} arrived, {report.unsafe} sent"


def main() -> int:
    """Measure and print."""
    contract = load()
    reports, bad = [], 0
    for seed in SEEDS:
        report, unsafe = observed(contract, seed)
        reports.append(report)
        for complaint in complaints(report, unsafe):
            bad += 1
            print(f"seed {seed}: {complaint}")
    verified = [report.count()[State.VERIFIED] for report in reports]
    sent = [report.sent for report in reports]
    print(
        f"{len(reports)} seeds: {sum(len(report.findings) for report in reports)} findings; verified "
        f"{min(verified)} to {max(verified)} of {READS} reads; requests {min(sent)} to {max(sent)}, "
        f"median {statistics.median(sent):.0f}; {sum(report.unsafe for report in reports)} of them unsafe"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
