"""Where the CPU of a check goes, by part, beside the floor of each: the least that a correct check needs for it.

The exchanges of one check are recorded. Then each part runs alone on all of them: the median of 7 repetitions, divided
by the number of requests. Planning is what is left of the whole. The floor of sending is a bare loop over one kept
connection; a secret is searched for as it is written, and JSON parsed without the check for duplicate names.
"""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import httptools
import jiter

from benchmarks.bare_prober import Body
from benchmarks.check_cost import bare, simulator
from benchmarks.usage import command_line
from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import CHECKS
from whopwatch.config import Target
from whopwatch.contract import Contract, load
from whopwatch.core.exchange import Exchange
from whopwatch.core.redaction import redact, redact_headers
from whopwatch.core.strict_json import parse_json
from whopwatch.run import check, judge, observe

ROUNDS = 7


def milliseconds(run: Callable[[], object]) -> float:
    """Return the median CPU time of `run`, in milliseconds."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        run()
        taken.append(time.process_time() - begun)
    return statistics.median(taken) * 1000


def send_all(target: Target, exchanges: Sequence[Exchange]) -> None:
    """Send the requests over one connection with nothing but a socket and a parser of HTTP."""
    url = urlsplit(target.base_url)
    with socket.create_connection((url.hostname, url.port), 5.0) as connection:
        for exchange in exchanges:
            wanted = urlsplit(exchange.url)
            lines = [f"GET {wanted.path}?{wanted.query} HTTP/1.1", f"Host: {wanted.netloc}"]
            if exchange.credential == "key" and target.api_key:
                lines.append(f"Authorization: Bearer {target.api_key.reveal()}")
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            body = Body()
            parser = httptools.HttpResponseParser(body)
            while not body.is_complete:
                parser.feed_data(connection.recv(2**16))


def fresh(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Return copies that nothing has parsed yet."""
    return [replace(exchange) for exchange in exchanges]


def validate(contract: Contract, exchanges: Sequence[Exchange]) -> None:
    """Validate each success response against its schema."""
    for responses in Evidence(contract, exchanges).responses.values():
        for one in responses:
            if one.response.schema is not None:
                contract.validator(one.response.pointer, one.operation.api).is_exact(one.value)


def main() -> None:
    """Print a table."""
    command_line(__doc__).parse_args()
    contract = load()
    with simulator() as target:
        observation = observe(contract, target)
        exchanges = observation.exchanges
        bodies = [exchange.body for exchange in exchanges]
        key = (target.api_key.reveal() if target.api_key else "").encode()
        parsed = fresh(exchanges)
        validate(contract, parsed)  # parses, and compiles the validators
        sent = milliseconds(lambda: bare(contract, target, exchanges))
        secrets = milliseconds(lambda: [(redact(one.body), redact_headers(one.headers)) for one in exchanges])
        parse = milliseconds(lambda: [parse_json(body) for body in bodies])
        valid = milliseconds(lambda: validate(contract, parsed))
        checks = milliseconds(lambda: run_checks(contract, Evidence(contract, parsed), CHECKS))
        conclusion = milliseconds(lambda: judge(contract, replace(observation, exchanges=tuple(parsed)), target.name))
        whole = milliseconds(lambda: check(contract, target))
        rows = {
            "send, receive, HTTP, guard": (sent - secrets, milliseconds(lambda: send_all(target, exchanges))),
            "secrets": (secrets, milliseconds(lambda: [key in body for body in bodies])),
            "strict JSON": (parse, milliseconds(lambda: [jiter.from_json(body) for body in bodies if body])),
            "schema": (valid, valid),
            f"the other {len(CHECKS) - 1} checks": (checks - valid, 0.0),
            "report": (conclusion, 0.0),
        }
        rows["plan"] = (whole - sum(own for own, _ in rows.values()), 0.0)
        rows["all"] = (whole, sum(floor for _, floor in rows.values()))
    count = len(exchanges)
    print(f"| part, {count} requests, {sum(map(len, bodies)) / 1000:.0f} kB | us a request | floor |\n|---|---|---|")
    for name, (own, floor) in rows.items():
        print(f"| {name} | {own / count * 1000:.0f} | {floor / count * 1000:.0f} |")


if __name__ == "__main__":
    main()
