"""Compare findings and verdicts of runs with those of their recordings, over faults of the catalogue.

python -m benchmarks.recording [--every 9]
"""

from __future__ import annotations

from dataclasses import replace

from benchmarks.usage import command_line
from whopwatch.contract import Contract, load
from whopwatch.core.report import Report
from whopwatch.har import Facts, parse, recover, write
from whopwatch.run import judge, observe
from whopwatch.run.replay import facts_of, replay
from whopwatch.simulator import embedded
from whopwatch.simulator.faults import fault_catalogue


def both(contract: Contract, fault: str) -> tuple[Report, Report]:
    """Return the report of a run with `fault` everywhere, and that of its recording."""
    with embedded(contract) as simulator:
        simulator.faults.switch([fault])
        target = replace(simulator.target(), writable=False)
        observation = observe(contract, target)
    report = judge(contract, observation, target.name)
    facts = Facts(target.base_url, target.v2_base_url, facts_of(observation))
    archive = parse(write(contract, observation.exchanges, facts, report.findings).encode(), fault)
    pairs = [("v1", target.base_url), ("v2", target.v2_base_url)]
    return report, replay(contract, recover(contract, archive, pairs), target.name)


def main() -> None:
    """Print each fault with a difference, and the totals."""
    parser = command_line(__doc__)
    parser.add_argument("--every", type=int, default=9, help="take each Nth fault that reading can show")
    contract = load()
    faults = [fault.name for fault in fault_catalogue().values() if fault.sees == "read"][:: parser.parse_args().every]
    same = findings = 0
    for fault in faults:
        report, again = both(contract, fault)
        before, after = ({finding.fingerprint for finding in one.findings} for one in (report, again))
        findings += len(before)
        if before == after and report.verdict is again.verdict:
            same += 1
        else:
            print(f"{fault}: {len(before - after)} findings hidden, {len(after - before)} made up, {again.verdict}")
    print(f"{same} of {len(faults)} faults: the same {findings} findings and verdicts")


if __name__ == "__main__":
    main()
