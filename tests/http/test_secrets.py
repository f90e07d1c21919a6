"""The key is in no output, whatever happens; it is searched for in all of them."""

from __future__ import annotations

import logging
import traceback

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.http.mock import MockTransport
from tests.http.support import KEY, Recorder, call, client, wire_that_answers
from whopwatch.core.errors import WhopwatchError
from whopwatch.core.redaction import forget_all, redact, remember


def everything(error: BaseException) -> str:
    """The traceback of `error` with all variables of all its frames."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_no_log_record_holds_the_key_or_a_response(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with wire_that_answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: s3cr3t\r\n\r\n") as network:
        client(network)[0].send(call())
    assert KEY not in caplog.text
    assert "s3cr3t" not in caplog.text


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, RuntimeError])
def test_an_interruption_shows_no_key_in_any_frame(error: type[BaseException]) -> None:
    def interrupted(request: httpx.Request) -> httpx.Response:
        sent = request.headers["authorization"]
        assert KEY in sent
        raise error

    sender, *_ = client(MockTransport(interrupted))
    with pytest.raises(error) as raised:
        sender.send(call())
    assert KEY not in everything(raised.value)


@pytest.mark.parametrize(
    "wanted",
    [
        call("products.create", body={}),
        call("products.retrieve", id="../x"),
        call("products.list", query=(("first", KEY),)),
        call("products.list", credential="unscoped"),
        call("products.retrieve", id=KEY),
    ],
    ids=lambda wanted: wanted.operation.id,
)
def test_no_refusal_shows_the_key(wanted: object) -> None:
    sender, *_ = client()
    with pytest.raises(WhopwatchError) as raised:
        sender.send(wanted)  # type: ignore[arg-type]
    assert KEY not in str(raised.value) + repr(raised.value) + repr(sender) + repr(vars(sender))


def test_the_key_that_a_server_gives_back_is_masked() -> None:
    answer = httpx.Response(200, json={"you": f"Bearer {KEY}"}, headers={"X-Echo": KEY, "Location": f"/?k={KEY}"})
    sender, _, seen = client(Recorder(answer))
    exchange = sender.send(call())
    assert exchange.json == {"you": "Bearer ***"}
    assert exchange.header("location") == "/?k=***"
    assert KEY not in repr(seen)


@given(st.binary(), st.binary(), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8))
@settings(max_examples=50)
def test_no_secret_outlives_redaction(before: bytes, after: bytes, key: str) -> None:
    forget_all()
    remember(key)
    assert key.encode() not in redact(before + key.encode() + after).replace(b"***", b"\0")
    text = f"{before!r}{key}{after!r}"
    assert key not in redact(text).replace("***", "\0")
    forget_all()
