"""Changes of one value in a response. Each change gets the container, the key in it, and a setting."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

Change = Callable[[Any, Any, Any], None]
Convert = Callable[[Any, Any], Any]

NEW_NAME = "renamed_field"
NEW_WORD = "brand_new_value"


def _remove(holder: Any, key: Any, _: Any) -> None:
    del holder[key]


def _null(holder: Any, key: Any, _: Any) -> None:
    holder[key] = None


def _set(holder: Any, key: Any, value: Any) -> None:
    holder[key] = value


def _rename(holder: Any, key: Any, _: Any) -> None:
    holder[NEW_NAME] = holder.pop(key)


def _recase(holder: Any, key: Any, _: Any) -> None:
    holder[_camel_case(key)] = holder.pop(key)


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return "".join([first, *(word.title() for word in rest)]) if rest else name.title()


def _flatten(holder: Any, key: Any, _: Any) -> None:
    nested = holder.pop(key)
    if isinstance(nested, dict):
        holder.update({f"{key}_{name}": value for name, value in nested.items()})


def _neighbour(holder: Any, key: Any, _: Any) -> None:
    if isinstance(holder, dict):
        holder["undocumented_field"] = True


def _inside(holder: Any, key: Any, _: Any) -> None:
    if isinstance(holder[key], dict):
        holder[key]["undocumented_field"] = True


def _time(convert: Callable[[datetime, Any], Any]) -> Convert:
    return lambda value, setting: convert(datetime.fromisoformat(value), setting)


CONVERSIONS: Mapping[str, Convert] = {
    "text": lambda value, _: str(value).lower() if isinstance(value, bool) else str(value),
    "digits": lambda value, _: len(str(value)),
    "flag": lambda value, _: int(bool(value)),
    "fraction": lambda value, _: value + 0.5,
    "array": lambda value, _: [value],
    "first": lambda value, _: value[0] if value else {},
    "numbered": lambda value, _: {str(index): item for index, item in enumerate(value)},
    "joined": lambda value, _: ",".join(map(str, value)),
    "object": lambda value, _: {"value": value},
    "values": lambda value, _: list(value.values()),
    "id": lambda value, _: value.get("id", ""),
    "empty": lambda value, _: type(value)(),
    "unknown-word": lambda value, _: NEW_WORD,
    "inverted": lambda value, _: not value,
    "underscored": lambda value, _: value.replace(".", "_"),
    "upper": lambda value, _: value.upper(),
    "spaced": lambda value, _: f"{value} ",
    "escaped": lambda value, _: html.escape(f"{value} & co"),
    "mojibake": lambda value, _: f"{value} é".encode().decode("latin-1"),
    "cut": lambda value, length: value[:length],
    "other-prefix": lambda value, prefix: prefix + value.rpartition("_")[2],
    "swapped": lambda value, _: value.rpartition("_")[0] + "_" + value.rpartition("_")[2].swapcase()[::-1],
    "no-prefix": lambda value, _: value.rpartition("_")[2],
    "scaled": lambda value, factor: value * factor + (factor if value == 0 else 0),
    "rounded": lambda value, _: float(int(value) // 10 * 10 + 10),
    "epoch": _time(lambda time, _: int(time.timestamp())),
    "epoch-ms": _time(lambda time, _: int(time.timestamp() * 1000)),
    "date-form": _time(lambda time, form: time.strftime(form)),
    "later": _time(lambda time, hours: (time + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")),
}
"""Conversions of a value that is not null."""


def where_possible(convert: Callable[..., Any], value: Any, *rest: Any) -> Any:
    """Return `convert(value, *rest)`, or `value` itself if another fault has made it impossible to convert."""
    try:
        return convert(value, *rest)
    except (LookupError, TypeError, ValueError, AttributeError):
        return value


def _converting(convert: Convert) -> Change:
    def change(holder: Any, key: Any, setting: Any) -> None:
        if holder[key] is not None:
            holder[key] = where_possible(convert, holder[key], setting)

    return change


CHANGES: Mapping[str, Change] = {
    "remove": _remove,
    "null": _null,
    "set": _set,
    "rename": _rename,
    "recase": _recase,
    "flatten": _flatten,
    "add-beside": _neighbour,
    "add-inside": _inside,
    **{name: _converting(convert) for name, convert in CONVERSIONS.items()},
}
"""The changes by the name that the catalogue uses."""

NEW_NAMES: Mapping[str, Callable[[str], str]] = {
    "rename": lambda name: NEW_NAME,
    "recase": _camel_case,
    "flatten": lambda name: f"{name}_*",
}
"""The new name of a field after a change that renames it; `*` matches anything."""
