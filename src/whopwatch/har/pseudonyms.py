"""Replace values by placeholders of the same type and form, in the same order, and equal where the values were equal.

Checks compare values with each other (a list with its object, a filter with the items, an order with its items), so a
placeholder is the rank of its value among all values of its kind. Nothing else of the value remains. Words that the
contract documents are not personal data and are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.behaviour import MATCHES_NOTHING, NONEXISTENT_ID_SUFFIX, epoch_seconds
from whopwatch.core.redaction import placeholder, shape_of

_TIME = re.compile(r"\d{4}-\d\d-\d\d([T t])\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,40}(?:\.(\d{1,40}))?", re.ASCII)
_BEGINNING = datetime(2001, 1, 1, tzinfo=UTC)

Number = int | float

ERROR_CODES = frozenset({"parameter_missing", "parameter_invalid"})
"""Error codes that checks read."""


@dataclass(frozen=True)
class Vocabulary:
    """The words of a contract: documented constants, names of properties and parameters, prefixes of ids."""

    values: frozenset[str]
    names: frozenset[str]
    prefixes: tuple[str, ...]


@lru_cache(maxsize=8)
def vocabulary_of(contract: Contract) -> Vocabulary:
    """Return the words of `contract` and of its declared behaviour of lists and errors."""
    values: set[str] = {*ERROR_CODES, *MATCHES_NOTHING.values(), *contract.behaviour.wildcards, "true", "false"}
    values.update(kind for kinds in contract.behaviour.errors.values() for kind in kinds)
    names: set[str] = set()
    prefixes: set[str] = set()
    for node in _objects(contract.documents):
        values.update(text for text in _list(node.get("enum")) if isinstance(text, str))
        prefixes.update(_list(node.get("x-id-prefix")))
        if isinstance(node.get("const"), str):
            values.add(node["const"])
        if isinstance(node.get("properties"), dict):
            names.update(node["properties"])
        if isinstance(node.get("in"), str) and isinstance(node.get("name"), str):
            names.add(node["name"])
    values.update(names)  # an error names the parameter that it is about
    return Vocabulary(frozenset(values), frozenset(names), tuple(sorted(prefixes, key=len, reverse=True)))


def _objects(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, Mapping):
        yield node
        for part in node.values():
            yield from _objects(part)
    elif isinstance(node, list):
        for part in node:
            yield from _objects(part)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class Pseudonymizer:
    """Return placeholders for the values it was created with.

    `values` are JSON values and the strings of paths and queries. `sought` are strings that filters searched for in
    other strings. `names` are property names that are kept in addition to the documented ones.
    """

    def __init__(
        self, vocabulary: Vocabulary, values: Iterable[Any], sought: Iterable[str] = (), names: Iterable[str] = ()
    ) -> None:
        self._vocabulary = vocabulary
        self._names = vocabulary.names | frozenset(names)
        seen = _SeenValues()
        for value in values:
            seen.add(value)
        self._sought = {text: f"sought{place}" for place, text in enumerate(sorted(set(sought)), 1) if text}
        strange = sorted(seen.names - self._names)
        self._strange = {name: _placeholder(name, place) for place, name in enumerate(strange, 1)}
        self._texts = {text: place for place, text in enumerate(sorted({_base(text) for text in seen.texts}), 1)}
        self._moments = {time: place for place, time in enumerate(sorted(seen.moments), 1)}
        self._days = {day: place for place, day in enumerate(sorted(seen.days), 1)}
        self._numbers = _ranks(seen.numbers)

    def value(self, value: Any) -> Any:
        """Return the placeholder of a JSON value: objects and arrays keep their shape, documented words stay."""
        if isinstance(value, dict):
            return {self._name(name): self.value(part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.value(part) for part in value]
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool):
            return value
        return self._number(value)

    def text(self, text: str) -> str:
        """Return the placeholder of a string."""
        if text == "" or text in self._vocabulary.values:
            return text
        if text in self._sought:
            return self._sought[text]
        if (numeric := _NUMBER.fullmatch(text)) is not None:
            rank = str(int(self._number(_read(text))))
            return f"{rank}.{'0' * len(numeric[1])}" if numeric[1] else rank
        return self._time(text) or self._id(text) or self._words(text)

    def _name(self, name: str) -> str:
        return name if name in self._names else self._strange[name]

    def _number(self, number: Number) -> Number:
        rank = self._numbers[number]
        if isinstance(number, int):
            return rank
        return float(rank) if number.is_integer() else rank + 0.5

    def _time(self, text: str) -> str | None:
        if _DATE.fullmatch(text) and text in self._days:
            return (_BEGINNING + timedelta(days=self._days[text])).date().isoformat()
        parts = _TIME.fullmatch(text)
        time = _moment(text) if parts else None
        if parts is None or time is None:
            return None
        offset = datetime.fromisoformat(text).utcoffset() or timedelta()
        shown = _BEGINNING + timedelta(minutes=self._moments[time]) + offset
        fraction = f".{'0' * (len(parts[2]) - 1)}" if parts[2] else ""
        return f"{shown:%Y-%m-%d}{parts[1]}{shown:%H:%M:%S}{fraction}{parts[3] or ''}"

    def _id(self, text: str) -> str | None:
        if not text.startswith(self._vocabulary.prefixes):
            return None
        for prefix in self._vocabulary.prefixes:
            if text.startswith(prefix) and " " not in text:
                ending = (
                    NONEXISTENT_ID_SUFFIX if text == prefix + NONEXISTENT_ID_SUFFIX else f"{self._texts[text]:014d}"
                )
                return prefix + ending
        return None

    def _words(self, text: str) -> str:
        folded = text.casefold()
        marks = "".join(f".{mark}" for sought, mark in self._sought.items() if sought.casefold() in folded)
        shown = f"{self._texts[_base(text)]:06d}{marks}"
        if text.startswith(("https://", "http://")):
            return f"https://example.com/{shown}{'?query' if '?' in text else ''}"
        return f"user{shown}@example.com" if "@" in text else f"text-{shown}"


def _placeholder(name: str, place: int) -> str:
    """Return a name of the same shape, so that a replay finds it at the same location."""
    shape = shape_of(name)
    return placeholder(shape, place) if shape else f"field{place}"


class _SeenValues:
    """The values of each kind that need placeholders."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.texts: set[str] = set()
        self.moments: set[float] = set()
        self.days: set[str] = set()
        self.numbers: set[Number] = set()

    def add(self, value: Any) -> None:
        if isinstance(value, dict):
            self.names.update(value)
            for part in value.values():
                self.add(part)
        elif isinstance(value, list):
            for part in value:
                self.add(part)
        elif isinstance(value, str):
            self._add_text(value)
        elif value is not None and not isinstance(value, bool):
            self.numbers.add(value)

    def _add_text(self, text: str) -> None:
        self.texts.add(text)
        if _NUMBER.fullmatch(text):
            self.numbers.add(_read(text))
        elif _moment(text) is not None:
            if _DATE.fullmatch(text):
                self.days.add(text)
            elif _TIME.fullmatch(text):
                self.moments.add(epoch_seconds(text))


def _base(text: str) -> str:
    """Return `text`; a link without its query, which may be a signature that changes with every response."""
    return text.partition("?")[0] if text.startswith(("https://", "http://")) else text


def _moment(text: str) -> float | None:
    try:
        return epoch_seconds(text)
    except (ValueError, OverflowError):
        return None


def _read(text: str) -> Number:
    return float(text) if "." in text else int(text)


def _ranks(numbers: Iterable[Number]) -> Mapping[Number, int]:
    """Return ranks that keep order, sign and zero."""
    positive = sorted(number for number in numbers if number > 0)
    negative = sorted((number for number in numbers if number < 0), reverse=True)
    ranks: dict[Number, int] = {0: 0}
    ranks.update((number, place) for place, number in enumerate(positive, 1))
    ranks.update((number, -place) for place, number in enumerate(negative, 1))
    return ranks
