"""Run `check` at simulators with different seeds and no faults. There must be no finding.

Requests are counted at the server, not by the client under test.
"""

from __future__ import annotations

from collections import Counter

from benchmarks.usage import command_line
from whopwatch.contract import load
from whopwatch.core.report import State, Verdict
from whopwatch.run import DEFAULT_BUDGET, check
from whopwatch.simulator import embedded


def main() -> None:
    """Run every seed and print the findings. Exits with 1 if there are any."""
    parser = command_line(__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--budget", type=int, default=DEFAULT_BUDGET)
    arguments = parser.parse_args()
    contract = load()
    methods: Counter[str] = Counter()
    clean = findings = requests = 0
    for seed in range(arguments.seeds):
        with embedded(contract, seed=seed) as simulator:
            report = check(contract, simulator.target(), budget=arguments.budget, seed=seed)
            methods += simulator.requests
        verified = report.count()[State.VERIFIED]
        clean += report.verdict is Verdict.CLEAN and verified == 79
        findings += len(report.findings)
        requests += report.sent
        if report.findings or verified != 79:
            print(f"seed {seed}: {verified} verified, {len(report.findings)} findings")
            for finding in report.findings:
                print(f"  {finding.severity} {finding.drift_class} {finding.message}")
    print(f"{arguments.seeds} seeds: {clean} clean with all 79 reads verified, {findings} findings")
    print(f"requests: {requests / arguments.seeds:.0f} a run; at the server by method: {dict(methods)}")
    if clean != arguments.seeds or set(methods) - {"GET"}:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
