"""What may leave: one decision on plain values, the same for every HTTP library that asks.

The rule is an allow-list. A URL has to begin, letter for letter, with the target's base URL, and what follows
has to be a path that the contract documents for the method. So a userinfo, another port, an absolute form or
a protocol change cannot pass, because none of them begins with the base URL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

from whopwatch.config import Target
from whopwatch.contract import Contract, Operation

_HIDDEN_SEPARATOR = re.compile(r"%2f|%5c|\\", re.IGNORECASE)
_UNSAFE_CHARACTER = re.compile(r"[^!-~]")
_OVERRIDE_HEADER = re.compile(
    r"method|override|rewrite|original-ur[il]|^upgrade$|^http2-settings$", re.IGNORECASE
)
_OVERRIDE_PARAMETERS = frozenset({"_method", "_httpmethod", "x-http-method-override"})


class Guard:
    """Decides for one target and contract. A read-only target is sent nothing but documented GETs."""

    def __init__(self, target: Target, contract: Contract) -> None:
        bases = {"v1": target.base_url, "v2": target.v2_base_url}
        self._bases = {api: str(httpx.URL(base)).rstrip("/") for api, base in bases.items()}
        self._hosts = {urlsplit(base).netloc for base in self._bases.values()}
        self._writable = target.writable and not target.is_production
        self._contract = contract
        self._find = lru_cache(maxsize=1024)(self._match)

    def operation(self, method: str, url: str) -> Operation | None:
        """The documented operation that `method` and `url` call at the target, or None."""
        return self._find(method, url.partition("?")[0])

    def refuse(self, method: str, url: str, headers: Mapping[str, str], has_body: bool) -> str | None:
        """Why this request must not be sent, or None. The reason holds no value of the request.

        `url` is the one that will really be sent, without a fragment; `headers` are all that will be sent,
        but for those that the HTTP library adds to frame the message.
        """
        path = url.partition("?")[0]
        return (
            self._refuse_method(method, has_body)
            or self._refuse_url(url)
            or _refuse_path(path)
            or _refuse_query(url)
            or self._refuse_headers(headers)
            or (None if self._find(method, path) else "the contract documents no such path for this method")
        )

    def _refuse_method(self, method: str, has_body: bool) -> str | None:
        if method != "GET" and not self._writable:
            return "the target is read-only, and the method is not GET"
        if method == "GET" and has_body:
            return "a GET carries no body"
        return None

    def _refuse_url(self, url: str) -> str | None:
        if not url.startswith(tuple(f"{base}/" for base in self._bases.values())):
            return "the URL is not below the target's base URL"
        if _UNSAFE_CHARACTER.search(url) or "#" in url:
            return "the URL holds a character that a URL cannot hold"
        return None

    def _refuse_headers(self, headers: Mapping[str, str]) -> str | None:
        for name, value in headers.items():
            if _OVERRIDE_HEADER.search(name):
                return "a header asks the server for another method, path or protocol"
            if name.lower() == "host" and value not in self._hosts:
                return "the Host header names another host than the target's"
            if any(character in value for character in "\r\n\0"):
                return "a header's value holds a line break"
        return None

    def _match(self, method: str, path: str) -> Operation | None:
        for api, base in self._bases.items():
            if path.startswith(f"{base}/"):
                operation = self._contract.match(method, path.removeprefix(base), api)
                if operation:
                    return operation
        return None


def _refuse_path(path: str) -> str | None:
    if _HIDDEN_SEPARATOR.search(path):
        return "the path holds an encoded separator"
    segments = urlsplit(path).path.split("/")[1:]
    if any(unquote(segment) in ("", ".", "..") for segment in segments):
        return "the path holds an empty or a dot segment"
    return None


def _refuse_query(url: str) -> str | None:
    names = (name.lower() for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True))
    if not _OVERRIDE_PARAMETERS.isdisjoint(names):
        return "a query parameter asks the server for another method"
    return None
