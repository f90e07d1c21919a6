"""Two shapes compared, through everything they consist of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from whopwatch.diff.change import Change, Movement
from whopwatch.diff.fields import added, deprecation, escape, free, necessity, nullness, removed
from whopwatch.diff.kinds import compare_kinds, compare_values, is_any
from whopwatch.diff.model import Api, Property, Shape
from whopwatch.diff.renames import renamed
from whopwatch.diff.unions import Pairing, are_unions, flattened, pair_variants
from whopwatch.diff.words import in_words, listed, variant_in_words

SDK_FORMATS = frozenset({"date", "date-time"})
"""The formats that an SDK writes as types; it is silent about any other."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two shared schemas that stand in the same place; compared once, wherever they do."""

    old: str
    new: str

    @property
    def label(self) -> str:
        """What a reader knows it by."""
        return self.old if self.old == self.new else f"{self.old} → {self.new}"


@dataclass(frozen=True, slots=True)
class Difference:
    """What moved at one place, and the shared schemas below it that are compared by themselves."""

    changes: tuple[Change, ...] = ()
    links: tuple[tuple[str, Pair], ...] = ()


class Comparer:
    """Compares the shapes of two promises; nothing is concluded from what one of them cannot tell."""

    def __init__(self, old: Api, new: Api) -> None:
        self.old = old
        self.new = new
        self.facets = old.facets & new.facets
        self._formats = SDK_FORMATS if old.is_sdk or new.is_sdk else None
        self._known: dict[Pair, Difference] = {}
        self._alike: dict[Pair, bool] = {}

    def shared(self, pair: Pair) -> Difference:
        """The difference of two shared schemas; whether they may be null belongs to where they stand."""
        if pair not in self._known:
            self._known[pair] = Difference()  # a schema that contains itself
            old, new = self.old.resolve(Shape(ref=pair.old)), self.new.resolve(Shape(ref=pair.new))
            self._known[pair] = _collected(self._content(old, new))
        return self._known[pair]

    def compare(self, old: Shape, new: Shape) -> Difference:
        """The difference of two shapes that stand in the same place."""
        return _collected(self._shape(old, new))

    def are_alike(self, old: Shape, new: Shape) -> bool:
        """Whether nothing moved between two shapes, at any depth."""
        difference = self.compare(old, new)
        return not difference.changes and all(self._pair_alike(pair) for _, pair in difference.links)

    def _pair_alike(self, pair: Pair) -> bool:
        if pair not in self._alike:
            seen, waiting = {pair}, [pair]
            while waiting:
                difference = self.shared(waiting.pop())
                if difference.changes:
                    self._alike[pair] = False
                    return False
                waiting += [inner for _, inner in difference.links if inner not in seen]
                seen.update(waiting)
            self._alike.update(dict.fromkeys(seen, True))
        return self._alike[pair]

    def _shape(self, old: Shape, new: Shape) -> Iterator[Change | tuple[str, Pair]]:
        before, after = _with_null(self.old.resolve(old), self.old), _with_null(self.new.resolve(new), self.new)
        known = before.nullable is not None and after.nullable is not None
        # Of a value of any type nothing is said, whether it may be null included.
        if known and before.nullable != after.nullable and not (is_any(before) or is_any(after)):
            yield Change("D9", "widened" if after.nullable else "narrowed", "", in_words(before), in_words(after))
        if old.ref is not None and new.ref is not None:
            yield "", Pair(old.ref, new.ref)
        else:
            yield from self._content(before, after)

    def _content(self, old: Shape, new: Shape) -> Iterator[Change | tuple[str, Pair]]:
        if are_unions(old, new) and not (is_any(old) or is_any(new)):
            yield from self._union(old, new)
            return
        moved = list(compare_kinds(old, new))
        yield from moved
        if not old.kinds & new.kinds:
            return
        yield from compare_values(old, new, self._formats)
        if old.items is not None and new.items is not None:
            yield from _below("/*", self._shape(old.items, new.items))
        if "object" in old.kinds & new.kinds:
            yield from self._object(old, new)

    def _object(self, old: Shape, new: Shape) -> Iterator[Change | tuple[str, Pair]]:
        if old.properties is None or new.properties is None:
            if old.properties is not None or new.properties is not None:
                movement: Movement = "narrowed" if old.properties is None else "widened"
                yield Change("D8", movement, "", free(old), free(new))
            elif old.values is not None and new.values is not None:
                yield from _below("/*", self._shape(old.values, new.values))
            return
        before = {item.name: item for item in old.properties}
        after = {item.name: item for item in new.properties}
        for name in (name for name in before if name in after):
            yield from _below(f"/{escape(name)}", self._property(before[name], after[name]))
        gone = [item for item in old.properties if item.name not in after]
        come = [item for item in new.properties if item.name not in before]
        yield from renamed([*map(removed, gone)], [*map(added, come)], gone, come, self.are_alike)

    def _property(self, old: Property, new: Property) -> Iterator[Change | tuple[str, Pair]]:
        if old.required is not None and new.required is not None and old.required != new.required:
            yield necessity(old.required, new.required)
        yield from nullness(old, new)
        if "deprecations" in self.facets and old.deprecated != new.deprecated:
            yield deprecation(new.deprecated)
        yield from self._shape(old.shape, new.shape)

    def _unmatched(self, pairing: Pairing) -> tuple[list[Shape], list[Shape]]:
        """The variants that are gone and new, but for those that another variant takes in whole."""
        mine, other = (
            (*(one for one, _ in pairing.pairs), *pairing.gone),
            (*(two for _, two in pairing.pairs), *pairing.come),
        )
        gone = [one for one in pairing.gone if not any(self._all(one, two, Change.is_wider) for two in other)]
        come = [two for two in pairing.come if not any(self._all(one, two, Change.is_narrower) for one in mine)]
        return gone, come

    def _all(self, old: Shape, new: Shape, is_meant: Callable[[Change], bool]) -> bool:
        """Whether all that moved between two shapes, at any depth, is as it `is_meant` to be."""
        waiting, seen = [self.compare(old, new)], set[Pair]()
        while waiting:
            difference = waiting.pop()
            if not all(map(is_meant, difference.changes)):
                return False
            below = {pair for _, pair in difference.links} - seen
            waiting += map(self.shared, below)
            seen |= below
        return True

    def _union(self, old: Shape, new: Shape) -> Iterator[Change | tuple[str, Pair]]:
        merged = flattened(old, new, self.old.resolve, self.new.resolve)
        if merged is not None:
            # Fields that are all optional in one object can be combined in ways that no variant allows.
            movement: Movement = "widened" if old.variants else "narrowed"
            yield Change("D18", movement, "", in_words(old), in_words(new), is_certain=False)
            yield from self._content(*merged)
            return
        pairing = pair_variants(old, new, self.old.resolve, self.new.resolve)
        if old.tag is not None and new.tag is not None and old.tag != new.tag:
            yield Change("D18", "replaced", "", f"told apart by {old.tag}", f"told apart by {new.tag}")
        gone, come = self._unmatched(pairing)
        if gone:
            text = listed(map(variant_in_words, gone))
            yield Change(pairing.drift_class, "narrowed", "", text, f"no longer {text}")
        if come:
            text = listed(map(variant_in_words, come))
            yield Change(pairing.drift_class, "widened", "", f"not {text}", text)
        for mine, other in pairing.pairs:
            # Whether the union may be null has been compared already.
            if mine.ref is not None and other.ref is not None:
                yield "", Pair(mine.ref, other.ref)
            else:
                yield from self._content(self.old.resolve(mine), self.new.resolve(other))


def _with_null(shape: Shape, api: Api) -> Shape:
    """A union whose variants may be null may be null itself."""
    if shape.variants and not shape.nullable and any(api.resolve(variant).nullable for variant in shape.variants):
        return replace(shape, nullable=True)
    return shape


def _below(prefix: str, found: Iterator[Change | tuple[str, Pair]]) -> Iterator[Change | tuple[str, Pair]]:
    for item in found:
        yield item.below(prefix) if isinstance(item, Change) else (prefix + item[0], item[1])


def _collected(found: Iterator[Change | tuple[str, Pair]]) -> Difference:
    """Changes and links, each once: the variants of a union may say the same of one place."""
    items = dict.fromkeys(found)
    changes = tuple(item for item in items if isinstance(item, Change))
    return Difference(changes, tuple(item for item in items if not isinstance(item, Change)))
