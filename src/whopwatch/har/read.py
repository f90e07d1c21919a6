"""Read any HAR file within bounds, and recover the exchanges of documented operations from its entries."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from whopwatch.contract import Contract, Operation
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.loader import is_version
from whopwatch.core.documents import read_bounded
from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Credential, Exchange, Failure, Phases, Purpose
from whopwatch.core.strict_json import BodyProblem, parse_json
from whopwatch.har.json_stream import JsonStream, StreamError
from whopwatch.http import Limits

EXTENSION_KEY = "_whopwatch"
"""The key of what whopwatch adds to an archive: HAR reserves names with an underscore for extensions."""


@dataclass(frozen=True)
class Facts:
    """The facts that whopwatch writes into a recording: the base URLs of the target, and the run's observation."""

    base_url: str
    v2_base_url: str
    run: Mapping[str, Any]


@dataclass(frozen=True)
class Recording:
    """The exchanges of an archive with documented operations, in their order.

    `ignored` counts entries that say nothing about it, by the reason; `unmatched` those at its address that no
    documented operation matches, as `GET /things/*`. `facts` is None for an archive that no run of ours wrote.
    """

    exchanges: tuple[Exchange, ...]
    ignored: Counter[str]
    unmatched: Counter[str]
    facts: Facts | None = None


def match_path(operation: Operation, path: str) -> tuple[str, dict[str, str]]:
    """Return the path template of `operation` that matches `path` (without the base URL), and its parameters.

    Raise ValueError where it was made from none of them.
    """
    for template in (operation.path, *operation.alternate_paths):
        found = _pattern(template).fullmatch(path)
        if found:
            return template, {name: unquote(text) for name, text in found.groupdict().items()}
    raise ValueError("not a path of this operation")


@lru_cache(maxsize=512)
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    fixed, names = map(re.escape, parts[::2]), parts[1::2]
    groups = [f"(?P<{name}>[^/]+)" for name in names]
    return re.compile("".join(text + group for text, group in zip(fixed, [*groups, ""], strict=True)))


MAX_HAR_BYTES = 128 * 2**20
MAX_HAR_ENTRIES = 100_000

LONG_TEXT = 2_000
"""Bytes from which on a body is kept compressed."""

HINT = "export one as HAR: from a browser's network panel, or with `mitmdump --set hardump=FILE`"


@dataclass(frozen=True, slots=True)
class KeptText:
    """The text of a body, compressed if it is long: the bodies of a recording would take most of the memory."""

    data: bytes
    is_compressed: bool

    @classmethod
    def of(cls, text: str) -> KeptText:
        """Return `text`, kept."""
        data = text.encode("utf-8", "surrogatepass")
        return cls(zlib.compress(data, 1), True) if len(data) > LONG_TEXT else cls(data, False)

    def __bytes__(self) -> bytes:
        return zlib.decompress(self.data) if self.is_compressed else self.data


@dataclass(frozen=True)
class HarEntry:
    """One entry, with its parts as in the file; a part that is missing or of the wrong type is empty.

    `response` has the parts that are read, `text` is its body. `sent` is the text of the request's body, `version` the
    value of its version header; each of them is None without one.
    """

    method: str
    url: str
    started: str
    sent: str | None
    response: Mapping[str, Any]
    text: KeptText | None
    timings: Mapping[str, Any]
    own: Mapping[str, Any]
    version: str | None = None


@dataclass(frozen=True)
class Archive:
    """The entries of a HAR file in their order, and the facts that whopwatch added, if it wrote the file."""

    entries: tuple[HarEntry, ...]
    facts: Facts | None


def read(path: Path) -> Archive:
    """Return the archive in the file `path`. Raise UsageError if it cannot be read or is no archive."""
    try:
        if path.is_fifo():  # which may never end
            return parse(read_bounded(path, MAX_HAR_BYTES), str(path))
        with path.open("rb") as file:
            return _archive(file, str(path))
    except OSError as error:
        raise _refused(str(path), "a readable file", error.strerror or "an error", None) from None


def parse(data: bytes, where: str) -> Archive:
    """Return the archive in `data`. Raise UsageError, naming `where` it came from, if it is none."""
    return _archive(BytesIO(data), where)


def _archive(file: BinaryIO, where: str) -> Archive:
    """Return the archive in `file`, read entry by entry: the whole takes several times the memory of what is kept."""
    stream, archive, own = JsonStream(file, MAX_HAR_BYTES), None, None
    try:
        if stream.next() != "{":
            stream.value()
            raise _refused(where, "an HTTP archive: an object with log.entries", "other JSON", HINT)
        for name in stream.members():
            if name != "log" or stream.next() != "{":
                archive = None if name == "log" else archive
                stream.value()
                continue
            for part in stream.members():
                if part == "entries" and stream.next() == "[":
                    archive = tuple(_entries(where, stream.items()))
                else:
                    value = stream.value()
                    own = value if part == EXTENSION_KEY else own
        stream.end()
    except StreamError as error:
        raise _refused(where, error.expected, error.got, HINT) from None
    if archive is None:
        raise _refused(where, "an HTTP archive: an object with log.entries", "other JSON", HINT)
    return Archive(archive, _facts(where, own))


def _entries(where: str, entries: Iterable[Any]) -> Iterator[HarEntry]:
    for number, entry in enumerate(entries):
        if number == MAX_HAR_ENTRIES:
            raise _refused(where, f"at most {MAX_HAR_ENTRIES} entries", "more", "export a part of it")
        request = _object(_object(entry).get("request"))
        method, url = request.get("method"), request.get("url")
        if not isinstance(method, str) or not isinstance(url, str):
            raise _refused(where, "a request with method and url", f"none in log.entries[{number}]", HINT)
        response = _object(entry.get("response"))
        content = _object(response.get("content"))
        text = content.get("text")
        yield HarEntry(
            method=method.upper(),
            url=url,
            started=str(entry.get("startedDateTime", "")),
            sent=sent if isinstance(sent := _object(request.get("postData")).get("text"), str) else None,
            response={
                **{name: response.get(name) for name in ("status", "headers")},
                "content": {name: content.get(name) for name in ("size", "encoding")},
            },
            text=KeptText.of(text) if isinstance(text, str) else None,
            timings=_object(entry.get("timings")),
            own=_object(entry.get(EXTENSION_KEY)),
            version=_requested_version(request.get("headers")),
        )


def _requested_version(headers: Any) -> str | None:
    """Return the API version that the headers of a request name, None if they name none."""
    for header in map(_object, headers if isinstance(headers, list) else ()):
        name, value = header.get("name"), header.get("value")
        if isinstance(name, str) and name.lower() == VERSION_HEADER.lower() and isinstance(value, str):
            return value.strip() if is_version(value.strip()) else None
    return None


def _facts(where: str, own: Any) -> Facts | None:
    """Return the facts that whopwatch wrote into the archive, None if another program wrote it."""
    if own is None:
        return None
    given = _object(own)
    if given.get("schema") != 1:
        raise _refused(where, "a recording of schema 1", "another schema", "record it again, or update whopwatch")
    base_url, v2_base_url, run = (given.get(name) for name in ("base_url", "v2_base_url", "run"))
    if not (isinstance(base_url, str) and isinstance(v2_base_url, str) and isinstance(run, dict)):
        raise _refused(where, f"log.{EXTENSION_KEY} as whopwatch wrote it", "a changed value", "record it again")
    return Facts(base_url, v2_base_url, run)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _refused(where: str, expected: str, got: str, hint: str | None) -> UsageError:
    return UsageError("The recording cannot be read.", where=where, expected=expected, got=got, hint=hint)


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
    content = _object(entry.response.get("content"))
    size = content.get("size")
    if entry.text is None:
        if size == 0 or status in (204, 205):
            return b""
        raise _IgnoredError(NO_BODY)
    body = _decoded(bytes(entry.text)) if content.get("encoding") == "base64" else bytes(entry.text)
    if len(body) > Limits().body_bytes:
        raise _IgnoredError(f"a body of more than {Limits().body_bytes >> 20} MiB")
    if isinstance(size, int) and len(body) < size and parse_json(body)[1] in (BodyProblem.NOT_JSON, BodyProblem.EMPTY):
        raise _IgnoredError(NO_BODY)
    return body


def _decoded(text: bytes) -> bytes:
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
