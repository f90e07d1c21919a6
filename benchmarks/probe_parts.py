"""Where the CPU of a probe goes, by part, beside the floor of each: the least that a correct probe needs for it.

Each part runs alone on a page of 100 items, in turn with the others, and the best of 60 repetitions counts: the cost
with warm caches. A scheduled probe costs more (`python -m benchmarks.probes`): other processes use the caches between
two of them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import jiter

from benchmarks.bare_prober import fetch
from benchmarks.known_api import LISTED, page
from benchmarks.measure import interleaved
from benchmarks.processes import module
from benchmarks.usage import command_line
from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import PROBE_CHECKS
from whopwatch.contract import load
from whopwatch.core import redaction
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.strict_json import parse_json
from whopwatch.prober.footprint import configure_malloc, freeze_startup_objects

ROUNDS = 60
REPEATS = 20
KEY = "key_0123456789abcdef"


def repeated(run: Callable[[], object]) -> Callable[[], None]:
    """Return a function that calls `run` as often as a clock needs to see it."""

    def runs() -> None:
        for _ in range(REPEATS):
            run()

    return runs


def exchange_of(body: bytes) -> Exchange:
    """Return a response to the first page."""
    query = (("company_id", "biz_1"), ("first", "100"))
    headers = (("content-type", "application/json"),)
    url = "http://127.0.0.1/api/v1/withdrawals"
    return Exchange(LISTED, Purpose.LIST, "GET", url, query=query, status=200, headers=headers, body=body)


def main() -> None:
    """Print a table."""
    command_line(__doc__).parse_args()
    body, contract = page(), load()
    operation = contract.operation(LISTED)
    validator = contract.validator(operation.success.pointer, operation.api)
    validator.prepare()
    value = jiter.from_json(body)
    redaction.remember(KEY)

    def checked() -> object:
        exchange = exchange_of(body)
        return run_checks(contract, Evidence(contract, [exchange]), PROBE_CHECKS)

    assert checked() == ()
    configure_malloc()
    freeze_startup_objects()
    with module("benchmarks.known_api") as (_, port):
        candidates = {
            "network": lambda: fetch(int(port), 0),
            "redact": lambda: redaction.redact(body),
            "search": lambda: KEY.encode() in body,
            "digest": lambda: hashlib.sha256(body).digest(),
            "strict": lambda: parse_json(body),
            "parse": lambda: jiter.from_json(body),
            "valid": lambda: validator.is_exact(value),
            "checked": checked,
        }
        repeating = {name: repeated(run) for name, run in candidates.items()}
        taken = interleaved(repeating, ROUNDS, clock=time.thread_time)
    least = {name: min(seconds) / REPEATS * 1e6 for name, seconds in taken.items()}
    rows = {
        "connect, write, read, HTTP": (least["network"], least["network"]),
        "secrets in the body": (least["redact"], least["search"]),
        "digest of the body": (least["digest"], least["digest"]),
        "strict JSON": (least["strict"], least["parse"]),
        "schema": (least["valid"], least["valid"]),
        f"the other {len(PROBE_CHECKS) - 1} checks": (least["checked"] - least["strict"] - least["valid"], 0.0),
    }
    print(f"| part, {len(body) / 1000:.0f} kB | us | floor |\n|---|---|---|")
    for name, (own, floor) in rows.items():
        print(f"| {name} | {own:.0f} | {floor:.0f} |")


if __name__ == "__main__":
    main()
