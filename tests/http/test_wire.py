"""Whatever bytes a server sends, and however they are cut, an exchange comes of them."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.http.support import UNPACED, call, client, wire_that_answers
from whopwatch.core.exchange import Exchange, Failure
from whopwatch.core.strict_json import BodyProblem
from whopwatch.http import Limits

SMALL = Limits(rate=None, body_bytes=100_000)
JSON = b'{"data": []}'
PACKED = gzip.compress(JSON, mtime=0)
PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 204\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Connection: close\r\n",
        b"Retry-After: 1\r\n",
        b"\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"hello",
        b"{}",
        b"\x1f\x8b\x08",
    ]
)


def receive(*parts: bytes, limits: Limits = UNPACED) -> Exchange:
    with wire_that_answers(*parts, limits=limits) as network:
        return client(network, limits=limits)[0].send(call())


def response(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"Content-Length: %d" % len(body), b"", body])


@given(st.lists(PIECES | st.binary(max_size=20), max_size=12))
@example([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"])
@settings(max_examples=300)
def test_no_bytes_are_a_crash(parts: list[bytes]) -> None:
    exchange = receive(*(part for part in parts if part))
    assert (exchange.status is None) is not (exchange.failure is None)
    assert exchange.phases.total >= 0


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_response_may_come_in_any_pieces(cut: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX-A: b\r\n\r\n" + JSON
    exchange = receive(*(answer[at : at + cut] for at in range(0, len(answer), cut)))
    assert (exchange.status, exchange.body) == (200, JSON)
    assert exchange.headers == (("content-length", "12"), ("x-a", "b"))


def test_trailers_are_no_headers() -> None:
    exchange = receive(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-A: b\r\n\r\n")
    assert (exchange.status, exchange.body) == (200, b"{}")
    assert exchange.header("x-a") is None


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        (b"gzip", PACKED),
        (b"GZIP", PACKED),
        (b"x-gzip", PACKED),
        (b"gzip", gzip.compress(JSON[:5], mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(JSON[5:], mtime=0)),
        (b"deflate", zlib.compress(JSON)),
        (b"identity", JSON),
        (b"", JSON),
    ],
)
def test_a_packed_body_is_unpacked_however_it_is_cut(encoding: bytes, packed: bytes) -> None:
    answer = response(packed, b"Content-Encoding: " + encoding)
    exchange = receive(*(answer[at : at + 1] for at in range(len(answer))))
    assert (exchange.status, exchange.body) == (200, JSON)


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (b"not gzip", b"gzip"),
        (PACKED[:-9], b"gzip"),
        (PACKED[:-4] + b"....", b"gzip"),
        (PACKED + b"more", b"gzip"),
        (gzip.compress(b"", mtime=0) * 64 + PACKED, b"gzip"),
        (PACKED + PACKED[:-9], b"gzip"),
        (b"\x0b\x02\x80{}\x03", b"br"),
        (gzip.compress(PACKED, mtime=0), b"gzip, gzip"),
    ],
)
def test_a_wrongly_packed_body_is_named(packed: bytes, encoding: bytes) -> None:
    exchange = receive(response(packed, b"Content-Encoding: " + encoding))
    assert (exchange.failure, exchange.status, exchange.body) == (Failure.ENCODING, None, b"")


def test_a_body_of_exactly_the_limit_is_read() -> None:
    packed = gzip.compress(bytes(100_000))
    assert len(receive(response(packed, b"Content-Encoding: gzip"), limits=SMALL).body) == 100_000
    packed = gzip.compress(bytes(100_001))
    assert receive(response(packed, b"Content-Encoding: gzip"), limits=SMALL).failure is Failure.TOO_LARGE
    packed = gzip.compress(bytes(50_000))
    assert len(receive(response(2 * packed, b"Content-Encoding: gzip"), limits=SMALL).body) == 100_000
    packed += gzip.compress(bytes(50_001))
    assert receive(response(packed, b"Content-Encoding: gzip"), limits=SMALL).failure is Failure.TOO_LARGE


def test_a_body_that_is_announced_as_too_large_is_not_read() -> None:
    assert receive(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n", limits=SMALL).failure is Failure.TOO_LARGE


def test_a_gzip_bomb_takes_no_more_memory_than_a_body_may() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(100)) + packer.flush()
    tracemalloc.start()
    try:
        exchange = receive(response(bomb, b"Content-Encoding: gzip"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert exchange.failure is Failure.TOO_LARGE
    assert peak < 3 * UNPACED.body_bytes


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", BodyProblem.EMPTY),
        (b'{"a": "\xff"}', BodyProblem.NOT_UTF8),
        (b"[" * 200_000, BodyProblem.TOO_DEEP),
        (b"<!doctype html>", BodyProblem.NOT_JSON),
        (b'{"a": ' + b"9" * 5000 + b"}", BodyProblem.NOT_JSON),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_body_that_is_no_json_arrives_and_is_named(body: bytes, problem: BodyProblem) -> None:
    exchange = receive(response(body))
    assert (exchange.status, exchange.failure) == (200, None)
    assert exchange.parsed == (None, problem)
