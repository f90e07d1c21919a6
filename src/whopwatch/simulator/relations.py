"""What `relations.toml` and `queries.toml` declare, loaded."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from whopwatch.contract import Operation, Parameter

PAGE_PARAMETERS = frozenset({"first", "last", "after", "before"})
SORT_PARAMETERS = frozenset({"order", "direction"})


def data(name: str) -> dict[str, Any]:
    """The content of a TOML file of this package."""
    return tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))


class Relations:
    """The declared relations of the world. Every attribute is a table of `relations.toml` or `queries.toml`."""

    def __init__(self) -> None:
        world, queries = data("relations.toml"), data("queries.toml")
        self.references: Mapping[str, str] = world["references"]
        self.separate: frozenset[str] = frozenset(world["separate"]["operations"])
        self.hidden: Mapping[str, Mapping[str, Mapping[str, Any]]] = world["hidden"]
        self.follow: Mapping[str, Mapping[str, str]] = world["follow"]
        self.children: Mapping[str, Mapping[str, str]] = world["children"]
        self.counts: Mapping[str, Mapping[str, str]] = world["counts"]
        self.renamed: Mapping[str, Mapping[str, Mapping[str, str]]] = world["renamed"]
        self._paths: Mapping[str, Mapping[str, str]] = queries["paths"]
        self.comparisons: Mapping[str, str] = queries["comparisons"]
        self.wildcards: Mapping[str, str] = queries["wildcards"]
        self.lookups: Mapping[str, str] = queries["lookups"]
        self.orders: Mapping[str, str] = queries["orders"]

    def filter_paths(self, operation: Operation) -> Iterator[tuple[Parameter, str]]:
        """Each parameter of a list that chooses among its items, with the path of the field it looks at."""
        declared = self._paths.get(operation.id, {})
        for parameter in operation.parameters:
            name = parameter.name
            if parameter.location == "header" or name in PAGE_PARAMETERS | SORT_PARAMETERS:
                continue
            if parameter.location == "path" and name not in declared:
                continue
            yield parameter, declared.get(name) or _field_of(parameter)

    def order_path(self, value: str) -> str:
        """The path of the field that an `order` of this value sorts by."""
        return self.orders.get(value, value)


def _field_of(parameter: Parameter) -> str:
    """`statuses[]` as `status`, `product_ids[]` and `product_id` as `product`."""
    if parameter.name.startswith("created_"):
        return "created_at"
    name = parameter.name
    if parameter.is_array:
        name = singular(name.removesuffix("[]"))
    return name.removesuffix("_id") if name.endswith("_id") else name


def singular(word: str) -> str:
    """`currencies` as `currency`, `statuses` as `status`, `plans` as `plan`."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if word.endswith("uses") else word.removesuffix("s")


@cache
def relations() -> Relations:
    """The declared relations, read once."""
    return Relations()
