"""Where the CPU of a check goes, by part, beside the floor of each: the least that a correct check needs for it.

The responses of one check are recorded. Then each part runs alone on all of them, in turn with the others; a cell is
the median of 9 rounds (least to most) for each request. `client` and `plan` run with the recorded responses instead
of a network. The last part is what is left of the whole: caches, garbage and threads, which the parts share.
"""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

import httptools
import jiter

from benchmarks.bare_prober import Body
from benchmarks.check_cost import bare, simulator
from benchmarks.measure import interleaved
from benchmarks.usage import command_line
from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import CHECKS
from whopwatch.config import Target
from whopwatch.contract import Contract, load
from whopwatch.core.exchange import Exchange
from whopwatch.core.redaction import redact, redact_headers
from whopwatch.core.strict_json import parse_json
from whopwatch.http.limits import Limits
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, Network, RawResponse
from whopwatch.run import check, judge, observe

ROUNDS = 9


class Recorder:
    """Sends requests to the network, and keeps each response."""

    def __init__(self, target: Target) -> None:
        self._network = Network((target.base_url, target.v2_base_url), Limits())
        self.requests: list[HttpRequest] = []
        self.responses: dict[HttpRequest, RawResponse] = {}

    def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
        """Send `request` and return its response."""
        response = self._network.send(request, timer)
        self.requests.append(request)
        self.responses[request] = response
        return response

    def close(self) -> None:
        """Close the connections."""
        self._network.close()


class Recorded:
    """Returns the recorded responses, in no time."""

    def __init__(self, responses: Mapping[HttpRequest, RawResponse]) -> None:
        self._responses = responses

    def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
        """Return the response to `request`."""
        timer.start()
        timer.headers_complete()
        known = self._responses[request]
        return RawResponse(known.status, timer.phases(), list(known.headers), bytearray(known.body))

    def close(self) -> None:
        """Close nothing."""


def send_all(target: Target, requests: Sequence[HttpRequest]) -> None:
    """Send the requests with the engine of whopwatch, and nothing else."""
    network = Network((target.base_url, target.v2_base_url), Limits())
    for request in requests:
        network.send(request, AttemptTimer(time.monotonic, 5.0))
    network.close()


def send_barely(target: Target, requests: Sequence[HttpRequest]) -> None:
    """Send the requests over one connection with nothing but a socket and a parser of HTTP."""
    url = urlsplit(target.base_url)
    with socket.create_connection((url.hostname, url.port), 5.0) as connection:
        for request in requests:
            connection.sendall(request.encode())
            body = Body()
            parser = httptools.HttpResponseParser(body)
            while not body.is_complete:
                parser.feed_data(connection.recv(2**16))


def validate(contract: Contract, exchanges: Sequence[Exchange]) -> None:
    """Validate each success response against its schema."""
    for responses in Evidence(contract, exchanges).responses.values():
        for one in responses:
            if one.response.schema is not None:
                contract.validator(one.response.pointer, one.operation.api).is_exact(one.value)


def candidates(contract: Contract, target: Target, recorder: Recorder) -> tuple[int, dict[str, Callable[[], object]]]:
    """Return the number of requests, and what is measured."""
    observation = observe(contract, target, transport=recorder)
    exchanges = observation.exchanges
    bodies = [exchange.body for exchange in exchanges]
    key = (target.api_key.reveal() if target.api_key else "").encode()
    parsed = [replace(exchange) for exchange in exchanges]
    validate(contract, parsed)  # parses, and compiles the validators
    recorded = Recorded(recorder.responses)
    return len(exchanges), {
        "engine": lambda: send_all(target, recorder.requests),
        "socket": lambda: send_barely(target, recorder.requests),
        "client": lambda: bare(contract, target, exchanges, recorded),
        "secrets": lambda: [(redact(one.body), redact_headers(one.headers)) for one in exchanges],
        "search": lambda: [key in body for body in bodies],
        "strict": lambda: [parse_json(body) for body in bodies],
        "jiter": lambda: [jiter.from_json(body) for body in bodies if body],
        "schema": lambda: validate(contract, parsed),
        "checks": lambda: run_checks(contract, Evidence(contract, parsed), CHECKS),
        "judge": lambda: judge(contract, replace(observation, exchanges=tuple(parsed)), target.name),
        "observe": lambda: observe(contract, target, transport=recorded),
        "whole": lambda: check(contract, target),
    }


def rows(taken: Mapping[str, Sequence[float]]) -> dict[str, tuple[list[float], list[float]]]:
    """Return what each part took in each round, and its floor."""

    def less(whole: str, *parts: str) -> list[float]:
        return [one - sum(rest) for one, *rest in zip(taken[whole], *(taken[part] for part in parts), strict=True)]

    def seconds(name: str) -> list[float]:
        return list(taken[name])

    none = [0.0] * len(taken["whole"])
    parts = {
        "send, receive, HTTP": (seconds("engine"), seconds("socket")),
        "guard, pace, record": (less("client", "secrets"), none),
        "secrets": (seconds("secrets"), seconds("search")),
        "strict JSON": (seconds("strict"), seconds("jiter")),
        "schema": (seconds("schema"), seconds("schema")),
        f"the other {len(CHECKS) - 1} checks": (less("checks", "schema"), none),
        "report": (seconds("judge"), none),
        "plan": (less("observe", "client", "strict", "checks"), none),
    }
    floors = [floor for _, floor in parts.values()]
    known = [sum(round_) for round_ in zip(*(own for own, _ in parts.values()), strict=True)]
    parts["what they cost each other"] = ([a - b for a, b in zip(taken["whole"], known, strict=True)], none)
    parts["all"] = (seconds("whole"), [sum(round_) for round_ in zip(*floors, strict=True)])
    return parts


def main() -> None:
    """Print a table."""
    command_line(__doc__).parse_args()
    contract = load()
    with simulator() as target:
        recorder = Recorder(target)
        count, measured = candidates(contract, target, recorder)
        interleaved(measured, rounds=1)
        taken = interleaved(measured, rounds=ROUNDS, clock=time.process_time)
        recorder.close()
    print(f"| part, {count} requests | us a request | floor |\n|---|---|---|")
    for name, (own, floor) in rows(taken).items():
        middle, least, most = (of(own) / count * 1e6 for of in (statistics.median, min, max))
        print(f"| {name} | {middle:.0f} ({least:.0f} to {most:.0f}) | {statistics.median(floor) / count * 1e6:.0f} |")


if __name__ == "__main__":
    main()
