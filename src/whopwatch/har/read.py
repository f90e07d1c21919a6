"""From a file to the entries of an archive: bounded, and with an error a person can act on where it is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whopwatch.core.errors import UsageError
from whopwatch.core.strict_json import nests_deeper_than
from whopwatch.har.recording import OWN, Facts

MAX_BYTES = 64 * 2**20
MAX_ENTRIES = 100_000
MAX_DEPTH = 400
"""Of the archive, not of the bodies in it: a browser's call stacks nest deeply."""

HINT = "export one as HAR: from a browser's network panel, or with `mitmdump --set hardump=FILE`"


@dataclass(frozen=True)
class Entry:
    """One entry, its parts as the archive has them; whatever is missing or of the wrong type is empty.

    `sent` is the text of the request's body, None without one.
    """

    method: str
    url: str
    started: str
    sent: str | None
    response: Mapping[str, Any]
    timings: Mapping[str, Any]
    own: Mapping[str, Any]


@dataclass(frozen=True)
class Archive:
    """The entries of an archive in their order, and the facts that a run of ours added."""

    entries: tuple[Entry, ...]
    facts: Facts | None


def read(path: Path) -> Archive:
    """The archive in the file `path`; raises UsageError for a file that cannot be read or is none."""
    return parse(_bytes(path), str(path))


def parse(data: bytes, where: str) -> Archive:
    """The archive that `data` is; raises UsageError, naming `where` it came from, for anything else."""
    value = _parsed(where, data)
    log = value.get("log") if isinstance(value, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(log, dict) or not isinstance(entries, list):
        raise _refused(where, "an HTTP archive: an object with log.entries", "JSON of another kind", HINT)
    if len(entries) > MAX_ENTRIES:
        raise _refused(where, f"at most {MAX_ENTRIES} entries", f"{len(entries)}", "export a part of it")
    return Archive(tuple(_entries(where, entries)), _facts(where, log.get(OWN)))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(str(path), "a file that can be read", error.strerror or "an error", None) from None
    if len(data) > MAX_BYTES:
        raise _refused(str(path), f"at most {MAX_BYTES >> 20} MiB", "more", "export its API requests only")
    return data


def _parsed(where: str, data: bytes) -> Any:
    if nests_deeper_than(MAX_DEPTH, data):
        raise _refused(where, f"JSON that nests at most {MAX_DEPTH} levels", "more", HINT)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _refused(where, "JSON in UTF-8", "other bytes", HINT) from None
    except json.JSONDecodeError as error:
        raise _refused(where, "JSON", f"something else at line {error.lineno}", HINT) from None
    except (ValueError, RecursionError):
        raise _refused(where, "JSON", "numbers or levels that nothing can read", HINT) from None


def _entries(where: str, entries: list[Any]) -> Iterator[Entry]:
    for number, entry in enumerate(entries):
        request = _object(_object(entry).get("request"))
        method, url = request.get("method"), request.get("url")
        if not isinstance(method, str) or not isinstance(url, str):
            raise _refused(where, "a request with method and url", f"none in log.entries[{number}]", HINT)
        yield Entry(
            method=method.upper(),
            url=url,
            started=str(entry.get("startedDateTime", "")),
            sent=text if isinstance(text := _object(request.get("postData")).get("text"), str) else None,
            response=_object(entry.get("response")),
            timings=_object(entry.get("timings")),
            own=_object(entry.get(OWN)),
        )


def _facts(where: str, own: Any) -> Facts | None:
    """What a run of ours wrote down."""
    if own is None:
        return None
    given = _object(own)
    if given.get("schema") != 1:
        raise _refused(where, "a recording of schema 1", "another", "record it again, or use a newer whopwatch")
    base_url, v2_base_url, run = (given.get(name) for name in ("base_url", "v2_base_url", "run"))
    if not (isinstance(base_url, str) and isinstance(v2_base_url, str) and isinstance(run, dict)):
        raise _refused(where, f"log.{OWN} as it was recorded", "something else", "record it again")
    return Facts(base_url, v2_base_url, run)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _refused(where: str, expected: str, got: str, hint: str | None) -> UsageError:
    return UsageError("The recording cannot be read.", where=where, expected=expected, got=got, hint=hint)
