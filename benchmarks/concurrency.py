"""Run the same `check` with 1 and with 8 requests at once: same requests, verdict and findings, within the limits.

    python -m benchmarks.concurrency --seeds 100                     each seed faithful, and with one fault
    python -m benchmarks.concurrency --contract newest --seeds 10
    python -m benchmarks.concurrency --first 50 --seeds 50 --runs fault

A client that a fault slows down goes on at 50 requests a second instead of one, so that no run takes minutes.
Each response takes a random time, so that they arrive in another order than the requests. The server notes when each
request arrives. Exits with 1 if anything differs, or if requests come faster than the limits allow.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.usage import command_line
from tests.run.in_process import InProcess
from whopwatch.contract import Contract, load
from whopwatch.core.report import Report
from whopwatch.http import limits
from whopwatch.http.limits import DOCUMENTED_RATE, Rate
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, RawResponse
from whopwatch.run import DEFAULT_BUDGET, check
from whopwatch.simulator.backend import SimulatorOptions
from whopwatch.simulator.faults.catalogue import fault_catalogue

OVERALL = Rate(burst=1, per_second=300.0)
"""What the target of the benchmark allows for all operations together."""
CONCURRENCY = (1, 8)
RUNS = {"faithful": "faithful", "fault": "with a fault"}
LONGEST_RESPONSE = 0.005
"""Seconds."""


class Shuffled(InProcess):
    """A simulator whose responses take a random time. `arrivals` has the times of the requests, by operation."""

    def __init__(self, contract: Contract, seed: int, faults: Sequence[str]) -> None:
        super().__init__(contract, SimulatorOptions(seed=seed, rate_limit=10**9))
        self.backend.faults.switch(faults)
        self._contract = contract
        self._random = random.Random(seed)  # noqa: S311
        self._lock = threading.Lock()
        self.requests: Counter[str] = Counter()
        self.arrivals: dict[str, list[float]] = defaultdict(list)

    def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
        """Note the request, wait, and respond."""
        with self._lock:
            self.requests[f"{request.method} {request.url}"] += 1
            path = request.url.partition("?")[0].partition("/api/")[2].partition("/")[2]
            operation = self._contract.match(request.method, f"/{path}")
            self.arrivals[operation.id if operation else path].append(time.perf_counter())
            wait = self._random.random() * LONGEST_RESPONSE
        time.sleep(wait)
        with self._lock:
            return super().send(request, timer)


@dataclass(frozen=True)
class Compared:
    """One plan, run with each concurrency: what differs, and the most requests in one second."""

    differences: Sequence[str]
    requests: int
    findings: int
    most_of_one: int
    most_of_all: int


def compare(contract: Contract, seed: int, faults: Sequence[str], budget: int) -> Compared:
    """Run one plan with each concurrency."""
    runs: list[tuple[Report, Shuffled]] = []
    for concurrency in CONCURRENCY:
        server = Shuffled(contract, seed, faults)
        target = replace(server.target(), concurrency=concurrency, rate=OVERALL.per_second)
        runs.append((check(contract, target, budget=budget, seed=seed, transport=server), server))
    seconds = [list(_most_in_a_second(server)) for _, server in runs]
    return Compared(
        [*differences(*runs[0], *runs[1]), *(line for _, server in runs for line in too_fast(server))],
        runs[0][0].sent,
        len(runs[0][0].findings),
        max(most for each in seconds for most in each[:-1]),
        max(each[-1] for each in seconds),
    )


def differences(one: Report, serial: Shuffled, many: Report, parallel: Shuffled) -> Iterator[str]:
    only = (serial.requests - parallel.requests, parallel.requests - serial.requests)
    if any(only):
        yield f"{only[0].total()} requests only one at a time, {only[1].total()} only at once: {list(only[0])[:2]}"
    if (one.verdict, one.reason) != (many.verdict, many.reason):
        yield f"verdict {one.verdict} and {many.verdict}"
    states = [{row.id: row.state for row in report.operations} for report in (one, many)]
    yield from (f"{name} is {states[0][name]} and {states[1][name]}" for name in states[0].keys() - _same(*states))
    found = [{f"{each.fingerprint} {each.message}": each for each in report.findings} for report in (one, many)]
    yield from (f"only one at a time: {name}" for name in found[0].keys() - found[1].keys())
    yield from (f"only at once: {name}" for name in found[1].keys() - found[0].keys())


def _same(one: Mapping[str, object], other: Mapping[str, object]) -> set[str]:
    return {name for name, value in one.items() if other.get(name) == value}


def too_fast(server: Shuffled) -> Iterator[str]:
    """Yield where requests arrived faster than the bucket allows; each thread may be late with one of them."""
    together = sorted(when for times in server.arrivals.values() for when in times)
    for name, times, rate in (
        *((name, times, DOCUMENTED_RATE) for name, times in server.arrivals.items()),
        ("all operations", together, OVERALL),
    ):
        for first, begun in enumerate(times):
            allowed = rate.burst + max(CONCURRENCY)
            if any(
                number - first + 1 > allowed + rate.per_second * (when - begun)
                for number, when in enumerate(times[first:], first)
            ):
                yield f"{name}: more requests than {rate.per_second:g} a second after a burst of {rate.burst}"
                break


def _most_in_a_second(server: Shuffled) -> Iterator[int]:
    """Yield the most requests in any second: of each operation, and of all of them last."""
    together = sorted(when for times in server.arrivals.values() for when in times)
    for times in (*server.arrivals.values(), together):
        yield max(sum(begun <= when < begun + 1 for when in times) for begun in times)


def main() -> None:
    """Print a row for faithful runs and one for runs with a fault, and every difference."""
    parser = command_line(__doc__)
    parser.add_argument("--contract", default="2025-01-01", help="edition (default %(default)s)")
    parser.add_argument("--seeds", type=int, default=100, help="seeds (default %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="first seed (default %(default)s)")
    parser.add_argument("--runs", choices=RUNS, help="only these (default: both)")
    parser.add_argument("--budget", type=int, default=DEFAULT_BUDGET, help="requests of each run (default %(default)s)")
    options = parser.parse_args()
    contract = load(options.contract)
    of_reads = sorted(
        name for name, fault in fault_catalogue().items() if fault.sees == "read" and fault.group != "wire"
    )
    is_same = True
    print("| runs | seeds | the same | requests | findings | most a second, one operation | all operations |")
    print("|---|---|---|---|---|---|---|")
    limits.SLOWEST_INTERVAL = 0.02
    for name in [RUNS[options.runs]] if options.runs else RUNS.values():
        results = []
        for seed in range(options.first, options.first + options.seeds):
            faults = [of_reads[seed * 7919 % len(of_reads)]] if name != "faithful" else []
            results.append(compare(contract, seed, faults, options.budget))
            for line in results[-1].differences:
                print(f"  seed {seed} {' '.join(faults)}: {line}", flush=True)
        same = sum(not result.differences for result in results)
        is_same = is_same and same == options.seeds
        counts = (sum(result.requests for result in results), sum(result.findings for result in results))
        most = (max(result.most_of_one for result in results), max(result.most_of_all for result in results))
        print(f"| {name} | {options.seeds} | {same} | {counts[0]} | {counts[1]} | {most[0]} | {most[1]} |", flush=True)
    raise SystemExit(0 if is_same else 1)


if __name__ == "__main__":
    main()
