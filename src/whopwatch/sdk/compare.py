"""Compare the values that an SDK parsed with the response: lost, changed, undeclared and wrongly typed fields."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from whopwatch.core.names import name_token

DifferenceKind = Literal["lost", "changed", "let-through", "missing", "unknown", "added"]
ENUM_VALUE, DATE, INTEGER = "one of the declared values", "a date", "an integer"
_TAG = "~"
_DECLARED_TYPE = "the declared type"
_EXPECTED_BY_ERROR = (
    ("string", ("literal_error", "enum"), ENUM_VALUE),
    ("string", ("datetime_type", "date_type"), DATE),
    ("number", ("int_type", "int_from_float"), INTEGER),
)
"""The JSON type of a value, the pydantic error types, and what the value was expected to be."""
_DATES = {"datetime": datetime.fromisoformat, "date": date.fromisoformat}


@dataclass(frozen=True, slots=True)
class ParsingDifference:
    """One difference between a response and the parsed value. `location` is a JSON pointer with `*` for items.

    `lost`: in the response, but not parsed. `changed`: parsed to a different value. `added`: not in the response.
    `let-through`: parsed although it is not of the declared type. `unknown`: parsed although it is not declared.
    `missing`: declared as always present, but not in the response.
    """

    kind: DifferenceKind
    location: str
    expected: str
    observed: str


def compare_parsed(response: Any, parsed: Any, location: str = "") -> Iterator[ParsingDifference]:
    """Yield the differences between a JSON value and the parsed value, in which models and dates are tagged."""
    if isinstance(parsed, Mapping) and _TAG in parsed:
        kind, value = parsed[_TAG], parsed.get("v")
        if isinstance(value, Mapping):
            yield from _model_differences(parsed, response, location)
            yield from _compare_objects(response, value, location)
        elif kind in _DATES:
            yield from _compare_dates(response, kind, value, location)
        else:
            yield ParsingDifference("changed", location, _kind(response), f"a {kind}")
    elif isinstance(parsed, Mapping):
        yield from _compare_objects(response, parsed, location)
    elif isinstance(parsed, list):
        yield from _compare_lists(response, parsed, location)
    elif not _is_same(response, parsed):
        observed = _kind(parsed) if _kind(parsed) != _kind(response) else "another value"
        yield ParsingDifference("changed", location, _kind(response), observed)


def wrong_type(response: Any, errors: Collection[str], location: str = "") -> ParsingDifference:
    """Return the difference of a value that the SDK parses although pydantic finds it of a wrong type."""
    kind = _kind(response)
    expected = (word for own, names, word in _EXPECTED_BY_ERROR if own == kind and not set(names).isdisjoint(errors))
    return ParsingDifference("let-through", location, next(expected, _DECLARED_TYPE), kind)


def _model_differences(model: Mapping[str, Any], response: Any, location: str) -> Iterator[ParsingDifference]:
    """Yield the undeclared, missing and wrongly typed fields of a model, as the driver reports them."""
    values = response if isinstance(response, Mapping) else {}
    for name in model.get("x", ()):
        yield ParsingDifference(
            "unknown", f"{location}/{name_token(name)}", "a declared field", _kind(values.get(name))
        )
    for name in model.get("m", ()):
        yield ParsingDifference("missing", f"{location}/{name_token(name)}", "a required field", "nothing")
    for name, errors in model.get("u", {}).items():
        yield wrong_type(values.get(name), errors, f"{location}/{name_token(name)}")


def _compare_objects(response: Any, parsed: Mapping[str, Any], location: str) -> Iterator[ParsingDifference]:
    if not isinstance(response, Mapping):
        yield ParsingDifference("changed", location, _kind(response), "object")
        return
    for name, value in response.items():
        if name in parsed:
            yield from compare_parsed(value, parsed[name], f"{location}/{name_token(name)}")
        else:
            yield ParsingDifference("lost", f"{location}/{name_token(name)}", _kind(value), "nothing")
    for name in parsed.keys() - response.keys():
        if parsed[name] is not None:
            yield ParsingDifference("added", f"{location}/{name_token(name)}", "nothing", _kind(parsed[name]))


def _compare_lists(response: Any, parsed: list[Any], location: str) -> Iterator[ParsingDifference]:
    if not isinstance(response, list) or len(response) != len(parsed):
        observed = f"array of {len(parsed)}" if isinstance(response, list) else "array"
        yield ParsingDifference("changed", location, _kind(response), observed)
        return
    for one, other in zip(response, parsed, strict=True):
        yield from compare_parsed(one, other, f"{location}/*")


def _compare_dates(response: Any, kind: str, value: Any, location: str) -> Iterator[ParsingDifference]:
    """Compare dates by the moment: they can be written in different ways."""
    try:
        if isinstance(response, str) and _DATES[kind](response.replace("Z", "+00:00")) == _DATES[kind](value):
            return
    except (TypeError, ValueError):
        pass
    yield ParsingDifference("changed", location, _kind(response), kind)


def _is_same(response: Any, parsed: Any) -> bool:
    """Return whether two scalars are the same JSON value: 1 and 1.0 are, 1 and true are not."""
    return parsed == response and isinstance(parsed, bool) is isinstance(response, bool)


def _kind(value: Any) -> str:
    """Return the JSON type of a value, or the tag of another type."""
    if isinstance(value, Mapping):
        return str(value.get(_TAG, "object"))[:60]
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", type(None): "null"}
    return kinds.get(type(value), type(value).__name__)
