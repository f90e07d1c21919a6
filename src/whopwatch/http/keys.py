"""Keys: where they are put, and where they are taken out again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import AnyStr

from whopwatch.config import Secret
from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Credential

WRONG_KEY = "whopwatch-wrong-key"
"""A key that cannot be valid: no API hands out such a one."""

MASK = "***"
SHORTEST_SECRET = 8


class Keys:
    """The keys that a client sends, by the kind of credential."""

    def __init__(self, key: Secret | None, unscoped: Secret | None) -> None:
        self._keys = {"key": key, "unscoped": unscoped, "wrong": Secret(WRONG_KEY), "none": None}
        self.secrets = tuple(secret for secret in (key, unscoped) if secret)

    def authorization(self, credential: Credential) -> str | None:
        """The Authorization header for `credential`, or None for none.

        Raises UsageError for a key without scope where the client was given none.
        """
        key = self._keys[credential]
        if key is None and credential == "unscoped":
            raise UsageError("The client was given no key without scope.", hint="pass Client(unscoped_key=...)")
        return f"Bearer {key.reveal()}" if key else None


def redact(text: AnyStr, secrets: Iterable[Secret]) -> AnyStr:
    """`text`, a str or bytes, with every one of `secrets` in it replaced by `***`.

    A key of a few letters is no secret, and would be found in any text: it is left alone.
    """
    for secret in secrets:
        if len(secret.reveal()) < SHORTEST_SECRET:
            continue
        if isinstance(text, bytes):
            text = text.replace(secret.reveal().encode(), MASK.encode())
        else:
            text = text.replace(secret.reveal(), MASK)
    return text
