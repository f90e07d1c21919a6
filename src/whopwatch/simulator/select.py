"""Which objects a list shows, and in which order: the query parameters applied as `queries.toml` declares them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from whopwatch.contract import Operation, Parameter
from whopwatch.simulator.generate import Reference
from whopwatch.simulator.paging import Listing, Place
from whopwatch.simulator.problem import not_found
from whopwatch.simulator.relations import singular
from whopwatch.simulator.values import milliseconds
from whopwatch.simulator.world import Entity, World

Test = Callable[[list[Any], Any], bool]

COMPARISONS: Mapping[str, Test] = {
    "before": lambda found, wanted: any(milliseconds(value) < wanted for value in found),
    "not-before": lambda found, wanted: any(milliseconds(value) >= wanted for value in found),
    "contains": lambda found, wanted: any(wanted.casefold() in str(value).casefold() for value in found),
    "at-least": lambda found, wanted: any(value >= wanted for value in found),
    "at-most": lambda found, wanted: any(value <= wanted for value in found),
    "is-null": lambda found, wanted: (not found) is wanted,
    "only-if-true": lambda found, wanted: not wanted or True in found,
    "unless-zero": lambda found, wanted: wanted or any(found),
    "equals": lambda found, wanted: any(_plain(value) == wanted for value in found),
}


def select(
    world: World, operation: Operation, query: Mapping[str, Any], *, lenient: bool = False
) -> tuple[list[Entity], Listing]:
    """The objects that a list operation shows under `query`, sorted, and their places in that order.

    Raises ApiError 404 where the parent that the list is asked for does not exist; a `lenient` simulator shows
    everything then.
    """
    rows = list(world.table(world.views.of_operation[operation.id].table).values())
    for parameter, path in world.relations.filter_paths(operation):
        if parameter.name not in query:
            continue
        wanted = query[parameter.name]
        if not _is_known(world, parameter, wanted):
            if lenient:
                continue
            if parameter.required:
                raise not_found(singular(parameter.resource or parameter.name).replace("_", " "))
        rows = _kept(world, parameter, path, wanted, rows)
    return _sorted(world, query, rows)


def _is_known(world: World, parameter: Parameter, wanted: Any) -> bool:
    resources = [resource for resource in parameter.resources if resource in world.shapes]
    ids = wanted if isinstance(wanted, list) else [wanted]
    return not resources or any(world.get(Reference(resource, id)) for resource in resources for id in ids)


def _kept(world: World, parameter: Parameter, path: str, wanted: Any, rows: list[Entity]) -> list[Entity]:
    test = COMPARISONS[world.relations.comparisons.get(parameter.name, "equals")]
    if parameter.resource == "companies" and path == "company":
        return [row for row in rows if any(test([owner], wanted) for owner in owners(row))]
    if not parameter.is_array:
        return [row for row in rows if test(_found(world, row, path), wanted)]
    tests = [_one_of(world, value) for value in wanted]
    return [row for row in rows if any(matches(_found(world, row, path)) for matches in tests)]


def owners(row: Entity) -> list[Any]:
    """The company that an object belongs to, whether a view shows it or not."""
    return [value for name in ("company", "company_id") if (value := row.raw.get(name)) is not None][:1]


def _one_of(world: World, wanted: Any) -> Callable[[list[Any]], bool]:
    """Whether one value of an array parameter lets an object through."""
    rule = world.relations.wildcards.get(str(wanted), "")
    if rule == "*":
        return lambda found: True
    if rule.startswith("!"):
        return lambda found: rule[1:] not in found
    return lambda found: COMPARISONS["equals"](found, wanted)


def _found(world: World, row: Entity, path: str) -> list[Any]:
    """What a filter looks at: every value at the end of one of the paths."""
    if path == "created_at":
        return [row.values.get(path) or world.created(row)]
    return [value for option in path.split("|") for value in world.follow(row, option)]


def _plain(value: Any) -> Any:
    return value.id if isinstance(value, Reference) else value


def _sorted(world: World, query: Mapping[str, Any], rows: list[Entity]) -> tuple[list[Entity], Listing]:
    """Newest first, unless `order` and `direction` ask for something else; what has no sort key comes lowest."""
    order = query.get("order", "created_at")
    path = world.relations.order_path(order)
    descending = query.get("direction", "desc") == "desc"

    def place(row: Entity) -> Place:
        if path == "created_at":
            return (1, row.index, row.index)
        found = [_plain(value) for value in _found(world, row, path)]
        return (1, found[0], row.index) if found else (0, 0, row.index)

    keyed = sorted(((place(row), row) for row in rows), key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in keyed], Listing([key for key, _ in keyed], descending)
