"""What is answered, compared: statuses, media types, errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from whopwatch.diff.change import Change
from whopwatch.diff.model import Operation, Shape
from whopwatch.diff.requests import compare_media
from whopwatch.diff.shapes import Comparer
from whopwatch.diff.words import in_words, listed

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answers:
    """The changes about answers as a whole, and the bodies that are to be compared as shapes."""

    changes: tuple[Change, ...]
    bodies: tuple[tuple[Shape, Shape], ...]


def compare_answers(old: Operation, new: Operation, comparer: Comparer) -> Answers:
    """Compare the successes of an operation, and which errors it answers."""
    facets = comparer.facets
    changes: list[Change] = []
    bodies: list[tuple[Shape, Shape]] = []
    if "statuses" in facets:
        changes += _statuses(set(old.answers), set(new.answers))
        pairs = [(old.answers[status], new.answers[status]) for status in old.answers if status in new.answers]
    else:
        pairs = []
    # One success of each: the statuses may be unknown, or one may have taken the place of the other.
    for mine, other in pairs or [(_first(old), _first(new))]:
        if "media" in facets:
            changes += compare_media(set(mine), set(other))
        before, after = _shape(mine), _shape(other)
        if before is not None and after is not None:
            bodies.append((before, after))
        elif before is not after:
            changes.append(Change("D7", "replaced", "", _or_nothing(before), _or_nothing(after)))
    if "errors" in facets:
        changes += _errors(old, new, comparer)
    return Answers(tuple(changes), tuple(bodies))


def _statuses(old: set[str], new: set[str]) -> Iterator[Change]:
    if old - new:
        yield Change("D14", "removed", "status", listed(sorted(old)), f"no longer {listed(sorted(old - new))}")
    if new - old:
        yield Change("D14", "added", "status", listed(sorted(old)), f"{listed(sorted(new - old))} as well")


def _errors(old: Operation, new: Operation, comparer: Comparer) -> Iterator[Change]:
    before, after = set(old.errors), set(new.errors)
    if before - after:
        yield Change("D15", "removed", "status", listed(sorted(before)), f"no longer {listed(sorted(before - after))}")
    if after - before:
        yield Change("D15", "added", "status", listed(sorted(before)), f"{listed(sorted(after - before))} as well")
    for status in sorted(before & after):
        mine, other = old.errors[status], new.errors[status]
        if mine is not None and other is not None and not comparer.are_alike(mine, other):
            yield Change("D15", "replaced", "status", f"the body of {status} as before", f"another body of {status}")


def _first(operation: Operation) -> Mapping[str, Shape]:
    return operation.answers[min(operation.answers)] if operation.answers else {}


def _shape(content: Mapping[str, Shape]) -> Shape | None:
    return content.get(_JSON) or next(iter(content.values()), None)


def _or_nothing(shape: Shape | None) -> str:
    return in_words(shape) if shape is not None else "no content"
