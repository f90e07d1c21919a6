"""`accepted.yaml`: drift that somebody knows of, with the reason for doing nothing, and for how long that holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from whopwatch.core.errors import ConfigError
from whopwatch.core.finding import Confidence, Finding, FindingState, Severity, Source
from whopwatch.history.life import ENTRIES

KEYS = ("fingerprint", "reason", "issue", "expires")
FILE = "accepted.yaml"


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted finding. `expires` is the last day (UTC) on which it is."""

    fingerprint: str
    reason: str
    issue: str
    expires: date


def read_accepted(path: Path) -> tuple[Entry, ...]:
    """The entries of the file at `path`. Raises ConfigError for one that is missing or cannot be meant."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        got = getattr(error, "strerror", None) or "a text that is no YAML"
        raise ConfigError("The accepted findings cannot be read.", where=str(path), got=got) from None
    listed = content.get("accepted") if isinstance(content, dict) and content.keys() == {"accepted"} else None
    if not isinstance(listed, list):
        raise ConfigError("The accepted findings are no list.", where=str(path), expected="accepted: [...]")
    entries = tuple(_entry(raw, f"{path}, entry {place}") for place, raw in enumerate(listed, 1))
    for place, entry in enumerate(entries, 1):
        if any(entry.fingerprint == other.fingerprint for other in entries[: place - 1]):
            raise ConfigError("A finding is accepted twice.", where=f"{path}, entry {place}", got=entry.fingerprint)
    return entries


def _entry(raw: Any, where: str) -> Entry:
    if not isinstance(raw, dict) or set(raw) != set(KEYS) or not all(raw[key] for key in KEYS):
        raise ConfigError("An accepted finding is incomplete.", where=where, expected=", ".join(KEYS))
    fingerprint, expires = str(raw["fingerprint"]), str(raw["expires"])
    if len(fingerprint) != 12 or not set(fingerprint) <= set("0123456789abcdef"):
        raise ConfigError(
            "A fingerprint is none.", where=where, expected="12 hex digits in quotes", got=repr(fingerprint[:20])
        )
    try:
        return Entry(fingerprint, str(raw["reason"]), str(raw["issue"]), date.fromisoformat(expires))
    except ValueError:
        raise ConfigError(
            "An expiry is no date.", where=where, expected="a date such as 2026-12-31", got=repr(expires[:20])
        ) from None


def accept(findings: Iterable[Finding], entries: Iterable[Entry], today: date) -> list[Finding]:
    """`findings`, those marked as accepted that an entry in force names, by their own fingerprint or by a place's.

    One that got worse counts nevertheless: that is not what was accepted. Of a root cause every place has to be
    accepted, or the cause itself.
    """
    known = {entry.fingerprint: entry for entry in entries if entry.expires >= today}
    return [_marked(finding, known) for finding in findings]


def _marked(finding: Finding, known: Mapping[str, Entry]) -> Finding:
    places = [place.fingerprint for place in finding.places]
    entry = known.get(finding.fingerprint)
    if entry is None and places and all(place in known for place in places):
        entry = known[places[0]]
    if entry is None or finding.state in (FindingState.FIXED, FindingState.WORSE):
        return finding
    return replace(finding, state=FindingState.ACCEPTED, accepted=f"{entry.reason} ({entry.issue})")


def about_entries(entries: Iterable[Entry], findings: Iterable[Finding], today: date) -> list[Finding]:
    """A finding for each entry that has expired, and for each that names nothing there is."""
    there: set[str] = set()
    for finding in findings:
        if finding.state is not FindingState.FIXED:
            there.update([finding.fingerprint, *(place.fingerprint for place in finding.places)])
    told = []
    for entry in entries:
        if entry.expires < today:
            told.append(_about(entry, "an expiry to come", f"expired on {entry.expires}", "has expired"))
        elif entry.fingerprint not in there:
            told.append(
                _about(entry, "a finding that is there", "none with this fingerprint", "is not needed any more")
            )
    return told


def _about(entry: Entry, expected: str, observed: str, what: str) -> Finding:
    return Finding(
        drift_class="D24",
        check=ENTRIES,
        severity=Severity.LOW,
        operation=FILE,
        location=entry.fingerprint,
        expected=expected,
        observed=observed,
        message=f"{FILE}: the entry for {entry.fingerprint} {what}: decide anew, or remove it.",
        confidence=Confidence.CONFIRMED,
        source=Source.DOCS_DOCS,
    )
