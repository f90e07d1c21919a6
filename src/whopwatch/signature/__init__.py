"""Signatures of webhook deliveries: Standard Webhooks, version 1, with the key as Whop uses it."""

from __future__ import annotations

from whopwatch.signature.explain import explain
from whopwatch.signature.scheme import HEADERS, ID, SIGNATURE, TIMESTAMP, TOLERANCE, new_secret, sign, signed_headers
from whopwatch.signature.secret import usable_secret
from whopwatch.signature.verify import Headers, Reason, Refusal, Signed, screen, verify

__all__ = [
    "HEADERS",
    "ID",
    "SIGNATURE",
    "TIMESTAMP",
    "TOLERANCE",
    "Headers",
    "Reason",
    "Refusal",
    "Signed",
    "explain",
    "new_secret",
    "screen",
    "sign",
    "signed_headers",
    "usable_secret",
    "verify",
]
