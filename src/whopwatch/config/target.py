"""Target and Secret: the part of the configuration that a run needs, and how a key is read from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from whopwatch.config.urls import is_production
from whopwatch.core.errors import UsageError
from whopwatch.core.redaction import MASK, remember

VERSION_OF_KEY = "key"
"""The `api_version_date` that sends no Api-Version-Date header: the API uses the version that the key is pinned to."""
FILE_SUFFIX = "_FILE"
_MAX_BYTES = 64 << 10


class Secret:
    """A key that no output shows: only `reveal()` returns it, and every text that leaves the process is redacted."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        remember(text)

    def reveal(self) -> str:
        """Return the key."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret must not be written to a file or sent to another process")


@dataclass(frozen=True)
class Target:
    """One API to check.

    `base_url` ends with the version (`https://api.whop.com/api/v1`) and has no trailing slash. `rate` is in requests
    per second, None for no limit; `concurrency` is the number of requests on their way at once. `api_version_date` is
    the version to request, `key` for that of the key, None if the user named none. `known_ids` gives an id by resource,
    for resources to which no list leads. `allow_unchecked` are patterns of the operations that the key need not be
    allowed to use (`payments.*`, `*`). Raises UsageError for a writable target on a production host.
    """

    name: str
    base_url: str
    v2_base_url: str
    api_key: Secret | None = None
    company_id: str | None = None
    writable: bool = False
    rate: float | None = None
    concurrency: int = 1
    api_version_date: str | None = None
    contract: str | None = None
    known_ids: Mapping[str, str] = field(default_factory=dict)
    allow_unchecked: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.writable and self.is_production:
            raise UsageError(
                "Writes to production are not allowed.",
                where=f"target {self.name!r}",
                expected="a read-only target",
                hint="run the checks that write against the simulator or the sandbox",
            )

    @property
    def is_production(self) -> bool:
        """Return whether any request of the target goes to the live API, whatever its name."""
        return self.name == "production" or any(map(is_production, (self.base_url, self.v2_base_url)))

    @property
    def version_header(self) -> str | None:
        """Return the value of the Api-Version-Date header, None for no header."""
        return None if self.api_version_date == VERSION_OF_KEY else self.api_version_date


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
