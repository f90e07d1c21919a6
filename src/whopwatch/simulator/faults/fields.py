"""Where in an answer a change can be made: the fields of a view, chosen by what the contract says of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whopwatch.contract.schema import pointer_of
from whopwatch.simulator.shape import Node

ITEMS = 0
"""The step of a path that stands for every item of an array."""

Path = tuple[str | int, ...]

MOVING = re.compile(r"updated_at|last_\w+|\w*_count|usd_\w+|\w*balance|\w*_spend|most_recent_\w+|member_count")
"""Fields that nobody expects to be the same twice: no place to show that something differs."""


@dataclass(frozen=True)
class Field:
    """One place below the root of an item.

    `depth` counts the objects it is nested in, `in_variant` says that only one variant of a union has it,
    `sure` that it and all that holds it are required.
    """

    path: Path
    node: Node
    depth: int = 0
    in_variant: bool = False
    sure: bool = True

    @property
    def name(self) -> str:
        """The name of the property; of an array's items that of the array."""
        return next(str(step) for step in reversed(self.path) if step != ITEMS)

    def pointer(self, *, in_list: bool) -> str:
        """The place as findings write it, from the root of the whole answer."""
        return pointer_of(("data", ITEMS, *self.path) if in_list else self.path)


KINDS: Mapping[str, Callable[[Field], bool]] = {
    "text": lambda field: _is_text(field.node) and field.name != "id",
    "date": lambda field: field.node.kind == "string" and field.node.format == "date-time",
    "enum": lambda field: bool(field.node.enum) and len(field.node.enum or ()) > 1,
    "tag": lambda field: field.in_variant and len(field.node.enum or ()) == 1,
    "integer": lambda field: field.node.kind == "integer",
    "number": lambda field: field.node.kind == "number",
    "amount": lambda field: field.node.kind == "number" and bool(re.search("price|amount|total|spend|fee", field.name)),
    "boolean": lambda field: field.node.kind == "boolean",
    "array": lambda field: field.node.kind == "array",
    "object": lambda field: field.node.kind in ("object", "reference"),
    "reference": lambda field: field.node.kind == "reference",
    "id": lambda field: field.name == "id" and field.node.prefix is not None,
    "item": lambda field: field.path[-1] == ITEMS,
}


def fields_of(node: Node) -> Iterator[Field]:
    """Every field below the root of a view, the nearest first."""
    found = list(_below(Field((), node)))
    return iter(sorted(found, key=lambda field: (field.depth, len(field.path), [str(step) for step in field.path])))


def choose(
    node: Node,
    kind: str,
    *,
    depth: str = "top",
    nullable: bool = False,
    required: bool = True,
    variant: bool = False,
    name: str = ".*",
    shared_with: Node | None = None,
) -> Field | None:
    """The first field of `kind` (a key of KINDS) that is as described, None where a view has none.

    `depth` is `top`, `deep` (inside another object) or `any`; `variant` asks for one that only one variant has;
    `shared_with` is another view that has to show it as well.
    """
    others = None if shared_with is None else {field.path for field in fields_of(shared_with)}
    for field in fields_of(node):
        if (
            KINDS[kind](field)
            and (others is None or field.path in others)
            and (field.path[-1] == ITEMS) is (kind == "item")
            and depth in ("any", "deep" if field.depth else "top")
            and field.node.nullable is nullable
            and field.sure is required
            and field.in_variant is variant
            and re.fullmatch(name, field.name)
            and not MOVING.fullmatch(str(field.path[0]))
            and not MOVING.fullmatch(field.name)
        ):
            return field
    return None


def places(value: Any, path: Path) -> Iterator[tuple[Any, Any]]:
    """Every `(holder, key)` that `path` leads to in `value`; where something on the way is missing there is none."""
    if len(path) == 1:
        if path[0] == ITEMS:
            yield from ((value, index) for index in range(len(value) if isinstance(value, list) else 0))
        elif isinstance(value, dict) and path[0] in value:
            yield value, path[0]
        return
    for holder, key in places(value, path[:1]):
        yield from places(holder[key], path[1:])


def _below(field: Field) -> Iterator[Field]:
    node = field.node
    if node.kind in ("object", "reference"):
        deeper = field.depth + 1 if field.path else 0
        yield from _children(field, node.fields, deeper)
    elif node.kind == "array" and node.item:
        item = Field((*field.path, ITEMS), node.item, field.depth, field.in_variant, field.sure)
        yield item
        yield from _below(item)
    elif node.kind == "union" and all(variant.kind in ("object", "reference") for variant in node.variants):
        yield from _of_variants(field)


def _children(field: Field, nodes: Mapping[str, Node], depth: int, *, in_variant: bool = False) -> Iterator[Field]:
    for name, child in nodes.items():
        sure = field.sure and child.required
        found = Field((*field.path, name), child, depth, field.in_variant or in_variant, sure)
        yield found
        yield from _below(found)


def _of_variants(field: Field) -> Iterator[Field]:
    """The fields of a union: those of all variants once, then those that one variant alone has."""
    variants = field.node.variants
    depth = field.depth + 1 if field.path else 0
    shared = {
        name: node
        for name, node in variants[0].fields.items()
        if all(name in variant.fields and not _tells(variant.fields[name]) for variant in variants)
    }
    yield from _children(field, shared, depth)
    for variant in variants:
        own = {name: node for name, node in variant.fields.items() if name not in shared}
        yield from _children(field, own, depth, in_variant=True)


def _tells(node: Node) -> bool:
    return node.enum is not None and len(node.enum) == 1


def _is_text(node: Node) -> bool:
    return node.kind == "string" and not node.format and not node.enum and not node.prefix
