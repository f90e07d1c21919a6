"""A call: one request of an operation that was not sent yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from whopwatch.config import Target
from whopwatch.contract import Operation
from whopwatch.core.exchange import Credential, Purpose


@dataclass(frozen=True)
class Call:
    """One request of an operation that was not sent yet.

    `path_params` and `query` contain plain text, which `url_of` percent-encodes. The order of `query` is the order in
    the URL. `body` is any JSON value, None for no body. `template` is a documented path of the operation other than its
    first. `headers` are sent unchanged.
    """

    operation: Operation
    purpose: Purpose
    path_params: Mapping[str, str] = field(default_factory=dict)
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    credential: Credential = "key"
    headers: tuple[tuple[str, str], ...] = ()
    template: str | None = None


_USABLE_ID = re.compile(r"[A-Za-z0-9_~:@+=.-]{1,128}")


def is_usable(id: str) -> bool:
    """Return whether an id of a response can be put into a path: short, printable, and no way up or down."""
    return _USABLE_ID.fullmatch(id) is not None and id.strip(".") != ""


def url_of(call: Call, target: Target) -> str:
    """Return the URL of `call` at `target`; equal calls have equal URLs.

    Raise KeyError if a path parameter has no value.
    """
    base = target.base_url if call.operation.api == "v1" else target.v2_base_url
    values = {name: quote(value, safe="", errors="surrogatepass") for name, value in call.path_params.items()}
    path = call.operation.fill(values, call.template)
    if not call.query:
        return base + path
    return f"{base}{path}?{urlencode(call.query, safe='', errors='surrogatepass', quote_via=quote)}"
