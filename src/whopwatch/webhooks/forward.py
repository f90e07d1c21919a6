"""Passing verified deliveries on, byte for byte, to the handler that they are meant for."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from whopwatch.core.errors import UsageError
from whopwatch.signature import HEADERS
from whopwatch.webhooks.delivery import Delivery

PASSED = frozenset({*HEADERS, "content-type", "user-agent"})
UNREACHABLE = 502
TOO_SLOW = 504


def receiver_url(text: str, option: str) -> str:
    """`text` as the URL of a receiver; raises UsageError for anything else, and for Whop's own hosts."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host or not text.isprintable() or " " in text:
        raise UsageError(
            "Deliveries cannot be sent to this address.",
            where=f"option {option}",
            expected="a URL such as http://127.0.0.1:8000/webhooks",
            got="something else",
        )
    if host == "whop.com" or host.endswith(".whop.com"):
        raise UsageError(
            "Deliveries are for receivers, and this is Whop itself.",
            where=f"option {option}",
            expected="the address of a handler of your own",
            got=host,
        )
    return text


class Forward:
    """Sends deliveries to `url`; redirects are not followed, and of the answer nothing but the status is looked at.

    To be used on one event loop. `seconds` is how long the handler has.
    """

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._client = httpx.AsyncClient(timeout=seconds, trust_env=False, limits=httpx.Limits(max_connections=100))

    async def __call__(self, delivery: Delivery) -> int:
        """The handler's status; 502 or 504 where it gives none."""
        headers = [(name, value) for name, value in delivery.headers if name in PASSED]
        try:
            async with self._client.stream("POST", self._url, content=delivery.body, headers=headers) as response:
                return response.status_code if response.status_code >= 200 else UNREACHABLE
        except httpx.TimeoutException:
            return TOO_SLOW
        except httpx.HTTPError:
            return UNREACHABLE
