"""The client against a hostile server: is everything classified, does memory stay bounded, does the key stay in?

    python -m benchmarks.hostile

The server runs in a process of its own, so that the peak is the client's alone. Ends 1 where something is not as it
should be.
"""

from __future__ import annotations

import io
import logging
import resource
import subprocess
import sys
import time
import traceback

from tests.client.hostile.behaviours import BEHAVIOURS
from tests.client.hostile.places import PLACES
from tests.client.hostile.visit import mistake, visit, visit_place
from tests.client.support import KEY

BOUND_MIB = 64
"""Eight times the largest body that is read: packed, unpacked and copied, and room for the interpreter's own."""


def main() -> int:
    """Try everything once; returns the exit code."""
    output = io.StringIO()
    logging.basicConfig(level=logging.DEBUG, stream=output)
    server = subprocess.Popen([sys.executable, "-m", "tests.client.hostile.server"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    port = int(server.stdout.readline())
    begun, before = time.perf_counter(), peak_mib()
    try:
        mistakes = [*try_behaviours(f"http://127.0.0.1:{port}/api/v1", output), *try_places(output)]
    finally:
        server.kill()
        server.wait()
    grown = peak_mib() - before
    leaks = output.getvalue().count(KEY)
    tried = len(BEHAVIOURS) + len(PLACES)
    print(f"behaviours tried       {tried} ({len(BEHAVIOURS)} answers, {len(PLACES)} addresses)")
    print(f"classified as expected {tried - len(mistakes)}")
    print(f"peak memory            {before + grown:.0f} MiB, {grown:.0f} MiB above the start (bound {BOUND_MIB})")
    print(f"key found in output    {leaks} times in {len(output.getvalue()) / 2**20:.1f} MiB searched")
    print(f"seconds                {time.perf_counter() - begun:.1f}")
    for line in mistakes:
        print(f"  not as expected: {line}")
    return int(bool(mistakes or leaks or grown > BOUND_MIB))


def try_behaviours(base_url: str, output: io.StringIO) -> list[str]:
    """What was not called by its name. Everything that can be printed of an attempt is written to `output`."""
    mistakes = []
    for behaviour in BEHAVIOURS:
        try:
            attempts = visit(base_url, behaviour)
        except Exception:
            output.write(traceback.format_exc())
            mistakes.append(f"{behaviour.name}: crash")
            continue
        for exchange in attempts:
            output.write(f"{exchange!r}\n{exchange.body[: 10**6].decode('latin-1')}\n")
        wrong = mistake(behaviour, attempts)
        mistakes += [f"{behaviour.name}: {wrong}"] if wrong else []
    return mistakes


def try_places(output: io.StringIO) -> list[str]:
    """The addresses that were not called by their names."""
    mistakes = []
    for place in PLACES:
        with place.open() as base_url:
            exchange = visit_place(base_url)
        output.write(f"{exchange!r}\n")
        if exchange.failure is not place.outcome:
            mistakes.append(f"{place.name}: {exchange.failure} instead of {place.outcome}")
    return mistakes


def peak_mib() -> float:
    """The largest resident size of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    sys.exit(main())
