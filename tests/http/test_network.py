"""Whatever bytes a server sends, an exchange comes of them."""

from __future__ import annotations

import httpcore
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.http.support import CONTRACT, UNPACED, call, target
from whopwatch.core.exchange import Exchange
from whopwatch.http import Client
from whopwatch.http.network import NetworkTransport

LOCAL = "http://127.0.0.1/api/v1"
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


def receive(*parts: bytes) -> Exchange:
    transport = NetworkTransport([LOCAL], UNPACED, httpcore.MockBackend(list(parts)))
    with Client(target(LOCAL), CONTRACT, budget=9, transport=transport, limits=UNPACED, sleep=lambda _: None) as client:
        return client.send(call())


@given(st.lists(PIECES | st.binary(max_size=20), max_size=12))
@example([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"])
@settings(max_examples=300, deadline=None)
def test_no_bytes_are_a_crash(parts: list[bytes]) -> None:
    exchange = receive(*(part for part in parts if part))
    assert (exchange.status is None) is not (exchange.failure is None)
    assert exchange.phases.total >= 0


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_an_answer_may_come_in_any_pieces(cut: int) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX-A: b\r\n\r\n" + b'{"data": []}'
    exchange = receive(*(answer[at : at + cut] for at in range(0, len(answer), cut)))
    assert (exchange.status, exchange.body) == (200, b'{"data": []}')
    assert exchange.headers == (("content-length", "12"), ("x-a", "b"))
