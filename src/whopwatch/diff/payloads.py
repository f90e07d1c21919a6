"""Compare what two operations carry: parameters, request bodies, responses and headers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from whopwatch.core.finding import Severity
from whopwatch.diff.change import Change, Gap, Placed
from whopwatch.diff.model import (
    ApiOperation,
    ApiParameter,
    ApiResponse,
    Body,
    Direction,
    Property,
    Shape,
    describe,
    list_words,
)
from whopwatch.diff.renames import mark_renamed
from whopwatch.diff.shapes import Comparer, Difference, Link, Pair
from whopwatch.diff.values import deprecation, requiredness

Found = Placed | Gap
Part = TypeVar("Part")
EVENT_PREFIX = "webhook:"
_ARRAY = "[]"
_TEXT = Shape(frozenset({"string"}))
_EXPLODED = "form, exploded"
_MAX_PLACES = 1000
"""Places of all shared schemas in one request or response that are reported: of more, the first few of each schema."""
_MIN_PLACES = 20


@dataclass(frozen=True)
class OperationPlace:
    """Where the findings of an operation are placed.

    `request` is the direction of the request: an API sends the requests of events and callbacks itself. Locations in
    the request body start with `body`, locations in a response with `response`, all others with `prefix`.
    """

    operation: str
    request: Direction = Direction.SENT
    body: str = "body:"
    response: str = ""
    prefix: str = ""

    @staticmethod
    def of_event(name: str) -> OperationPlace:
        """Return the place of an event, whose payload has bare JSON pointers as locations."""
        return OperationPlace(f"{EVENT_PREFIX}{name}", Direction.RECEIVED, "", "response:")

    def callback(self, name: str) -> OperationPlace:
        """Return the place of a callback of this operation."""
        prefix = f"callback:{name}:"
        return OperationPlace(self.operation, self.request.opposite, prefix, f"{prefix}response:", prefix)

    def sent(self, location: str, change: Change) -> Placed:
        """Place a change of the request."""
        return Placed(self.operation, self.prefix + location, self.request, replace(change, pointer=""))

    def received(self, location: str, change: Change) -> Placed:
        """Place a change of the response."""
        return Placed(self.operation, self.prefix + location, self.request.opposite, replace(change, pointer=""))


def gaps(
    old: Iterable[tuple[str, str]], new: Iterable[tuple[str, str]], operation: str, location: str
) -> Iterator[Gap]:
    """Yield the keywords whose value differs and that are not compared."""
    yield from (Gap(operation, location, key) for key in sorted({key for key, _ in set(old) ^ set(new)}))


def compare_lifecycle(old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...]) -> Iterator[Change]:
    if set(old) != set(new):
        before, after = (list_words(f"{key} {value}" for key, value in sorted(one)) or "none" for one in (old, new))
        yield Change("D21", "replaced", "", before, after)


def compare_parameters(old: ApiOperation, new: ApiOperation, comparer: Comparer) -> Iterator[Change | Gap]:
    """Yield the changes of parameters. `pointer` is the location in a finding: `param:NAME` or `header:NAME`."""
    places = {"query", "cookie", *({"header"} if "headers" in comparer.facets else ())}
    before = {_key(item): item for item in old.parameters if item.where in places}
    after = {_key(item): item for item in new.parameters if item.where in places}
    for key in (key for key in before if key in after):
        yield from _parameter(before[key], after[key], comparer)
    gone = [item for key, item in before.items() if key not in after]
    come = [item for key, item in after.items() if key not in before]
    yield from mark_renamed(
        [_removed(item) for item in gone],
        [_added(item) for item in come],
        [_as_property(item) for item in gone],
        [_as_property(item) for item in come],
        comparer.are_alike,
    )
    # Path parameters are paired by their order: their names are not part of a request.
    for mine, other in zip(_in_path(old), _in_path(new), strict=False):
        yield from _parameter(mine, other, comparer)


def parameter_location(parameter: ApiParameter) -> str:
    """Return the location of findings about a parameter."""
    return f"header:{parameter.name}" if parameter.where == "header" else f"param:{parameter.name}"


def _key(parameter: ApiParameter) -> tuple[str, str]:
    name = parameter.name.removesuffix(_ARRAY)
    return parameter.where, name.lower() if parameter.where == "header" else name


def _in_path(operation: ApiOperation) -> list[ApiParameter]:
    """Return the parameters of the path in its order; one that is not declared is any string."""
    declared = {item.name: item for item in operation.parameters if item.where == "path"}
    names = re.findall(r"\{([^{}]*)\}", operation.path)
    text = ApiParameter("", "path", _TEXT, required=True, style="simple")
    return [replace(declared.get(name, text), name=name, required=True) for name in names]


def _parameter(old: ApiParameter, new: ApiParameter, comparer: Comparer) -> Iterator[Change | Gap]:
    location = parameter_location(old)
    if not comparer.has_sdk:
        yield from gaps(old.unknown, new.unknown, "", location)
        yield from (replace(change, pointer=location) for change in compare_lifecycle(old.lifecycle, new.lifecycle))
    for change in _parameter_changes(old, new, comparer):
        yield replace(change, pointer=location)
    before, after = comparer.old.resolve(old.shape), comparer.new.resolve(new.shape)
    difference = _parameter_difference(replace(old, shape=before), replace(new, shape=after), comparer)
    for change in difference.changes:
        yield replace(change, pointer=location)
    yield from (Gap("", location, gap.keyword) for gap in difference.gaps)
    for link in difference.links:
        yield from (replace(change, pointer=location) for change in comparer.shared(link.pair).changes)


def _parameter_changes(old: ApiParameter, new: ApiParameter, comparer: Comparer) -> Iterator[Change]:
    if old.required != new.required:
        yield requiredness(old.required, new.required)
    if "deprecations" in comparer.facets and old.deprecated != new.deprecated:
        yield deprecation(new.deprecated)
    before, after = comparer.old.resolve(old.shape), comparer.new.resolve(new.shape)
    if "array-names" in comparer.facets and old.name != new.name and old.where == "query":
        what = "array" if before.items is not None and after.items is not None else "value"
        before_name, after_name = (name.replace(name.removesuffix(_ARRAY), "NAME") for name in (old.name, new.name))
        yield Change("D12", "replaced", "", f"{what} sent as {before_name}", f"{what} sent as {after_name}")
    # The style of a single value makes no difference, unless it is serialized by a media type.
    is_plain = before.kinds | after.kinds <= {"string", "integer", "number", "boolean"}
    is_style = old.style is not None and new.style is not None and "/" not in old.style + new.style
    if "serialization" in comparer.facets and old.style != new.style and not (is_plain and is_style):
        yield Change("D12", "replaced", "", f"serialized as {old.style}", f"serialized as {new.style}")


def _parameter_difference(old: ApiParameter, new: ApiParameter, comparer: Comparer) -> Difference:
    before, after = old.shape, new.shape
    if comparer.has_sdk:
        # In an SDK a nullable parameter is one that may be left out.
        before, after = replace(before, nullable=False), replace(after, nullable=False)
    is_scalar_before = before.items is None and bool(before.kinds) and not before.kinds & {"array", "object"}
    is_exploded = is_scalar_before and after.items is not None and new.style == _EXPLODED
    if is_exploded and comparer.relation(before, after.items or Shape()) in (None, "loosened"):
        # `?q=x` is also an array with one item.
        return Difference((Change("D8", "widened", "", describe(before), describe(after)),))
    return comparer.compare(before, after)


def _removed(item: ApiParameter) -> Change:
    facts = (parameter_location(item), f"{_need(item)}, {describe(item.shape)}", "absent")
    if item.where == "header" and item.required:
        return Change("D16", "removed", *facts)
    return Change("D5" if item.required else "D6", "removed", *facts)


def _added(item: ApiParameter) -> Change:
    facts = (parameter_location(item), "absent", f"{_need(item)}, {describe(item.shape)}")
    return Change("D2" if item.required else "D19", "added", *facts)


def _need(item: ApiParameter) -> str:
    return "required" if item.required else "optional"


def _as_property(item: ApiParameter) -> Property:
    return Property(item.name.removesuffix(_ARRAY), item.shape, item.required)


def compare_bodies(old: Body | None, new: Body | None, comparer: Comparer, place: OperationPlace) -> Iterator[Found]:
    location = place.body.removeprefix(place.prefix)
    if None in (old, new) and place.operation.startswith(EVENT_PREFIX) and not place.prefix:
        return  # one source does not describe the payload of this event
    if old is not None and new is not None:
        if old.required != new.required and not comparer.has_sdk:
            yield place.sent(location, requiredness(old.required, new.required))
        if "media" in comparer.facets:
            media = _media(old.content, new.content, place.request)
            yield from (place.sent(location, change) for change in media)
        for before, after in _same_media(old.content, new.content, comparer):
            yield from spread(place.operation, place.body, place.request, comparer.compare(before, after), comparer)
    elif old is not None:
        facts = (f"a body: {describe(old.shape)}", "no body")
        yield place.sent(location, Change("D5" if old.required else "D6", "removed", "", *facts))
    elif new is not None:
        facts = ("no body", f"a body: {describe(new.shape)}")
        yield place.sent(location, Change("D2" if new.required else "D19", "added", "", *facts))


def _media(old: Mapping[str, Shape], new: Mapping[str, Shape], direction: Direction) -> Iterator[Change]:
    """Yield D16: media types that are removed or added. A range such as `*/*` includes others."""
    gone = sorted(one for one in old if not any(covers(two, one) for two in new))
    come = sorted(two for two in new if not any(covers(one, two) for one in old))
    if gone and not (direction is Direction.RECEIVED and all(any(covers(one, two) for two in new) for one in gone)):
        yield Change("D16", "removed", "", list_words(sorted(old)), f"no longer {list_words(gone)}")
    if come and old:
        yield Change("D16", "widened", "", list_words(sorted(old)), f"{list_words(come)} as well")


def covers(pattern: str, name: str) -> bool:
    """Return whether a media type or range (`text/*`), or a status or range (`2XX`), includes another one."""
    if pattern == name or pattern == "*/*":
        return True
    if pattern.endswith("/*"):
        return name.startswith(pattern[:-1])
    return len(pattern) == len(name) == 3 and pattern.endswith("XX") and pattern[0] == name[0]


def _in_common(
    old: Mapping[str, Part], new: Mapping[str, Part], is_before: Callable[[str], bool] = bool
) -> Iterator[tuple[Part, Part]]:
    """Yield the values of the same key, and of a key and a range that includes it."""
    for key in sorted(old, key=is_before):
        if key in new:
            yield old[key], new[key]
            continue
        others = [other for other in new if other not in old and (covers(key, other) or covers(other, key))]
        yield from ((old[key], new[other]) for other in others)


def _same_media(
    old: Mapping[str, Shape], new: Mapping[str, Shape], comparer: Comparer
) -> Iterator[tuple[Shape, Shape]]:
    """Yield the shapes of each common media type, JSON first; of any media type if one source does not state it."""
    if "media" not in comparer.facets:
        yield Body(old).shape, Body(new).shape
        return
    yield from _in_common(old, new, lambda media: "json" not in media)


def compare_responses(
    old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace
) -> Iterator[Found]:
    pairs = []
    if "statuses" in comparer.facets:
        yield from (place.received("status", change) for change in _statuses(old.answers, new.answers))
        pairs = list(_in_common(old.answers, new.answers))
    # Compare the first responses if no status is common: an SDK does not state it, or one replaced the other.
    for mine, other in pairs or [(_first(old.answers), _first(new.answers))]:
        yield from _response(mine, other, comparer, place)
    if "errors" in comparer.facets:
        yield from _errors(old, new, comparer, place)


def _statuses(old: Iterable[str], new: Iterable[str]) -> Iterator[Change]:
    gone = sorted(one for one in old if not any(covers(two, one) for two in new))
    come = sorted(two for two in new if not any(covers(one, two) for one in old))
    if gone:
        yield Change("D14", "removed", "", list_words(sorted(old)), f"no longer {list_words(gone)}")
    if come:
        yield Change("D14", "added", "", list_words(sorted(old)), f"{list_words(come)} as well")


def _first(answers: Mapping[str, ApiResponse]) -> ApiResponse:
    return answers[min(answers)] if answers else ApiResponse()


def _response(mine: ApiResponse, other: ApiResponse, comparer: Comparer, place: OperationPlace) -> Iterator[Found]:
    if "headers" in comparer.facets:
        yield from _response_headers(mine.headers, other.headers, comparer, place)
    if not comparer.has_sdk:
        yield from gaps(mine.unknown, other.unknown, place.operation, place.prefix + "status")
    location = place.response.removeprefix(place.prefix)
    before, after = mine.shape, other.shape
    if before is None or after is None:
        if after is not None:
            yield place.received(location, Change("D19", "added", "", "no content", describe(after)))
        elif before is not None:
            yield place.received(location, Change("D7", "replaced", "", describe(before), "no content"))
        return
    if "media" in comparer.facets:
        media = _media(mine.content, other.content, place.request.opposite)
        yield from (place.received(location, change) for change in media)
    for one, two in _same_media(mine.content, other.content, comparer):
        difference = comparer.compare(one, two)
        yield from spread(place.operation, place.response, place.request.opposite, difference, comparer)


def _response_headers(
    old: Iterable[ApiParameter], new: Iterable[ApiParameter], comparer: Comparer, place: OperationPlace
) -> Iterator[Found]:
    before, after = ({item.name.lower(): item for item in headers} for headers in (old, new))
    for name, item in before.items():
        if name in after:
            for change in _parameter(item, after[name], comparer):
                if isinstance(change, Gap):
                    yield replace(change, operation=place.operation)
                else:
                    yield place.received(change.pointer, change)
        else:
            yield place.received(parameter_location(item), replace(_removed(item), pointer=""))
    for name, item in after.items():
        if name not in before:
            yield place.received(parameter_location(item), replace(_added(item), at_most=Severity.INFO))


def _errors(old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace) -> Iterator[Found]:
    gone = sorted(one for one in old.errors if not any(covers(two, one) for two in new.errors))
    come = sorted(two for two in new.errors if not any(covers(one, two) for one in old.errors))
    words = list_words(sorted(old.errors)) or "none"
    if gone:
        yield place.received("status", Change("D15", "removed", "", words, f"no longer {list_words(gone)}"))
    if come:
        yield place.received("status", Change("D15", "added", "", words, f"{list_words(come)} as well"))
    before, after = ({key: (key, one) for key, one in side.errors.items() if one is not None} for side in (old, new))
    for (status, mine), (_, other) in _in_common(before, after):
        yield from (place.received("status", change) for change in _error(status, mine, other, comparer))
        if "headers" in comparer.facets:
            yield from _response_headers(mine.headers, other.headers, comparer, place)
        yield from gaps(mine.unknown, other.unknown, place.operation, f"{place.prefix}status")


def _error(status: str, mine: ApiResponse, other: ApiResponse, comparer: Comparer) -> Iterator[Change]:
    """Yield the changes of the body of one error response."""
    one, two = mine.shape, other.shape
    if one is None or two is None:
        words = ["no body" if shape is None else "a body" for shape in (one, two)]
        if words[0] != words[1]:
            yield Change("D15", "replaced", "", f"{status} with {words[0]}", f"{status} with {words[1]}")
    else:
        for media in _media(mine.content, other.content, Direction.RECEIVED):
            facts = (f"{status} as {media.expected}", f"{status}: {media.observed}")
            yield Change("D15", "widened" if media.movement == "widened" else "replaced", "", *facts)
        if comparer.relation(one, two) is not None:
            is_harmful = _worst(one, two, comparer).rank <= Severity.MEDIUM.rank
            facts = (
                f"the body of {status}: {describe(one)}",
                f"another body of {status}: {_changes(one, two, comparer)}",
            )
            yield Change("D15", "replaced" if is_harmful else "widened", "", *facts)


def _worst(old: Shape, new: Shape, comparer: Comparer) -> Severity:
    """Return the highest severity of all changes between two response bodies."""
    found = spread("", "", Direction.RECEIVED, comparer.compare(old, new), comparer)
    severities = [one.change.severity(one.direction) for one in found if isinstance(one, Placed)]
    return min(severities, key=lambda one: one.rank, default=Severity.INFO)


def _changes(old: Shape, new: Shape, comparer: Comparer) -> str:
    found = spread("", "", Direction.RECEIVED, comparer.compare(old, new), comparer)
    return list_words(
        dict.fromkeys(
            f"{one.location or 'the body'} is {one.change.observed}" for one in found if isinstance(one, Placed)
        )
    )


def spread(
    operation: str, prefix: str, direction: Direction, difference: Difference, comparer: Comparer
) -> Iterator[Found]:
    """Yield the changes of a difference and of every shared schema below it, at each place where they occur."""
    for change in difference.changes:
        yield Placed(operation, prefix + change.pointer, direction, change)
    for gap in difference.gaps:
        yield Gap(operation, prefix + gap.pointer, gap.keyword)
    visits, left = Counter[Pair](), Counter[Pair]()
    for link in difference.links:
        at = prefix + link.pointer
        yield from _spread_shared(operation, at, direction, link, comparer, (visits, left), frozenset())
    for pair, count in left.items():
        yield Gap(operation, prefix, f"the schema {pair.label} in {count} more places")


def _spread_shared(
    operation: str,
    at: str,
    direction: Direction,
    here: Link,
    comparer: Comparer,
    counts: tuple[Counter[Pair], Counter[Pair]],
    above: frozenset[Pair],
) -> Iterator[Found]:
    pair = here.pair
    # A schema that contains itself is reported once; what did not change is not searched. Schemas that contain each
    # other have places without number.
    if pair in above or comparer.pairs_alike(pair):
        return
    visits, left = counts
    if visits[pair] >= _MIN_PLACES and visits.total() >= _MAX_PLACES:
        left[pair] += 1
        return
    visits[pair] += 1
    difference = comparer.shared(pair)
    for change in difference.changes:
        placed = change.below("", here.only)
        yield Placed(operation, at + change.pointer, direction, placed, pair.label, change.pointer)
    for gap in difference.gaps:
        yield Gap(operation, at + gap.pointer, gap.keyword)
    for link in difference.links:
        below = replace(link, only=link.only or here.only)
        yield from _spread_shared(operation, at + link.pointer, direction, below, comparer, counts, above | {pair})
