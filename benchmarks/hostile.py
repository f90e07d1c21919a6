"""A hostile server: is every failure classified, are time and memory bounded, do key and personal values stay secret?

    python -m benchmarks.hostile                            the client alone
    python -m benchmarks.hostile --product                     check, drift, probe and probe --once at every behaviour
    python -m benchmarks.hostile --product --command check     one of them
    python -m benchmarks.hostile --product --contract 2025-01-01 --contract 2026-10-15-1   with both bundled contracts

The server runs in another process, so that the peak memory is the client's. Exits with 1 if anything is wrong.
"""

from __future__ import annotations

import io
import itertools
import logging
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from benchmarks.usage import command_line
from tests.e2e.hostile.runner import COMMANDS, MAX_MIB, hostile_api, run
from tests.e2e.hostile.server import NAMES
from tests.http.hostile.behaviours import BEHAVIOURS
from tests.http.hostile.places import PLACES
from tests.http.hostile.visit import mistake, visit, visit_place
from tests.http.support import KEY
from whopwatch.contract import load
from whopwatch.contract.loader import DEFAULT_VERSION
from whopwatch.core.exchange import Exchange

BOUND_MIB = 48
"""Memory that receiving may add: six times the largest body, which is held compressed, decompressed and copied."""


def main() -> int:
    """Try every behaviour once. Return the exit code."""
    options = command_line(__doc__)
    options.add_argument("--product", action="store_true", help="run the commands instead of the client alone")
    options.add_argument("--command", choices=COMMANDS, action="append", help="with --product: this command only")
    options.add_argument("--contract", action="append", help=f"with --product: edition (default {DEFAULT_VERSION})")
    arguments = options.parse_args()
    if arguments.product:
        return try_product(arguments.command or COMMANDS, arguments.contract or [DEFAULT_VERSION])
    return try_client()


def try_product(commands: Sequence[str], editions: Sequence[str]) -> int:
    """Run every command at every behaviour, with the contract of each edition. Return the exit code."""
    begun, runs, wrong = time.perf_counter(), 0, 0
    slowest = largest = 0.0
    for edition in editions:
        load(edition)  # before the forks, which share it
        with tempfile.TemporaryDirectory() as folder, hostile_api(edition) as (port, company):
            for number, (command, behaviour) in enumerate(itertools.product(commands, NAMES)):
                place = Path(folder) / str(number)
                result = run(port, company, behaviour, command, place, edition)
                shutil.rmtree(place)
                runs += 1
                slowest, largest = max(slowest, result.seconds), max(largest, result.mib)
                for mistake_made in result.mistakes():
                    wrong += 1
                    print(f"  not as expected: {edition}: {command} at {behaviour}: {mistake_made}", flush=True)
    print(f"runs                   {runs} ({len(NAMES)} behaviours; {', '.join(commands)}; {', '.join(editions)})")
    print(f"mistakes               {wrong}")
    print(f"peak memory of a run   {largest:.0f} MiB (limit {MAX_MIB})")
    print(f"longest run            {slowest:.0f} s")
    print(f"seconds                {time.perf_counter() - begun:.1f}")
    return int(wrong > 0)


def try_client() -> int:
    """Send one request for every behaviour and address. Return the exit code."""
    output = io.StringIO()
    logging.basicConfig(level=logging.DEBUG, stream=output)
    begun, before = time.perf_counter(), peak_mib()
    seen = visit_all(output)
    mistakes = try_places(output)
    received = peak_mib() - before
    mistakes += [f"{name}: {wrong}" for name, wrong in judge(seen).items() if wrong]
    judged = peak_mib() - before
    for exchanges in seen.values():
        for exchange in exchanges:
            output.write(f"{exchange!r}\n{exchange.body[: 10**6].decode('latin-1')}\n")
    leaks = output.getvalue().count(KEY)
    tried = len(BEHAVIOURS) + len(PLACES)
    print(f"behaviours tried       {tried} ({len(BEHAVIOURS)} answers, {len(PLACES)} addresses)")
    print(f"classified as expected {tried - len(mistakes)}")
    print(f"memory for receiving   {received:.0f} MiB at the peak, above {before:.0f} at the start (bound {BOUND_MIB})")
    print(f"memory with parsing    {judged:.0f} MiB at the peak")
    print(f"key found in output    {leaks} times in {len(output.getvalue()) / 2**20:.1f} MiB searched")
    print(f"seconds                {time.perf_counter() - begun:.1f}")
    for line in mistakes:
        print(f"  not as expected: {line}")
    return int(bool(mistakes or leaks or received > BOUND_MIB))


def visit_all(output: io.StringIO) -> dict[str, list[Exchange]]:
    """Return the exchanges for each behaviour, none if the client crashed. Crashes are written to `output`."""
    command = [sys.executable, "-m", "tests.http.hostile.server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 (its own command)
        assert server.stdout is not None
        base_url = f"http://127.0.0.1:{int(server.stdout.readline())}/api/v1"
        seen: dict[str, list[Exchange]] = {}
        for behaviour in BEHAVIOURS:
            try:
                seen[behaviour.name] = visit(base_url, behaviour)
            except Exception:
                output.write(traceback.format_exc())
                seen[behaviour.name] = []
        server.kill()
    return seen


def judge(seen: dict[str, list[Exchange]]) -> dict[str, str | None]:
    """Return the behaviours whose failure was classified wrongly, and how."""
    return {
        behaviour.name: mistake(behaviour, seen[behaviour.name]) if seen[behaviour.name] else "a crash"
        for behaviour in BEHAVIOURS
    }


def try_places(output: io.StringIO) -> list[str]:
    """Return the addresses whose failure was classified wrongly."""
    mistakes = []
    for place in PLACES:
        with place.open() as base_url:
            exchange = visit_place(base_url, place.outcome)
        output.write(f"{exchange!r}\n")
        if exchange.failure is not place.outcome:
            mistakes.append(f"{place.name}: {exchange.failure} instead of {place.outcome}")
    return mistakes


def peak_mib() -> float:
    """Return the peak resident memory of this process, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    sys.exit(main())
