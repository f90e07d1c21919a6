"""`accepted.yaml`: known findings that need no action, with the reason and an expiry date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from whopwatch.core.errors import ConfigError
from whopwatch.core.finding import Confidence, Finding, FindingState, Severity, Source
from whopwatch.history.lifecycle import ACCEPTED_CHECK

ENTRY_KEYS = ("fingerprint", "reason", "issue", "expires")
ACCEPTED_FILE = "accepted.yaml"


@dataclass(frozen=True, slots=True)
class AcceptedEntry:
    """One accepted finding. `expires` is the last day (UTC) on which it is accepted."""

    fingerprint: str
    reason: str
    issue: str
    expires: date


def read_accepted(path: Path) -> tuple[AcceptedEntry, ...]:
    """Return the entries of the file at `path`. Raises ConfigError if it is missing or malformed."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        got = getattr(error, "strerror", None) or "invalid YAML"
        raise ConfigError("Cannot read the accepted findings.", where=str(path), got=got) from None
    listed = content.get("accepted") if isinstance(content, dict) and content.keys() == {"accepted"} else None
    if not isinstance(listed, list):
        raise ConfigError("The file must contain one list.", where=str(path), expected="accepted: [...]")
    entries = tuple(_entry(raw, f"{path}, entry {number}") for number, raw in enumerate(listed, 1))
    for number, entry in enumerate(entries, 1):
        if any(entry.fingerprint == other.fingerprint for other in entries[: number - 1]):
            raise ConfigError(
                "The fingerprint is listed twice.", where=f"{path}, entry {number}", got=entry.fingerprint
            )
    return entries


def _entry(raw: Any, where: str) -> AcceptedEntry:
    if not isinstance(raw, dict) or set(raw) != set(ENTRY_KEYS) or not all(raw[key] for key in ENTRY_KEYS):
        raise ConfigError(
            "An accepted finding has missing or unknown keys.", where=where, expected=", ".join(ENTRY_KEYS)
        )
    fingerprint, expires = str(raw["fingerprint"]), str(raw["expires"])
    if len(fingerprint) != 12 or not set(fingerprint) <= set("0123456789abcdef"):
        raise ConfigError(
            "The fingerprint is invalid.", where=where, expected="12 hex digits in quotes", got=repr(fingerprint[:20])
        )
    try:
        return AcceptedEntry(fingerprint, str(raw["reason"]), str(raw["issue"]), date.fromisoformat(expires))
    except ValueError:
        raise ConfigError(
            "The expiry date is invalid.", where=where, expected="a date such as 2026-12-31", got=repr(expires[:20])
        ) from None


def mark_accepted(findings: Iterable[Finding], entries: Iterable[AcceptedEntry], today: date) -> list[Finding]:
    """Return `findings`; those named by an entry that has not expired get the state accepted.

    An entry names a finding by its fingerprint. A merged finding is also accepted if all of its places are. A finding
    that got worse stays open: the entry was written for less.
    """
    known = {entry.fingerprint: entry for entry in entries if entry.expires >= today}
    return [_marked(finding, known) for finding in findings]


def _marked(finding: Finding, known: Mapping[str, AcceptedEntry]) -> Finding:
    places = [place.fingerprint for place in finding.places]
    entry = known.get(finding.fingerprint)
    if entry is None and places and all(place in known for place in places):
        entry = known[places[0]]
    if entry is None or finding.state in (FindingState.FIXED, FindingState.WORSE):
        return finding
    return replace(finding, state=FindingState.ACCEPTED, accepted=f"{entry.reason} ({entry.issue})")


def check_entries(entries: Iterable[AcceptedEntry], findings: Iterable[Finding], today: date) -> list[Finding]:
    """Return a finding for each entry that has expired, and for each that matches no finding."""
    present: set[str] = set()
    for finding in findings:
        if finding.state is not FindingState.FIXED:
            present.update([finding.fingerprint, *(place.fingerprint for place in finding.places)])
    outdated = []
    for entry in entries:
        if entry.expires < today:
            message = f"expired on {entry.expires}. Fix the cause or change the date in {ACCEPTED_FILE}."
            outdated.append(_outdated(entry, "an expiry date in the future", f"expired on {entry.expires}", message))
        elif entry.fingerprint not in present:
            message = f"no longer occurs. Remove it from {ACCEPTED_FILE}."
            outdated.append(_outdated(entry, "an existing finding", "no finding with this fingerprint", message))
    return outdated


def _outdated(entry: AcceptedEntry, expected: str, observed: str, message: str) -> Finding:
    return Finding(
        drift_class="D24",
        check=ACCEPTED_CHECK,
        severity=Severity.LOW,
        operation=ACCEPTED_FILE,
        location=entry.fingerprint,
        expected=expected,
        observed=observed,
        message=f"Accepted finding {entry.fingerprint} {message}",
        confidence=Confidence.CONFIRMED,
        source=Source.DOCS_DOCS,
    )
