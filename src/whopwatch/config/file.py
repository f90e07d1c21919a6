"""whopwatch.toml: targets by name. Strict, because a setting that is ignored is a check that lies."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from whopwatch.config.environ import ID, is_date
from whopwatch.config.rate import RANGE, is_rate
from whopwatch.core.errors import ConfigError, did_you_mean

CONFIG_FILE = "whopwatch.toml"


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """One `[targets.NAME]` table. Every key of the file but `where` is a field of this class."""

    base_url: str | None = None
    v2_base_url: str | None = None
    api_key_env: str = "WHOP_API_KEY"
    company_id: str | None = None
    rate: float | None = None
    api_version_date: str | None = None
    allow_http: bool = False
    known_ids: Mapping[str, str] = field(default_factory=dict)
    writable: bool | None = None
    where: str = ""


_KEYS = tuple(key.name for key in fields(TargetEntry) if key.name != "where")
_BUILT_IN = ("production", "sandbox")


def read_config(path: Path | None) -> dict[str, TargetEntry]:
    """The targets that `path` defines, by name; without a path those of ./whopwatch.toml, where there is one.

    Raises ConfigError for a file that is missing though named, is no TOML, or holds a key or value without
    a meaning.
    """
    file = path or Path(CONFIG_FILE)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if path is None:
            return {}
        raise ConfigError("The configuration file does not exist.", where=str(file)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("The configuration file cannot be read.", where=str(file), got=_short(error)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("The configuration file is not TOML.", where=str(file), got=str(error)) from None
    _known(content, ("targets",), str(file))
    targets = _typed(content.get("targets", {}), dict, f"{file}, key targets", "tables [targets.NAME]")
    return {name: _entry(name, table, f"{file}, [targets.{name}]") for name, table in targets.items()}


def _entry(name: str, table: Any, where: str) -> TargetEntry:
    _typed(table, dict, where, "a table of settings")
    if name == "simulator":
        raise ConfigError("The name simulator is taken.", where=where, hint="choose another name")
    if "api_key" in table:
        raise ConfigError(
            "A key does not belong in a file.",
            where=where,
            expected="api_key_env, the name of the environment variable that holds it",
            got="api_key",
            hint='write api_key_env = "WHOP_API_KEY" and revoke the key if the file was ever committed',
        )
    _known(table, _KEYS, where)
    values: dict[str, Any] = {key: _value(key, value, f"{where}, key {key}") for key, value in table.items()}
    if name in _BUILT_IN and "base_url" in values:
        raise ConfigError(
            f"The address of {name} is fixed.",
            where=f"{where}, key base_url",
            hint="define a target of another name",
        )
    if name not in _BUILT_IN and "base_url" not in values:
        raise ConfigError("A target needs an address.", where=where, expected='base_url = "https://..."', got="none")
    return TargetEntry(**values, where=where)


def _value(key: str, value: Any, where: str) -> Any:
    if key in ("allow_http", "writable"):
        return _typed(value, bool, where, "true or false")
    if key == "rate":
        if isinstance(value, bool) or not isinstance(value, int | float) or not is_rate(value):
            raise _mistyped(where, RANGE, value)
        return float(value)
    if key == "known_ids":
        _typed(value, dict, where, 'a table such as { products = "prod_..." }')
        return {resource: _typed(id, str, f"{where}.{resource}", "an id in quotes") for resource, id in value.items()}
    _typed(value, str, where, "a text in quotes")
    if key == "company_id" and not ID.fullmatch(value):
        raise ConfigError("A company id is not an id.", where=where, expected="letters, digits and underscores")
    if key == "api_version_date" and not is_date(value):
        raise ConfigError("A version date is not a date.", where=where, expected='a date such as "2025-01-01"')
    return value


def _typed(value: Any, kind: type, where: str, expected: str) -> Any:
    if not isinstance(value, kind) or value == "":
        raise _mistyped(where, expected, value)
    return value


def _mistyped(where: str, expected: str, value: Any) -> ConfigError:
    kinds = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "an array",
        dict: "a table",
    }
    got = "an empty text" if value == "" else kinds.get(type(value), "a date or time")
    if isinstance(value, int | float) and not isinstance(value, bool):
        got = str(value)
    return ConfigError("A setting has a value that it cannot have.", where=where, expected=expected, got=got)


def _known(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(
                f"There is no setting {key!r}.",
                where=where,
                expected=f"one of {', '.join(known)}",
                hint=did_you_mean(key, known),
            )


def _short(error: Exception) -> str:
    return getattr(error, "strerror", None) or "bytes that are not UTF-8"
