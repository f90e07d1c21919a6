"""The keys that a client sends."""

from __future__ import annotations

from whopwatch.config import Secret
from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Credential

WRONG_KEY = "whopwatch-wrong-key"
"""A key that no API ever issued."""


class CredentialKeys:
    """The keys of a client by the kind of credential."""

    def __init__(self, key: Secret | None, unscoped: Secret | None) -> None:
        self._keys = {"key": key, "unscoped": unscoped, "none": None}

    def authorization(self, credential: Credential) -> str | None:
        """Return the Authorization header for `credential`, None for no header.

        Raises UsageError for `unscoped` if the client has no such key.
        """
        if credential == "wrong":
            return f"Bearer {WRONG_KEY}"
        key = self._keys[credential]
        if key is None and credential == "unscoped":
            raise UsageError("The client has no key without scope.", hint="pass Client(unscoped_key=...)")
        return f"Bearer {key.reveal()}" if key else None
