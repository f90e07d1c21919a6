"""The signature scheme, and the form of a secret.

The scheme is Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, base64, written after `v1,`. Whop differs from
the Standard Webhooks libraries in the key: Whop uses the literal bytes of the secret, `ws_` included, where the
libraries decode the secret from base64.
"""

from __future__ import annotations

import base64
import hmac
import re
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

    Raises UsageError otherwise. The error names the place (`where`) and the mistake, and never shows the secret.
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
