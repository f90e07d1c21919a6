"""Apply the file of accepted findings, and report its entries that have expired or match no finding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from whopwatch.config.accepted import AcceptedEntry
from whopwatch.core.finding import Confidence, Finding, FindingState, Severity, Source
from whopwatch.history.lifecycle import ACCEPTED_CHECK

ACCEPTED_FILE = "accepted.yaml"


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
