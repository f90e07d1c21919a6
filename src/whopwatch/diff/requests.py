"""What is sent, compared: parameters, the body, permissions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from whopwatch.diff.change import Change
from whopwatch.diff.fields import deprecation, necessity
from whopwatch.diff.model import Api, Body, Operation, Parameter, Property
from whopwatch.diff.renames import renamed
from whopwatch.diff.shapes import Comparer
from whopwatch.diff.words import in_words, listed

_ARRAY = "[]"


def compare_parameters(old: Operation, new: Operation, comparer: Comparer) -> Iterator[Change]:
    """The changes of the parameters; `pointer` is the place, as a finding writes it: `param:NAME`, `header:NAME`."""
    facets = comparer.facets
    places = {"query", "cookie", *({"header"} if "headers" in facets else ())}
    before = {_key(item): item for item in old.parameters if item.where in places}
    after = {_key(item): item for item in new.parameters if item.where in places}
    for key in (key for key in before if key in after):
        for change in _parameter(before[key], after[key], comparer, "array-names" in facets):
            yield replace(change, pointer=place_of(before[key]))
    gone = [item for key, item in before.items() if key not in after]
    come = [item for key, item in after.items() if key not in before]
    yield from renamed(
        [_gone(item) for item in gone],
        [_come(item) for item in come],
        [_property(item) for item in gone],
        [_property(item) for item in come],
        comparer.are_alike,
    )
    yield from _in_path(old, new, comparer)


def place_of(parameter: Parameter) -> str:
    """Where a finding about a parameter is."""
    return f"header:{parameter.name}" if parameter.where == "header" else f"param:{parameter.name}"


def compare_bodies(old: Body | None, new: Body | None, comparer: Comparer) -> Iterator[Change]:
    """The changes of whether, and in which media type, a body is sent; what is in it is compared as a shape."""
    if old is not None and new is not None:
        if old.required != new.required and not (comparer.old.is_sdk or comparer.new.is_sdk):
            yield necessity(old.required, new.required)
        if "media" in comparer.facets:
            yield from compare_media(set(old.content), set(new.content))
    elif old is not None:
        facts = (f"a body: {in_words(old.shape)}", "no body")
        yield Change("D5" if old.required else "D6", "removed", "", *facts)
    elif new is not None:
        facts = ("no body", f"a body: {in_words(new.shape)}")
        yield Change("D2" if new.required else "D19", "added", "", *facts)


def compare_media(old: set[str], new: set[str]) -> Iterator[Change]:
    """D16: media types that are no longer, or newly, in use."""
    if old - new:
        yield Change("D16", "removed", "", listed(sorted(old)), f"no longer {listed(sorted(old - new))}")
    elif new - old and not old:
        yield Change("D16", "added", "", "no content", listed(sorted(new)))


def compare_security(old: Operation, new: Operation, before: Api, after: Api) -> Iterator[Change]:
    """D17: permissions and authentication schemes that are needed now, or no longer."""
    facets = before.facets & after.facets
    if "security" in facets and old.security != new.security:
        facts = (listed(sorted(old.security)), listed(sorted(new.security)))
        yield Change("D17", "added" if new.security - old.security else "removed", "security", *facts)
    # An SDK's documentation is silent about the permissions of some operations.
    is_silent = (before.is_sdk != after.is_sdk) and not (old.scopes and new.scopes)
    if "scopes" in facets and not is_silent:
        if new.scopes - old.scopes:
            facts = (_scopes(old.scopes), f"{listed(sorted(new.scopes - old.scopes))} as well")
            yield Change("D17", "added", "security", *facts)
        if old.scopes - new.scopes:
            facts = (_scopes(old.scopes), f"no longer {listed(sorted(old.scopes - new.scopes))}")
            yield Change("D17", "removed", "security", *facts)


def _scopes(scopes: frozenset[str]) -> str:
    return f"permission {listed(sorted(scopes))}" if scopes else "no permission"


def _key(parameter: Parameter) -> tuple[str, str]:
    name = parameter.name.removesuffix(_ARRAY)
    return parameter.where, name.lower() if parameter.where == "header" else name


def _parameter(old: Parameter, new: Parameter, comparer: Comparer, knows_arrays: bool) -> Iterator[Change]:
    if old.required != new.required:
        yield necessity(old.required, new.required)
    if "deprecations" in comparer.facets and old.deprecated != new.deprecated:
        yield deprecation(new.deprecated)
    before, after = comparer.old.resolve(old.shape), comparer.new.resolve(new.shape)
    is_array = before.items is not None and after.items is not None
    if knows_arrays and old.name != new.name and is_array:
        yield Change("D12", "replaced", "", f"sent as {old.name}", f"sent as {new.name}")
    # Null cannot be written in a query string.
    yield from _flat(replace(old, shape=replace(before, nullable=False)), new, comparer)


def _flat(old: Parameter, new: Parameter, comparer: Comparer) -> Iterator[Change]:
    """Every change below a parameter, which is one place."""
    after = replace(comparer.new.resolve(new.shape), nullable=False)
    difference = comparer.compare(old.shape, after)
    yield from difference.changes
    for _, pair in difference.links:
        yield from comparer.shared(pair).changes


def _in_path(old: Operation, new: Operation, comparer: Comparer) -> Iterator[Change]:
    """The parameters of the path, which are told apart by their order: their names are not on the wire."""
    mine, other = _ordered(old), _ordered(new)
    for before, after in zip(mine, other, strict=False):
        for change in _flat(before, after, comparer):
            yield replace(change, pointer=place_of(before))


def _ordered(operation: Operation) -> list[Parameter]:
    named = [item for item in operation.parameters if item.where == "path"]
    return sorted(named, key=lambda item: operation.path.find(f"{{{item.name}}}"))


def _gone(item: Parameter) -> Change:
    need = "required" if item.required else "optional"
    facts = (place_of(item), f"{need}, {in_words(item.shape)}", "absent")
    if item.where == "header" and item.required:
        return Change("D16", "removed", *facts)
    return Change("D5" if item.required else "D6", "removed", *facts)


def _come(item: Parameter) -> Change:
    need = "required" if item.required else "optional"
    facts = (place_of(item), "absent", f"{need}, {in_words(item.shape)}")
    return Change("D2" if item.required else "D19", "added", *facts)


def _property(item: Parameter) -> Property:
    return Property(item.name.removesuffix(_ARRAY), item.shape, item.required)
