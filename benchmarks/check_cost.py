"""The CPU of a whole `check` relative to the same client that sends the same requests and checks nothing. Aim: 1.3.

The simulator runs in another process, so that only the client side is measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks.measure import interleaved, table
from benchmarks.usage import command_line
from whopwatch.config import Secret, Target
from whopwatch.contract import Contract, load
from whopwatch.core.exchange import Exchange
from whopwatch.http import Call, Client
from whopwatch.http.wire import Transport
from whopwatch.run import DEFAULT_BUDGET, check, observe

ROUNDS = 7


@contextmanager
def simulator(options: Sequence[str] = ()) -> Iterator[Target]:
    """Start a simulator in another process, and yield it as a target."""
    command = [sys.executable, "-m", "whopwatch", "simulate", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        try:
            yield Target(
                name="simulator",
                base_url=ready["base_url"],
                v2_base_url=ready["v2_base_url"],
                api_key=Secret(ready["api_key"]),
                company_id=ready["company_id"],
            )
        finally:
            process.terminate()


def bare(contract: Contract, target: Target, exchanges: Sequence[Exchange], transport: Transport | None = None) -> None:
    """Send the requests of a check with the same client, without checking anything."""
    with Client(target, contract, budget=len(exchanges), transport=transport) as client:
        for exchange in exchanges:
            client.send(
                Call(
                    operation=contract.operations[exchange.operation],
                    purpose=exchange.purpose,
                    path_params=exchange.path_params,
                    query=exchange.query,
                    credential=exchange.credential,
                )
            )


def main() -> None:
    """Measure and print."""
    command_line(__doc__).parse_args()
    contract = load()
    with simulator() as target:
        exchanges = observe(contract, target).exchanges
        seconds = interleaved(
            {
                "the same requests, unchecked": lambda: bare(contract, target, exchanges),
                "whopwatch check": lambda: check(contract, target, budget=DEFAULT_BUDGET),
            },
            rounds=ROUNDS,
            clock=time.process_time,
        )
    size = sum(len(exchange.body) for exchange in exchanges)
    title = f"CPU of {len(exchanges)} requests, {size / 1000:.0f} kB of bodies"
    print(table(title, seconds, base="the same requests, unchecked"))


if __name__ == "__main__":
    main()
