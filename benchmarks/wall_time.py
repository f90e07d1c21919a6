"""The wall time of a `check` at 0, 50 and 200 ms of latency, with 1 and 8 requests at once: median of several runs.

The simulator runs in another process. The latency is added before each request, so that it costs no CPU. Requests are
not paced, as the default pace of a real target (30 a second) would hide what concurrency does.
"""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median

from benchmarks.check_cost import simulator
from benchmarks.usage import command_line
from whopwatch.contract import load
from whopwatch.http.limits import Limits
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, Network, RawResponse
from whopwatch.run import check

BUDGETS = {"quick": 120, "default": 600}
LATENCIES = (0.0, 0.05, 0.2)
CONCURRENCY = (1, 8)


class DelayedNetwork(Network):
    """A network whose every request takes `latency` seconds longer."""

    def __init__(self, base_urls: tuple[str, str], latency: float) -> None:
        super().__init__(base_urls, Limits())
        self._latency = latency

    def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
        """Wait, then send `request`."""
        time.sleep(self._latency)
        return super().send(request, timer)


def main() -> None:
    """Print a table: one row for each budget and latency, one column for each concurrency."""
    parser = command_line(__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    rounds = parser.parse_args().rounds
    contract = load()
    with simulator() as target:
        print("| budget | latency ms | requests | " + " | ".join(f"{n} at once, s" for n in CONCURRENCY) + " | ratio |")
        print("|---|---|---|" + "---|" * (len(CONCURRENCY) + 1))
        for name, budget in BUDGETS.items():
            for latency in LATENCIES:
                cells, medians, sent = [], [], 0
                for concurrency in CONCURRENCY:
                    seconds = []
                    for _ in range(rounds):
                        network = DelayedNetwork((target.base_url, target.v2_base_url), latency)
                        begun = time.perf_counter()
                        where = replace(target, concurrency=concurrency)
                        report = check(contract, where, budget=budget, transport=network)
                        seconds.append(time.perf_counter() - begun)
                        assert not report.findings
                        sent = report.sent
                    medians.append(median(seconds))
                    cells.append(f"{medians[-1]:.1f} ({min(seconds):.1f} to {max(seconds):.1f})")
                row = (name, f"{latency * 1000:.0f}", str(sent), *cells, f"{medians[0] / medians[1]:.1f}")
                print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
