"""What an SDK made of an answer, held against the answer: what it lost, changed, let through or did not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

Kind = Literal["lost", "changed", "let-through", "unknown", "added"]
TAG = "~"
DATES = {"datetime": datetime.fromisoformat, "date": date.fromisoformat}


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where the two are not the same. `location` is a JSON pointer with `*` for items.

    `lost` was answered and is not there after parsing, `changed` is there as something else, `added` was not answered;
    `let-through` is there although its declared type is another one, `unknown` although no field is declared for it.
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


def _told(model: Mapping[str, Any], answered: Any, location: str) -> Iterator[Difference]:
    """What the driver says of the fields of a model: undeclared ones, and those that are not of their type."""
    values = answered if isinstance(answered, Mapping) else {}
    for name in model.get("x", ()):
        yield Difference("unknown", f"{location}/{name}", "a declared field", _kind(values.get(name)))
    for name in model.get("u", ()):
        yield Difference("let-through", f"{location}/{name}", "the declared type", _kind(values.get(name)))


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
