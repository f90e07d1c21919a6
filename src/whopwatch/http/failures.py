"""From what went wrong on the wire to one Failure."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx

from whopwatch.core.exchange import Failure
from whopwatch.http.watch import Watch


class UnreadableError(Exception):
    """A response whose headers or body cannot be read; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


def classify(error: httpx.TransportError, watch: Watch) -> Failure:
    """The Failure that `error` stands for, in an attempt that `watch` has followed."""
    if isinstance(error, httpx.TimeoutException):
        return _timeout(error, watch)
    if isinstance(error, httpx.ProxyError):
        return Failure.PROXY
    if isinstance(error, httpx.ConnectError):
        return _connection(error)
    if isinstance(error, httpx.ProtocolError):
        return _protocol(watch)
    return Failure.TLS if _broken_tls(error) else Failure.RESET


def _timeout(error: httpx.TimeoutException, watch: Watch) -> Failure:
    if watch.remaining <= 0:
        return Failure.DEADLINE
    if isinstance(error, httpx.WriteTimeout):
        return Failure.WRITE_TIMEOUT
    return Failure.READ_TIMEOUT if isinstance(error, httpx.ReadTimeout) else Failure.CONNECT_TIMEOUT


def _connection(error: httpx.ConnectError) -> Failure:
    causes = list(chain_of(error))
    if any(isinstance(cause, (socket.gaierror, UnicodeError)) for cause in causes):
        return Failure.DNS
    return Failure.TLS if any(isinstance(cause, ssl.SSLError) for cause in causes) else Failure.CONNECT


def _protocol(watch: Watch) -> Failure:
    if watch.flooded:
        return Failure.HEADERS_TOO_LARGE
    if watch.at_end and watch.speaks_http:
        return Failure.INCOMPLETE if watch.in_body else Failure.RESET
    return Failure.PROTOCOL


def _broken_tls(error: BaseException) -> bool:
    """Whether TLS itself failed; a connection that ended without its closing message was merely cut."""
    return any(isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError) for cause in chain_of(error))


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and everything that led to it, each once."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def forget_frames(error: BaseException) -> None:
    """Drop the stack frames of `error` and of all that led to it: their variables hold what was sent."""
    for link in chain_of(error):
        link.__traceback__ = None
