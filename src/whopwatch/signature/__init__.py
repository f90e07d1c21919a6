"""Webhook signatures: sign a delivery, and verify that it was signed recently and arrived unchanged.

The scheme is Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64, written after `v1,`. Whop differs from
the Standard Webhooks libraries in the key: Whop uses the literal bytes of the secret, `ws_` included, where the
libraries decode the secret from base64.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from whopwatch.core.errors import UsageError

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
SIGNATURE_HEADERS = (ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)
"""The headers of a signed delivery."""

SIGNATURE_VERSION = "v1"
TOLERANCE_SECONDS = 300.0
"""How far the timestamp may be from the receiver's clock, in both directions."""
SECRET_PREFIX = "ws_"  # noqa: S105 (not a secret)
LIBRARY_PREFIX = "whsec_"
"""The prefix that Standard Webhooks libraries give a secret that they decode from base64."""


def signing_key(secret: str) -> bytes:
    """Return the key of a secret: its own bytes, not decoded."""
    return secret.encode()


def compute_signature(key: bytes, id: str, timestamp: str, body: bytes) -> str:
    """Return the base64 signature of a delivery, without its version."""
    content = b".".join((id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.digest(key, content, sha256)).decode()


def signature_value(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """Return the value of the `webhook-signature` header; `timestamp` is in whole seconds since 1970."""
    return f"{SIGNATURE_VERSION},{compute_signature(signing_key(secret), id, str(timestamp), body)}"


def signed_headers(secret: str, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a signed delivery."""
    signature = signature_value(secret, id, timestamp, body)
    return {ID_HEADER: id, TIMESTAMP_HEADER: str(timestamp), SIGNATURE_HEADER: signature}


def new_secret(seed: str) -> str:
    """Return a secret of Whop's form, derived from `seed`: for simulations and tests only."""
    return SECRET_PREFIX + hmac.digest(b"webhook", seed.encode(), sha256).hex()


def split_secrets(text: str) -> list[str]:
    """Return the secrets in `text`, which are separated by spaces, commas or line ends.

    During a rotation a webhook has two secrets, and two webhooks with one URL have one secret each. Spaces around a
    single secret are part of it: `require_secret` reports them.
    """
    parts = re.split(r"[\s,]+", text.strip().strip(","))
    return parts if len(parts) > 1 else [text]


def require_secret(text: str, where: str) -> str:
    """Return `text` if it can be a webhook secret.

    Raise UsageError otherwise. The error names the place (`where`) and the mistake, and never shows the secret.
    """
    mistake = _secret_mistake(text)
    if mistake is None:
        return text
    got, hint = mistake
    raise UsageError(
        "This is not a valid webhook secret.",
        where=where,
        expected=f"the complete secret as Whop shows it, {SECRET_PREFIX}...",
        got=got,
        hint=hint,
    )


def _secret_mistake(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a secret and what to do, or None if its form is valid."""
    if not text:
        return "an empty string", "copy the secret from the webhook's page in the Whop dashboard"
    if text.startswith(LIBRARY_PREFIX):
        return f"a string that starts with {LIBRARY_PREFIX}", f"use the {SECRET_PREFIX}... string it was made from"
    if text.strip(" \t\r\n\"'") != text:
        return "a string with spaces or quotes around it", "remove them"
    if not (text.isascii() and text.isprintable()):
        return "a string with characters that a secret never has", "copy the secret again"
    return None


HeaderPairs = Iterable[tuple[str, str]]
"""Header names in any case, with their values, in any order."""

MAX_SIGNATURES = 16
_LEGACY_HEADER = "x-whop-signature"
_ID = re.compile(r"[!-\-/-~]{1,256}")  # printable ASCII without the full stop, which separates the signed parts
_SECONDS = re.compile(r"[0-9]{1,12}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=")


class Reason(StrEnum):
    """Why a delivery is refused: one name for each cause that needs a different action."""

    MISSING_HEADER = "missing-header"
    LEGACY_SIGNATURE = "legacy-signature"
    """A delivery of webhook version v2 or v5, with the header X-Whop-Signature."""
    REPEATED_HEADER = "repeated-header"
    BAD_ID = "bad-id"
    BAD_TIMESTAMP = "bad-timestamp"
    TOO_OLD = "too-old"
    TOO_NEW = "too-new"
    MALFORMED_SIGNATURE = "malformed-signature"
    UNKNOWN_VERSION = "unknown-version"
    MISMATCH = "mismatch"
    KEY_FORM = "key-form"
    """A mismatch whose cause `diagnose_signature` found: the key was made from the secret in another way."""
    CHANGED_BYTES = "changed-bytes"
    """A mismatch whose cause `diagnose_signature` found: the body was rewritten on its way."""


HINTS = {
    Reason.MISSING_HEADER: "check that every proxy passes the webhook-* headers; Whop always sends them",
    Reason.LEGACY_SIGNATURE: "set the webhook's API version to v1; v2 and v5 deliveries have another signature",
    Reason.REPEATED_HEADER: "a proxy adds headers: pass each header on unchanged",
    Reason.BAD_ID: "pass the header on unchanged",
    Reason.BAD_TIMESTAMP: "pass the header on unchanged; in your own sender, send seconds",
    Reason.TOO_OLD: "synchronize the receiver's clock (NTP); use --any-age to check a recorded delivery",
    Reason.TOO_NEW: "synchronize the receiver's clock (NTP)",
    Reason.MALFORMED_SIGNATURE: "pass the header on unchanged; in your own sender, send `v1,` and base64",
    Reason.UNKNOWN_VERSION: "whopwatch supports signature version 1 only: check for a newer release",
    Reason.MISMATCH: "use the secret of this webhook, and verify the raw bytes of the body, before any parser",
}
"""What to do, by reason."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A delivery that verifies; `timestamp` is in seconds since 1970."""

    id: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a delivery does not verify. `header` is the one that shows it. No field contains a received value."""

    reason: Reason
    header: str
    expected: str
    got: str
    hint: str


def verify_signature(
    secret: str | Sequence[str], headers: HeaderPairs, body: bytes, now: float, *, tolerance: float = TOLERANCE_SECONDS
) -> Signed | Refusal:
    """Verify one delivery at the time `now`, in seconds since 1970, with one secret or any of several.

    `body` has to be the raw bytes: a body that was parsed and serialized again does not verify. If the delivery has
    several signatures, one has to match. The time that the comparison takes does not depend on the received values.
    """
    found = check_signature_headers(headers, now, tolerance=tolerance)
    if isinstance(found, Refusal):
        return found
    id, timestamp, signatures = found
    versions = [entry.partition(",") for entry in signatures.split(" ")[:MAX_SIGNATURES]]
    given = [text.encode() for version, _, text in versions if version == SIGNATURE_VERSION]
    secrets = [secret] if isinstance(secret, str) else secret
    expected = [compute_signature(signing_key(one), id, timestamp, body).encode() for one in secrets]
    # sum() instead of any(): any() would stop early and leak the position.
    if sum(hmac.compare_digest(one, text) for one in expected for text in given):
        return Signed(id, int(timestamp))
    return _mismatch(given, signatures)


def check_signature_headers(
    headers: HeaderPairs, now: float, *, tolerance: float = TOLERANCE_SECONDS
) -> tuple[str, str, str] | Refusal:
    """Return ID, timestamp and signatures, or the reason why no body can verify with these headers."""
    found = _signature_headers(headers)
    if isinstance(found, Refusal):
        return found
    return _bad_id(found[0]) or _bad_time(found[1], now, tolerance) or found


def _signature_headers(headers: HeaderPairs) -> tuple[str, str, str] | Refusal:
    values: dict[str, set[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), set()).add(value.strip())
    for name in SIGNATURE_HEADERS:
        present = values.get(name, set()) - {""}
        if not present:
            if _LEGACY_HEADER in values:
                got = f"the header {_LEGACY_HEADER} of webhook version v2 or v5"
                return _refusal(Reason.LEGACY_SIGNATURE, name, f"the header {name} of webhook version v1", got)
            is_renamed = any(other.endswith(name.removeprefix("webhook")) for other in values)
            got = "a header with another prefix" if is_renamed else "no such header"
            return _refusal(Reason.MISSING_HEADER, name, f"the header {name}", got)
        if len(present) > 1:
            return _refusal(Reason.REPEATED_HEADER, name, "one value", "several values")
    id, timestamp, signature = (next(iter(values[name] - {""})) for name in SIGNATURE_HEADERS)
    return id, timestamp, signature


def _bad_id(id: str) -> Refusal | None:
    if _ID.fullmatch(id):
        return None
    return _refusal(Reason.BAD_ID, ID_HEADER, "1 to 256 printable characters without a full stop", "another string")


def _bad_time(text: str, now: float, tolerance: float) -> Refusal | None:
    if not _SECONDS.fullmatch(text):
        got = "milliseconds" if text.isascii() and text.isdigit() else "another date format"
        return _refusal(Reason.BAD_TIMESTAMP, TIMESTAMP_HEADER, "whole seconds since 1970", got)
    age = now - int(text)
    expected = f"at most {tolerance:.0f} s from the receiver's clock"
    if age > tolerance:
        return _refusal(Reason.TOO_OLD, TIMESTAMP_HEADER, expected, f"{age:.0f} s old")
    if age < -tolerance:
        return _refusal(Reason.TOO_NEW, TIMESTAMP_HEADER, expected, f"{-age:.0f} s in the future")
    return None


def _mismatch(given: list[bytes], signatures: str) -> Refusal:
    if not given and "," in signatures:
        expected = f"a signature of version {SIGNATURE_VERSION}"
        return _refusal(Reason.UNKNOWN_VERSION, SIGNATURE_HEADER, expected, "other versions only")
    if any(_BASE64.fullmatch(text.decode("latin-1")) for text in given):
        count = "a signature" if len(given) == 1 else f"{len(given)} signatures"
        got = f"{count} of another key or another body"
        return _refusal(Reason.MISMATCH, SIGNATURE_HEADER, "a signature made with this secret", got)
    got = "hexadecimal digits" if re.search(r"\b[0-9a-f]{64}\b", signatures) else "another string"
    return _refusal(Reason.MALFORMED_SIGNATURE, SIGNATURE_HEADER, f"{SIGNATURE_VERSION}, and 32 bytes in base64", got)


def _refusal(reason: Reason, header: str, expected: str, got: str) -> Refusal:
    return Refusal(reason, header, expected, got, HINTS[reason])


__all__ = [
    "ID_HEADER",
    "SIGNATURE_HEADER",
    "SIGNATURE_HEADERS",
    "TIMESTAMP_HEADER",
    "TOLERANCE_SECONDS",
    "HeaderPairs",
    "Reason",
    "Refusal",
    "Signed",
    "check_signature_headers",
    "new_secret",
    "require_secret",
    "signature_value",
    "signed_headers",
    "split_secrets",
    "verify_signature",
]
