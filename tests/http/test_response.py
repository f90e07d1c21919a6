"""One name for each thing that goes wrong on the wire. What needs no cause is tried in test_wire_respx.py."""

from __future__ import annotations

import socket
import ssl

import httpx
import pytest

from tests.http.support import Time
from whopwatch.core.exchange import Failure
from whopwatch.http.response import failure_of
from whopwatch.http.timing import AttemptTimer


@pytest.mark.parametrize(
    ("error", "cause", "failure"),
    [
        (httpx.ConnectError("x"), ConnectionRefusedError(), Failure.CONNECT),
        (httpx.ConnectError("x"), socket.gaierror(), Failure.DNS),
        (httpx.ConnectError("x"), ssl.SSLCertVerificationError(), Failure.TLS),
        (httpx.ReadError("x"), ssl.SSLError(), Failure.TLS),
        (httpx.ReadError("x"), ssl.SSLEOFError(), Failure.RESET),
        (httpx.ReadError("x"), ConnectionResetError(), Failure.RESET),
    ],
)
def test_the_cause_tells_what_it_was(error: httpx.TransportError, cause: Exception, failure: Failure) -> None:
    between = OSError()
    between.__context__ = cause
    error.__cause__ = between
    assert failure_of(error, AttemptTimer(Time(), 30.0)) is failure


def test_causes_that_go_in_a_circle_are_no_endless_loop() -> None:
    error = httpx.ConnectError("x")
    error.__cause__ = OSError()
    error.__cause__.__cause__ = error
    assert failure_of(error, AttemptTimer(Time(), 30.0)) is Failure.CONNECT
