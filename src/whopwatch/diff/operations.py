"""Compare two operations: parameters, request body, responses, security, callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from whopwatch.core.finding import Severity
from whopwatch.diff.change import Change, Gap, Placed, Relation
from whopwatch.diff.model import ApiOperation, ApiParameter, ApiResponse, Body, Direction, Property, Shape
from whopwatch.diff.renames import mark_renamed
from whopwatch.diff.rules import deprecation, requiredness
from whopwatch.diff.shapes import Comparer, Difference, Pair
from whopwatch.diff.words import describe, list_words

Found = Placed | Gap
_ARRAY = "[]"
_EXPLODED = "form, exploded"


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
        return OperationPlace(f"webhook:{name}", Direction.RECEIVED, "", "response:")

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


def compare_operations(
    old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace
) -> Iterator[Found]:
    """Yield every difference between two operations, events or callbacks."""
    yield from _identity(old, new, comparer, place)
    yield from _security(old, new, comparer, place)
    for change in _parameters(old, new, comparer):
        if isinstance(change, Gap):
            yield replace(change, operation=place.operation, location=place.prefix + change.location)
        else:
            yield place.sent(change.pointer, change)
    yield from _body(old.body, new.body, comparer, place)
    yield from _responses(old, new, comparer, place)
    yield from _callbacks(old, new, comparer, place)
    if not comparer.has_sdk:
        yield from gaps(old.unknown, new.unknown, place.operation, place.prefix.rstrip(":"))


def gaps(
    old: Iterable[tuple[str, str]], new: Iterable[tuple[str, str]], operation: str, location: str
) -> Iterator[Gap]:
    """Yield the keywords whose value differs and that are not compared."""
    yield from (Gap(operation, location, key) for key in sorted({key for key, _ in set(old) ^ set(new)}))


def _identity(old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace) -> Iterator[Placed]:
    generated = (f"{old.method} ", f"{new.method} ")
    if old.id != new.id and not old.id.startswith(generated) and not new.id.startswith(generated):
        relation = Relation("renamed", new.id)
        yield place.sent("path", Change("D24", "replaced", "", old.id, new.id, relation=relation))
    if "deprecations" in comparer.facets and old.deprecated != new.deprecated:
        yield place.sent("path", deprecation(new.deprecated))
    mine, other = dict(old.lifecycle), dict(new.lifecycle)
    if mine != other and not comparer.has_sdk:
        before, after = (
            list_words(f"{key} {value}" for key, value in sorted(one.items())) or "none" for one in (mine, other)
        )
        yield place.sent("path", Change("D21", "replaced", "", before, after))
    if "servers" in comparer.facets and set(old.servers) != set(new.servers) and (old.servers or new.servers):
        facts = (
            list_words(old.servers) or "the servers of the API",
            list_words(new.servers) or "the servers of the API",
        )
        yield place.sent("server", Change("D22", "replaced", "", *facts))


def _security(old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace) -> Iterator[Placed]:
    """Yield D17: schemes and permissions that a request needs, or no longer needs."""
    if "security" in comparer.facets and old.security != new.security:
        # Each set that was enough before has to be enough now.
        is_stricter = any(not any(needed <= given for needed in new.security) for given in old.security)
        facts = (_alternatives(old.security), _alternatives(new.security))
        yield place.sent("security", Change("D17", "added" if is_stricter else "removed", "", *facts))
    is_stated = old.scopes is not None and new.scopes is not None
    if comparer.old.is_sdk is not comparer.new.is_sdk:
        is_stated = bool(old.scopes and new.scopes)  # the documentation of an SDK may omit them
    if "scopes" in comparer.facets and is_stated and (old.scopes, old.any_scope) != (new.scopes, new.any_scope):
        # Each set of permissions that was enough before has to be enough now.
        is_stricter = any(not any(needed <= given for needed in _scope_sets(new)) for given in _scope_sets(old))
        if is_stricter or _scope_sets(old) != _scope_sets(new):
            facts = (_scopes(old), _scopes(new))
            yield place.sent("security", Change("D17", "added" if is_stricter else "removed", "", *facts))


def _alternatives(security: frozenset[frozenset[str]]) -> str:
    return " or ".join(sorted(" and ".join(sorted(needed)) or "none" for needed in security)) or "none"


def _scope_sets(operation: ApiOperation) -> set[frozenset[str]]:
    """Return the sets of permissions of which each is enough."""
    scopes = operation.scopes or frozenset()
    return {frozenset({scope}) for scope in scopes} if operation.any_scope and scopes else {scopes}


def _scopes(operation: ApiOperation) -> str:
    if not operation.scopes:
        return "no permission"
    return f"{'one of the permissions' if operation.any_scope else 'permission'} {list_words(sorted(operation.scopes))}"


def _parameters(old: ApiOperation, new: ApiOperation, comparer: Comparer) -> Iterator[Change | Gap]:
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
        yield from _parameter(replace(mine, required=True), replace(other, required=True), comparer)


def parameter_location(parameter: ApiParameter) -> str:
    """Return the location of findings about a parameter."""
    return f"header:{parameter.name}" if parameter.where == "header" else f"param:{parameter.name}"


def _key(parameter: ApiParameter) -> tuple[str, str]:
    name = parameter.name.removesuffix(_ARRAY)
    return parameter.where, name.lower() if parameter.where == "header" else name


def _in_path(operation: ApiOperation) -> list[ApiParameter]:
    named = [item for item in operation.parameters if item.where == "path"]
    return sorted(named, key=lambda item: operation.path.find(f"{{{item.name}}}"))


def _parameter(old: ApiParameter, new: ApiParameter, comparer: Comparer) -> Iterator[Change | Gap]:
    location = parameter_location(old)
    if not comparer.has_sdk:
        yield from gaps(old.unknown, new.unknown, "", location)
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
    is_array = before.items is not None and after.items is not None
    if "array-names" in comparer.facets and old.name != new.name and is_array and old.where == "query":
        yield Change("D12", "replaced", "", f"sent as {old.name}", f"sent as {new.name}")
    # The style of a single value makes no difference, unless it is serialized by a media type.
    is_plain = before.kinds | after.kinds <= {"string", "integer", "number", "boolean"}
    is_style = old.style is not None and new.style is not None and "/" not in old.style + new.style
    if "serialization" in comparer.facets and old.style != new.style and not (is_plain and is_style):
        yield Change("D12", "replaced", "", f"serialized as {old.style}", f"serialized as {new.style}")


def _parameter_difference(old: ApiParameter, new: ApiParameter, comparer: Comparer) -> Difference:
    before, after = old.shape, new.shape
    if comparer.has_sdk or old.where == "path":
        # In an SDK a nullable parameter is one that may be left out.
        before, after = replace(before, nullable=False), replace(after, nullable=False)
    is_scalar_before = before.items is None and bool(before.kinds) and "array" not in before.kinds
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


def _body(old: Body | None, new: Body | None, comparer: Comparer, place: OperationPlace) -> Iterator[Found]:
    location = place.body.removeprefix(place.prefix)
    if old is not None and new is not None:
        if old.required != new.required and not comparer.has_sdk:
            yield place.sent(location, requiredness(old.required, new.required))
        if "media" in comparer.facets:
            yield from (place.sent(location, change) for change in _media(old.content, new.content))
        for before, after in _same_media(old.content, new.content, comparer):
            yield from spread(place.operation, place.body, place.request, comparer.compare(before, after), comparer)
    elif old is not None:
        facts = (f"a body: {describe(old.shape)}", "no body")
        yield place.sent(location, Change("D5" if old.required else "D6", "removed", "", *facts))
    elif new is not None:
        facts = ("no body", f"a body: {describe(new.shape)}")
        yield place.sent(location, Change("D2" if new.required else "D19", "added", "", *facts))


def _media(old: Mapping[str, Shape], new: Mapping[str, Shape]) -> Iterator[Change]:
    """Yield D16: media types that are removed or added."""
    gone, come = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    if gone:
        yield Change("D16", "removed", "", list_words(sorted(old)), f"no longer {list_words(gone)}")
    if come and old:
        yield Change("D16", "widened", "", list_words(sorted(old)), f"{list_words(come)} as well")


def _same_media(
    old: Mapping[str, Shape], new: Mapping[str, Shape], comparer: Comparer
) -> Iterator[tuple[Shape, Shape]]:
    """Yield the shapes of each common media type, JSON first; of any media type if one source does not state it."""
    if "media" not in comparer.facets:
        yield Body(old).shape, Body(new).shape
        return
    yield from ((old[media], new[media]) for media in sorted(old, key=lambda one: "json" not in one) if media in new)


def _responses(old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace) -> Iterator[Found]:
    pairs = []
    if "statuses" in comparer.facets:
        yield from (place.received("status", change) for change in _statuses(set(old.answers), set(new.answers)))
        pairs = [(old.answers[status], new.answers[status]) for status in old.answers if status in new.answers]
    # Compare the first responses if no status is common: an SDK does not state it, or one replaced the other.
    for mine, other in pairs or [(_first(old.answers), _first(new.answers))]:
        yield from _response(mine, other, comparer, place)
    if "errors" in comparer.facets:
        yield from (place.received("status", change) for change in _errors(old, new, comparer))


def _statuses(old: set[str], new: set[str]) -> Iterator[Change]:
    if old - new:
        yield Change("D14", "removed", "", list_words(sorted(old)), f"no longer {list_words(sorted(old - new))}")
    if new - old:
        yield Change("D14", "added", "", list_words(sorted(old)), f"{list_words(sorted(new - old))} as well")


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
        yield from (place.received(location, change) for change in _media(mine.content, other.content))
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


def _errors(old: ApiOperation, new: ApiOperation, comparer: Comparer) -> Iterator[Change]:
    before, after = set(old.errors), set(new.errors)
    if before - after:
        yield Change(
            "D15", "removed", "", list_words(sorted(before)), f"no longer {list_words(sorted(before - after))}"
        )
    if after - before:
        yield Change(
            "D15", "added", "", list_words(sorted(before)) or "none", f"{list_words(sorted(after - before))} as well"
        )
    for status in sorted(before & after):
        mine, other = old.errors[status], new.errors[status]
        if mine is None or other is None:
            continue
        one, two = mine.shape, other.shape
        if (one is None) != (two is None):
            words = ("a body", "no body") if two is None else ("no body", "a body")
            yield Change("D15", "replaced", "", f"{status} with {words[0]}", f"{status} with {words[1]}")
        elif one is not None and two is not None and comparer.relation(one, two) is not None:
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


def _callbacks(old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace) -> Iterator[Found]:
    if comparer.has_sdk:
        return
    for name, callback in old.callbacks.items():
        if name in new.callbacks:
            yield from compare_operations(callback, new.callbacks[name], comparer, place.callback(name))
        else:
            change = Change("D1", "removed", "", f"{callback.method} {callback.path}", "absent")
            yield place.received(f"callback:{name}", change)
    for name, callback in new.callbacks.items():
        if name not in old.callbacks:
            change = Change("D19", "added", "", "absent", f"{callback.method} {callback.path}")
            yield place.received(f"callback:{name}", change)


def spread(
    operation: str, prefix: str, direction: Direction, difference: Difference, comparer: Comparer
) -> Iterator[Found]:
    """Yield the changes of a difference and of every shared schema below it, at each place where they occur."""
    for change in difference.changes:
        yield Placed(operation, prefix + change.pointer, direction, change)
    for gap in difference.gaps:
        yield Gap(operation, prefix + gap.pointer, gap.keyword)
    for link in difference.links:
        yield from _spread_shared(
            operation, prefix + link.pointer, direction, link.pair, comparer, link.only, frozenset()
        )


def _spread_shared(
    operation: str,
    at: str,
    direction: Direction,
    pair: Pair,
    comparer: Comparer,
    only: Direction | None,
    above: frozenset[Pair],
) -> Iterator[Found]:
    # A schema that contains itself is reported once; what did not change is not searched.
    if pair in above or comparer.pairs_alike(pair):
        return
    difference = comparer.shared(pair)
    for change in difference.changes:
        here = change.below("", only)
        yield Placed(operation, at + change.pointer, direction, here, pair.label, change.pointer)
    for gap in difference.gaps:
        yield Gap(operation, at + gap.pointer, gap.keyword)
    for link in difference.links:
        place = at + link.pointer
        yield from _spread_shared(operation, place, direction, link.pair, comparer, link.only or only, above | {pair})
