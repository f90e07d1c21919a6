"""Select and sort the objects of a list by its query and path parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from whopwatch.contract import Operation, Parameter
from whopwatch.simulator.api.errors import not_found, parameter_invalid
from whopwatch.simulator.api.paging import ListOrder, SortKey
from whopwatch.simulator.declarations import account_fields, singular_of
from whopwatch.simulator.world.filters import ListFilter
from whopwatch.simulator.world.tables import Entity, World
from whopwatch.simulator.world.values import EntityRef, to_milliseconds

Test = Callable[[list[Any], Any], bool]


def _number(value: Any) -> float:
    """Return a value as a number: of an amount, the amount itself; of a list or map, its size."""
    if isinstance(value, dict):
        return _number(value["amount"]) if "amount" in value else len(value)
    return float(len(value) if isinstance(value, list) else value)


COMPARISONS: Mapping[str, Test] = {
    "before": lambda found, wanted: any(to_milliseconds(value) < wanted for value in found),
    "not-before": lambda found, wanted: any(to_milliseconds(value) >= wanted for value in found),
    "contains": lambda found, wanted: any(str(wanted).casefold() in str(value).casefold() for value in found),
    "at-least": lambda found, wanted: any(_number(value) >= wanted for value in found),
    "at-most": lambda found, wanted: any(_number(value) <= wanted for value in found),
    "is-null": lambda found, wanted: (not found) is wanted,
    "only-if-true": lambda found, wanted: not wanted or True in found,
    "unless-zero": lambda found, wanted: wanted or any(found),
    "equals": lambda found, wanted: any(_plain(value) == wanted for value in found),
}


def select_rows(
    world: World, operation: Operation, query: Mapping[str, Any], *, lenient: bool = False
) -> tuple[list[Entity], ListOrder]:
    """Return the sorted objects of a list operation for `query`, and their sort keys.

    Raises ApiError 404 if a required parameter names an object that does not exist; a `lenient` simulator ignores the
    parameter then.
    """
    rows = list(world.table(world.views.of_operation[operation.id].table).values())
    for one in world.views.filters_of(operation):
        parameter = one.parameter
        if parameter.name not in query:
            continue
        wanted = query[parameter.name]
        if not _is_known(world, parameter, wanted):
            if lenient:
                continue
            if parameter.required:
                raise not_found(singular_of(parameter.resource or parameter.name).replace("_", " "))
        rows = _kept(world, one, wanted, rows)
    return _sorted(world, query, rows)


def _is_known(world: World, parameter: Parameter, wanted: Any) -> bool:
    tables = [table for resource in parameter.resources if (table := world.views.table_of(resource))]
    ids = wanted if isinstance(wanted, list) else [wanted]
    return not tables or any(world.get(EntityRef(table, id)) for table in tables for id in ids)


def _kept(world: World, one: ListFilter, wanted: Any, rows: list[Entity]) -> list[Entity]:
    test, account = COMPARISONS[one.test], world.contract.account
    if one.test in ("before", "not-before") and isinstance(wanted, str):
        try:
            wanted = to_milliseconds(wanted)
        except (ValueError, OverflowError):
            raise parameter_invalid(one.parameter.name, "an ISO 8601 date and time") from None
    if one.parameter.resource == account.resource and one.path in account_fields(world.contract):
        return [row for row in rows if any(test([owner], wanted) for owner in account_of(world, row))]
    if not isinstance(wanted, list):
        return [row for row in rows if test(_found(world, row, one.path), wanted)]
    tests = [_one_of(world, value) for value in wanted]
    return [row for row in rows if any(matches(_found(world, row, one.path)) for matches in tests)]


def account_of(world: World, row: Entity) -> list[Any]:
    """Return the account that an object belongs to, also where no response shows it."""
    fields = account_fields(world.contract)
    return [value for name in fields if (value := row.raw.get(name)) is not None][:1]


def _one_of(world: World, wanted: Any) -> Callable[[list[Any]], bool]:
    """Return the test for one value of an array parameter."""
    rule = world.declared.wildcards.get(str(wanted), "")
    if rule == "*":
        return lambda found: True
    if rule.startswith("!"):
        return lambda found: rule[1:] not in found
    return lambda found: COMPARISONS["equals"](found, wanted)


def _found(world: World, row: Entity, path: str) -> list[Any]:
    """Return the values that a filter compares: every value at the end of one of the paths."""
    if path == "created_at":
        return [row.values.get(path) or world.created(row)]
    return [value for option in path.split("|") for value in world.follow(row, option)]


def _plain(value: Any) -> Any:
    """Return what a parameter is compared with: of an object, and of one that is no resource, its id."""
    if isinstance(value, Mapping):
        return value.get("id")
    return value.id if isinstance(value, EntityRef) else value


def _sorted(world: World, query: Mapping[str, Any], rows: list[Entity]) -> tuple[list[Entity], ListOrder]:
    """Sort by `order` and `direction`, newest first by default. Objects without a sort key are the lowest."""
    path = world.declared.order_path(query.get("order", "created_at"))
    descending = query.get("direction", "desc") == "desc"

    def key_of(row: Entity) -> SortKey:
        if path == "created_at":
            return (1, row.index, row.index)
        found = [_sortable(value) for value in _found(world, row, path)]
        return (1, found[0], row.index) if found else (0, 0, row.index)

    keyed = sorted(((key_of(row), row) for row in rows), key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in keyed], ListOrder([key for key, _ in keyed], descending)


def _sortable(value: Any) -> Any:
    if isinstance(value, dict | list):
        return _number(value)
    return _plain(value)
