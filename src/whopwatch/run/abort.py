"""Abort early if the first responses show that the target is unreachable, misaddressed or rejects the key."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whopwatch.checks.responses import FAILURES
from whopwatch.core.exchange import Exchange, Failure
from whopwatch.core.strict_json import MAX_BODY_VALUES, BodyProblem

KEY_REJECTED = "The API rejected the key (401). Check that the key is valid and belongs to this environment."
KEY_MISSING = "The API requires a key (401) and none was sent. Set WHOP_API_KEY."

UNREACHABLE = {
    Failure.DNS: "its host name does not resolve",
    Failure.CONNECT: "connection refused",
    Failure.PROXY: "the proxy rejects the connection",
    Failure.TLS: "the TLS handshake fails",
    Failure.CONNECT_TIMEOUT: "the connection times out",
}
"""Failures before a request was sent, each in words."""
_WHAT_TO_CHECK = {
    Failure.DNS: "Check the host name of the base URL",
    Failure.PROXY: "Check HTTPS_PROXY and NO_PROXY",
    Failure.TLS: "Check the base URL, and the certificates of this machine",
}
_UNUSABLE = frozenset(
    {Failure.INCOMPLETE, Failure.PROTOCOL, Failure.ENCODING, Failure.TOO_LARGE, Failure.HEADERS_TOO_LARGE}
)
"""Failures after a response began."""


@dataclass(frozen=True, slots=True)
class AbortRule:
    """End a run after `times` responses in a row that match, if no usable one came before them."""

    times: int
    matches: Callable[[Exchange], bool]
    reason: Callable[[Exchange], str]


def _is_html(exchange: Exchange) -> bool:
    return exchange.media_type in ("text/html", "application/xhtml+xml")


def _is_redirect(exchange: Exchange) -> bool:
    return exchange.status is not None and 300 <= exchange.status < 400


def _is_json(exchange: Exchange) -> bool:
    return exchange.status is not None and exchange.parsed[1] is None


_CLOUDFLARE_CODE = re.compile(rb"^error code: (\d{3,4})\b")
_CLOUDFLARE_CODES = {
    1010: "the client is blocked",
    1015: "rate limited. Wait, or lower --rate",
    1016: "the host name of the origin does not resolve",
    1020: "access denied by a firewall rule",
}
_CLOUDFLARE_STATUSES = {
    403: "access denied",
    429: "rate limited. Wait, or lower --rate",
    520: "the origin gives an invalid response",
    521: "the origin refuses the connection",
    522: "the origin does not answer",
    523: "the origin is unreachable",
    524: "the origin takes too long to answer",
    525: "the TLS handshake with the origin fails",
    526: "the certificate of the origin is invalid",
}


def cloudflare_reason(exchange: Exchange) -> str | None:
    """Return what a response of Cloudflare itself means, status first; None for a response of the API behind it."""
    if exchange.ok or exchange.status is None or _is_json(exchange):
        return None
    if exchange.header("cf-mitigated") == "challenge":
        return f"{exchange.status} from Cloudflare, cf-mitigated: challenge: it demands a browser check of this client."
    code = _CLOUDFLARE_CODE.search(exchange.body[:1000])
    servers = [value.strip().lower() for name, value in exchange.headers if name == "server"]
    is_named = "cloudflare" in servers or exchange.header("cf-ray")
    if not (is_named or code) or (exchange.status not in _CLOUDFLARE_STATUSES and not code):
        return None
    number = int(code[1]) if code and int(code[1]) != exchange.status else None
    meaning = _CLOUDFLARE_CODES.get(number or 0) or _CLOUDFLARE_STATUSES.get(exchange.status, "the request failed")
    return f"{exchange.status} from Cloudflare{f' ({number})' if number else ''}: {meaning}."


def _unreadable_reason(exchange: Exchange) -> str:
    """Return why a response that is not JSON cannot be used, status first."""
    problem = exchange.parsed[1]
    if exchange.body.startswith(codecs.BOM_UTF8):
        return f"Status {exchange.status}: responses start with a UTF-8 byte order mark, which JSON does not allow."
    if problem is BodyProblem.TOO_MANY_VALUES:
        return f"Status {exchange.status}: responses have more than {MAX_BODY_VALUES:,} values, so none was checked."
    if (exchange.status or 0) >= 500:
        return f"Status {exchange.status}: the target returns no JSON. It is down, or a proxy before it is failing."
    return f"Status {exchange.status}: the target returns something other than JSON. Check the base URL."


def _html_reason(exchange: Exchange) -> str:
    if (exchange.status or 0) >= 500:
        return f"Status {exchange.status}: the target returns an HTML page: maintenance, or a failing proxy before it."
    return f"Status {exchange.status}: the target returns HTML, not JSON. Check the base URL."


def _sentence_of(exchange: Exchange) -> str:
    return FAILURES[exchange.failure or Failure.PROTOCOL][0].sentence


def _unreachable_reason(exchange: Exchange, what: str) -> str:
    failure = exchange.failure or Failure.CONNECT
    check = _WHAT_TO_CHECK.get(failure, "Check the base URL, and that the API runs there")
    return f"The target {what}: {UNREACHABLE[failure]}. {check}."


# Ordered: the first rule that matches gives the reason, so the specific ones come first.
ABORT_RULES = (
    AbortRule(
        2,
        lambda exchange: exchange.failure in UNREACHABLE,
        lambda exchange: _unreachable_reason(exchange, "cannot be reached"),
    ),
    AbortRule(2, lambda one: cloudflare_reason(one) is not None, lambda one: cloudflare_reason(one) or ""),
    AbortRule(2, lambda exchange: exchange.status == 401 and _is_json(exchange), lambda _: KEY_REJECTED),
    AbortRule(
        2,
        _is_redirect,
        lambda one: f"The target redirects elsewhere ({one.status}); redirects are not followed. Check the base URL.",
    ),
    AbortRule(2, _is_html, _html_reason),
    AbortRule(
        3,
        lambda exchange: exchange.status is not None and not _is_json(exchange),
        _unreadable_reason,
    ),
    AbortRule(
        3,
        lambda exchange: exchange.failure in _UNUSABLE,
        lambda one: f"No response can be read: {_sentence_of(one)}. Check the base URL.",
    ),
    AbortRule(
        3,
        lambda exchange: exchange.failure is not None,
        lambda _: "No request got a response. Check the base URL and the network.",
    ),
    AbortRule(
        5,
        lambda exchange: exchange.status in (404, 405),
        lambda one: f"Every request returned {one.status}. Check the base URL and WHOP_COMPANY_ID.",
    ),
    AbortRule(
        5,
        lambda exchange: (exchange.status or 0) >= 500,
        lambda one: f"Every request returned a server error ({one.status}). Run it again later, or check the base URL.",
    ),
    AbortRule(
        8,
        lambda exchange: exchange.status == 429,
        lambda _: "Every request was rate limited (429). Wait, or lower --rate.",
    ),
)


def is_api_response(exchange: Exchange) -> bool:
    """Return whether the response is one that only an API gives: a success status and JSON."""
    return exchange.ok and _is_json(exchange)


def abort_reason(exchanges: Sequence[Exchange], *, has_key: bool = True) -> str | None:
    """Return why a target is not worth another request, or None.

    The rules apply to a target that never gave a usable response: what it refuses later it refuses to single
    operations. `has_key` is whether the requests carried a key.
    """
    if any(map(is_api_response, exchanges)):
        return connection_lost_reason(exchanges)
    for rule in ABORT_RULES:
        if len(exchanges) >= rule.times and all(map(rule.matches, exchanges[-rule.times :])):
            reason = rule.reason(exchanges[-1])
            return KEY_MISSING if reason == KEY_REJECTED and not has_key else reason
    return None


LOST_AFTER = 4
"""Connection failures in a row after which a target that did respond is given up."""


def connection_lost_reason(exchanges: Sequence[Exchange]) -> str | None:
    """Return why a target that did respond is given up: the last requests could not connect. None if it is not."""
    last = exchanges[-LOST_AFTER:]
    if len(last) == LOST_AFTER and all(exchange.failure in UNREACHABLE for exchange in last):
        return _unreachable_reason(last[-1], "can no longer be reached")
    return None
