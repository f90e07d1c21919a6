"""From an archive's entries to exchanges: those of documented operations at the API's own address."""

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
from whopwatch.har.paths import read_path
from whopwatch.har.purpose import purpose_of
from whopwatch.har.read import Archive, Entry
from whopwatch.har.recording import Recording
from whopwatch.http import Limits

FOREIGN = "other hosts"
PREFLIGHT = "preflights (OPTIONS)"
NO_ANSWER = "no answer"
NO_BODY = "the answer's body was not recorded"
CACHED = "answers out of a cache (304)"
LIMITED = "rate limited (429): the recording does not show what was asked before it"

_WORD = re.compile(r"[a-z][a-z_-]{0,39}|v\d{1,2}")


class _IgnoredError(Exception):
    """An entry that says nothing about the API; the text is the reason."""


def recover(contract: Contract, archive: Archive, bases: Sequence[tuple[str, str]]) -> Recording:
    """The exchanges in `archive` at one of `bases`, pairs of an API (`v1`, `v2`) and its base URL.

    An entry that a run of ours wrote says itself what it was asked for; of any other that is read out of its query.
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
        except _IgnoredError as reason:
            ignored[str(reason)] += 1
    return Recording(tuple(exchanges), ignored, unmatched, archive.facts)


def _operation(
    contract: Contract, entry: Entry, bases: Sequence[tuple[str, str]]
) -> tuple[Operation, dict[str, str]] | None:
    address = entry.url.partition("#")[0].partition("?")[0]
    for api, base in bases:
        if address.startswith(f"{base}/"):
            path = address.removeprefix(base)
            operation = contract.match(entry.method, path, api)
            if operation:
                return operation, read_path(operation, path)[1]
    return None


def _refuse_foreign(entry: Entry, bases: Sequence[tuple[str, str]]) -> None:
    if not any(entry.url.startswith(f"{_origin(base)}/") for _, base in bases):
        raise _IgnoredError(FOREIGN)
    if entry.method == "OPTIONS":
        raise _IgnoredError(PREFLIGHT)


def _origin(base: str) -> str:
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}"


def _shown(entry: Entry, bases: Sequence[tuple[str, str]]) -> str:
    """Method and path of a request that no operation matches; what may be an id, or anybody's data, is a `*`."""
    origin = next(_origin(base) for _, base in bases if entry.url.startswith(f"{_origin(base)}/"))
    path = entry.url.removeprefix(origin).partition("#")[0].partition("?")[0]
    segments = [segment if _WORD.fullmatch(segment) else "*" for segment in path.split("/")[1:8]]
    method = entry.method if entry.method.isalpha() and len(entry.method) < 10 else "*"
    return f"{method} /{'/'.join(segments)}"


def _exchange(operation: Operation, path_params: dict[str, str], entry: Entry) -> Exchange:
    """One entry as an exchange.

    Whether a foreign request that was refused was right, and its key, nobody knows. It counts as one without a key, of
    which just the form of the error is held against the contract.
    """
    query = tuple(_query(entry))
    status = entry.response.get("status")
    failure = _member(Failure, entry.own.get("failure"))
    headers = tuple(_headers(entry))
    body = b""
    if failure is None:
        if not isinstance(status, int) or not 100 <= status <= 599:
            raise _IgnoredError(NO_ANSWER)
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


def _query(entry: Entry) -> list[tuple[str, str]]:
    text = entry.url.partition("#")[0].partition("?")[2]
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=500)
    except ValueError:
        raise _IgnoredError("more query parameters than anything documented") from None


def _headers(entry: Entry) -> list[tuple[str, str]]:
    """The response's headers; an archive of HTTP/2 may hold pseudo headers, which are none."""
    given = entry.response.get("headers")
    pairs = [header for header in given if isinstance(header, Mapping)] if isinstance(given, list) else []
    return [
        (str(header.get("name", "")).lower(), str(header.get("value", "")))
        for header in pairs
        if not str(header.get("name", "")).startswith(":")
    ]


def _body(entry: Entry, status: int) -> bytes:
    """The answer's body. Exports leave some out: then its size is more than what is there of it."""
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


def _credential(entry: Entry) -> Credential:
    """Of a foreign entry the key is unknown: exports leave it out. It counts as the right one."""
    given = entry.own.get("credential")
    return cast("Credential", given) if given in get_args(Credential) else "key"


def _member(kind: type[Failure], value: object) -> Failure | None:
    return kind(value) if isinstance(value, str) and value in list(kind) else None


def _phases(timings: Mapping[str, Any]) -> Phases:
    """HAR counts in milliseconds, -1 for what did not happen, and TLS as a part of connecting."""
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
