"""Whether a text can be the secret of a webhook, and the mistakes that are made with secrets."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from whopwatch.core.errors import UsageError
from whopwatch.signature.scheme import PREFIX

LIBRARY_PREFIX = "whsec_"
"""How the libraries of Standard Webhooks mark a secret that they decode from base64."""


def usable_secret(text: str, where: str) -> str:
    """`text` itself; raises UsageError, without quoting it, for what cannot be a secret of Whop's.

    `where` says where the text came from.
    """
    mistake = _mistake(text)
    if mistake is None:
        return text
    got, hint = mistake
    raise UsageError(
        "This cannot be the secret of a webhook.",
        where=where,
        expected=f"the whole secret as Whop shows it, {PREFIX}...",
        got=got,
        hint=hint,
    )


def _mistake(text: str) -> tuple[str, str] | None:
    if not text:
        return "nothing", "copy the secret from the webhook's page at Whop"
    if text.startswith(LIBRARY_PREFIX):
        return f"a text that begins with {LIBRARY_PREFIX}", f"use the {PREFIX}... text that it was made from"
    if text.strip(" \t\r\n\"'") != text:
        return "a text with blanks or quotes around it", "leave them out"
    if not (text.isascii() and text.isprintable()):
        return "a text with characters that no secret has", "copy it once more"
    return None


def other_keys(secret: str) -> Iterator[tuple[str, bytes]]:
    """Keys that are mistaken for the right one, each with what was done to the secret to get it."""
    bare = secret.strip(" \t\r\n\"'")
    if bare != secret:
        yield "the secret without the blanks or quotes around it", bare.encode()
    unmarked = bare.removeprefix(LIBRARY_PREFIX)
    if not unmarked.startswith(PREFIX):
        yield f"the secret with {PREFIX} in front of it", f"{PREFIX}{unmarked}".encode()
    for name, text in ((bare, unmarked), (bare, bare.removeprefix(PREFIX))):
        decoded = _decoded(text)
        if decoded:
            yield "the secret decoded from base64", decoded
        if text != name:
            yield "the secret without its prefix", text.encode()
    yield "the secret encoded in base64", base64.b64encode(bare.encode())
    try:
        yield "the secret decoded from hexadecimal digits", bytes.fromhex(bare.removeprefix(PREFIX))
    except ValueError:
        return


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_" if set("-_") & set(text) else None)
    except (binascii.Error, ValueError):
        return None
