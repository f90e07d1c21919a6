"""Where the CPU of a probe goes, by part, beside the floor of each: the least that a correct probe needs for it.

Each part runs alone on a page of 100 items, the best of 9 repetitions, so it is the cost with warm caches. A scheduled
probe costs more (`python -m benchmarks.probes`): other processes use the caches between two of them.
"""

from __future__ import annotations

import hashlib
import time
import timeit
from collections.abc import Callable

import jiter

from benchmarks.bare_prober import fetch
from benchmarks.known_api import LISTED, page
from benchmarks.processes import module
from benchmarks.usage import command_line
from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import PROBE_CHECKS
from whopwatch.contract import load
from whopwatch.core import redaction
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.strict_json import parse_json
from whopwatch.prober.footprint import configure_malloc, freeze_startup_objects

REQUESTS = 200
KEY = "key_0123456789abcdef"


def microseconds(run: Callable[[], object], number: int = 200) -> float:
    """Return the least mean time of `run`."""
    return min(timeit.repeat(run, number=number, repeat=9)) / number * 1e6


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
    parse, valid = microseconds(lambda: parse_json(body)), microseconds(lambda: validator.is_exact(value))
    rows = {
        "secrets in the body": (
            microseconds(lambda: redaction.redact(body)),
            microseconds(lambda: KEY.encode() in body),
        ),
        "digest of the body": (microseconds(lambda: hashlib.sha256(body).digest()),) * 2,
        "strict JSON": (parse, microseconds(lambda: jiter.from_json(body))),
        "schema": (valid, valid),
        f"the other {len(PROBE_CHECKS) - 1} checks": (microseconds(checked) - parse - valid, 0.0),
    }
    with module("benchmarks.known_api") as (_, port):
        fetch(int(port), 0)
        begun = time.thread_time()
        for number in range(REQUESTS):
            fetch(int(port), number % 100)
        network = (time.thread_time() - begun) / REQUESTS * 1e6
    rows = {"connect, write, read, HTTP": (network, network), **rows}
    print(f"| part, {len(body) / 1000:.0f} kB | us | floor |\n|---|---|---|")
    for name, (own, floor) in rows.items():
        print(f"| {name} | {own:.0f} | {floor:.0f} |")


if __name__ == "__main__":
    main()
