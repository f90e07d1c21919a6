"""Read a key from the environment, or from a file that a variable names: NAME, or NAME_FILE."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from whopwatch.core.errors import UsageError
from whopwatch.core.redaction import remember

FILE_SUFFIX = "_FILE"
_MAX_BYTES = 64 << 10


def read_secret(environ: Mapping[str, str], variable: str) -> str:
    """Return the secret in `variable`, or in the file that `variable`_FILE names; empty without one.

    The file may be a descriptor (/dev/fd/3), so that the secret is in no environment. Raises UsageError if both
    variables are set, or if the file cannot be read. The errors never quote the secret, and no output shows it from
    here on.
    """
    text = _read(environ, variable)
    for part in re.split(r"[\s,]+", text):
        remember(part)
    return text


def _read(environ: Mapping[str, str], variable: str) -> str:
    text, name = environ.get(variable, "").strip(), environ.get(f"{variable}{FILE_SUFFIX}", "").strip()
    if not name:
        return text
    where = f"environment variable {variable}{FILE_SUFFIX}"
    if text:
        raise UsageError(
            "Two variables name the same secret.",
            where=where,
            expected=f"{variable} or {variable}{FILE_SUFFIX}",
            got="both",
            hint=f"unset {variable}",
        )
    try:
        return _content(name)
    except (OSError, ValueError) as error:
        got = getattr(error, "strerror", None) or "a file that is not short text"
        raise UsageError("The file of a secret cannot be read.", where=where, expected="a file", got=got) from None


@cache  # a pipe can be read once only
def _content(name: str) -> str:
    with Path(name).open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError("too long")
    return content.decode("utf-8").strip()
