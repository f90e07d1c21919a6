"""The wall time of a `check` behind a latency of 0, 50 and 200 ms, with 1 and 8 requests at once.

The simulator runs in another process, and so does a relay that holds each request back. Requests are not paced, as the
default pace of a real target (30 a second) would hide what concurrency does. `--schemathesis` also runs
`schemathesis run` with 1 and 8 workers through the same relay: the same reads, its default checks.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from math import ceil
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.check_cost import simulator
from benchmarks.usage import command_line
from whopwatch.config import Target
from whopwatch.contract import Contract, load
from whopwatch.core.budgets import BUDGET_PROFILES
from whopwatch.run import check

READS = 79
BUDGET_OF = {
    "quick": ceil(READS * BUDGET_PROFILES["quick"].per_read),
    "default": 600,
    "deep": ceil(READS * BUDGET_PROFILES["deep"].per_read),
}
LATENCIES = (0, 50, 200)
CONCURRENCY = (1, 8)
EXAMPLES = 6
"""Examples of schemathesis for each read: about as many requests as a default check."""
SCHEMATHESIS_SECONDS = 300


async def _relay(upstream: tuple[str, int], latency: float) -> None:
    """Pass bytes to `upstream` after `latency`, and back at once. Print the port, and a count for each line read."""
    requests = 0

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, sends_requests: bool) -> None:
        nonlocal requests
        with suppress(OSError):
            while data := await source.read(1 << 16):
                if sends_requests:
                    requests += data.startswith(b"GET ")
                    await asyncio.sleep(latency)
                sink.write(data)
                await sink.drain()
        sink.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*upstream)
        await asyncio.gather(
            pump(reader, far_writer, sends_requests=True), pump(far_reader, writer, sends_requests=False)
        )

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(requests, flush=True)
        requests = 0


@contextmanager
def behind(target: Target, milliseconds: int) -> Iterator[tuple[Target, Callable[[], int]]]:
    """Yield `target` behind a relay, and a function that returns how many requests passed since the last call."""
    host, port = target.base_url.split("/")[2].split(":")
    command = [sys.executable, "-m", "benchmarks.wall_time", "--relay", host, port, str(milliseconds / 1000)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603
        assert process.stdin is not None
        assert process.stdout is not None
        own, stdin, stdout = f":{int(process.stdout.readline())}", process.stdin, process.stdout

        def count() -> int:
            stdin.write("\n")
            stdin.flush()
            return int(stdout.readline())

        through = {name: getattr(target, name).replace(f":{port}", own) for name in ("base_url", "v2_base_url")}
        try:
            yield replace(target, **through), count
        finally:
            process.terminate()


def schemathesis(contract: Contract, target: Target, workers: int) -> None:
    """Run schemathesis at the documented reads."""
    assert target.api_key is not None
    with TemporaryDirectory() as folder:
        document = Path(folder) / "openapi.json"
        document.write_text(json.dumps(contract.documents["v1"]))
        key = ("--header", f"Authorization: Bearer {target.api_key.reveal()}")
        done = subprocess.run(  # noqa: S603
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", str(document), "--url", target.base_url, *key),
                *("--workers", str(workers), "--include-method", "GET", "--phases", "fuzzing", "--seed", "1"),
                *("--max-examples", str(EXAMPLES), "--continue-on-failure"),
            ],
            cwd=folder,
            env={name: value for name, value in os.environ.items() if not name.startswith("WHOP")},
            capture_output=True,
            timeout=SCHEMATHESIS_SECONDS,
            check=False,
        )
    if done.returncode not in (0, 1):  # 1: it found something
        raise RuntimeError(f"schemathesis ended with {done.returncode}: {done.stderr[-600:]!r}")


def measure(rounds: int, count: Callable[[], int], run: Callable[[], object]) -> tuple[float, str, int]:
    """Return the median of the seconds that `run` takes, the cell of the table, and the requests of one run."""
    seconds, sent = [], 0
    for _ in range(rounds):
        count()
        begun = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - begun)
        sent = count()
    return median(seconds), f"{median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})", sent


def main() -> None:
    """Print a table: one row for each budget and latency, one column for each concurrency."""
    parser = command_line(__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="runs of each kind")
    parser.add_argument("--budgets", default="quick,default", metavar="NAMES", help=f"of {', '.join(BUDGET_OF)}")
    parser.add_argument("--schemathesis", action="store_true", help="also run schemathesis")
    parser.add_argument("--relay", nargs=3, metavar=("HOST", "PORT", "SECONDS"), help="be the relay")
    options = parser.parse_args()
    if options.relay:
        host, port, seconds = options.relay
        asyncio.run(_relay((host, int(port)), float(seconds)))
        return
    contract = load()
    print("| run | latency ms | requests | " + " | ".join(f"{n} at once, s" for n in CONCURRENCY) + " | ratio |")
    print("|---|---|---|" + "---|" * (len(CONCURRENCY) + 1))
    names = [*options.budgets.split(","), *(["schemathesis"] if options.schemathesis else [])]
    with simulator() as server:
        for name in names:
            for latency in LATENCIES:
                with behind(server, latency) as (target, count):
                    made = [
                        measure(
                            options.rounds,
                            count,
                            _runner(name, contract, replace(target, concurrency=concurrency)),
                        )
                        for concurrency in CONCURRENCY
                    ]
                sent = " and ".join(sorted({str(one[2]) for one in made}))
                ratio = f"{made[0][0] / made[1][0]:.1f}"
                print(
                    "| " + " | ".join((name, str(latency), sent, *(one[1] for one in made), ratio)) + " |", flush=True
                )


def _runner(name: str, contract: Contract, target: Target) -> Callable[[], object]:
    if name == "schemathesis":
        return lambda: schemathesis(contract, target, target.concurrency)

    def run() -> None:
        report = check(contract, target, budget=BUDGET_OF[name])
        assert not report.findings

    return run


if __name__ == "__main__":
    main()
