"""Connections with a deadline for the whole attempt.

httpx limits each read separately, so a server that sends a byte per second keeps it waiting forever. The streams here
also count the bytes before the headers are complete.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from whopwatch.http.limits import Limits
from whopwatch.http.timing import AttemptTimer

TIMER = "whopwatch.timer"
"""The extension of an httpx.Request with its AttemptTimer."""

_READ_SIZE = 64 * 2**10
_KEEP_ALIVE = 3.0  # below the 5 s after which common servers close idle connections
_current: ContextVar[AttemptTimer] = ContextVar("timer")

_HTTPX: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
}
_WIRE_ERRORS = tuple(_HTTPX)


class NetworkTransport(httpx.BaseTransport):
    """Sends requests to the hosts of `base_urls`. Raises httpx.TransportError, as the transport of httpx does.

    Each request has its AttemptTimer in its extensions. HTTPS_PROXY and NO_PROXY apply to https only, where a proxy
    sees a tunnel; a proxy for http would see the key. Certificates are verified with the bundle of httpx, or with
    SSL_CERT_FILE.
    """

    def __init__(
        self, base_urls: Iterable[str], limits: Limits, backend: httpcore.NetworkBackend | None = None
    ) -> None:
        self._limits = limits
        timered = _Backend(backend or httpcore.SyncBackend(), limits)
        # Created before the first request, whose time would otherwise include loading all certificates.
        origins = {_origin(httpx.URL(base_url)) for base_url in base_urls}
        self._pools = {origin: _pool(*origin, timered) for origin in origins}
        logging.getLogger("httpcore.http11").addFilter(_is_no_response)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, which must have an AttemptTimer; return the response with its body still unread."""
        timer: AttemptTimer = request.extensions[TIMER]
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        core = httpcore.Request(
            request.method,
            url,
            headers=request.headers.raw,
            content=request.stream,
            extensions={"timeout": {"pool": self._limits.connect}},
        )
        token = _current.set(timer)
        try:
            response = self._pools[_origin(request.url)].handle_request(core)
        except _WIRE_ERRORS as error:
            raise _HTTPX[type(error)](str(error)) from error
        finally:
            _current.reset(token)
        body = _Body(response, timer)
        if timer.was_written and not timer.received:
            body.abort()
            raise httpx.RemoteProtocolError("the response arrived before the request was sent")
        timer.headers_complete()
        return httpx.Response(response.status, headers=response.headers, stream=body)

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.close()


class _Body(httpx.SyncByteStream):
    """The body of a response. Bytes after the end that its framing gives are an error."""

    def __init__(self, response: httpcore.Response, timer: AttemptTimer) -> None:
        self._stream = response.stream
        self._timer = timer
        self._chunked = any(name.lower() == b"transfer-encoding" for name, _ in response.headers)
        self._socket: httpcore.NetworkStream | None = response.extensions.get("network_stream")

    def __iter__(self) -> Iterator[bytes]:
        last = b""
        try:
            for chunk in self._parts():
                last = chunk
                yield chunk
        except _WIRE_ERRORS as error:
            raise _HTTPX[type(error)](str(error)) from error
        # A response ends with the line break of its last chunk or of its headers, otherwise with its body.
        end = b"\n" if self._chunked or not last else last
        if self._timer.last_read and not self._timer.last_read.endswith(end):
            self.abort()
            raise httpx.RemoteProtocolError("bytes follow the end of the body")

    def _parts(self) -> Iterable[bytes]:
        stream = self._stream
        assert isinstance(stream, Iterable)
        return stream

    def abort(self) -> None:
        """Close the connection, so that its remaining bytes are not read as the next response."""
        if self._socket is not None:
            self._socket.close()
        self.close()

    def close(self) -> None:
        """Return the connection to the pool, or close it if the body was not read to its end."""
        close = getattr(self._stream, "close", None)
        if close is not None:
            close()


class _Backend(httpcore.NetworkBackend):
    """Opens streams that obey the current AttemptTimer, and times name resolution and connection."""

    def __init__(self, backend: httpcore.NetworkBackend, limits: Limits) -> None:
        self._backend = backend
        self._limits = limits

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that accepts; each address has an equal share of the time."""
        timer = _current.get()
        begun = timer.clock()
        addresses = _resolve(host, port)
        resolved = timer.clock()
        timer.dns = resolved - begun
        for left in range(len(addresses), 0, -1):
            share = max(min(self._limits.connect - (timer.clock() - resolved), timer.remaining), 0.001) / left
            try:
                stream = self._backend.connect_tcp(addresses[-left], port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
            else:
                break
        timer.connect = timer.clock() - resolved
        return _Stream(stream, self._limits)


class _Stream(httpcore.NetworkStream):
    """A stream with the deadline of its attempt; a reused connection gets the timer of the new request."""

    def __init__(self, stream: httpcore.NetworkStream, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._timer = _current.get()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        timer = self._timer
        remaining = timer.remaining
        if remaining <= 0:
            raise httpcore.ReadTimeout
        data = self._stream.read(max_bytes, min(self._limits.read, remaining))
        timer.read(data)
        if not timer.in_body and timer.received > self._limits.header_bytes + _READ_SIZE:
            timer.flooded = True
            raise httpcore.RemoteProtocolError("the headers are too long")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        self._timer = timer = _current.get()
        remaining = timer.remaining
        if remaining <= 0:
            raise httpcore.WriteTimeout
        begun = timer.clock()
        self._stream.write(buffer, min(self._limits.write, remaining))
        timer.wrote(begun)

    def close(self) -> None:
        with suppress(OSError):
            self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timer = _current.get()
        begun = timer.clock()
        timeout = max(min(self._limits.connect, timer.remaining), 0.001)
        stream = self._stream.start_tls(ssl_context, server_hostname, timeout)
        timer.tls = timer.clock() - begun
        return _Stream(stream, self._limits)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _origin(url: httpx.URL) -> tuple[str, str]:
    return url.scheme, url.host


def _pool(scheme: str, host: str, backend: _Backend) -> httpcore.ConnectionPool:
    if scheme != "https":
        return httpcore.ConnectionPool(keepalive_expiry=_KEEP_ALIVE, network_backend=backend)
    context = httpx.create_ssl_context()
    proxy = getproxies().get("https")
    if proxy and not proxy_bypass(host):
        proxy_url = httpx.URL(proxy if "://" in proxy else f"http://{proxy}")
        return httpcore.HTTPProxy(
            proxy_url=str(proxy_url.copy_with(userinfo=b"")),
            proxy_auth=(proxy_url.username, proxy_url.password) if proxy_url.userinfo else None,
            ssl_context=context,
            keepalive_expiry=_KEEP_ALIVE,
            network_backend=backend,
        )
    return httpcore.ConnectionPool(ssl_context=context, keepalive_expiry=_KEEP_ALIVE, network_backend=backend)


def _resolve(host: str, port: int) -> list[str]:
    # The resolver of the system has its own timeouts, which cannot be shortened here.
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError("the name cannot be resolved") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_no_response(record: logging.LogRecord) -> bool:
    """Return whether a log record may be kept: httpcore logs the headers of every response at level DEBUG."""
    return "return_value" not in str(record.msg)
