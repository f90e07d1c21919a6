"""The file of accepted findings: known findings that need no action, with a reason and an optional expiry date.

It is `accepted.yaml` beside whopwatch.toml. Every command that reports obeys it; `whopwatch accept` writes it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

from whopwatch.config import decode
from whopwatch.config.targets_file import beside_config
from whopwatch.core.documents import DocumentError, parse_document
from whopwatch.core.drift_classes import class_number, class_slug
from whopwatch.core.errors import ConfigError, quoted_input

ACCEPTED_FILE = "accepted.yaml"
_HEAD = """\
# Accepted findings: known findings that do not affect the exit code. `whopwatch accept` adds entries.
# fingerprint and reason are required. From the day after `expires` (UTC) the finding counts again.
"""
_NO_ENTRIES = re.compile(r"(?:#.*\n|\n)*accepted: \[\]\n*")
_LOG = logging.getLogger(__name__)
_FINGERPRINT = decode.matching_string(r"[0-9a-f]{12}", "12 hex digits in quotes")


def _issue(value: Any, where: str) -> str:
    """Return the name, the number or the URL of a ticket."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else decode.string(value, where)


def _drift_class(value: Any, where: str) -> str:
    """Return the number of a drift class that is given by number or name."""
    number = class_number(decode.string(value, where))
    if number is None:
        raise ConfigError(
            f"Unknown drift class {quoted_input(str(value))}.", where=where, expected="D5 or required-field-removed"
        )
    return number


@dataclass(frozen=True, slots=True)
class AcceptedEntry:
    """One accepted finding. `expires` is the last day (UTC) on which it is accepted, None for no end.

    `drift_class`, `operation` and `location` say what the fingerprint is of, for a reader of the file.
    """

    fingerprint: Annotated[str, _FINGERPRINT]
    reason: str
    issue: Annotated[str, _issue] = ""
    expires: date | None = None
    drift_class: Annotated[str, _drift_class] = field(default="", metadata={"key": "class"})
    operation: str = ""
    location: str = ""

    def has_expired(self, today: date) -> bool:
        """Return whether the entry is no longer valid on `today` (UTC)."""
        return self.expires is not None and self.expires < today


def read_accepted(path: Path) -> tuple[AcceptedEntry, ...]:
    """Return the entries of the YAML file at `path`. Raise ConfigError for a missing or invalid file."""
    entries = tuple(_parsed(decode.read_text_file(path, "The file of accepted findings"), path))
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        if entry.fingerprint in seen:
            where = f"{path}, accepted, number {number}"
            raise ConfigError("The fingerprint is listed twice.", where=where, got=entry.fingerprint)
        seen.add(entry.fingerprint)
    return entries


def find_accepted_file(config: Path | None) -> Path:
    """Return the path of the accepted findings: beside `config`, by default in the current folder. It may not exist.

    A checkout of whopwatch may have entries in contracts/accepted.yaml, where the file used to be.
    """
    own, former = _candidates(config)
    return former if not own.exists() and former.exists() and read_accepted(former) else own


def _candidates(config: Path | None) -> tuple[Path, Path]:
    from whopwatch.contract.loader import contracts_dir  # slow, and `--help` reads no accepted findings

    return beside_config(ACCEPTED_FILE, config), contracts_dir() / ACCEPTED_FILE


def load_accepted(given: Path | None, config: Path | None) -> tuple[AcceptedEntry, ...]:
    """Return the entries of the file `given`; without it those of the discovered file, none if there is no file."""
    path = given or find_accepted_file(config)
    return read_accepted(path) if given or path.exists() else ()


class AcceptedFile:
    """The accepted findings of a long-running process: the file is read again when it changes."""

    def __init__(self, given: Path | None = None, config: Path | None = None) -> None:
        self._given, self._config = given, config
        self._files = (given,) if given else _candidates(config)
        self._entries = load_accepted(given, config)
        self._versions = self._file_versions()

    def entries(self) -> tuple[AcceptedEntry, ...]:
        """Return the current entries. After an invalid change, log that and return those from before."""
        versions = self._file_versions()
        if versions != self._versions:
            self._versions = versions
            try:
                self._entries = load_accepted(self._given, self._config)
            except ConfigError as error:
                _LOG.error("The changed file of accepted findings is invalid. The old entries stay in use.\n%s", error)
        return self._entries

    def _file_versions(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple([_version(path) for path in self._files])


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def with_entries(text: str | None, entries: Iterable[AcceptedEntry], where: Path) -> str:
    """Return the text of an accepted file, None for a new one, with `entries` added.

    An entry replaces the one with the same fingerprint. Comments before `accepted:` stay, those between entries only
    if nothing is replaced.
    """
    added = list(entries)
    if not added:
        return text if text is not None else f"{_HEAD}accepted: []\n"
    if text is None:
        return f"{_HEAD}accepted:\n{_lines(added)}"
    known = _parsed(text, where)
    new = {entry.fingerprint for entry in added}
    kept = [entry for entry in known if entry.fingerprint not in new]
    if kept == known:
        body = text if known else text.replace("accepted: []", "accepted:")
        appended = f"{body.rstrip()}\n{_lines(added)}"
        if _reads_as(appended, [*known, *added]):
            return appended
    # A file in another YAML style, or an entry to replace: write the file anew, with the comments at its beginning.
    lines = text.splitlines(keepends=True)
    head = "".join(takewhile(lambda line: line.startswith("#") or not line.strip(), lines))
    return f"{head}accepted:\n{_lines([*kept, *added])}"


def _parsed(text: str, where: Path) -> list[AcceptedEntry]:
    readers = {"accepted": decode.array_reader(decode.record_reader(AcceptedEntry))}
    try:
        # Without entries, as in the file that comes with whopwatch, YAML need not be loaded.
        content = {"accepted": []} if _NO_ENTRIES.fullmatch(text) else parse_document(text)
    except DocumentError as error:
        raise ConfigError("The file of accepted findings cannot be parsed.", where=str(where), got=str(error)) from None
    return list(decode.decode_table(content, readers, str(where), required=readers)["accepted"])


def _reads_as(text: str, expected: list[AcceptedEntry]) -> bool:
    try:
        return _parsed(text, Path(ACCEPTED_FILE)) == expected
    except ConfigError:
        return False


def _lines(entries: Iterable[AcceptedEntry]) -> str:
    return "".join(entry_text(entry) for entry in entries)


def entry_text(entry: AcceptedEntry) -> str:
    """Return one entry as YAML, to add below `accepted:`."""
    values = {
        "fingerprint": entry.fingerprint,
        "class": class_slug(entry.drift_class) if entry.drift_class else "",
        "operation": entry.operation,
        "location": entry.location,
        "reason": entry.reason,
        "issue": entry.issue,
        "expires": entry.expires.isoformat() if entry.expires else "",
    }
    # A JSON string is a valid YAML string, whatever characters it holds.
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if value]
    return "  - " + "\n    ".join(lines) + "\n"
