"""Make text of foreign origin safe to show: it moves no cursor, starts no command of a CI system, and has no secret."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from whopwatch.core.redaction import redact

_COMMAND = re.compile(r":(?=:[A-Za-z])|#(?=#(?:vso)?\[)")
"""The first sign of a workflow command: `::error::` and `##[error]` of GitHub, `##vso[...]` of Azure."""
_LINE_COMMAND = re.compile(r"(?m)^([^\S\n]*:)(?=:)|#(?=#(?:vso)?\[)")


def sanitize(text: str) -> str:
    """Return `text` on one line, with every character that a terminal or a parser would obey made visible.

    Control, format (bidirectional overrides included), surrogate and private characters become U+FFFD. Known secrets
    become `***`, and a workflow command is no longer one, however the line is wrapped.
    """
    text = redact(text, stop="")
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_visible, text))
    return _COMMAND.sub(r"\g<0> ", text) if "::" in text or "##" in text else text


@lru_cache(maxsize=4096)
def _visible(character: str) -> str:
    if character in "\t\n\r":
        return " "
    category = unicodedata.category(character)
    is_active = category.startswith("C") or category in ("Zl", "Zp")
    return "\N{REPLACEMENT CHARACTER}" if is_active else character


def safe_output(text: str, *, begins_line: bool = True) -> str:
    """Return `text`, a piece of output in its final form, without secrets and without a line that is a command.

    This is the last step for whatever a process prints: after wrapping, and for messages of other libraries, too.
    """
    text = redact(text)
    if "::" not in text and "##" not in text:
        return text
    if begins_line:
        return _LINE_COMMAND.sub(lambda found: f"{found[0]} ", text)
    first, newline, rest = text.partition("\n")
    return first + newline + _LINE_COMMAND.sub(lambda found: f"{found[0]} ", rest)
