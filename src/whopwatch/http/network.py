"""Sockets under a deadline.

httpx times each read on its own, so that a server which sends a byte a second is waited for without end. The
streams here know when the whole attempt has to be over, and count what comes before the headers are complete.
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
from whopwatch.http.watch import Watch

WATCH = "whopwatch.watch"
"""The extension of an httpx.Request that holds its Watch."""

_READ_SIZE = 64 * 2**10
_KEEP_ALIVE = 3.0  # below the 5 s after which common servers close, so that no request meets a closing connection
_current: ContextVar[Watch] = ContextVar("watch")

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
    """Sends requests to the hosts of `base_urls`. Raises httpx.TransportError, as httpx's own transport does.

    A request's Watch is taken from its extensions. HTTPS_PROXY and NO_PROXY are honoured for https, where a
    proxy sees a tunnel; plain http is never given to a proxy, which would see the key. Certificates are held
    against the bundle that comes with httpx, or against SSL_CERT_FILE.
    """

    def __init__(
        self, base_urls: Iterable[str], limits: Limits, backend: httpcore.NetworkBackend | None = None
    ) -> None:
        self._limits = limits
        watched = _Backend(backend or httpcore.SyncBackend(), limits)
        # Made before the first request, which would else be timed with the reading of all certificates in it.
        origins = {_origin(httpx.URL(base_url)) for base_url in base_urls}
        self._pools = {origin: _pool(*origin, watched) for origin in origins}
        logging.getLogger("httpcore.http11").addFilter(_holds_no_response)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The response, its body still to be read. `request` must hold a Watch."""
        watch: Watch = request.extensions[WATCH]
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
        token = _current.set(watch)
        try:
            response = self._pools[_origin(request.url)].handle_request(core)
        except _WIRE_ERRORS as error:
            raise _HTTPX[type(error)](str(error)) from error
        finally:
            _current.reset(token)
        body = _Body(response, watch)
        if watch.was_written and not watch.received:
            body.abort()
            raise httpx.RemoteProtocolError("an answer was there before the request")
        watch.headers_complete()
        return httpx.Response(response.status, headers=response.headers, stream=body)

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.close()


class _Body(httpx.SyncByteStream):
    """A response's body. One that is followed by more than its framing says ends in an error."""

    def __init__(self, response: httpcore.Response, watch: Watch) -> None:
        self._stream = response.stream
        self._watch = watch
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
        # The framing of a response ends with its last chunk's or its headers' line break, else with the body.
        end = b"\n" if self._chunked or not last else last
        if self._watch.last_read and not self._watch.last_read.endswith(end):
            self.abort()
            raise httpx.RemoteProtocolError("bytes follow the end of the body")

    def _parts(self) -> Iterable[bytes]:
        stream = self._stream
        assert isinstance(stream, Iterable)
        return stream

    def abort(self) -> None:
        """Close the connection, so that nothing of what is left on it is taken for another answer."""
        if self._socket is not None:
            self._socket.close()
        self.close()

    def close(self) -> None:
        """Give the connection back, or close it where the body was not read to its end."""
        close = getattr(self._stream, "close", None)
        if close is not None:
            close()


class _Backend(httpcore.NetworkBackend):
    """Opens streams that follow the current Watch, and times how a connection comes to be."""

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
        """Connect to the first address of `host` that answers; each has an equal share of the time."""
        watch = _current.get()
        begun = watch.clock()
        addresses = _resolve(host, port)
        resolved = watch.clock()
        watch.dns = resolved - begun
        for left in range(len(addresses), 0, -1):
            share = max(min(self._limits.connect - (watch.clock() - resolved), watch.remaining), 0.001) / left
            try:
                stream = self._backend.connect_tcp(addresses[-left], port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
            else:
                break
        watch.connect = watch.clock() - resolved
        return _Stream(stream, self._limits)


class _Stream(httpcore.NetworkStream):
    """A stream that ends with its attempt; a connection used again follows the Watch of the new request."""

    def __init__(self, stream: httpcore.NetworkStream, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._watch = _current.get()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        watch = self._watch
        remaining = watch.remaining
        if remaining <= 0:
            raise httpcore.ReadTimeout
        data = self._stream.read(max_bytes, min(self._limits.read, remaining))
        watch.read(data)
        if not watch.in_body and watch.received > self._limits.header_bytes + _READ_SIZE:
            watch.flooded = True
            raise httpcore.RemoteProtocolError("the headers have no end")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        self._watch = watch = _current.get()
        remaining = watch.remaining
        if remaining <= 0:
            raise httpcore.WriteTimeout
        begun = watch.clock()
        self._stream.write(buffer, min(self._limits.write, remaining))
        watch.wrote(begun)

    def close(self) -> None:
        with suppress(OSError):
            self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        watch = _current.get()
        begun = watch.clock()
        timeout = max(min(self._limits.connect, watch.remaining), 0.001)
        stream = self._stream.start_tls(ssl_context, server_hostname, timeout)
        watch.tls = watch.clock() - begun
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
    # The system's resolver has timeouts of its own, which nothing here can shorten.
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError("the name has no address") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _holds_no_response(record: logging.LogRecord) -> bool:
    """Keeps out of the log what httpcore writes there at level DEBUG: the headers of every response."""
    return "return_value" not in str(record.msg)
