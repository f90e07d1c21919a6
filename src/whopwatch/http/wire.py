"""One request over one socket within one deadline, with its phases timed where they happen.

There is nothing between a request and its socket but TLS and an HTTP parser: the time that is measured is the API's,
and a server that sends a byte per second, headers without end or a second response cannot exceed the limits.
"""

from __future__ import annotations

import base64
import select
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from sys import intern
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import httptools

from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Failure, Phases
from whopwatch.http.limits import Limits
from whopwatch.http.timing import AttemptTimer

MAX_IDLE_SECONDS = 3.0
"""Below the 5 s after which common servers close an idle connection."""
_MAX_PROXY_RESPONSE = 16 * 2**10
_READ_SIZE = 64 * 2**10
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_MAX_GZIP_MEMBERS = 64
"""Compressed parts of one body: a proxy may join them (RFC 1952, 2.2)."""
_COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})
_LOWEST_STATUS = 100
_INFORMATIONAL = range(100, 200)
"""Statuses of a response before the response: defined or not (RFC 9110, 15.2)."""


class RequestFailedError(Exception):
    """A request without a readable response. `failure` is the reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it is sent. `url` is absolute and percent-encoded; `headers` lack Host and Content-Length."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # with the key
    body: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """Return the bytes of the request."""
        host, _, path = self.url.partition("://")[2].partition("/")
        lines = [f"{self.method} /{path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body is not None:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (self.body or b"")


class Transport(Protocol):
    """What sends requests: the network, or what a test puts in its place."""

    def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
        """Send `request` and return the response. Raise RequestFailedError."""

    def close(self) -> None:
        """Close every connection; requests in progress fail."""


class Network:
    """Sends requests to the hosts of `base_urls`. Thread-safe. With `fresh` each request gets a new connection."""

    def __init__(self, base_urls: Iterable[str], limits: Limits, *, fresh: bool = False) -> None:
        self._limits = limits
        self._is_closed = False
        # Created before the first request, whose time would otherwise include loading all certificates.
        self._origins = {origin: Origin(origin, fresh=fresh) for origin in {_origin_of(url) for url in base_urls}}

    def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
        """Send `request` and return the response. Raise RequestFailedError, and KeyError for any other host."""
        if self._is_closed:
            raise RequestFailedError(Failure.RESET)
        return fetch(self._origins[_origin_of(request.url)], request.encode(), timer, self._limits)

    def close(self) -> None:
        """Close every connection; requests in progress fail."""
        self._is_closed = True
        for origin in self._origins.values():
            origin.close()


def _origin_of(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


@dataclass(frozen=True, slots=True)
class _IdleConnection:
    connection: socket.socket
    since: float


class Origin:
    """Connections to the scheme, host and port of `base_url`. Thread-safe.

    With `fresh` every request gets a new connection. A proxy from the environment is used for https only, as a tunnel:
    plain http would show it the key. Without `proxied` it is not used.
    """

    def __init__(self, base_url: str, *, fresh: bool = True, proxied: bool = True) -> None:
        url = urlsplit(base_url)
        self.host = url.hostname or ""
        self.port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = _tls_context() if url.scheme == "https" else None
        self._proxy = _proxy(self.host) if self._tls and proxied else None
        self._fresh = fresh
        self._idle: list[_IdleConnection] = []
        self._busy: set[socket.socket] = set()
        self._is_closed = False
        self._lock = threading.Lock()

    def connect(self, timer: AttemptTimer, limits: Limits) -> socket.socket:
        """Return a connection ready for a request. Raise RequestFailedError if there is none in time."""
        idle = None if self._fresh else self._take_idle()
        if idle is None:
            return self._open(timer, limits)
        self._watch(idle)
        return idle

    def _watch(self, connection: socket.socket) -> None:
        """Let `close` end what this thread does with `connection`. Raise RequestFailedError if it is closed already."""
        with self._lock:
            if not self._is_closed:
                self._busy.add(connection)
                return
        connection.close()
        raise RequestFailedError(Failure.RESET)

    def _open(self, timer: AttemptTimer, limits: Limits) -> socket.socket:
        connection = self._open_tcp(timer, limits)
        try:
            if self._proxy:
                self._open_tunnel(connection, self._proxy, timer, limits)
            return self._start_tls(connection, self._tls, timer, limits) if self._tls else connection
        except BaseException:
            self.release(connection, keep=False)
            raise

    def release(self, connection: socket.socket, *, keep: bool) -> None:
        """Store `connection` for another request if `keep` allows it, else close it."""
        with self._lock:
            self._busy.discard(connection)
            if keep and not self._fresh:
                self._idle.append(_IdleConnection(connection, time.monotonic()))
                return
        connection.close()

    def close(self) -> None:
        """Close every connection; requests in progress fail."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
            for busy in self._busy:
                with suppress(OSError):  # the thread that uses it closes it
                    busy.shutdown(socket.SHUT_RDWR)
        for each in idle:
            each.connection.close()

    def _take_idle(self) -> socket.socket | None:
        """Return the most recently used idle connection that the server has not closed."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                idle = self._idle.pop()
            # An idle connection that is readable holds the server's end of stream.
            if not _is_readable(idle.connection) and time.monotonic() - idle.since < MAX_IDLE_SECONDS:
                return idle.connection
            idle.connection.close()

    def _open_tcp(self, timer: AttemptTimer, limits: Limits) -> socket.socket:
        """Connect to the first address that accepts. Each address gets an equal share of the remaining time."""
        host, port = (self._proxy.hostname or "", self._proxy.port or 80) if self._proxy else (self.host, self.port)
        begun = timer.clock()
        addresses = _resolve(host, port)
        resolved = timer.clock()
        timer.dns = resolved - begun
        failure = Failure.CONNECT
        for left, (family, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
            share = min(limits.connect - (timer.clock() - resolved), timer.remaining) / left
            if share <= 0:
                raise RequestFailedError(_timeout_failure(timer, Failure.CONNECT_TIMEOUT))
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.settimeout(share)
            self._watch(connection)
            try:
                connection.connect(address)
                timer.connect = timer.clock() - resolved
                return connection
            except TimeoutError:
                failure = _timeout_failure(timer, Failure.CONNECT_TIMEOUT)
            except OSError:
                failure = Failure.CONNECT
            finally:
                if timer.connect is None:
                    self.release(connection, keep=False)
        raise RequestFailedError(Failure.PROXY if self._proxy else failure)

    def _start_tls(
        self, connection: socket.socket, context: ssl.SSLContext, timer: AttemptTimer, limits: Limits
    ) -> socket.socket:
        begun = timer.clock()
        connection.settimeout(max(min(limits.connect, timer.remaining), 0.001))
        encrypted: socket.socket = connection
        try:
            encrypted = tls = context.wrap_socket(connection, server_hostname=self.host, do_handshake_on_connect=False)
            self._watch(tls)
            tls.do_handshake()
            timer.tls = timer.clock() - begun
            return tls
        except TimeoutError:
            raise RequestFailedError(_timeout_failure(timer, Failure.CONNECT_TIMEOUT)) from None
        except (ssl.SSLError, OSError, ValueError):
            raise RequestFailedError(Failure.TLS) from None
        finally:
            self.release(connection, keep=False)  # wrap_socket has taken its descriptor
            if timer.tls is None:
                self.release(encrypted, keep=False)

    def _open_tunnel(self, connection: socket.socket, proxy: SplitResult, timer: AttemptTimer, limits: Limits) -> None:
        """Request a tunnel to the host from the proxy. The proxy learns the host's name and nothing else."""
        request = [f"CONNECT {self.host}:{self.port} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        if proxy.username:
            credentials = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            request.append(f"Proxy-Authorization: Basic {base64.b64encode(credentials.encode()).decode()}")
        ends = timer.clock() + limits.connect
        try:
            connection.settimeout(_seconds_left(timer, limits.connect))
            connection.sendall("\r\n".join([*request, "", ""]).encode("latin-1"))
            response = b""
            while b"\r\n\r\n" not in response and len(response) < _MAX_PROXY_RESPONSE:
                connection.settimeout(_seconds_left(timer, max(ends - timer.clock(), 0.001)))
                part = connection.recv(1)  # one byte at a time: bytes after the headers belong to TLS
                if not part:
                    raise RequestFailedError(Failure.PROXY)
                response += part
            parser = httptools.HttpResponseParser(object())
            parser.feed_data(response)
        except httptools.HttpParserUpgrade:
            pass
        except (OSError, httptools.HttpParserError):
            raise RequestFailedError(Failure.PROXY) from None
        if not 200 <= parser.get_status_code() < 300:
            raise RequestFailedError(Failure.PROXY)


def _tls_context() -> ssl.SSLContext:
    """Return a context that trusts the certificates of the system (SSL_CERT_FILE names others) and of Mozilla."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _timeout_failure(timer: AttemptTimer, otherwise: Failure) -> Failure:
    """Return DEADLINE if the whole attempt is over time, else `otherwise`."""
    return Failure.DEADLINE if timer.remaining <= 0 else otherwise


def _resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    name = host.encode() if host.isascii() else host  # only a str goes through the IDNA codec
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise RequestFailedError(Failure.DNS) from None
    return list(dict.fromkeys((family, tuple(address)) for family, _, _, _, address in found))


def _is_readable(connection: socket.socket) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connection], [], [], 0)[0])
    poll = select.poll()  # unlike select, also for a process with more than 1,024 open files
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _proxy(host: str) -> SplitResult | None:
    proxy = getproxies().get("https")
    if not proxy or proxy_bypass(host):
        return None
    with suppress(ValueError):
        url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if url.hostname and url.port != 0:
            return url
    raise UsageError("HTTPS_PROXY is not the URL of a proxy.", expected="http://HOST:PORT")  # it may have a password


@dataclass
class RawResponse:
    """A response while it arrives. The HTTP parser calls the `on_` methods."""

    status: int = 0
    phases: Phases = field(default_factory=Phases)
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    is_complete: bool = False
    in_body: bool = False
    follows: bool = False
    header_bytes: int = 0
    trailers: int = 0
    read_status: Callable[[], int] | None = None

    def on_message_begin(self) -> None:
        """Note a second response after the first: it belongs to no request."""
        self.follows = self.is_complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add one header line; trailers, which follow the body, are counted only."""
        if self.in_body:
            self.trailers += len(name) + len(value)
        else:
            self.header_bytes += len(name) + len(value)
            self.headers.append((intern(name.decode("latin-1").lower()), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Note that the body begins."""
        self.in_body = True

    def on_body(self, data: bytes) -> None:
        """Add a part of the body, without its framing."""
        self.body += data

    def on_message_complete(self) -> None:
        """Note the end of the response, or discard an informational one (1xx) and wait for the next."""
        if self.read_status is not None:
            self.status = self.read_status()
        if self.status in _INFORMATIONAL:
            self.headers.clear()
            self.header_bytes = 0
            self.in_body = False
        else:
            self.is_complete = True

    def header(self, name: str) -> str:
        """Return the values of the header `name` in lower case, as one list; empty if there is none."""
        return ", ".join([value.strip().lower() for key, value in self.headers if key == name])

    @property
    def ends_with_connection(self) -> bool:
        """Whether the body ends only where the stream ends."""
        return not any(name in ("content-length", "transfer-encoding") for name, _ in self.headers)

    @property
    def keeps_connection(self) -> bool:
        """Whether another request may follow on the same connection."""
        return "close" not in self.header("connection") and not self.ends_with_connection


def fetch(
    origin: Origin, request: bytes, timer: AttemptTimer, limits: Limits, *, with_body: bool = True
) -> RawResponse:
    """Send `request` and return the response, complete and decompressed; without `with_body` as soon as it has headers.

    Raise RequestFailedError if there is no readable response.
    """
    connection = origin.connect(timer, limits)
    keep = False
    try:
        connection.settimeout(_seconds_left(timer, limits.write))
        begun = timer.clock()
        connection.sendall(request)
        timer.wrote(begun)
        response = _read_response(connection, timer, limits, with_body=with_body)
        response.phases = timer.phases()
        keep = response.is_complete and response.keeps_connection
    except TimeoutError:
        late = Failure.READ_TIMEOUT if timer.was_written else Failure.WRITE_TIMEOUT
        raise RequestFailedError(_timeout_failure(timer, late)) from None
    except ssl.SSLEOFError:
        raise RequestFailedError(_end_of_stream(timer)) from None
    except ssl.SSLError:
        raise RequestFailedError(Failure.TLS) from None
    except OSError:
        raise RequestFailedError(Failure.RESET) from None
    finally:
        origin.release(connection, keep=keep)
    if with_body:
        _decompress(response, limits)
    return response


def _seconds_left(timer: AttemptTimer, bound: float) -> float:
    """Return the seconds for one socket operation. Raise TimeoutError if none are left."""
    remaining = timer.remaining
    if remaining <= 0:
        raise TimeoutError
    return min(bound, remaining)


def _read_response(connection: socket.socket, timer: AttemptTimer, limits: Limits, *, with_body: bool) -> RawResponse:
    response = RawResponse()
    parser = httptools.HttpResponseParser(response)
    response.read_status = parser.get_status_code
    try:
        _feed(parser, response, connection, timer, limits, with_body=with_body)
        response.status = parser.get_status_code()
        if response.status < _LOWEST_STATUS:
            raise RequestFailedError(Failure.PROTOCOL)
    finally:
        response.read_status = None  # break the reference cycle between response and parser
    return response


def _feed(
    parser: httptools.HttpResponseParser,
    response: RawResponse,
    connection: socket.socket,
    timer: AttemptTimer,
    limits: Limits,
    *,
    with_body: bool,
) -> None:
    while not response.is_complete and (with_body or not response.in_body):
        connection.settimeout(_seconds_left(timer, limits.read))
        data = connection.recv(_READ_SIZE)
        timer.read(data)
        if not data:
            if response.in_body and response.ends_with_connection:
                break
            raise RequestFailedError(_end_of_stream(timer))
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):  # a 101 is an upgrade that was not requested
            raise RequestFailedError(Failure.PROTOCOL) from None
        if response.follows:
            raise RequestFailedError(Failure.PROTOCOL)
        if response.in_body and not timer.in_body:
            timer.headers_complete()
            if response.header("transfer-encoding") not in ("", "chunked"):
                raise RequestFailedError(Failure.PROTOCOL)
        _refuse_oversized(response, timer, limits)


def _end_of_stream(timer: AttemptTimer) -> Failure:
    return Failure.INCOMPLETE if timer.in_body else Failure.RESET


def _refuse_oversized(response: RawResponse, timer: AttemptTimer, limits: Limits) -> None:
    """Raise RequestFailedError if headers or body exceed the limits."""
    endless = not response.in_body and timer.received > limits.header_bytes + _READ_SIZE
    if endless or len(response.headers) > limits.header_count or response.header_bytes > limits.header_bytes:
        raise RequestFailedError(Failure.HEADERS_TOO_LARGE)
    # Trailers and chunk sizes are neither headers nor body.
    framed = timer.received if response.in_body else 0
    if response.trailers > limits.header_bytes or framed > limits.header_bytes + _READ_SIZE + 2 * limits.body_bytes:
        raise RequestFailedError(Failure.PROTOCOL)
    declared = response.header("content-length") if response.in_body else ""
    if len(response.body) > limits.body_bytes or (declared.isdigit() and int(declared[:20]) > limits.body_bytes):
        raise RequestFailedError(Failure.TOO_LARGE)


def _decompress(response: RawResponse, limits: Limits) -> None:
    encoding = response.header("content-encoding")
    if not response.body or encoding in ("", "identity"):
        return
    if encoding not in _COMPRESSED:
        raise RequestFailedError(Failure.ENCODING)
    body, rest = bytearray(), bytes(response.body)
    for _ in range(_MAX_GZIP_MEMBERS):
        decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
        try:
            body += decompressor.decompress(rest, limits.body_bytes + 1 - len(body))
        except zlib.error:
            raise RequestFailedError(Failure.ENCODING) from None
        if len(body) > limits.body_bytes:
            raise RequestFailedError(Failure.TOO_LARGE)
        rest = decompressor.unused_data
        if not decompressor.eof or not rest:
            break
    if not decompressor.eof or rest:
        raise RequestFailedError(Failure.ENCODING)
    response.body = body
