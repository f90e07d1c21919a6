"""What is signed, with what, and how that is written down.

The scheme is that of Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, in base64 after `v1,`. The key is where
Whop differs from what the libraries of Standard Webhooks expect: the literal bytes of the secret, `ws_` included.
"""

from __future__ import annotations

import base64
import hmac
from hashlib import sha256

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
HEADERS = (ID, TIMESTAMP, SIGNATURE)
"""The headers that a signed delivery has."""

VERSION = "v1"
TOLERANCE = 300.0
"""How many seconds a delivery may be older or newer than the receiver's clock."""
PREFIX = "ws_"


def key_of(secret: str) -> bytes:
    """The key that a secret stands for: its own bytes, not decoded in any way."""
    return secret.encode()


def digest(key: bytes, id: str, timestamp: str, body: bytes) -> str:
    """The signature of a delivery in base64, without its version."""
    content = b".".join((id.encode(), timestamp.encode(), body))
    return base64.b64encode(hmac.digest(key, content, sha256)).decode()


def sign(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """What the header `webhook-signature` of a delivery says; `timestamp` in whole seconds since the epoch."""
    return f"{VERSION},{digest(key_of(secret), id, str(timestamp), body)}"


def signed_headers(secret: str, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a delivery."""
    return {ID: id, TIMESTAMP: str(timestamp), SIGNATURE: sign(secret, id, timestamp, body)}


def new_secret(seed: str) -> str:
    """A secret of Whop's form that follows from `seed`: for simulations and tests, never for anything real."""
    return PREFIX + hmac.digest(b"webhook", seed.encode(), sha256).hex()
