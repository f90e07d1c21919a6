"""Decode configuration files strictly: an unknown key, a wrong type or an unreadable file is an error with its place.

A setting that is silently ignored is a check that does not run. A reader takes a value and its place, such as
`whopwatch.toml, targets.mine.rate`, and returns the decoded value or raises `ConfigError`. `record_reader` derives a
reader from a dataclass, whose fields then define keys, types and defaults of a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from whopwatch.core.documents import DocumentError, parse_document, parse_toml_document, read_bounded
from whopwatch.core.errors import ConfigError, did_you_mean, quoted_input

Reader = Callable[[Any, str], Any]
_Record = TypeVar("_Record")

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


# Files


def read_toml_file(path: Path, what: str) -> dict[str, Any]:
    """Return the content of the TOML file at `path`; `what` names it in errors. Raise `ConfigError`."""
    try:
        return parse_toml_document(read_text_file(path, what))
    except DocumentError as error:
        raise ConfigError(f"{what} is not valid TOML.", where=str(path), got=str(error)) from None


def read_document_file(path: Path, what: str) -> Any:
    """Return the content of the JSON or YAML file at `path`; `what` names it in errors. Raise `ConfigError`."""
    try:
        return parse_document(read_text_file(path, what))
    except DocumentError as error:
        raise ConfigError(f"{what} cannot be parsed.", where=str(path), got=str(error)) from None


def read_text_file(path: Path, what: str) -> str:
    """Return the text of the file at `path`; `what` names it in errors. Raise `ConfigError`."""
    try:
        return read_bounded(path).decode("utf-8-sig")
    except FileNotFoundError:
        hint = f"check the path; the current folder is {Path.cwd()}"
        raise ConfigError(f"{what} does not exist.", where=str(path), expected="a file", hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        got = getattr(error, "strerror", None) or "bytes that are not UTF-8"
        raise ConfigError(f"{what} cannot be read.", where=str(path), expected="a file in UTF-8", got=got) from None


# Tables


def decode_table(
    value: Any, readers: Mapping[str, Reader], where: str, required: Collection[str] = ()
) -> dict[str, Any]:
    """Return the keys of one table, each decoded by its reader. Unknown and missing keys are errors."""
    if not isinstance(value, dict):
        raise invalid_setting(where, "a table of settings", value)
    for key in value:
        if key == "api_key":
            raise ConfigError(
                "An API key must not be in a configuration file.",
                where=where,
                expected="api_key_env, the name of the environment variable that contains it",
                hint='set api_key_env = "WHOP_API_KEY", and revoke the key if the file was ever committed',
            )
        if key not in readers:
            expected = f"one of {', '.join(readers)}"
            raise ConfigError(
                f"Unknown key {quoted_input(str(key))}.",
                where=where,
                expected=expected,
                hint=did_you_mean(str(key), readers),
            )
    for key in required:
        if key not in value:
            raise ConfigError(f"The key {key!r} is missing.", where=where)
    return {key: readers[key](part, place_of_key(where, key)) for key, part in value.items()}


def table_reader(readers: Mapping[str, Reader]) -> Reader:
    """Return a reader of a table whose keys `readers` decode; it returns the keys that the table has."""
    return lambda value, where: decode_table(value, readers, where)


def record_reader(kind: type[_Record], form: Form | None = None) -> Callable[[Any, str], _Record]:
    """Return a reader that decodes a table into the dataclass `kind`; fields without a default are required."""
    form = form or TOML_FORM
    readers = readers_of(kind, form)
    names = {_key_of(one): one.name for one in fields(kind)}  # type: ignore[arg-type]
    required = [
        _key_of(one)
        for one in fields(kind)  # type: ignore[arg-type]
        if one.default is MISSING and one.default_factory is MISSING
    ]

    def read(value: Any, where: str) -> _Record:
        if form.ignores_unknown_keys and isinstance(value, dict):
            value = {key: part for key, part in value.items() if key in readers}
        decoded = decode_table(value, readers, where, required)
        return kind(**{names[key]: part for key, part in decoded.items()})

    return read


def readers_of(kind: type[Any], form: Form | None = None) -> dict[str, Reader]:
    """Return a reader for each key of the dataclass `kind`.

    A field with `metadata={"key": "class"}` has that key, a field with `metadata={"key": False}` has none.
    """
    hints = get_type_hints(kind, include_extras=True)
    return {_key_of(one): reader_of(hints[one.name], form) for one in fields(kind) if one.metadata.get("key", True)}


def _key_of(one: Field[Any]) -> str:
    key = one.metadata.get("key")
    return key if isinstance(key, str) else one.name


def reader_of(annotation: Any, form: Form | None = None) -> Reader:
    """Return the reader of a type; `Annotated[type, reader]` names one."""
    form = form or TOML_FORM
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        reader: Reader = next(part for part in args[1:] if callable(part))
        return reader
    if origin in (Union, UnionType):
        inner = reader_of(next(part for part in args if part is not NoneType), form)
        return _or_null(inner) if form.has_null else inner
    if origin is tuple:
        return array_reader(reader_of(args[0], form))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return mapping_reader(reader_of(args[1], form))
    if is_dataclass(annotation):
        return record_reader(annotation, form)  # type: ignore[arg-type]
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        read = choice(*map(str, annotation))
        return lambda value, where: annotation(read(value, where))
    return form.plain[annotation]


def _or_null(reader: Reader) -> Reader:
    return lambda value, where: None if value is None else reader(value, where)


def array_reader(reader: Reader) -> Reader:
    """Return a reader of a list without a length limit whose items `reader` decodes."""

    def read(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise invalid_setting(where, "a list", value)
        return tuple(reader(part, f"{where}, number {number}") for number, part in enumerate(value, start=1))

    return read


def mapping_reader(reader: Reader) -> Reader:
    """Return a reader of a table with any keys, whose values `reader` decodes."""

    def read(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid_setting(where, 'a table such as { products = "prod_..." }', value)
        return {key: reader(part, place_of_key(where, key)) for key, part in value.items()}

    return read


# Values


def string(value: Any, where: str) -> str:
    """Return a string that is not empty."""
    if not isinstance(value, str) or not value:
        raise invalid_setting(where, "a string in quotes", value)
    return value


def strings(value: Any, where: str) -> tuple[str, ...]:
    """Return a list of strings that is not empty."""
    if not isinstance(value, list) or not value:
        raise invalid_setting(where, 'a list of strings such as ["products.list"]', value)
    return tuple(string(part, where) for part in value)


def boolean(value: Any, where: str) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise invalid_setting(where, "true or false", value)
    return value


def positive_number(value: Any, where: str, expected: str = "a number above 0") -> float:
    """Return a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise invalid_setting(where, expected, value)
    return float(value)


def positive_integer(value: Any, where: str) -> int:
    """Return an integer from 1 to 9,999."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10_000:
        raise invalid_setting(where, "an integer above 0", value)
    return value


def fraction(value: Any, where: str) -> float:
    """Return a number above 0 and below 1: an objective of 1 would leave no error budget."""
    if isinstance(value, bool) or not isinstance(value, float) or not 0 < value < 1:
        raise invalid_setting(where, "a number between 0 and 1 such as 0.99", value)
    return value


def duration_seconds(value: Any, where: str) -> float:
    """Return the seconds of `"90s"`, `"5m"`, `"1h"` or of a plain number of seconds; above 0."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        value = float(match[1]) * _UNITS[match[2]]
    return positive_number(value, where, 'a duration above 0 such as "30s" or "5m"')


def calendar_date(value: Any, where: str) -> date:
    """Return a date, given as a date of TOML or YAML or as the string `"2026-12-31"`."""
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else _not_a_date()
    except ValueError:
        raise invalid_setting(where, "a date such as 2026-12-31", value) from None


def server_url(value: Any, where: str) -> str:
    """Return the http or https URL of a server, without user and query, which could contain a key."""
    parts = urlsplit(string(value, where))
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise invalid_setting(where, 'a URL such as "https://mcp.example.com/mcp"', "another string")
    return parts.geturl()


def choice(*allowed: str) -> Reader:
    """Return a reader that accepts one of the strings `allowed`."""

    def read(value: Any, where: str) -> str:
        if value not in allowed:
            hint = did_you_mean(value, allowed) if isinstance(value, str) else None
            raise invalid_setting(where, f"one of {', '.join(allowed)}", value, hint)
        return str(value)

    return read


def matching_string(pattern: str, expected: str) -> Reader:
    """Return a reader that accepts strings which match `pattern` as a whole; `expected` describes them."""
    compiled = re.compile(pattern)

    def read(value: Any, where: str) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise invalid_setting(where, expected, value)
        return value

    return read


def any_value(value: Any, where: str) -> Any:
    """Return any value unchanged."""
    return value


def _json_type(expected: str, *types: type) -> Reader:
    """Return a reader that accepts the JSON values of some Python types; true and false are no numbers."""

    def read(value: Any, where: str) -> Any:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise invalid_setting(where, expected, value)
        return value

    return read


# Errors


def invalid_setting(where: str, expected: str, value: Any, hint: str | None = None) -> ConfigError:
    """Return the error for a value that a key does not accept."""
    return ConfigError("The value is invalid.", where=where, expected=expected, got=_described(value), hint=hint)


def place_of_key(where: str, key: str) -> str:
    """Return the place of `key` within the place `where`: `FILE, targets.mine`."""
    return f"{where}.{key}" if ", " in where else f"{where}, {key}"


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, str):
        return quoted_input(value) if value else "an empty string"
    return json.dumps(value) if isinstance(value, bool) else str(value)[:60]


def _not_a_date() -> date:
    raise ValueError


@dataclass(frozen=True)
class Form:
    """What a kind of file accepts for each plain type, whether it has null, and whether unknown keys are ignored."""

    plain: Mapping[Any, Reader]
    has_null: bool = False
    ignores_unknown_keys: bool = False


TOML_FORM = Form(
    {
        str: string,
        bool: boolean,
        int: positive_integer,
        float: positive_number,
        date: calendar_date,
    }
)
"""Files that people write: strict, so that a typing error is not ignored."""
JSON_FORM = Form(
    {
        str: _json_type("a string", str),
        bool: boolean,
        int: _json_type("an integer", int),
        float: _json_type("a number", int, float),
        Any: any_value,
    },
    has_null=True,
    ignores_unknown_keys=True,
)
"""Files that a program of another version may have written: unknown keys are ignored, types are not."""
