"""Read `simulator.toml` of an edition: how the simulator behaves where schemas and names do not say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.contract.edition import read_toml
from whopwatch.contract.list_behaviour import PAGING

SORT_PARAMETERS = frozenset({"order", "direction"})

Rule = Mapping[str, Any]


class Declarations:
    """The declarations of one edition. An edition without the file has none, and every attribute is empty.

    `references` maps `table.field` to the resource that the field identifies. `follow`, `children` and `counts` hold a
    path by table and field; `hidden` a schema by table and field. `renamed` maps API and table to the stored name of
    each field. `actions` holds the rules of write operations, `events` the rule of each webhook event.
    """

    def __init__(self, declared: Mapping[str, Any]) -> None:
        world, queries = declared.get("world", {}), declared.get("queries", {})
        self.references: Mapping[str, str] = world.get("references", {})
        self.separate = frozenset(world.get("separate", {}).get("operations", ()))
        self.hidden: Mapping[str, Mapping[str, Mapping[str, Any]]] = world.get("hidden", {})
        self.follow: Mapping[str, Mapping[str, str]] = world.get("follow", {})
        self.children: Mapping[str, Mapping[str, str]] = world.get("children", {})
        self.counts: Mapping[str, Mapping[str, str]] = world.get("counts", {})
        self.renamed: Mapping[str, Mapping[str, Mapping[str, str]]] = world.get("renamed", {})
        self.comparisons: Mapping[str, str] = queries.get("comparisons", {})
        self.wildcards: Mapping[str, str] = queries.get("wildcards", {})
        self.lookups: Mapping[str, str] = queries.get("lookups", {})
        self.actions: Mapping[str, list[Rule]] = declared.get("actions", {})
        self.body_names: Mapping[str, Mapping[str, str]] = declared.get("body_names", {})
        self.events: Mapping[str, Rule] = declared.get("events", {})
        self._paths: Mapping[str, Mapping[str, str]] = queries.get("paths", {})
        self._orders: Mapping[str, str] = queries.get("orders", {})

    def filter_paths(self, operation: Operation) -> Iterator[tuple[Parameter, str]]:
        """Yield each parameter that filters a list, with the path of the field that it filters by."""
        declared = self._paths.get(operation.id, {})
        for parameter in operation.parameters:
            name = parameter.name
            if parameter.location == "header" or name in PAGING | SORT_PARAMETERS:
                continue
            if parameter.location == "path" and name not in declared:
                continue
            yield parameter, declared.get(name) or _field_of(parameter)

    def order_path(self, value: str) -> str:
        """Return the path of the field that an `order` of this value sorts by."""
        return self._orders.get(value, value)


def _field_of(parameter: Parameter) -> str:
    """Return the field that a parameter names: `statuses[]` is `status`, `product_ids[]` and `product_id` `product`."""
    if parameter.name.startswith("created_"):
        return "created_at"
    name = parameter.name
    if parameter.is_array:
        name = singular_of(name.removesuffix("[]"))
    return name.removesuffix("_id") if name.endswith("_id") else name


def singular_of(word: str) -> str:
    """Return the singular of a plural: `currencies` is `currency`, `statuses` is `status`, `plans` is `plan`."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith("uses") else word.removesuffix("s")


@lru_cache(maxsize=8)
def declarations_of(contract: Contract) -> Declarations:
    """Return the declarations of the contract's edition."""
    path = contract.edition.folder / "simulator.toml"
    return Declarations(read_toml(path) if path.is_file() else {})
