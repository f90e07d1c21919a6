"""When a target is no target: the first answers tell, and no more requests are spent on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whopwatch.core.exchange import Exchange, Failure

KEY_REFUSED = "the key was refused (401): check that it is valid, and of this environment"
NO_KEY = "there was no key to ask with, and the API wants one (401): set WHOP_API_KEY"
INTERRUPTED = "interrupted before the run was complete"

UNREACHABLE = {
    Failure.DNS: "its host name does not resolve",
    Failure.CONNECT: "nothing accepts connections there",
    Failure.PROXY: "the proxy does not let the connection through",
    Failure.TLS: "no encrypted connection can be made",
    Failure.CONNECT_TIMEOUT: "no connection is made in time",
}


@dataclass(frozen=True, slots=True)
class Sign:
    """`times` answers in a row of this kind, and not one of use before them, end a run. `reason` is for a person."""

    times: int
    matches: Callable[[Exchange], bool]
    reason: Callable[[Exchange], str]


def _is_html(exchange: Exchange) -> bool:
    return exchange.media_type in ("text/html", "application/xhtml+xml")


def _redirects(exchange: Exchange) -> bool:
    return exchange.status is not None and 300 <= exchange.status < 400


def _has_json(exchange: Exchange) -> bool:
    return exchange.status is not None and exchange.parsed[1] is None


SIGNS = (
    Sign(
        2,
        lambda exchange: exchange.failure in UNREACHABLE,
        lambda exchange: f"the target cannot be reached: {UNREACHABLE[exchange.failure or Failure.CONNECT]}",
    ),
    Sign(2, lambda exchange: exchange.status == 401 and _has_json(exchange), lambda _: KEY_REFUSED),
    Sign(2, _redirects, lambda _: "it redirects elsewhere (not followed): is this the API's base URL?"),
    Sign(2, _is_html, lambda _: "it answers HTML: is this the API's base URL?"),
    Sign(
        3,
        lambda exchange: exchange.status is not None and not _has_json(exchange),
        lambda _: "it answers no JSON: is this the API's base URL?",
    ),
    Sign(3, lambda exchange: exchange.failure is not None, lambda _: "no request was answered"),
    Sign(
        5,
        lambda exchange: exchange.status in (404, 405),
        lambda _: "it finds nothing that was asked for (404): is this the API's base URL, and the company's id right?",
    ),
    Sign(5, lambda exchange: (exchange.status or 0) >= 500, lambda _: "it fails whatever is asked (5xx)"),
    Sign(
        8,
        lambda exchange: exchange.status == 429,
        lambda _: "it refuses further requests (429): wait, or lower --rate",
    ),
)


def is_answer(exchange: Exchange) -> bool:
    """Whether this is what only an API says: success, and JSON."""
    return exchange.ok and _has_json(exchange)


def useless(exchanges: Sequence[Exchange], *, has_key: bool = True) -> str | None:
    """Why nothing more is worth asking a target that has never given an answer of use, or None.

    `has_key` is whether requests carried one.
    """
    for sign in SIGNS:
        if len(exchanges) >= sign.times and all(map(sign.matches, exchanges[-sign.times :])):
            reason = sign.reason(exchanges[-1])
            return NO_KEY if reason == KEY_REFUSED and not has_key else reason
    return None


LOST_AFTER = 4


def lost(exchanges: Sequence[Exchange]) -> str | None:
    """Why a target that did answer is given up: it has stopped being reachable."""
    last = exchanges[-LOST_AFTER:]
    if len(last) == LOST_AFTER and all(exchange.failure in UNREACHABLE for exchange in last):
        return f"the target can no longer be reached: {UNREACHABLE[last[-1].failure or Failure.CONNECT]}"
    return None
