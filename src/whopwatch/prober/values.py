"""Values out of a configuration file, and what is said about those that cannot be meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from whopwatch.core.errors import ConfigError, did_you_mean

Reader = Callable[[Any, str], Any]
"""Makes a setting out of a TOML value; the text says where it stands. Raises ConfigError."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def table(value: Any, readers: Mapping[str, Reader], where: str) -> dict[str, Any]:
    """The settings of one table, each read by its reader. Unknown keys are errors."""
    if not isinstance(value, dict):
        raise refused(where, "a table of settings", value)
    for key in value:
        if key not in readers:
            raise ConfigError(
                f"There is no setting {key!r}.",
                where=where,
                expected=f"one of {', '.join(readers)}",
                hint=did_you_mean(key, readers) or "see the comments in the probes.toml that comes with whopwatch",
            )
    return {key: readers[key](part, f"{where}, key {key}") for key, part in value.items()}


def tables(value: Any, where: str) -> list[Any]:
    """An array of tables."""
    if not isinstance(value, list):
        raise refused(where, "tables, each under a heading in double brackets", value)
    return value


def duration(value: Any, where: str) -> float:
    """Seconds out of `"90s"`, `"5m"`, `"1h"` or a plain number of them; above 0."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        value = float(match[1]) * _UNITS[match[2]]
    return number(value, where, 'a time above 0 such as "30s" or "5m"')


def address(value: Any, where: str) -> str:
    """The address of a server, http or https, without user or query: those may hold a key."""
    url = urlsplit(text(value, where))
    if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc or url.query:
        raise refused(where, 'an address such as "https://mcp.example.com/mcp"', "another text")
    return url.geturl()


def number(value: Any, where: str, expected: str = "a number above 0") -> float:
    """A finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise refused(where, expected, value)
    return float(value)


def whole(value: Any, where: str) -> int:
    """A whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10_000:
        raise refused(where, "a whole number above 0", value)
    return value


def ratio(value: Any, where: str) -> float:
    """A share above 0 and below 1: an objective of 1 would leave no budget at all."""
    if isinstance(value, bool) or not isinstance(value, float) or not 0 < value < 1:
        raise refused(where, "a share between 0 and 1 such as 0.99", value)
    return value


def flag(value: Any, where: str) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise refused(where, "true or false", value)
    return value


def text(value: Any, where: str) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise refused(where, "a text in quotes", value)
    return value


def texts(value: Any, where: str) -> tuple[str, ...]:
    """A list of texts, not empty."""
    if not isinstance(value, list) or not value:
        raise refused(where, 'a list of texts such as ["products.list"]', value)
    return tuple(text(part, where) for part in value)


def one_of(*allowed: str) -> Reader:
    """A reader that takes one of `allowed` texts."""

    def read(value: Any, where: str) -> str:
        if value not in allowed:
            error = refused(where, f"one of {', '.join(allowed)}", value)
            error.hint = did_you_mean(value, allowed) if isinstance(value, str) else None
            raise error
        return str(value)

    return read


def refused(where: str, expected: str, value: Any) -> ConfigError:
    """The error for a value that a setting cannot have."""
    return ConfigError("A setting has a value that it cannot have.", where=where, expected=expected, got=_told(value))


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else repr(value)[:60]
