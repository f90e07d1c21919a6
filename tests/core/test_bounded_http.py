"""Limits of local servers: bodies, request heads and connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast

import pytest
import uvicorn

from whopwatch.core.bounded_http import (
    BodyReader,
    BodyTooLargeError,
    HttpLimits,
    OpenConnections,
    Receive,
    SenderGoneError,
    accepted_at_once,
    bounded_protocol,
    usable_connections,
)
from whopwatch.core.errors import UsageError
from whopwatch.core.local_server import HOST, served


def sends(*messages: Mapping[str, Any]) -> Receive:
    """Return the `receive` of a request with these messages; after the last one the sender says nothing more."""
    left = list(messages)

    async def receive() -> Mapping[str, Any]:
        return left.pop(0) if left else await asyncio.Event().wait() and {}

    return receive


def part(body: bytes, *, more: bool = True) -> Mapping[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def read(limits: HttpLimits, receive: Receive) -> bytes:
    body: bytes = asyncio.run(BodyReader(limits).read(receive))
    return body


def test_a_body_in_parts_is_read_whole_up_to_its_limit() -> None:
    limits = HttpLimits(body_bytes=6)
    assert read(limits, sends(part(b"abc"), part(b"def", more=False))) == b"abcdef"
    assert read(limits, sends({"type": "http.request"})) == b""
    with pytest.raises(BodyTooLargeError):
        read(limits, sends(part(b"abc"), part(b"defg", more=False)))


def test_a_sender_that_goes_or_stops_ends_the_reading() -> None:
    with pytest.raises(SenderGoneError):
        read(HttpLimits(), sends(part(b"abc"), {"type": "http.disconnect"}))
    with pytest.raises(TimeoutError):
        read(HttpLimits(body_seconds=0.01), sends(part(b"abc")))


def test_the_oldest_body_gives_way_if_all_together_are_too_large() -> None:
    async def together() -> tuple[Any, Any]:
        reader = BodyReader(HttpLimits(open_bytes=5, body_seconds=30))
        old = asyncio.create_task(reader.read(sends(part(b"abc"))))
        await asyncio.sleep(0)
        new = asyncio.create_task(reader.read(sends(part(b"def", more=False))))
        results = await asyncio.gather(old, new, return_exceptions=True)
        # What was read counts no longer: there is room for as much again.
        again = await asyncio.gather(*(reader.read(sends(part(text, more=False))) for text in (b"ab", b"cde")))
        assert again == [b"ab", b"cde"]
        return results[0], results[1]

    old, new = asyncio.run(together())
    assert isinstance(old, TimeoutError)
    assert new == b"def"


def test_bodies_that_just_fit_together_are_all_read() -> None:
    async def together() -> tuple[bool, bytes]:
        reader = BodyReader(HttpLimits(open_bytes=5, body_seconds=30))
        old = asyncio.create_task(reader.read(sends(part(b"ab"))))
        await asyncio.sleep(0)
        new = await reader.read(sends(part(b"cde", more=False)))
        await asyncio.sleep(0.01)
        is_open = not old.done()
        old.cancel()
        return is_open, new

    assert asyncio.run(together()) == (True, b"cde")


class Connection:
    """A connection and its transport in one, for what only counts connections."""

    def __init__(self) -> None:
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


def opened(connections: OpenConnections, *, working: Iterable[int] = (), number: int = 3) -> list[Connection]:
    """Open `number` connections; those at the places `working` are within a request."""
    made = [Connection() for _ in range(number)]
    for place, connection in enumerate(made):
        connections.opened(cast("Any", connection), cast("Any", connection))
        connections.waits(cast("Any", connection), cast("Any", connection))
        if place in working:
            connections.works(cast("Any", connection))
    return made


def test_the_connection_that_has_waited_longest_gives_way() -> None:
    connections = OpenConnections(2)
    made = opened(connections)
    assert [each.is_aborted for each in made] == [True, False, False]
    assert connections.count == 2


def test_a_connection_within_a_request_does_not_give_way() -> None:
    assert [each.is_aborted for each in opened(OpenConnections(2), working=[0])] == [False, True, False]
    assert [each.is_aborted for each in opened(OpenConnections(2), working=[0, 1])] == [False, False, True]


def test_waiting_again_starts_the_wait_anew_and_a_closed_connection_makes_room() -> None:
    connections = OpenConnections(2)
    first, second = opened(connections, number=2)
    connections.waits(cast("Any", first), cast("Any", first))
    (third,) = opened(connections, number=1)
    assert (first.is_aborted, second.is_aborted) == (False, True)
    connections.closed(cast("Any", first))
    assert connections.count == 1
    (fourth,) = opened(connections, number=1)
    assert (third.is_aborted, fourth.is_aborted) == (False, False)


def test_a_connection_that_is_gone_does_not_wait() -> None:
    connections = OpenConnections(1)
    first, second = opened(connections, number=2)
    connections.waits(cast("Any", first), cast("Any", first))
    opened(connections, number=1)
    assert (connections.count, second.is_aborted) == (1, True)


def test_the_backlog_is_half_of_the_connections_within_bounds() -> None:
    assert [accepted_at_once(number) for number in (0, 1, 10, 256, 5000)] == [1, 1, 5, 128, 128]


@pytest.mark.parametrize(
    ("soft", "hard", "usable", "raised"),
    [
        (2000, 4000, 500, None),
        (884, 4000, 500, None),
        (883, -1, 500, 884),
        (500, 4000, 500, 884),
        (500, 600, 216, 600),
        (300, 300, 1, 300),
    ],
)
def test_connections_are_limited_by_the_descriptors_of_the_process(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, usable: int, raised: int | None
) -> None:
    resource = pytest.importorskip("resource")
    limits: list[int] = []
    monkeypatch.setattr(resource, "RLIM_INFINITY", -1)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.append(wanted[0]))
    assert usable_connections(500) == usable
    assert limits == ([] if raised is None else [raised])


async def answer(scope: Mapping[str, Any], receive: Receive, send: Any) -> None:
    """Answer every request with its path."""
    body = scope["path"].encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def answer_body(scope: Mapping[str, Any], receive: Receive, send: Any) -> None:
    """Read the body of a request of one part, then answer."""
    await receive()
    await answer(scope, receive, send)


@contextmanager
def limited(limits: HttpLimits, app: Any = answer) -> Iterator[int]:
    """Serve `app` with these limits; yield the port."""
    original = uvicorn.Config

    def config(app: Any, **settings: Any) -> uvicorn.Config:
        connections = OpenConnections(limits.connections)
        return original(app, **{**settings, "http": bounded_protocol(limits, connections)})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uvicorn, "Config", config)
        with served(app, name="test server") as port:
            yield port


def received(port: int, *parts: bytes) -> bytes:
    """Send `parts` over one connection and return everything that the server sends before it closes it."""
    with socket.create_connection((HOST, port), timeout=20) as connection:
        data = b""
        try:
            for each in parts:
                connection.sendall(each)
            while piece := connection.recv(65536):
                data += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
        return data


GET = b"GET /a HTTP/1.1\r\nhost: x\r\n"
LAST = b"connection: close\r\n\r\n"


def test_one_connection_takes_several_requests_each_with_a_head_within_the_limit() -> None:
    with limited(HttpLimits(head_bytes=200)) as port:
        answers = received(port, *[GET + b"\r\n"] * 8, GET + LAST)
        assert answers.count(b"HTTP/1.1 200") == 9
        assert answers.endswith(b"/a")
        assert b"server:" not in answers


@pytest.mark.parametrize(
    "head",
    [
        GET + b"a: " + b"x" * 300,  # does not end
        GET + b"a: " + b"x" * 300 + b"\r\n" + LAST,
        GET + b"".join(b"a%d: b\r\n" % number for number in range(127)) + LAST,  # 129 with host and connection
    ],
    ids=["endless", "large header", "many headers"],
)
def test_a_head_beyond_the_limits_closes_the_connection(head: bytes) -> None:
    large = 2**20 if b"a126" in head else 250
    with limited(HttpLimits(head_bytes=large, head_seconds=60)) as port:
        assert received(port, head) == b""
        assert received(port, GET + LAST).endswith(b"/a")


def test_a_head_of_128_headers_is_accepted() -> None:
    with limited(HttpLimits()) as port:
        head = GET + b"".join(b"a%d: b\r\n" % number for number in range(126)) + LAST
        assert received(port, head).endswith(b"/a")


def test_a_head_that_takes_too_long_closes_the_connection_and_a_finished_one_does_not() -> None:
    with limited(HttpLimits(head_seconds=0.2)) as port:
        assert received(port, GET) == b""
        assert received(port, GET + LAST).endswith(b"/a")


def test_an_idle_connection_gives_way_to_a_request() -> None:
    idle = HttpLimits(connections=1, head_seconds=60)
    with limited(idle) as port, socket.create_connection((HOST, port), timeout=20) as connection:
        assert received(port, GET + LAST).endswith(b"/a")
        with suppress(ConnectionResetError):
            assert connection.recv(1) == b""


def test_a_connection_within_a_request_is_not_closed_for_another() -> None:
    """The second connection is the only one that waits, so it gives way."""
    limits = HttpLimits(connections=1, head_seconds=60)
    with limited(limits, answer_body) as port, socket.create_connection((HOST, port), timeout=20) as connection:
        connection.sendall(b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n" + LAST)
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert received(port, GET + LAST) == b""
        connection.sendall(b"ok")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_taken_port_is_an_error_that_names_the_server() -> None:
    with served(answer, name="test server") as port:
        with pytest.raises(UsageError, match=r"The test server cannot listen") as raised:
            served(answer, name="test server", port=port).__enter__()
        assert raised.value.where == f"{HOST}:{port}"
    with served(answer, name="test server", port=port) as again:
        assert again == port
