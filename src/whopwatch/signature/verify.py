"""Whether a delivery was signed with the secret, lately, and arrived unchanged; if not, in which way not."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from whopwatch.signature.scheme import HEADERS, ID, SIGNATURE, TIMESTAMP, TOLERANCE, VERSION, digest, key_of

Headers = Iterable[tuple[str, str]]
"""Names in any case, and values, in any order."""

MOST_SIGNATURES = 16
_ID = re.compile(r"[!-\-/-~]{1,256}")  # printable ASCII without the full stop, which separates the signed parts
_SECONDS = re.compile(r"[0-9]{1,12}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=")


class Reason(StrEnum):
    """Why a delivery is refused: one name for each thing that a person would do differently."""

    MISSING_HEADER = "missing-header"
    REPEATED_HEADER = "repeated-header"
    BAD_ID = "bad-id"
    BAD_TIMESTAMP = "bad-timestamp"
    TOO_OLD = "too-old"
    TOO_NEW = "too-new"
    MALFORMED_SIGNATURE = "malformed-signature"
    UNKNOWN_VERSION = "unknown-version"
    MISMATCH = "mismatch"
    KEY_FORM = "key-form"
    """A mismatch whose cause `explain` found: the key was made from the secret in another way."""
    CHANGED_BYTES = "changed-bytes"
    """A mismatch whose cause `explain` found: the body was rewritten on its way."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A delivery that verifies; `timestamp` in seconds since the epoch."""

    id: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a delivery does not verify. `header` is the one that shows it; no text quotes what came."""

    reason: Reason
    header: str
    expected: str
    got: str
    hint: str


def verify(secret: str, headers: Headers, body: bytes, now: float, *, tolerance: float = TOLERANCE) -> Signed | Refusal:
    """Judge one delivery at the moment `now`, in seconds since the epoch.

    `body` are the bytes as they came: a body that was parsed and written again is another one. Of several signatures
    one has to fit. What an attacker can choose has no influence on how long the comparison takes.
    """
    found = screen(headers, now, tolerance=tolerance)
    if isinstance(found, Refusal):
        return found
    id, timestamp, signatures = found
    versions = [entry.partition(",") for entry in signatures.split(" ")[:MOST_SIGNATURES]]
    given = [text.encode() for version, _, text in versions if version == VERSION]
    expected = digest(key_of(secret), id, timestamp, body).encode()
    if sum(hmac.compare_digest(expected, text) for text in given):  # not any(): every one takes its time
        return Signed(id, int(timestamp))
    return _unfitting(given, signatures)


def screen(headers: Headers, now: float, *, tolerance: float = TOLERANCE) -> tuple[str, str, str] | Refusal:
    """Id, timestamp and signatures of a delivery, or why they are none of any body: what the headers alone can tell."""
    found = _the_three(headers)
    if isinstance(found, Refusal):
        return found
    return _bad_id(found[0]) or _bad_time(found[1], now, tolerance) or found


def _the_three(headers: Headers) -> tuple[str, str, str] | Refusal:
    values: dict[str, set[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), set()).add(value.strip())
    for name in HEADERS:
        present = values.get(name, set()) - {""}
        if not present:
            renamed = any(other.endswith(name.removeprefix("webhook")) for other in values)
            got = "a header of another name that ends alike" if renamed else "no such header"
            return Refusal(Reason.MISSING_HEADER, name, f"the header {name}", got, HINTS[Reason.MISSING_HEADER])
        if len(present) > 1:
            return _refusal(Reason.REPEATED_HEADER, name, "one value", "several")
    id, timestamp, signature = (next(iter(values[name] - {""})) for name in HEADERS)
    return id, timestamp, signature


def _bad_id(id: str) -> Refusal | None:
    if _ID.fullmatch(id):
        return None
    return _refusal(Reason.BAD_ID, ID, "1 to 256 printable characters without a full stop", "another text")


def _bad_time(text: str, now: float, tolerance: float) -> Refusal | None:
    if not _SECONDS.fullmatch(text):
        got = "milliseconds" if text.isascii() and text.isdigit() else "another form of date"
        return _refusal(Reason.BAD_TIMESTAMP, TIMESTAMP, "whole seconds since 1970", got)
    age = now - int(text)
    expected = f"at most {tolerance:.0f} s away from the receiver's clock"
    if age > tolerance:
        return _refusal(Reason.TOO_OLD, TIMESTAMP, expected, f"{age:.0f} s old")
    if age < -tolerance:
        return _refusal(Reason.TOO_NEW, TIMESTAMP, expected, f"{-age:.0f} s ahead")
    return None


def _unfitting(given: list[bytes], signatures: str) -> Refusal:
    if not given and "," in signatures:
        return _refusal(Reason.UNKNOWN_VERSION, SIGNATURE, f"a signature of version {VERSION}", "other versions only")
    if any(_BASE64.fullmatch(text.decode("latin-1")) for text in given):
        count = "a signature" if len(given) == 1 else f"{len(given)} signatures"
        return _refusal(Reason.MISMATCH, SIGNATURE, "a signature made with this secret", f"{count} of something else")
    got = "hexadecimal digits" if re.search(r"\b[0-9a-f]{64}\b", signatures) else "another text"
    return _refusal(Reason.MALFORMED_SIGNATURE, SIGNATURE, f"{VERSION}, and 32 bytes in base64", got)


HINTS = {
    Reason.MISSING_HEADER: "let every proxy pass the webhook-* headers; a sender without them is not Whop",
    Reason.REPEATED_HEADER: "something on the way adds headers: pass each one on as it came",
    Reason.BAD_ID: "pass the header on as it came",
    Reason.BAD_TIMESTAMP: "pass the header on as it came; a sender of your own has to send seconds",
    Reason.TOO_OLD: "set the receiver's clock by NTP; a recorded delivery is judged whatever its age with --any-age",
    Reason.TOO_NEW: "set the receiver's clock by NTP",
    Reason.MALFORMED_SIGNATURE: "pass the header on as it came; a sender of your own has to send `v1,` and base64",
    Reason.UNKNOWN_VERSION: "whopwatch knows version 1 alone: look for a newer release",
    Reason.MISMATCH: "take the secret of this very webhook, and the bytes as they came, before any parser has them",
}
"""What to do, by reason."""


def _refusal(reason: Reason, header: str, expected: str, got: str) -> Refusal:
    return Refusal(reason, header, expected, got, HINTS[reason])
