"""Read a HAR file into its entries, within bounds on bytes, entries and nesting."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.loader import is_version
from whopwatch.core.errors import UsageError
from whopwatch.core.strict_json import nests_deeper_than
from whopwatch.har.recording import EXTENSION_KEY, Facts

MAX_HAR_BYTES = 64 * 2**20
MAX_HAR_ENTRIES = 100_000
MAX_HAR_LEVELS = 400
"""Nesting of the archive, not of the bodies in it: the call stacks that browsers add nest deeply."""

HINT = "export one as HAR: from a browser's network panel, or with `mitmdump --set hardump=FILE`"


@dataclass(frozen=True)
class HarEntry:
    """One entry, with its parts as in the file; a part that is missing or of the wrong type is empty.

    `sent` is the text of the request's body, `version` the value of its version header; each is None without one.
    """

    method: str
    url: str
    started: str
    sent: str | None
    response: Mapping[str, Any]
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
    return parse(_bytes(path), str(path))


def parse(data: bytes, where: str) -> Archive:
    """Return the archive in `data`. Raise UsageError, naming `where` it came from, if it is none."""
    value = _parsed(where, data)
    log = value.get("log") if isinstance(value, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(log, dict) or not isinstance(entries, list):
        raise _refused(where, "an HTTP archive: an object with log.entries", "other JSON", HINT)
    if len(entries) > MAX_HAR_ENTRIES:
        raise _refused(where, f"at most {MAX_HAR_ENTRIES} entries", f"{len(entries)}", "export a part of it")
    return Archive(tuple(_entries(where, entries)), _facts(where, log.get(EXTENSION_KEY)))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_HAR_BYTES + 1)
    except OSError as error:
        raise _refused(str(path), "a readable file", error.strerror or "an error", None) from None
    if len(data) > MAX_HAR_BYTES:
        raise _refused(str(path), f"at most {MAX_HAR_BYTES >> 20} MiB", "more", "export its API requests only")
    return data


def _parsed(where: str, data: bytes) -> Any:
    if nests_deeper_than(MAX_HAR_LEVELS, data):
        raise _refused(where, f"JSON with at most {MAX_HAR_LEVELS} levels", "more", HINT)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _refused(where, "JSON in UTF-8", "bytes that are not UTF-8", HINT) from None
    except json.JSONDecodeError as error:
        raise _refused(where, "JSON", f"invalid JSON at line {error.lineno}", HINT) from None
    except (ValueError, RecursionError):
        raise _refused(where, "JSON", "a number or a nesting level beyond what can be parsed", HINT) from None


def _entries(where: str, entries: list[Any]) -> Iterator[HarEntry]:
    for number, entry in enumerate(entries):
        request = _object(_object(entry).get("request"))
        method, url = request.get("method"), request.get("url")
        if not isinstance(method, str) or not isinstance(url, str):
            raise _refused(where, "a request with method and url", f"none in log.entries[{number}]", HINT)
        yield HarEntry(
            method=method.upper(),
            url=url,
            started=str(entry.get("startedDateTime", "")),
            sent=text if isinstance(text := _object(request.get("postData")).get("text"), str) else None,
            response=_object(entry.get("response")),
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
