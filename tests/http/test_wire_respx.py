"""The client against every failure of the wire, with respx in the place of the network.

respx replaces the connection pool, so all of the client is in play but its sockets; those are tried in
test_hostile.py.
"""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator

import httpcore
import httpx
import pytest
import respx

from tests.http.support import BASE, CONTRACT, KEY, UNPACED, Time, call, target
from whopwatch.core.exchange import Exchange, Failure
from whopwatch.core.strict_json import BodyProblem
from whopwatch.http import Client, Limits

SMALL = Limits(rate=None, body_bytes=100_000)
NESTED = b"[" * 100 + b"]" * 100
JSON = b'{"data": []}'
PACKED = gzip.compress(JSON, mtime=0)


def send(limits: Limits = UNPACED) -> tuple[Exchange, Time]:
    time = Time()
    with Client(target(), CONTRACT, budget=10, limits=limits, clock=time, sleep=time.sleep) as client:
        return client.send(call()), time


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (httpcore.ConnectError("x"), Failure.CONNECT),
        (httpcore.ConnectTimeout("x"), Failure.CONNECT_TIMEOUT),
        (httpcore.PoolTimeout("x"), Failure.CONNECT_TIMEOUT),
        (httpcore.WriteTimeout("x"), Failure.WRITE_TIMEOUT),
        (httpcore.ReadTimeout("x"), Failure.READ_TIMEOUT),
        (httpcore.ReadError("x"), Failure.RESET),
        (httpcore.WriteError("x"), Failure.RESET),
        (httpcore.ProxyError("x"), Failure.PROXY),
        (httpcore.RemoteProtocolError("x"), Failure.PROTOCOL),
        (httpcore.LocalProtocolError("x"), Failure.PROTOCOL),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
@respx.mock
def test_every_error_of_the_wire_has_its_name(error: Exception, failure: Failure) -> None:
    route = respx.get(f"{BASE}/products").mock(side_effect=error)
    exchange, _ = send()
    assert (exchange.failure, exchange.status, exchange.body) == (failure, None, b"")
    assert route.call_count == 1


@pytest.mark.parametrize("error", [httpcore.ReadTimeout, httpcore.WriteTimeout, httpcore.ConnectTimeout])
@respx.mock
def test_a_timeout_after_the_deadline_is_the_deadlines(error: type[Exception]) -> None:
    time = Time()

    def late(_: httpx.Request) -> httpx.Response:
        time.now += 31.0
        raise error("x")

    respx.get(f"{BASE}/products").mock(side_effect=late)
    with Client(target(), CONTRACT, budget=1, clock=time, sleep=time.sleep) as client:
        assert client.send(call()).failure is Failure.DEADLINE


class Parts(httpx.SyncByteStream):
    """A body that comes in parts, the last of which may be an error; counts what was taken."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self.parts = parts
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            self.taken += len(part)
            yield part


@pytest.mark.parametrize(
    ("headers", "parts", "failure"),
    [
        ({"Content-Length": "20"}, (JSON,), Failure.INCOMPLETE),
        ({"Content-Length": "3"}, (JSON,), Failure.PROTOCOL),
        ({}, (b'{"da', httpcore.ReadError("x")), Failure.RESET),
        ({}, (b'{"da', httpcore.ReadTimeout("x")), Failure.READ_TIMEOUT),
        ({}, (b'{"da', httpcore.RemoteProtocolError("x")), Failure.PROTOCOL),
        ({"Content-Encoding": "gzip"}, (b"not gzip",), Failure.ENCODING),
        ({"Content-Encoding": "gzip"}, (PACKED[:-9],), Failure.ENCODING),
        ({"Content-Encoding": "gzip"}, (PACKED[:-4] + b"....",), Failure.ENCODING),
        ({"Content-Encoding": "gzip"}, (PACKED + b"more",), Failure.ENCODING),
        ({"Content-Encoding": "br"}, (b"\x0b\x02\x80{}\x03",), Failure.ENCODING),
        ({"Content-Encoding": "gzip, gzip"}, (gzip.compress(PACKED, mtime=0),), Failure.ENCODING),
        ({"Content-Encoding": "gzip"}, (gzip.compress(bytes(100_001), mtime=0),), Failure.TOO_LARGE),
        ({}, (bytes(100_001),), Failure.TOO_LARGE),
        ({"Content-Length": "100001"}, (), Failure.TOO_LARGE),
        ({f"X-{number}": "y" for number in range(200)}, (JSON,), Failure.HEADERS_TOO_LARGE),
        ({"X-Long": "y" * 40_000}, (JSON,), Failure.HEADERS_TOO_LARGE),
    ],
)
@respx.mock
def test_a_response_that_cannot_be_read_says_why(
    headers: dict[str, str], parts: tuple[bytes | Exception, ...], failure: Failure
) -> None:
    answer = httpx.Response(200, headers=headers, stream=Parts(*parts))
    respx.get(f"{BASE}/products").mock(return_value=answer)
    exchange, _ = send(SMALL)
    assert (exchange.failure, exchange.status, exchange.body) == (failure, None, b"")


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", PACKED),
        ("GZIP", PACKED),
        ("x-gzip", PACKED),
        ("deflate", zlib.compress(JSON)),
        ("identity", JSON),
        ("", JSON),
    ],
)
@respx.mock
def test_a_packed_body_is_unpacked_however_it_is_cut(encoding: str, packed: bytes) -> None:
    stream = Parts(*(packed[at : at + 1] for at in range(len(packed))))
    answer = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=stream)
    respx.get(f"{BASE}/products").mock(return_value=answer)
    exchange, _ = send(SMALL)
    assert (exchange.status, exchange.body) == (200, JSON)


@respx.mock
def test_a_body_of_exactly_the_bound_is_read() -> None:
    respx.get(f"{BASE}/products").mock(
        return_value=httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=gzip.compress(bytes(100_000)))
    )
    exchange, _ = send(SMALL)
    assert (exchange.failure, len(exchange.body)) == (None, 100_000)


@respx.mock
def test_a_body_of_50_megabytes_is_not_read_to_its_end() -> None:
    stream = Parts(*[bytes(2**20)] * 50)
    respx.get(f"{BASE}/products").mock(return_value=httpx.Response(200, stream=stream))
    exchange, _ = send()
    assert exchange.failure is Failure.TOO_LARGE
    assert stream.taken <= 9 * 2**20


@respx.mock
def test_a_gzip_bomb_takes_no_more_memory_than_a_body_may() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(100)) + packer.flush()
    answer = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Parts(bomb))
    respx.get(f"{BASE}/products").mock(return_value=answer)
    tracemalloc.start()
    try:
        exchange, _ = send()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert exchange.failure is Failure.TOO_LARGE
    assert peak < 3 * UNPACED.body_bytes


@respx.mock
def test_a_body_that_drips_ends_at_the_deadline() -> None:
    time = Time()

    class Drip(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                time.now += 1.0
                yield b" "

    respx.get(f"{BASE}/products").mock(return_value=httpx.Response(200, stream=Drip()))
    with Client(target(), CONTRACT, budget=1, clock=time, sleep=time.sleep) as client:
        exchange = client.send(call())
    assert exchange.failure is Failure.DEADLINE
    assert exchange.phases.total == pytest.approx(30.0, abs=1.0)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", BodyProblem.EMPTY),
        (b'{"a": "\xff"}', BodyProblem.NOT_UTF8),
        (b"\xff\xfe{\x00}\x00", BodyProblem.NOT_UTF8),
        (b'{"a": NaN}', BodyProblem.NOT_A_NUMBER),
        (b'{"a": -Infinity}', BodyProblem.NOT_A_NUMBER),
        (b'{"a": 1, "a": 2}', BodyProblem.DUPLICATE_KEY),
        (NESTED, BodyProblem.TOO_DEEP),
        (b"[" * 200_000, BodyProblem.TOO_DEEP),
        (b'{"a": ', BodyProblem.NOT_JSON),
        (b"<!doctype html>", BodyProblem.NOT_JSON),
        (b"\xef\xbb\xbf{}", BodyProblem.NOT_JSON),
        (b'{"a": ' + b"9" * 5000 + b"}", BodyProblem.NOT_JSON),
    ],
)
@respx.mock
def test_a_body_that_is_no_json_arrives_and_is_named(body: bytes, problem: BodyProblem) -> None:
    respx.get(f"{BASE}/products").mock(return_value=httpx.Response(200, content=body))
    exchange, _ = send()
    assert (exchange.status, exchange.failure) == (200, None)
    assert exchange.parsed == (None, problem)


@pytest.mark.parametrize("location", [f"{BASE}/products", "https://evil.example/", "file:///etc/passwd", ""])
@respx.mock
def test_no_redirect_is_followed(location: str) -> None:
    route = respx.get(f"{BASE}/products").mock(return_value=httpx.Response(302, headers={"Location": location}))
    anywhere_else = respx.route().mock(return_value=httpx.Response(200))
    exchange, _ = send()
    assert exchange.status == 302
    assert (route.call_count, anywhere_else.call_count) == (1, 0)
    assert route.calls[0].request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ({}, [1.0, 2.0]),
        ({"Retry-After": "5"}, [5.0, 5.0]),
        (
            {"Retry-After": "Sat, 21 Nov 2026 10:00:09 GMT", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"},
            [9.0, 9.0],
        ),
        ({"Retry-After": "86400"}, []),
    ],
)
@respx.mock
def test_a_429_storm_is_waited_for_within_bounds(headers: dict[str, str], slept: list[float]) -> None:
    route = respx.get(f"{BASE}/products").mock(return_value=httpx.Response(429, headers=headers))
    exchange, time = send()
    assert exchange.status == 429
    assert time.slept == [pytest.approx(seconds) for seconds in slept]
    assert route.call_count == exchange.attempt == len(slept) + 1
