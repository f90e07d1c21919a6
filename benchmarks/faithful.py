"""Check and drift at faithful simulators of many seeds: there must be no finding, and no unsafe request.

`python -m benchmarks.faithful --contract newest --seeds 30` starts a simulator for each seed, runs `check`, then two
nights of `drift` with one baseline, and counts the requests that the simulator received by method.
"""

from __future__ import annotations

import time

from benchmarks.usage import command_line
from tests.run.in_process import InProcess
from whopwatch.contract import load
from whopwatch.history import Records, compare_with_history
from whopwatch.run import judge, observe
from whopwatch.simulator import SimulatorOptions

NIGHTS = 2


def main() -> None:
    """Run all seeds and print a line for each; exit with 1 if one has a finding or an unsafe request."""
    parser = command_line(__doc__)
    parser.add_argument("--contract", default="newest", help="edition (default %(default)s)")
    parser.add_argument("--seeds", type=int, default=30, help="simulators (default %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default %(default)s)")
    parser.add_argument("--budget", type=int, default=600, help="requests of each run (default %(default)s)")
    options = parser.parse_args()
    contract = load(options.contract)
    reads = len(contract.reads)
    bad = 0
    for seed in range(options.first, options.first + options.seeds):
        simulator = InProcess(contract, SimulatorOptions(seed=seed, rate_limit=10**9))
        started, verified, findings, records = time.process_time(), [], 0, Records(bytes(16))
        for night in range(1 + NIGHTS):
            seen = observe(contract, simulator.target(), budget=options.budget, seed=seed + night, transport=simulator)
            report = judge(contract, seen, "simulator")
            if night:
                report = compare_with_history(contract, seen.exchanges, report, records, met=seen.met)
            findings += len(report.findings)
            for finding in report.findings:
                print(
                    f"  night {night}: {finding.drift_class} {finding.operation} {finding.location} {finding.message}"
                )
            verified.append(sum(row.state == "verified" for row in report.operations))
        received = simulator.backend.requests
        unsafe = sum(count for method, count in received.items() if method not in ("GET", "HEAD", "OPTIONS"))
        bad += bool(findings or unsafe or min(verified) < reads)
        seconds = time.process_time() - started
        print(
            f"seed {seed}: {findings} findings, {min(verified)} of {reads} reads verified in every run, "
            f"{received.total()} requests, {unsafe} unsafe, {seconds:.0f} s CPU",
            flush=True,
        )
    print(f"{options.seeds - bad} of {options.seeds} seeds without a finding, an unsafe request or an unverified read")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
