"""What an SDK made of an answer, held against the answer: what it lost, changed, let through or did not know."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

Kind = Literal["lost", "changed", "let-through", "missing", "unknown", "added"]
TAG = "~"
A_VALUE, A_DATE, AN_INTEGER, A_TYPE = "one of the declared values", "a date", "an integer", "the declared type"
COMPLAINTS = (
    ("string", ("literal_error", "enum"), A_VALUE),
    ("string", ("datetime_type", "date_type"), A_DATE),
    ("number", ("int_type", "int_from_float"), AN_INTEGER),
)
"""Of an answer of some kind, by the names that pydantic gives its complaints: what it was expected to be."""
DATES = {"datetime": datetime.fromisoformat, "date": date.fromisoformat}


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the two are not the same. `location` is a JSON pointer with `*` for items.

    `lost` was answered and is not there after parsing, `changed` is there as something else, `added` was not answered;
    `let-through` is there although its declared type is another one, `unknown` although no field is declared for it;
    `missing` was not answered although it is declared as always there.
    """

    kind: Kind
    location: str
    expected: str
    observed: str


def compared(answered: Any, parsed: Any, location: str = "") -> Iterator[Difference]:
    """The differences between a JSON value and what a driver shows of it; models, dates and the like are tagged."""
    if isinstance(parsed, Mapping) and TAG in parsed:
        kind, value = parsed[TAG], parsed.get("v")
        if isinstance(value, Mapping):
            yield from _told(parsed, answered, location)
            yield from _objects(answered, value, location)
        elif kind in DATES:
            yield from _dates(answered, kind, value, location)
        else:
            yield Difference("changed", location, _kind(answered), f"a {kind}")
    elif isinstance(parsed, Mapping):
        yield from _objects(answered, parsed, location)
    elif isinstance(parsed, list):
        yield from _lists(answered, parsed, location)
    elif not _is_same(answered, parsed):
        observed = _kind(parsed) if _kind(parsed) != _kind(answered) else "another value"
        yield Difference("changed", location, _kind(answered), observed)


def unfit(answered: Any, complaints: Collection[str], location: str = "") -> Difference:
    """What passes although it is not of its declared type, by what pydantic has to say of it."""
    kind = _kind(answered)
    fitting = (word for own, names, word in COMPLAINTS if own == kind and not set(names).isdisjoint(complaints))
    return Difference("let-through", location, next(fitting, A_TYPE), kind)


def _told(model: Mapping[str, Any], answered: Any, location: str) -> Iterator[Difference]:
    """What the driver says of the fields of a model: undeclared and missing ones, and those not of their type."""
    values = answered if isinstance(answered, Mapping) else {}
    for name in model.get("x", ()):
        yield Difference("unknown", f"{location}/{name}", "a declared field", _kind(values.get(name)))
    for name in model.get("m", ()):
        yield Difference("missing", f"{location}/{name}", "a required field", "nothing")
    for name, complaints in model.get("u", {}).items():
        yield unfit(values.get(name), complaints, f"{location}/{name}")


def _objects(answered: Any, parsed: Mapping[str, Any], location: str) -> Iterator[Difference]:
    if not isinstance(answered, Mapping):
        yield Difference("changed", location, _kind(answered), "object")
        return
    for name, value in answered.items():
        if name in parsed:
            yield from compared(value, parsed[name], f"{location}/{name}")
        else:
            yield Difference("lost", f"{location}/{name}", _kind(value), "nothing")
    for name in parsed.keys() - answered.keys():
        if parsed[name] is not None:
            yield Difference("added", f"{location}/{name}", "nothing", _kind(parsed[name]))


def _lists(answered: Any, parsed: list[Any], location: str) -> Iterator[Difference]:
    if not isinstance(answered, list) or len(answered) != len(parsed):
        observed = f"array of {len(parsed)}" if isinstance(answered, list) else "array"
        yield Difference("changed", location, _kind(answered), observed)
        return
    for one, other in zip(answered, parsed, strict=True):
        yield from compared(one, other, f"{location}/*")


def _dates(answered: Any, kind: str, value: Any, location: str) -> Iterator[Difference]:
    """A date is the same as long as it is the same moment: how it was written is not."""
    try:
        if isinstance(answered, str) and DATES[kind](answered.replace("Z", "+00:00")) == DATES[kind](value):
            return
    except (TypeError, ValueError):
        pass
    yield Difference("changed", location, _kind(answered), kind)


def _is_same(answered: Any, parsed: Any) -> bool:
    """Whether two scalars are one JSON value: 1 and 1.0 are, 1 and true are not."""
    return parsed == answered and isinstance(parsed, bool) is isinstance(answered, bool)


def _kind(value: Any) -> str:
    """The JSON type of a value, or the tag of what is none."""
    if isinstance(value, Mapping):
        return str(value.get(TAG, "object"))[:60]
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", type(None): "null"}
    return kinds.get(type(value), type(value).__name__)
