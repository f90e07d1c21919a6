"""Readers for the values of probes.toml, with errors that name the key and the expected value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from whopwatch.core.errors import ConfigError, did_you_mean

ValueReader = Callable[[Any, str], Any]
"""Converts a TOML value into a setting. The string is the place for error messages. Raises ConfigError."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def read_table(value: Any, readers: Mapping[str, ValueReader], where: str) -> dict[str, Any]:
    """Return the settings of one table, each converted by its reader. Unknown keys are errors."""
    if not isinstance(value, dict):
        raise invalid_setting(where, "a table of settings", value)
    for key in value:
        if key not in readers:
            raise ConfigError(
                f"Unknown key {key!r}.",
                where=where,
                expected=f"one of {', '.join(readers)}",
                hint=did_you_mean(key, readers) or "see the comments in the bundled probes.toml",
            )
    return {key: readers[key](part, f"{where}, key {key}") for key, part in value.items()}


def read_tables(value: Any, where: str) -> list[Any]:
    """Return an array of tables, unconverted."""
    if not isinstance(value, list):
        raise invalid_setting(where, "tables, each under a heading in double brackets", value)
    return value


def read_duration(value: Any, where: str) -> float:
    """Return the seconds of `"90s"`, `"5m"`, `"1h"` or a plain number of seconds; above 0."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        value = float(match[1]) * _UNITS[match[2]]
    return read_positive_number(value, where, 'a duration above 0 such as "30s" or "5m"')


def read_server_url(value: Any, where: str) -> str:
    """Return an http or https URL. User names and queries are refused, because they may hold a key."""
    url = urlsplit(read_string(value, where))
    if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc or url.query:
        raise invalid_setting(where, 'a URL such as "https://mcp.example.com/mcp"', "another string")
    return url.geturl()


def read_positive_number(value: Any, where: str, expected: str = "a number above 0") -> float:
    """Return a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise invalid_setting(where, expected, value)
    return float(value)


def read_positive_integer(value: Any, where: str) -> int:
    """Return an integer from 1 to 9,999."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10_000:
        raise invalid_setting(where, "an integer above 0", value)
    return value


def read_ratio(value: Any, where: str) -> float:
    """Return a ratio above 0 and below 1. An objective of exactly 1 would leave no error budget."""
    if isinstance(value, bool) or not isinstance(value, float) or not 0 < value < 1:
        raise invalid_setting(where, "a ratio between 0 and 1 such as 0.99", value)
    return value


def read_flag(value: Any, where: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise invalid_setting(where, "true or false", value)
    return value


def read_string(value: Any, where: str) -> str:
    """Return a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise invalid_setting(where, "a string in quotes", value)
    return value


def read_strings(value: Any, where: str) -> tuple[str, ...]:
    """Return a list of strings that is not empty."""
    if not isinstance(value, list) or not value:
        raise invalid_setting(where, 'a list of strings such as ["products.list"]', value)
    return tuple(read_string(part, where) for part in value)


def one_of(*allowed: str) -> ValueReader:
    """Return a reader that accepts the `allowed` strings only."""

    def read(value: Any, where: str) -> str:
        if value not in allowed:
            error = invalid_setting(where, f"one of {', '.join(allowed)}", value)
            error.hint = did_you_mean(value, allowed) if isinstance(value, str) else None
            raise error
        return str(value)

    return read


def invalid_setting(where: str, expected: str, value: Any) -> ConfigError:
    """Return the error for a value that a setting cannot have."""
    return ConfigError("Invalid value.", where=where, expected=expected, got=_shown(value))


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else repr(value)[:60]
