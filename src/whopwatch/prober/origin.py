"""Connections to one origin: resolved, connected and encrypted anew for each probe, or used again."""

from __future__ import annotations

import base64
import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httptools

from whopwatch.core.exchange import Failure
from whopwatch.http.limits import Limits
from whopwatch.http.watch import Watch

KEEP_SECONDS = 3.0
"""Below the 5 s after which common servers close an idle connection."""
_LONGEST_PROXY_ANSWER = 16 * 2**10


class WireError(Exception):
    """A request that got no answer that can be read; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class _Idle:
    connection: socket.socket
    since: float


class Origin:
    """Where requests go: the scheme, host and port of `base_url`. Safe to use from several threads.

    `fresh` makes a new connection for each request. A proxy of the environment is used for https alone, as a
    tunnel: plain http would show it the key.
    """

    def __init__(self, base_url: str, *, fresh: bool = True) -> None:
        url = urlsplit(base_url)
        self.host = url.hostname or ""
        self.port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self._proxy = _proxy(self.host) if self._tls else None
        self._fresh = fresh
        self._idle: list[_Idle] = []
        self._lock = threading.Lock()

    def connect(self, watch: Watch, limits: Limits) -> socket.socket:
        """A connection, ready to be written to. Raises WireError where none can be made in time."""
        used = None if self._fresh else self._take()
        if used is not None:
            return used
        connection: socket.socket | None = None
        try:
            connection = self._tcp(watch, limits)
            if self._proxy:
                self._tunnel(connection, self._proxy, watch, limits)
            return self._encrypted(connection, self._tls, watch, limits) if self._tls else connection
        except BaseException:
            if connection is not None:
                connection.close()
            raise

    def release(self, connection: socket.socket, *, keep: bool) -> None:
        """Take `connection` back: to be used again where that is wanted and possible, else closed."""
        if keep and not self._fresh:
            with self._lock:
                self._idle.append(_Idle(connection, time.monotonic()))
        else:
            connection.close()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.connection.close()

    def _take(self) -> socket.socket | None:
        """The idle connection used last that the server has not closed."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                idle = self._idle.pop()
            readable = select.select([idle.connection], [], [], 0)[0]
            if not readable and time.monotonic() - idle.since < KEEP_SECONDS:
                return idle.connection
            idle.connection.close()

    def _tcp(self, watch: Watch, limits: Limits) -> socket.socket:
        """Connect to the first address that answers; each has an equal share of the time."""
        host, port = (self._proxy.hostname or "", self._proxy.port or 80) if self._proxy else (self.host, self.port)
        begun = watch.clock()
        addresses = _addresses(host, port)
        resolved = watch.clock()
        watch.dns = resolved - begun
        failure = Failure.CONNECT
        for left, (family, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
            share = min(limits.connect - (watch.clock() - resolved), watch.remaining) / left
            if share <= 0:
                raise WireError(Failure.DEADLINE if watch.remaining <= 0 else Failure.CONNECT_TIMEOUT)
            connection = socket.socket(family, socket.SOCK_STREAM)
            connection.settimeout(share)
            try:
                connection.connect(address)
            except TimeoutError:
                connection.close()
                failure = Failure.DEADLINE if watch.remaining <= 0 else Failure.CONNECT_TIMEOUT
            except OSError:
                connection.close()
                failure = Failure.CONNECT
            else:
                watch.connect = watch.clock() - resolved
                return connection
        raise WireError(Failure.PROXY if self._proxy else failure)

    def _encrypted(
        self, connection: socket.socket, context: ssl.SSLContext, watch: Watch, limits: Limits
    ) -> socket.socket:
        begun = watch.clock()
        connection.settimeout(max(min(limits.connect, watch.remaining), 0.001))
        try:
            encrypted = context.wrap_socket(connection, server_hostname=self.host)
        except TimeoutError:
            raise WireError(Failure.DEADLINE if watch.remaining <= 0 else Failure.CONNECT_TIMEOUT) from None
        except (ssl.SSLError, OSError, ValueError):
            raise WireError(Failure.TLS) from None
        watch.tls = watch.clock() - begun
        return encrypted

    def _tunnel(self, connection: socket.socket, proxy: SplitResult, watch: Watch, limits: Limits) -> None:
        """Ask the proxy for a tunnel to the host. It learns the host's name and nothing else."""
        request = [f"CONNECT {self.host}:{self.port} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        if proxy.username:
            credentials = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            request.append(f"Proxy-Authorization: Basic {base64.b64encode(credentials.encode()).decode()}")
        connection.settimeout(max(min(limits.connect, watch.remaining), 0.001))
        try:
            connection.sendall("\r\n".join([*request, "", ""]).encode("latin-1"))
            answer = b""
            while b"\r\n\r\n" not in answer and len(answer) < _LONGEST_PROXY_ANSWER:
                part = connection.recv(1)  # never a byte of what follows: that belongs to TLS
                if not part:
                    raise WireError(Failure.PROXY)
                answer += part
            parser = httptools.HttpResponseParser(object())
            parser.feed_data(answer)
        except httptools.HttpParserUpgrade:
            pass
        except (OSError, httptools.HttpParserError):
            raise WireError(Failure.PROXY) from None
        if not 200 <= parser.get_status_code() < 300:
            raise WireError(Failure.PROXY)


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[object, ...]]]:
    name = host.encode() if host.isascii() else host  # text goes through the codec of international names
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise WireError(Failure.DNS) from None
    return list(dict.fromkeys((family, tuple(address)) for family, _, _, _, address in found))


def _proxy(host: str) -> SplitResult | None:
    proxy = getproxies().get("https")
    if not proxy or proxy_bypass(host):
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")
