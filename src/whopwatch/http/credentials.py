"""The keys that a client sends, and their removal from whatever comes back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import AnyStr

from whopwatch.config import Secret
from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Credential

WRONG_KEY = "whopwatch-wrong-key"
"""A key that no API ever issued."""

MASK = "***"
SHORTEST_SECRET = 8
"""Characters: a shorter key occurs in any text by chance, so it is not masked."""


class CredentialKeys:
    """The keys of a client by the kind of credential."""

    def __init__(self, key: Secret | None, unscoped: Secret | None) -> None:
        self._keys = {"key": key, "unscoped": unscoped, "wrong": Secret(WRONG_KEY), "none": None}
        self.secrets = tuple(secret for secret in (key, unscoped) if secret)

    def authorization(self, credential: Credential) -> str | None:
        """Return the Authorization header for `credential`, None for no header.

        Raises UsageError for `unscoped` if the client has no such key.
        """
        key = self._keys[credential]
        if key is None and credential == "unscoped":
            raise UsageError("The client has no key without scope.", hint="pass Client(unscoped_key=...)")
        return f"Bearer {key.reveal()}" if key else None


def redact(text: AnyStr, secrets: Iterable[Secret]) -> AnyStr:
    """Return `text`, a string or bytes, with each of `secrets` replaced by `***`."""
    for secret in secrets:
        if len(secret.reveal()) < SHORTEST_SECRET:
            continue
        if isinstance(text, bytes):
            text = text.replace(secret.reveal().encode(), MASK.encode())
        else:
            text = text.replace(secret.reveal(), MASK)
    return text
