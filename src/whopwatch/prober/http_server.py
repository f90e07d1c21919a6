"""The prober's HTTP server: one thread for all connections, so that slow clients cannot occupy it.

Every connection has a deadline for its request head and one for its response. When there are too many connections, the
one that has waited longest without a complete request is closed, so that idle or slow clients give way to new ones.

It does not use `core.local_server`: importing uvicorn adds about 7 MiB to the prober's memory, and that server limits
only what it receives, not how long a client takes to read a response.
"""

from __future__ import annotations

import gzip
import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from prometheus_client.exposition import gzip_accepted

from whopwatch import __version__
from whopwatch.core.local_server import listen
from whopwatch.core.redaction import redact

MAX_CONNECTIONS = 256
MAX_UNSENT_RESPONSES = 16
"""Responses that clients have not read yet. Each may hold a megabyte."""
MAX_SLOW_PAGES = 2
"""Slow pages that run at the same time; more are refused."""
HEAD_SECONDS = 5.0
SEND_SECONDS = 10.0
EVICTABLE_AFTER = 0.5
"""Seconds after which an unsent response may give way to another; the one that is read most slowly does."""
MAX_HEAD_BYTES = 16 * 2**10
TEXT_TYPE = "text/plain; charset=utf-8"
_READ_SIZE = 4096
_MIN_GZIP_BYTES = 1024
_GZIP_LEVEL = 1
"""Most of the gain for the least time: metrics shrink to a tenth even so."""
_LOG = logging.getLogger("whopwatch.prober")


class PageRequest(NamedTuple):
    """A GET or HEAD request. `query` holds the first value of each parameter, `client` is the client's IP address.

    The others are request headers, empty without one.
    """

    path: str
    query: Mapping[str, str]
    client: str
    authorization: str = ""
    accept: str = ""
    accept_encoding: str = ""


class PageReply(NamedTuple):
    """The response of a page."""

    status: int
    media_type: str
    parts: Sequence[bytes]
    headers: tuple[tuple[str, str], ...] = ()


Page = Callable[[PageRequest], PageReply]


def text_page(content: str, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> PageReply:
    """Return a page of plain text."""
    return PageReply(status, TEXT_TYPE, [redact(content).encode()], headers)


class _Connection:
    """One client. `deadline` applies to its current state, `since` when `bytes_sent` of the response began.

    `unsent` is what remains of the response.
    """

    def __init__(self, connection: socket.socket, client: str, now: float) -> None:
        self.socket = connection
        self.client = client
        self.deadline = now + HEAD_SECONDS
        self.since = now
        self.bytes_sent = 0
        self.head = bytearray()
        self.unsent: deque[memoryview] = deque()


class PageServer:
    """Serve `pages` by path at `address`: GET and HEAD only, one request for each connection.

    Pages run in the server's thread and must return within milliseconds, except those in `slow`, which run in threads
    of their own. Raise UsageError if it cannot listen at the address.
    """

    def __init__(self, address: tuple[str, int], pages: Mapping[str, Page], slow: Collection[str] = ()) -> None:
        self._pages = pages
        self._slow = frozenset(slow)
        self._listener = listen(address, "prober", option="--listen")
        self._listener.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._reading: dict[socket.socket, _Connection] = {}
        self._writing: dict[socket.socket, _Connection] = {}
        self._working = 0
        self._finished: deque[tuple[_Connection, PageReply, bool]] = deque()
        self._workers = ThreadPoolExecutor(MAX_SLOW_PAGES, thread_name_prefix="page")
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, daemon=True, name="server")

    @property
    def server_address(self) -> tuple[str, int]:
        """The address and port that the server listens at."""
        host, port = self._listener.getsockname()[:2]
        return host, port

    def start(self) -> None:
        """Serve from a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close every connection."""
        self._stopping = True
        self._wake()
        if self._thread.ident is not None:
            self._thread.join()
        self._workers.shutdown(wait=False, cancel_futures=True)
        for connection in [*self._reading.values(), *self._writing.values()]:
            connection.socket.close()
        for each in (self._listener, self._wake_reader, self._wake_writer):
            each.close()
        self._selector.close()

    def _wake(self) -> None:
        with suppress(OSError):
            self._wake_writer.send(b"x")

    def _loop(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(self._seconds_to_next_deadline()):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._wake_reader:
                    self._send_finished_pages()
                elif connection := self._reading.get(key.fileobj):  # type: ignore[call-overload]
                    self._read(connection)
                elif connection := self._writing.get(key.fileobj):  # type: ignore[call-overload]
                    self._write(connection)
            self._close_overdue()

    def _accept(self) -> None:
        try:
            accepted, address = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            # Out of file descriptors: close a waiting connection, so that the next attempt succeeds.
            if not self._close_oldest_reader():
                time.sleep(0.01)
            return
        if len(self._reading) + len(self._writing) >= MAX_CONNECTIONS and not self._close_oldest_reader():
            accepted.close()
            return
        accepted.setblocking(False)
        self._reading[accepted] = _Connection(accepted, address[0], time.monotonic())
        self._selector.register(accepted, selectors.EVENT_READ)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        connection.head += data
        if b"\r\n\r\n" in connection.head:
            self._stop_reading(connection)
            self._handle(connection)
        elif len(connection.head) > MAX_HEAD_BYTES:
            self._stop_reading(connection)
            self._reply(connection, text_page("The request head is too large.\n", 431))

    def _stop_reading(self, connection: _Connection) -> None:
        self._reading.pop(connection.socket, None)
        self._selector.unregister(connection.socket)

    def _handle(self, connection: _Connection) -> None:
        method, request = _parse(bytes(connection.head), connection.client)
        if request is None:
            self._reply(connection, text_page("Bad request.\n", 400))
            return
        if method not in ("GET", "HEAD"):
            self._reply(connection, text_page("Only GET and HEAD are supported.\n", 501))
            return
        page = self._pages.get(request.path)
        if page is None:
            self._reply(connection, text_page("Unknown page. See / for the list.\n", 404), method == "HEAD")
        elif request.path not in self._slow:
            self._reply(connection, _run(page, request), method == "HEAD")
        elif self._working >= MAX_SLOW_PAGES:
            busy = text_page(f"Only {MAX_SLOW_PAGES} requests for this page run at a time. Try again.\n", 503)
            self._reply(connection, busy, method == "HEAD")
        else:
            self._working += 1
            self._workers.submit(self._run_slow_page, connection, page, request, method == "HEAD")

    def _run_slow_page(self, connection: _Connection, page: Page, request: PageRequest, head_only: bool) -> None:
        self._finished.append((connection, _run(page, request), head_only))
        self._wake()

    def _send_finished_pages(self) -> None:
        with suppress(BlockingIOError):
            self._wake_reader.recv(_READ_SIZE)
        while self._finished:
            connection, reply, head_only = self._finished.popleft()
            self._working -= 1
            self._reply(connection, reply, head_only)

    def _reply(self, connection: _Connection, reply: PageReply, head_only: bool = False) -> None:
        """Send `reply`, the rest of it as soon as the client reads."""
        parts = [_head(reply), *(() if head_only else reply.parts)]
        connection.unsent.extend(memoryview(part) for part in parts if part)
        connection.since = time.monotonic()
        connection.deadline = connection.since + SEND_SECONDS
        self._write(connection)
        if not connection.unsent or connection.socket.fileno() < 0:
            return
        if len(self._writing) >= MAX_UNSENT_RESPONSES:
            self._close(self._slowest_reader(connection.since) or connection)
        if connection.socket.fileno() >= 0:
            self._writing[connection.socket] = connection
            self._selector.register(connection.socket, selectors.EVENT_WRITE)

    def _slowest_reader(self, now: float) -> _Connection | None:
        """Return the client that reads its response most slowly, of the clients that had time to read it."""
        old = [each for each in self._writing.values() if now - each.since > EVICTABLE_AFTER]
        return min(old, key=lambda each: each.bytes_sent / (now - each.since), default=None)

    def _write(self, connection: _Connection) -> None:
        try:
            while connection.unsent:
                part = connection.unsent[0]
                sent = connection.socket.send(part)
                connection.bytes_sent += sent
                if sent < len(part):
                    connection.unsent[0] = part[sent:]
                else:
                    connection.unsent.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._close(connection)
            return
        with suppress(OSError):
            connection.socket.shutdown(socket.SHUT_WR)
        self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self._reading.pop(connection.socket, None)
        self._writing.pop(connection.socket, None)
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection.socket)
        connection.socket.close()

    def _close_oldest_reader(self) -> bool:
        """Close the connection that has waited longest for its request; false if there is none."""
        oldest = next(iter(self._reading.values()), None)
        if oldest is None:
            return False
        self._close(oldest)
        return True

    def _close_overdue(self) -> None:
        now = time.monotonic()
        for waiting in (self._reading, self._writing):
            # Dictionaries keep the order of insertion, which is that of the deadlines.
            while waiting and (oldest := next(iter(waiting.values()))).deadline <= now:
                self._close(oldest)

    def _seconds_to_next_deadline(self) -> float:
        oldest = (next(iter(waiting.values())).deadline for waiting in (self._reading, self._writing) if waiting)
        return max(min(oldest, default=time.monotonic() + 60.0) - time.monotonic(), 0.0)


def _run(page: Page, request: PageRequest) -> PageReply:
    try:
        return _encoded(page(request), request.accept_encoding)
    except Exception as error:
        # The message of a foreign error may quote a response, so only its type is logged.
        _LOG.error("The page %s failed with an unexpected %s.", request.path, type(error).__name__)
        return text_page("Internal error.\n", 500)


def _encoded(reply: PageReply, accept_encoding: str) -> PageReply:
    """Return `reply`, compressed if it is large and the client accepts that."""
    if not gzip_accepted(accept_encoding) or sum(map(len, reply.parts)) < _MIN_GZIP_BYTES:
        return reply
    compressed = gzip.compress(b"".join(reply.parts), _GZIP_LEVEL)
    return reply._replace(parts=[compressed], headers=(*reply.headers, ("Content-Encoding", "gzip")))


def _parse(head: bytes, client: str) -> tuple[str, PageRequest | None]:
    """Return the method and the request of a request head; None for the request if it is malformed."""
    line, *lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    words = line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return "", None
    try:
        url = urlsplit(words[1])
        query = parse_qs(url.query, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return "", None
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.lower(), value.strip())
    sent = [headers.get(name, "") for name in ("authorization", "accept", "accept-encoding")]
    first_values = {name: values[0] for name, values in query.items()}
    return words[0], PageRequest(url.path, first_values, client, *sent)


def _head(reply: PageReply) -> bytes:
    headers = [
        ("Server", f"whopwatch/{__version__}"),
        ("Content-Type", reply.media_type),
        ("Content-Length", str(sum(map(len, reply.parts)))),
        ("Connection", "close"),
        *reply.headers,
    ]
    reason = HTTPStatus(reply.status).phrase
    lines = [f"HTTP/1.1 {reply.status} {reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")
