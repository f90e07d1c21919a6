"""Recover exchanges from the entries of an archive: requests of documented operations at the API's base URL."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast, get_args
from urllib.parse import parse_qsl, urlsplit

from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Credential, Exchange, Failure, Phases, Purpose
from whopwatch.core.strict_json import BodyProblem, parse_json
from whopwatch.har.read import Archive, HarEntry
from whopwatch.har.recording import Recording, match_path
from whopwatch.http import Limits

OTHER_HOST = "other hosts"
PREFLIGHT = "preflights (OPTIONS)"
NO_RESPONSE = "no response"
NO_BODY = "the response body was not recorded"
CACHED = "responses from a cache (304)"
LIMITED = "rate limited (429): the recording does not show the requests before it"

_WORD = re.compile(r"[a-z][a-z_-]{0,39}|v\d{1,2}")


class _IgnoredError(Exception):
    """An entry that says nothing about the API; the message is the reason."""


def recover(contract: Contract, archive: Archive, bases: Sequence[tuple[str, str]]) -> Recording:
    """Return the exchanges in `archive` at one of `bases`, pairs of an API (`v1`, `v2`) and its base URL.

    An entry that whopwatch wrote names its purpose; that of any other is derived from its query.
    """
    exchanges: list[Exchange] = []
    ignored: Counter[str] = Counter()
    unmatched: Counter[str] = Counter()
    for entry in archive.entries:
        found = _operation(contract, entry, bases)
        try:
            if found is None:
                _refuse_foreign(entry, bases)
                unmatched[_shown(entry, bases)] += 1
            else:
                exchanges.append(_exchange(*found, entry))
                exchanges[-1].forget_large_body()
        except _IgnoredError as reason:
            ignored[str(reason)] += 1
    return Recording(tuple(exchanges), ignored, unmatched, archive.facts)


def _operation(
    contract: Contract, entry: HarEntry, bases: Sequence[tuple[str, str]]
) -> tuple[Operation, dict[str, str]] | None:
    address = entry.url.partition("#")[0].partition("?")[0]
    for api, base in bases:
        if address.startswith(f"{base}/"):
            path = address.removeprefix(base)
            operation = contract.match(entry.method, path, api)
            if operation:
                return operation, match_path(operation, path)[1]
    return None


def _refuse_foreign(entry: HarEntry, bases: Sequence[tuple[str, str]]) -> None:
    if not any(entry.url.startswith(f"{_origin(base)}/") for _, base in bases):
        raise _IgnoredError(OTHER_HOST)
    if entry.method == "OPTIONS":
        raise _IgnoredError(PREFLIGHT)


def _origin(base: str) -> str:
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}"


def _shown(entry: HarEntry, bases: Sequence[tuple[str, str]]) -> str:
    """Return method and path of a request that matches no operation; a `*` replaces what may be personal data."""
    origin = next(_origin(base) for _, base in bases if entry.url.startswith(f"{_origin(base)}/"))
    path = entry.url.removeprefix(origin).partition("#")[0].partition("?")[0]
    segments = [segment if _WORD.fullmatch(segment) else "*" for segment in path.split("/")[1:8]]
    method = entry.method if entry.method.isalpha() and len(entry.method) < 10 else "*"
    return f"{method} /{'/'.join(segments)}"


def _exchange(operation: Operation, path_params: dict[str, str], entry: HarEntry) -> Exchange:
    """Return one entry as an exchange.

    A rejected request of another program may have been wrong or without a key, so it counts as one without a key: only
    the form of its error is checked.
    """
    query = tuple(_query(entry))
    status = entry.response.get("status")
    failure = _member(Failure, entry.own.get("failure"))
    headers = tuple(_headers(entry))
    body = b""
    if failure is None:
        if not isinstance(status, int) or not 100 <= status <= 599:
            raise _IgnoredError(NO_RESPONSE)
        if not entry.own and status in (304, 429):
            raise _IgnoredError(CACHED if status == 304 else LIMITED)
        body = _body(entry, status)
    refused = not entry.own and isinstance(status, int) and 400 <= status < 500
    return Exchange(
        operation=operation.id,
        purpose=Purpose.RETRIEVE if refused else purpose_of(operation, query, entry.own.get("purpose")),
        method=entry.method,
        url=entry.url,
        path_params=path_params,
        query=query,
        request_body=parse_json(entry.sent.encode("utf-8", "surrogatepass"))[0] if entry.sent else None,
        credential="none" if refused else _credential(entry),
        status=status if failure is None else None,
        headers=headers,
        body=body,
        failure=failure,
        phases=_phases(entry.timings),
        started_at=_time(entry.started),
        attempt=int(entry.own["attempt"]) if isinstance(entry.own.get("attempt"), int) else 1,
    )


def _query(entry: HarEntry) -> list[tuple[str, str]]:
    text = entry.url.partition("#")[0].partition("?")[2]
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=500)
    except ValueError:
        raise _IgnoredError("more query parameters than anything documented") from None


def _headers(entry: HarEntry) -> list[tuple[str, str]]:
    """Return the headers of the response, without the pseudo headers of HTTP/2."""
    given = entry.response.get("headers")
    pairs = [header for header in given if isinstance(header, Mapping)] if isinstance(given, list) else []
    return [
        (str(header.get("name", "")).lower(), str(header.get("value", "")))
        for header in pairs
        if not str(header.get("name", "")).startswith(":")
    ]


def _body(entry: HarEntry, status: int) -> bytes:
    """Return the body. Exports omit some: then the declared size exceeds the text."""
    given = entry.response.get("content")
    content: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    text, size = content.get("text"), content.get("size")
    if not isinstance(text, str):
        if size == 0 or status in (204, 205):
            return b""
        raise _IgnoredError(NO_BODY)
    body = _decoded(text) if content.get("encoding") == "base64" else text.encode("utf-8", "surrogatepass")
    if len(body) > Limits().body_bytes:
        raise _IgnoredError(f"a body of more than {Limits().body_bytes >> 20} MiB")
    if isinstance(size, int) and len(body) < size and parse_json(body)[1] in (BodyProblem.NOT_JSON, BodyProblem.EMPTY):
        raise _IgnoredError(NO_BODY)
    return body


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _IgnoredError(NO_BODY) from None


def _credential(entry: HarEntry) -> Credential:
    """Return the credential. Exports of other programs omit the key; the target's own key is assumed."""
    given = entry.own.get("credential")
    return cast("Credential", given) if given in get_args(Credential) else "key"


def _member(kind: type[Failure], value: object) -> Failure | None:
    return kind(value) if isinstance(value, str) and value in list(kind) else None


def _phases(timings: Mapping[str, Any]) -> Phases:
    """Convert HAR timings: milliseconds, -1 for a phase that did not happen, `connect` includes TLS."""
    dns, connect, tls = (_seconds(timings.get(name)) for name in ("dns", "connect", "ssl"))
    wait, receive = _seconds(timings.get("wait")), _seconds(timings.get("receive"))
    rest = [_seconds(timings.get(name)) for name in ("blocked", "send")]
    total = sum(part for part in (dns, connect, wait, receive, *rest) if part is not None)
    if connect is not None and tls is not None:
        connect = max(connect - tls, 0.0)
    return Phases(dns=dns, connect=connect, tls=tls, ttfb=wait, transfer=receive, total=total)


def _seconds(milliseconds: object) -> float | None:
    is_number = isinstance(milliseconds, (int, float)) and not isinstance(milliseconds, bool)
    return milliseconds / 1000 if is_number and 0 <= milliseconds < 1e9 else None  # type: ignore[operator]


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def purpose_of(operation: Operation, query: tuple[tuple[str, str], ...], own: object = None) -> Purpose:
    """Return the purpose that a request of a plan would have had; `own` is the purpose that whopwatch recorded.

    A write counts as an experiment: nothing says that it should have succeeded.
    """
    if isinstance(own, str) and own in list(Purpose):
        return Purpose(own)
    given = {name for name, _ in query}
    if not operation.is_read:
        return Purpose.QUERY
    if not operation.is_list:
        return Purpose.RETRIEVE if given <= _documented(operation) else Purpose.QUERY
    if any(name in ("first", "last") and not _is_size(text) for name, text in query) or {"first", "last"} <= given:
        return Purpose.INVALID_SIZE
    if given - {"first", "last", "after", "before"} - {parameter.name for parameter in operation.required_query}:
        return Purpose.QUERY
    if given & {"before", "last"}:
        return Purpose.PREVIOUS_PAGE
    return Purpose.NEXT_PAGE if "after" in given else Purpose.LIST


def _documented(operation: Operation) -> set[str]:
    return {parameter.name for parameter in operation.in_("query")}


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) < 6 and int(text) > 0
