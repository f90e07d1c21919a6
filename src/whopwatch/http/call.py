"""What a plan asks for, before it is a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from whopwatch.config import Target
from whopwatch.contract import Operation
from whopwatch.core.exchange import Credential, Purpose


@dataclass(frozen=True)
class Call:
    """One request of an operation, not yet sent.

    `path_params` and `query` hold plain text; they are percent-encoded when the URL is made. The order of
    `query` is the order on the wire. `body` is anything JSON can express, None for no body. `template` is one
    of the operation's documented paths where it shall not be the first one. `headers` are sent as they are.
    """

    operation: Operation
    purpose: Purpose
    path_params: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    credential: Credential = "key"
    headers: tuple[tuple[str, str], ...] = ()
    template: str | None = None


def url_of(call: Call, target: Target) -> str:
    """The whole URL of `call` at `target`; the same call always gives the same text.

    Raises KeyError where a parameter of the path has no value.
    """
    base = target.base_url if call.operation.api == "v1" else target.v2_base_url
    values = {name: quote(value, safe="", errors="surrogatepass") for name, value in call.path_params.items()}
    path = call.operation.fill(values, call.template)
    if not call.query:
        return base + path
    return f"{base}{path}?{urlencode(call.query, safe='', errors='surrogatepass', quote_via=quote)}"
