"""Choose the field that a fault changes, by what the contract documents about it, and change its value."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from whopwatch.contract.schema import pointer_of
from whopwatch.core.report import timestamp
from whopwatch.simulator.faults.context import setting_of
from whopwatch.simulator.world.nodes import FieldNode

Change = Callable[[Any, Any, Any], None]
Convert = Callable[[Any, Any], Any]

NEW_NAME = "renamed_field"
NEW_WORD = "brand_new_value"


def _remove(holder: Any, key: Any, _: Any) -> None:
    del holder[key]


def _null(holder: Any, key: Any, _: Any) -> None:
    holder[key] = None


def _set(holder: Any, key: Any, value: Any) -> None:
    holder[key] = value


def _rename(holder: Any, key: Any, _: Any) -> None:
    holder[NEW_NAME] = holder.pop(key)


def _recase(holder: Any, key: Any, _: Any) -> None:
    holder[_camel_case(key)] = holder.pop(key)


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return "".join([first, *(word.title() for word in rest)]) if rest else name.title()


def _flatten(holder: Any, key: Any, _: Any) -> None:
    nested = holder.pop(key)
    if isinstance(nested, dict):
        holder.update({f"{key}_{name}": value for name, value in nested.items()})


def _neighbour(holder: Any, key: Any, _: Any) -> None:
    if isinstance(holder, dict):
        holder["undocumented_field"] = True


def _inside(holder: Any, key: Any, _: Any) -> None:
    if isinstance(holder[key], dict):
        holder[key]["undocumented_field"] = True


def _time(convert: Callable[[datetime, Any], Any]) -> Convert:
    return lambda value, setting: convert(datetime.fromisoformat(value), setting)


CONVERSIONS: Mapping[str, Convert] = {
    "text": lambda value, _: str(value).lower() if isinstance(value, bool) else str(value),
    "digits": lambda value, _: len(str(value)),
    "flag": lambda value, _: int(bool(value)),
    "fraction": lambda value, _: value + 0.5,
    "array": lambda value, _: [value],
    "first": lambda value, _: value[0] if value else {},
    "numbered": lambda value, _: {str(index): item for index, item in enumerate(value)},
    "joined": lambda value, _: ",".join(map(str, value)),
    "object": lambda value, _: {"value": value},
    "values": lambda value, _: list(value.values()),
    "id": lambda value, _: value.get("id", ""),
    "empty": lambda value, _: type(value)(),
    "unknown-word": lambda value, _: NEW_WORD,
    "inverted": lambda value, _: not value,
    "underscored": lambda value, _: value.replace(".", "_"),
    "upper": lambda value, _: value.upper(),
    "spaced": lambda value, _: f"{value} ",
    "escaped": lambda value, _: html.escape(f"{value} & co"),
    "mojibake": lambda value, _: f"{value} é".encode().decode("latin-1"),
    "cut": lambda value, length: value[:length],
    "other-prefix": lambda value, prefix: prefix + value.rpartition("_")[2],
    "swapped": lambda value, _: value.rpartition("_")[0] + "_" + value.rpartition("_")[2].swapcase()[::-1],
    "no-prefix": lambda value, _: value.rpartition("_")[2],
    "scaled": lambda value, factor: value * factor + (factor if value == 0 else 0),
    "rounded": lambda value, _: float(int(value) // 10 * 10 + 10),
    "epoch": _time(lambda time, _: int(time.timestamp())),
    "epoch-ms": _time(lambda time, _: int(time.timestamp() * 1000)),
    "date-form": _time(lambda time, form: time.strftime(form)),
    "later": _time(lambda time, hours: timestamp(time + timedelta(hours=hours), "auto")),
}
"""Conversions of a value that is not null."""


def where_possible(convert: Callable[..., Any], value: Any, *rest: Any) -> Any:
    """Return `convert(value, *rest)`, or `value` itself if another fault has made it impossible to convert."""
    try:
        return convert(value, *rest)
    except (LookupError, TypeError, ValueError, AttributeError):
        return value


def _converting(convert: Convert) -> Change:
    def change(holder: Any, key: Any, setting: Any) -> None:
        if holder[key] is not None:
            holder[key] = where_possible(convert, holder[key], setting)

    return change


CHANGES: Mapping[str, Change] = {
    "remove": _remove,
    "null": _null,
    "set": _set,
    "rename": _rename,
    "recase": _recase,
    "flatten": _flatten,
    "add-beside": _neighbour,
    "add-inside": _inside,
    **{name: _converting(convert) for name, convert in CONVERSIONS.items()},
}
"""The changes by the name that the catalogue uses."""

NEW_NAMES: Mapping[str, Callable[[str], str]] = {
    "rename": lambda name: NEW_NAME,
    "recase": _camel_case,
    "flatten": lambda name: f"{name}_*",
}
"""The new name of a field after a change that renames it; `*` matches anything."""


ITEMS = 0
"""The step of a path that selects every item of an array."""

Path = tuple[str | int, ...]

UNSTABLE_FIELDS = re.compile(r"updated_at|last_\w+|\w*_count|usd_\w+|\w*balance|\w*_spend|most_recent_\w+|member_count")
"""Fields whose value may differ between two responses: a change there would not be noticed."""


@dataclass(frozen=True)
class ViewField:
    """One field below the root of an item.

    `depth` is the number of objects it is nested in. With `in_variant`, only one variant of a union has it. With
    `always_present`, the field and everything around it are required.
    """

    path: Path
    node: FieldNode
    depth: int = 0
    in_variant: bool = False
    always_present: bool = True

    @property
    def name(self) -> str:
        """The name of the field; for the items of an array, the name of the array."""
        return next(str(step) for step in reversed(self.path) if step != ITEMS)

    def pointer(self, *, in_list: bool) -> str:
        """Return the location as findings write it, from the root of the response."""
        return pointer_of(("data", ITEMS, *self.path) if in_list else self.path)


FIELD_KINDS: Mapping[str, Callable[[ViewField], bool]] = {
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


def fields_of(node: FieldNode) -> Iterator[ViewField]:
    """Yield every field of a view, the least nested first."""
    found = list(_below(ViewField((), node)))
    return iter(sorted(found, key=lambda field: (field.depth, len(field.path), [str(step) for step in field.path])))


def choose(
    node: FieldNode,
    kind: str,
    *,
    depth: str = "top",
    nullable: bool = False,
    required: bool = True,
    variant: bool = False,
    name: str = ".*",
    shared_with: FieldNode | None = None,
) -> ViewField | None:
    """Return the first field of `kind` (a key of FIELD_KINDS) that fits the description, None if there is none.

    `depth` is `top`, `deep` (inside another object) or `any`. With `variant`, only one variant has the field.
    `shared_with` is another view that has to show the field, too.
    """
    is_of_kind = setting_of(FIELD_KINDS, "kind", kind)
    others = None if shared_with is None else {field.path for field in fields_of(shared_with)}
    for field in fields_of(node):
        if (
            is_of_kind(field)
            and (others is None or field.path in others)
            and (field.path[-1] == ITEMS) is (kind == "item")
            and depth in ("any", "deep" if field.depth else "top")
            and field.node.nullable is nullable
            and field.always_present is required
            and field.in_variant is variant
            and re.fullmatch(name, field.name)
            and not UNSTABLE_FIELDS.fullmatch(str(field.path[0]))
            and not UNSTABLE_FIELDS.fullmatch(field.name)
        ):
            return field
    return None


def places_at(value: Any, path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield every `(container, key)` of `path` in `value`; none if a step is missing."""
    if len(path) == 1:
        if path[0] == ITEMS:
            yield from ((value, index) for index in range(len(value) if isinstance(value, list) else 0))
        elif isinstance(value, dict) and path[0] in value:
            yield value, path[0]
        return
    for holder, key in places_at(value, path[:1]):
        yield from places_at(holder[key], path[1:])


def _below(field: ViewField) -> Iterator[ViewField]:
    node = field.node
    if node.kind in ("object", "reference"):
        deeper = field.depth + 1 if field.path else 0
        yield from _children(field, node.fields, deeper)
    elif node.kind == "array" and node.item:
        item = ViewField((*field.path, ITEMS), node.item, field.depth, field.in_variant, field.always_present)
        yield item
        yield from _below(item)
    elif node.kind == "union" and all(variant.kind in ("object", "reference") for variant in node.variants):
        yield from _of_variants(field)


def _children(
    field: ViewField, nodes: Mapping[str, FieldNode], depth: int, *, in_variant: bool = False
) -> Iterator[ViewField]:
    for name, child in nodes.items():
        always_present = field.always_present and child.required
        found = ViewField((*field.path, name), child, depth, field.in_variant or in_variant, always_present)
        yield found
        yield from _below(found)


def _of_variants(field: ViewField) -> Iterator[ViewField]:
    """Yield the fields of a union: the shared ones once, then those of single variants."""
    variants = field.node.variants
    depth = field.depth + 1 if field.path else 0
    shared = {
        name: node
        for name, node in variants[0].fields.items()
        if all(name in variant.fields and not _is_constant(variant.fields[name]) for variant in variants)
    }
    yield from _children(field, shared, depth)
    for variant in variants:
        own = {name: node for name, node in variant.fields.items() if name not in shared}
        yield from _children(field, own, depth, in_variant=True)


def _is_constant(node: FieldNode) -> bool:
    return node.enum is not None and len(node.enum) == 1


def _is_text(node: FieldNode) -> bool:
    return node.kind == "string" and not node.format and not node.enum and not node.prefix
