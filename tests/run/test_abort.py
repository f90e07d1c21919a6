"""Giving up early: which first responses end a run, after how many of them, and what the reason says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from whopwatch.core.exchange import Exchange, Failure, Purpose
from whopwatch.run.abort import (
    KEY_MISSING,
    KEY_REJECTED,
    UNREACHABLE,
    abort_reason,
    cloudflare_reason,
    connection_lost_reason,
    is_api_response,
)

JSON = (("content-type", "application/json"),)
HTML = (("content-type", "text/html; charset=utf-8"),)


def exchange(status: int | None = 200, body: object = None, headers: Any = JSON, **facts: Any) -> Exchange:
    raw = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
    return Exchange(
        "products.list", Purpose.LIST, "GET", "https://api.example/products", status=status, headers=headers, body=raw,
        **facts,
    )  # fmt: skip


TEXT = (("content-type", "text/plain; charset=UTF-8"),)
CLOUDFLARE = (*TEXT, ("server", "cloudflare"))
CHALLENGE = (*HTML, ("server", "cloudflare"), ("cf-mitigated", "challenge"))
REFUSED = exchange(None, failure=Failure.CONNECT)
RULES = [
    (REFUSED, 2, "connection refused"),
    (exchange(None, failure=Failure.DNS), 2, "does not resolve"),
    (exchange(401), 2, "rejected the key (401)"),
    (exchange(302), 2, "redirects elsewhere (302)"),
    (exchange(200, b"<html>", HTML), 2, "Status 200: the target returns HTML"),
    (exchange(401, b"<html>", HTML), 2, "Status 401: the target returns HTML"),
    (
        exchange(200, b"ok", (("content-type", "text/plain"),)),
        3,
        "Status 200: the target returns something other than JSON",
    ),
    (exchange(None, failure=Failure.READ_TIMEOUT), 3, "No request got a response"),
    (exchange(None, failure=Failure.TOO_LARGE), 3, "No response can be read: the body is larger than"),
    (exchange(None, failure=Failure.INCOMPLETE), 3, "No response can be read: the body ended before"),
    (exchange(None, failure=Failure.ENCODING), 3, "No response can be read: the body does not have the encoding"),
    (exchange(None, failure=Failure.PROTOCOL), 3, "No response can be read: the response is not HTTP"),
    (exchange(None, failure=Failure.HEADERS_TOO_LARGE), 3, "No response can be read: the headers are larger than"),
    (exchange(429, b"error code: 1015", CLOUDFLARE), 2, "429 from Cloudflare (1015): rate limited."),
    (exchange(522, b"error code: 522", CLOUDFLARE), 2, "522 from Cloudflare: the origin does not answer."),
    (exchange(524, b"error code: 524", TEXT), 2, "524 from Cloudflare: the origin takes too long to answer."),
    (exchange(530, b"error code: 1016", TEXT), 2, "530 from Cloudflare (1016): the host name of the origin"),
    (exchange(403, b"<html>", CHALLENGE), 2, "403 from Cloudflare, cf-mitigated: challenge"),
    (exchange(503, b"<html>", HTML), 2, "Status 503: the target returns an HTML page: maintenance"),
    (exchange(502, b"bad gateway", TEXT), 3, "Status 502: the target returns no JSON. It is down"),
    (exchange(200, b"\xef\xbb\xbf{}"), 3, "Status 200: responses start with a UTF-8 byte order mark"),
    (exchange(200, b"[" + b"0," * 100_000 + b"0]"), 3, "Status 200: responses have more than 100,000 values"),
    (exchange(404), 5, "Every request returned 404. Check the base URL and WHOP_COMPANY_ID."),
    (exchange(405), 5, "Every request returned 405."),
    (exchange(503), 5, "server error (503)"),
    (exchange(429), 8, "rate limited (429)"),
]


@pytest.mark.parametrize(("response", "times", "reason"), RULES, ids=[reason for _, _, reason in RULES])
def test_a_run_ends_after_so_many_of_one_kind_and_not_before(response: Exchange, times: int, reason: str) -> None:
    assert abort_reason([response] * (times - 1)) is None
    assert reason in (abort_reason([response] * times) or "")


def test_the_reason_is_that_of_the_last_response() -> None:
    assert "Status 503" in (abort_reason([exchange(status, b"<html>", HTML) for status in (502, 503)]) or "")
    assert "returned 405" in (abort_reason([exchange(status) for status in (404, 404, 404, 404, 405)]) or "")
    assert abort_reason([exchange(500), *[exchange(404)] * 4]) is None, "an older response of another kind counts"
    assert "returned 404" in (abort_reason([exchange(500), *[exchange(404)] * 5]) or "")


def test_only_the_latest_responses_count() -> None:
    assert abort_reason([exchange(500), exchange(404), REFUSED, REFUSED]) is not None
    assert abort_reason([REFUSED, exchange(404), REFUSED]) is None


@pytest.mark.parametrize("status", [200, 400, 403, 422])
def test_a_response_that_an_api_gives_never_ends_a_run(status: int) -> None:
    assert abort_reason([exchange(status)] * 50) is None


def test_without_a_key_the_reason_is_the_missing_key() -> None:
    rejected = [exchange(401)] * 2
    assert abort_reason(rejected) == KEY_REJECTED
    assert abort_reason(rejected, has_key=False) == KEY_MISSING


@pytest.mark.parametrize(
    "response",
    [
        exchange(429, {"error": {}}, (*JSON, ("server", "cloudflare"), ("cf-ray", "8"))),
        exchange(200, b"x", CLOUDFLARE),
        exchange(404, b"not found", CLOUDFLARE),
        exchange(522, b"error", TEXT),
        exchange(500, b"an error code: 1015", TEXT),
        REFUSED,
    ],
)
def test_a_response_of_the_api_behind_cloudflare_is_not_one_of_cloudflare(response: Exchange) -> None:
    assert cloudflare_reason(response) is None


def test_without_a_key_other_reasons_stay() -> None:
    assert "connection refused" in (abort_reason([REFUSED] * 2, has_key=False) or "")


@pytest.mark.parametrize(
    ("response", "usable"),
    [
        (exchange(200), True),
        (exchange(204, b""), False),
        (exchange(200, b"<html>"), False),
        (exchange(404), False),
        (REFUSED, False),
    ],
)
def test_usable_is_success_with_json(response: Exchange, usable: bool) -> None:
    assert is_api_response(response) is usable


@pytest.mark.parametrize("failure", UNREACHABLE)
def test_four_failed_connections_in_a_row_end_a_run_that_had_responses(failure: Failure) -> None:
    failed = exchange(None, failure=failure)
    assert connection_lost_reason([exchange(200), *[failed] * 3]) is None
    reason = connection_lost_reason([exchange(200), *[failed] * 4]) or ""
    assert "can no longer be reached" in reason
    assert UNREACHABLE[failure] in reason


def test_slow_responses_are_no_lost_connection() -> None:
    assert connection_lost_reason([exchange(None, failure=Failure.READ_TIMEOUT)] * 9) is None


def test_a_response_in_between_is_no_lost_connection() -> None:
    assert connection_lost_reason([REFUSED, REFUSED, exchange(200), REFUSED, REFUSED]) is None


def test_a_target_that_gave_a_usable_response_does_not_refuse_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mcp` and `sdk` ask after each request: two refused operations among many verified ones are no refused key."""
    refused = exchange(401, {"error": {"type": "unauthorized"}})
    assert abort_reason([refused] * 2) == KEY_REJECTED
    assert abort_reason([exchange(200, {"id": "x"}), refused, refused]) is None
    lost = [exchange(None, failure=Failure.CONNECT)] * 4
    assert "no longer" in (abort_reason([exchange(200, {"id": "x"}), *lost]) or "")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, b"error code: 1010", "403 from Cloudflare (1010): the client is blocked."),
        (403, b"error code: 1020", "403 from Cloudflare (1020): access denied by a firewall rule."),
        (429, b"error code: 1015", "429 from Cloudflare (1015): rate limited. Wait, or lower --rate."),
        (530, b"error code: 1016", "530 from Cloudflare (1016): the host name of the origin does not resolve."),
        (530, b"error code: 9999", "530 from Cloudflare (9999): the request failed."),
        (403, b"", "403 from Cloudflare: access denied."),
        (429, b"", "429 from Cloudflare: rate limited. Wait, or lower --rate."),
        (520, b"", "520 from Cloudflare: the origin gives an invalid response."),
        (521, b"", "521 from Cloudflare: the origin refuses the connection."),
        (522, b"", "522 from Cloudflare: the origin does not answer."),
        (523, b"", "523 from Cloudflare: the origin is unreachable."),
        (524, b"", "524 from Cloudflare: the origin takes too long to answer."),
        (525, b"", "525 from Cloudflare: the TLS handshake with the origin fails."),
        (526, b"", "526 from Cloudflare: the certificate of the origin is invalid."),
        (404, b"", None),
        (500, b"", None),
        (200, b"", None),
        (403, b"{}", None),
    ],
)
def test_what_a_status_of_cloudflare_means(status: int, body: bytes, reason: str | None) -> None:
    assert cloudflare_reason(exchange(status, body, CLOUDFLARE)) == reason
    assert cloudflare_reason(exchange(status, body, (*TEXT, ("cf-ray", "7d1")))) == reason
    other = (*TEXT, ("server", "nginx"))
    assert cloudflare_reason(exchange(status, body, other)) == (reason if body.startswith(b"error code") else None)


def test_a_target_that_did_respond_is_lost_after_four_failed_connections() -> None:
    assert connection_lost_reason([exchange(), REFUSED, REFUSED, REFUSED]) is None
    assert connection_lost_reason([exchange(), *[REFUSED] * 4]) == (
        "The target can no longer be reached: connection refused. Check the base URL, and that the API runs there."
    )
    assert abort_reason([exchange(), *[REFUSED] * 4]) == connection_lost_reason([REFUSED] * 4)
    slow = exchange(None, failure=Failure.READ_TIMEOUT)
    assert connection_lost_reason([REFUSED, slow, REFUSED, REFUSED]) is None


def test_the_key_was_rejected_or_is_missing() -> None:
    assert abort_reason([exchange(401)] * 2) == KEY_REJECTED
    assert abort_reason([exchange(401)] * 2, has_key=False) == KEY_MISSING
    assert [is_api_response(one) for one in (exchange(), exchange(204, b""), exchange(404), REFUSED)] == [
        True, False, False, False,
    ]  # fmt: skip
