"""The file of accepted findings: known findings that need no action, with the reason and an expiry date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from whopwatch.config import decode
from whopwatch.core.errors import ConfigError

_FINGERPRINT = decode.matching_string(r"[0-9a-f]{12}", "12 hex digits in quotes")


def _issue(value: Any, where: str) -> str:
    """Return the name, the number or the URL of a ticket."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else decode.string(value, where)


@dataclass(frozen=True, slots=True)
class AcceptedEntry:
    """One accepted finding. `expires` is the last day (UTC) on which it is accepted."""

    fingerprint: Annotated[str, _FINGERPRINT]
    reason: str
    issue: Annotated[str, _issue]
    expires: date


def read_accepted(path: Path) -> tuple[AcceptedEntry, ...]:
    """Return the entries of the YAML file at `path`. Raises ConfigError for a missing or invalid file."""
    content = decode.read_document_file(path, "The file of accepted findings")
    readers = {"accepted": decode.array_reader(decode.record_reader(AcceptedEntry))}
    entries: tuple[AcceptedEntry, ...] = decode.decode_table(content, readers, str(path), required=readers)["accepted"]
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        if entry.fingerprint in seen:
            where = f"{path}, accepted, number {number}"
            raise ConfigError("The fingerprint is listed twice.", where=where, got=entry.fingerprint)
        seen.add(entry.fingerprint)
    return entries
