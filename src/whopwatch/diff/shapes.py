"""Compare two shapes, at any depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from whopwatch.core.finding import Severity
from whopwatch.core.pointers import escape_pointer
from whopwatch.diff.change import Change, Movement, NotCompared
from whopwatch.diff.intersect import item_at
from whopwatch.diff.model import Api, Direction, Property, Shape, describe, describe_variant, list_words
from whopwatch.diff.renames import mark_renamed
from whopwatch.diff.unions import are_unions, as_one_object, overlapping, pair_variants
from whopwatch.diff.values import (
    added,
    common_types,
    compare_default,
    compare_facts,
    compare_nullability,
    compare_rules,
    compare_stated_type,
    compare_types,
    compare_values,
    deprecation,
    removed,
    requiredness,
)

SDK_FORMATS = frozenset({"date", "date-time"})
"""The formats that an SDK writes as types; it states no other format."""
_ANY = Shape(nullable=True)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two shared schemas in the same place. They are compared once, however often they occur."""

    old: str
    new: str

    @property
    def label(self) -> str:
        """The name of the pair for a reader."""
        return self.old if self.old == self.new else f"{self.old} → {self.new}"


@dataclass(frozen=True, slots=True)
class Link:
    """A pair of shared schemas at `pointer`; `only` is the one direction in which it occurs."""

    pointer: str
    pair: Pair
    only: Direction | None = None


Item = Change | NotCompared | Link


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed at one place, what was not compared, and the shared schemas below it, which are compared apart."""

    changes: tuple[Change, ...] = ()
    links: tuple[Link, ...] = ()
    gaps: tuple[NotCompared, ...] = ()


class Comparer:
    """Compares the shapes of two APIs. It concludes nothing from facts that one source does not state."""

    def __init__(self, old: Api, new: Api) -> None:
        self.old = old
        self.new = new
        self.facets = old.facets & new.facets
        self.has_sdk = old.is_sdk or new.is_sdk
        self._formats = SDK_FORMATS if self.has_sdk else None
        self.scheme_names = _scheme_names(old, new)
        self._known: dict[Pair, Difference] = {}
        self._alike: dict[Pair, bool] = {}

    def with_old_names(self, security: frozenset[frozenset[str]]) -> frozenset[frozenset[str]]:
        """Return the security of a new operation in terms of the old names of its schemes."""
        if not self.scheme_names:
            return security
        return frozenset(frozenset(_renamed_scheme(text, self.scheme_names) for text in one) for one in security)

    def shared(self, pair: Pair) -> Difference:
        """Return the difference of two shared schemas, without nullability: that depends on where they are used."""
        if pair not in self._known:
            self._known[pair] = Difference()  # for a schema that contains itself
            old, new = self.old.resolve(Shape(ref=pair.old)), self.new.resolve(Shape(ref=pair.new))
            try:
                self._known[pair] = _collect(self._content(old, new))
            except RecursionError:
                self._known[pair] = Difference(gaps=(NotCompared("", "schema that nests too deep"),))
        return self._known[pair]

    def compare(self, old: Shape, new: Shape) -> Difference:
        """Return the difference of two shapes in the same place."""
        try:
            return _collect(self._shape(old, new))
        except RecursionError:  # unions within unions: every pair of their variants is compared
            return Difference(gaps=(NotCompared("", "schema that nests too deep"),))

    def are_alike(self, old: Shape, new: Shape) -> bool:
        """Return whether nothing differs between two shapes, at any depth."""
        difference = self.compare(old, new)
        return not (difference.changes or difference.gaps) and all(
            self._pair_alike(one.pair) for one in difference.links
        )

    def pairs_alike(self, pair: Pair) -> bool:
        """Return whether nothing differs between two shared schemas, at any depth, nullability included."""
        return self.are_alike(Shape(ref=pair.old), Shape(ref=pair.new))

    def relation(self, old: Shape, new: Shape) -> Movement | None:
        """Return how the set of allowed values changed as a whole; None if it did not."""
        if self.are_alike(old, new):
            return None
        if self._all(old, new, Change.is_wider):
            return "loosened"
        return "tightened" if self._all(old, new, Change.is_narrower) else "replaced"

    def _pair_alike(self, pair: Pair) -> bool:
        if pair not in self._alike:
            seen, waiting = {pair}, [pair]
            while waiting:
                difference = self.shared(waiting.pop())
                if difference.changes or difference.gaps:
                    self._alike[pair] = False
                    return False
                waiting += [link.pair for link in difference.links if link.pair not in seen]
                seen.update(waiting)
            self._alike.update(dict.fromkeys(seen, True))
        return self._alike[pair]

    def _shape(self, old: Shape, new: Shape) -> Iterator[Item]:
        before, after = _with_null(self.old.resolve(old), self.old), _with_null(self.new.resolve(new), self.new)
        is_known = before.nullable is not None and after.nullable is not None
        # "Any value" says nothing about null.
        if is_known and before.nullable != after.nullable and not (before.is_any or after.is_any):
            yield Change("D9", "widened" if after.nullable else "narrowed", "", describe(before), describe(after))
        if old.ref is not None and new.ref is not None:
            yield Link("", Pair(old.ref, new.ref))
        else:
            yield from self._content(before, after)

    def _content(self, old: Shape, new: Shape) -> Iterator[Item]:
        is_same = True
        for item in self._stated(old, new):
            is_same = is_same and isinstance(item, Link)
            yield item
        if is_same and not self.has_sdk:
            yield from compare_stated_type(old, new)

    def _stated(self, old: Shape, new: Shape) -> Iterator[Item]:
        yield from self._gaps(old, new)
        if are_unions(old, new) and not (old.is_any or new.is_any or old.is_never or new.is_never):
            yield from compare_default(old, new)
            yield from compare_facts(old, new, self)
            yield from self._union(old, new)
            return
        yield from compare_types(old, new)
        common = common_types(old, new)
        if (not common and (old.kinds or new.kinds)) or old.is_any != new.is_any or old.is_never or new.is_never:
            return
        yield from compare_values(old, new, self._formats)
        yield from self._selection(old, new)
        if "array" in common or (not common and (old.items or new.items)):
            yield from self._array(old, new)
        if "object" in common or not common:
            yield from self._object(old, new)
        yield from compare_rules(old, new, self)

    def _gaps(self, old: Shape, new: Shape) -> Iterator[NotCompared]:
        if self.has_sdk or old.unknown == new.unknown:
            return
        mine, other = set(old.unknown), set(new.unknown)
        yield from (NotCompared("", keyword) for keyword in sorted({key for key, _ in mine ^ other}))

    def _array(self, old: Shape, new: Shape) -> Iterator[Item]:
        for place in range(max(len(old.prefix_items), len(new.prefix_items))):
            yield from _below(f"/{place}", self._shape(item_at(old, place), item_at(new, place)))
        if old.items is not None and new.items is not None:
            yield from _below("/*", self._shape(old.items, new.items))
        elif (old.items is not None or new.items is not None) and not self.has_sdk:
            yield from _below("/*", self._shape(old.items or _ANY, new.items or _ANY))

    def _object(self, old: Shape, new: Shape) -> Iterator[Item]:
        if old.is_closed != new.is_closed and not self.has_sdk:
            words = ("other fields allowed", "no other fields")
            facts = words if new.is_closed else words[::-1]
            yield Change("D11", "tightened" if new.is_closed else "loosened", "", *facts)
        if (old.properties is None) != (new.properties is None) and (old.values or new.values or self.has_sdk):
            movement: Movement = "narrowed" if old.properties is None else "widened"
            yield Change("D8", movement, "", _object_words(old), _object_words(new))
            return
        if old.values is not None or new.values is not None:
            yield from self._additional(old, new)
        before = {item.name: item for item in old.properties or ()}
        after = {item.name: item for item in new.properties or ()}
        for name in (name for name in before if name in after):
            yield from self._property(before[name], after[name])
        gone = [item for item in before.values() if item.name not in after]
        come = [item for item in after.values() if item.name not in before]
        yield from mark_renamed([*map(removed, gone)], [*map(added, come)], gone, come, self.are_alike)

    def _additional(self, old: Shape, new: Shape) -> Iterator[Item]:
        if old.is_closed or new.is_closed or (self.has_sdk and (old.values is None or new.values is None)):
            return
        yield from _below("/*", self._shape(old.values or _ANY, new.values or _ANY))

    def _property(self, old: Property, new: Property) -> Iterator[Item]:
        pointer = f"/{escape_pointer(old.name)}"
        only = old.only if old.only is new.only else None
        for direction in Direction:
            # A property that became read-only is removed from requests, and so on.
            before, after = old.only in (None, direction), new.only in (None, direction)
            if before != after:
                yield replace(removed(old) if before else added(new), only=direction)
        if old.only is not new.only:
            only = next((one for one in (old.only, new.only) if one is not None), None)
        yield from _below(pointer, self._same_property(old, new), only)

    def _same_property(self, old: Property, new: Property) -> Iterator[Item]:
        if old.required is not None and new.required is not None and old.required != new.required:
            yield requiredness(old.required, new.required)
        yield from compare_nullability(old, new)
        if "deprecations" in self.facets and old.deprecated != new.deprecated:
            yield deprecation(new.deprecated)
        yield from self._shape(old.shape, new.shape)

    def _all(self, old: Shape, new: Shape, is_meant: Callable[[Change], bool]) -> bool:
        """Return whether `is_meant` is true for all changes between two shapes, at any depth."""
        waiting, seen = [self.compare(old, new)], set[Pair]()
        while waiting:
            difference = waiting.pop()
            if difference.gaps or not all(map(is_meant, difference.changes)):
                return False
            below = {link.pair for link in difference.links} - seen
            waiting += map(self.shared, below)
            seen |= below
        return True

    def _union(self, old: Shape, new: Shape) -> Iterator[Item]:
        merged = as_one_object(old, new, self.old.resolve, self.new.resolve)
        if merged is not None:
            # Not certain: optional fields of one object can be combined in ways that no variant allows.
            movement: Movement = "widened" if old.variants else "narrowed"
            yield Change("D18", movement, "", describe(old), describe(new), is_certain=False)
            yield from self._content(*merged)
            return
        yield from self._selection(old, new)
        pairing = pair_variants(old, new, self.old.resolve, self.new.resolve)
        mine = (*(one for one, _ in pairing.pairs), *pairing.gone)
        other = (*(two for _, two in pairing.pairs), *pairing.come)
        # A variant is not gone if another one allows all of its values.
        gone = [one for one in pairing.gone if not any(self._all(one, two, Change.is_wider) for two in other)]
        come = [two for two in pairing.come if not any(self._all(one, two, Change.is_narrower) for one in mine)]
        if gone:
            text = list_words(map(describe_variant, gone))
            yield Change(pairing.drift_class, "narrowed", "", text, f"no longer {text}")
        if come:
            text = list_words(map(describe_variant, come))
            yield Change(pairing.drift_class, "widened", "", f"not {text}", text)
        for one, two in pairing.pairs:
            # The nullability of the union has been compared already.
            if one.ref is not None and two.ref is not None:
                yield Link("", Pair(one.ref, two.ref))
            else:
                yield from self._content(self.old.resolve(one), self.new.resolve(two))

    def _selection(self, old: Shape, new: Shape) -> Iterator[Change]:
        """Yield changes of the way in which a variant is selected."""
        is_union = bool(old.variants) == bool(new.variants)
        if old.tag != new.tag and is_union and (not self.has_sdk or (old.tag and new.tag)):
            facts = (f"selected by {old.tag or 'its content'}", f"selected by {new.tag or 'its content'}")
            # Which values are allowed does not depend on it: a client that needs the tag loses it, or gets another one.
            at_most = Severity.LOW if old.tag is None else Severity.MEDIUM if new.tag is None else None
            yield Change("D18", "replaced", "", *facts, at_most=at_most)
        mine, other = _selected(old, new), _selected(new, old)
        moved = sorted(value for value in mine.keys() & other.keys() if mine[value] != other[value])
        gone, come = sorted(mine.keys() - other.keys()), sorted(other.keys() - mine.keys())
        if old.tag is None or new.tag is None or (self.has_sdk and not (old.mapping and new.mapping)):
            moved, gone, come = [], [], []
        if moved:
            facts = (f"{list_words(moved)} select {list_words(mine[one] for one in moved)}", "another variant")
            yield Change("D18", "replaced", "", *facts)
        if gone:
            yield Change("D18", "narrowed", "", f"{list_words(gone)} select a variant", f"no longer {list_words(gone)}")
        if come:
            yield Change("D18", "widened", "", f"not {list_words(come)}", f"{list_words(come)} select a variant")
        if old.variants and new.variants and old.is_exclusive != new.is_exclusive and not self.has_sdk:
            union = new if new.is_exclusive else old
            if overlapping(union, (self.new if new.is_exclusive else self.old).resolve):
                facts = ("anyOf", "oneOf") if new.is_exclusive else ("oneOf", "anyOf")
                yield Change("D18", "narrowed" if new.is_exclusive else "widened", "", *facts, is_certain=False)


def _scheme_names(old: Api, new: Api) -> dict[str, str]:
    """Map each new security scheme to the removed one that is defined in the same way."""
    gone = {scheme: name for name, scheme in old.schemes.items() if name not in new.schemes}
    return {name: gone[scheme] for name, scheme in new.schemes.items() if name not in old.schemes and scheme in gone}


def _renamed_scheme(text: str, names: Mapping[str, str]) -> str:
    name, colon, scope = text.partition(": ")
    return f"{names.get(name, name)}{colon}{scope}"


def _object_words(shape: Shape) -> str:
    return "object with free keys" if shape.properties is None else f"object with {len(shape.properties)} fields"


def _selected(shape: Shape, other: Shape) -> dict[str, str]:
    """Return the variants by tag; a schema is also selected by its name, which `other` may write out."""
    names = {variant.ref.rpartition("/")[2] for variant in shape.variants if variant.ref is not None}
    return {**{value: value for value, _ in other.mapping if value in names}, **dict(shape.mapping)}


def _with_null(shape: Shape, api: Api) -> Shape:
    """Return a union as nullable if one of its variants is."""
    if shape.variants and not shape.nullable and any(api.resolve(variant).nullable for variant in shape.variants):
        return replace(shape, nullable=True)
    return shape


def _below(prefix: str, found: Iterator[Item], only: Direction | None = None) -> Iterator[Item]:
    for item in found:
        if isinstance(item, Link):
            yield Link(prefix + item.pointer, item.pair, item.only or only)
        elif isinstance(item, Change):
            yield item.below(prefix, only)
        else:
            yield item.below(prefix)


def _collect(found: Iterator[Item]) -> Difference:
    """Return each item once: the variants of a union may give the same change at one place."""
    items = dict.fromkeys(found)
    return Difference(
        tuple(item for item in items if isinstance(item, Change)),
        tuple(item for item in items if isinstance(item, Link)),
        tuple(item for item in items if isinstance(item, NotCompared)),
    )
