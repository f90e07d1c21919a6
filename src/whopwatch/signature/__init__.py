"""Webhook signatures: Standard Webhooks, version 1, with the secret's own bytes as the key."""

from __future__ import annotations

from whopwatch.signature.diagnose import diagnose_signature
from whopwatch.signature.verify import (
    ID_HEADER,
    SIGNATURE_HEADER,
    SIGNATURE_HEADERS,
    TIMESTAMP_HEADER,
    TOLERANCE_SECONDS,
    HeaderPairs,
    Reason,
    Refusal,
    Signed,
    check_signature_headers,
    new_secret,
    require_secret,
    signature_value,
    signed_headers,
    split_secrets,
    verify_signature,
)

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
    "diagnose_signature",
    "new_secret",
    "require_secret",
    "signature_value",
    "signed_headers",
    "split_secrets",
    "verify_signature",
]
