"""What lists are expected to do with their parameters: `contracts/behaviour.toml`, loaded."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from whopwatch.contract import Contract, Operation, Parameter
from whopwatch.contract.load import contracts_dir

PAGING = frozenset({"first", "last", "after", "before"})
"""The query parameters that say which page of a list is meant."""

Path = tuple[str, ...]
Pairs = tuple[tuple[str, str], ...]
NOBODY = "0" * 14
"""What an id ends with that nothing has."""
NOTHING = {
    "before": "1990-01-01T00:00:00.000Z",
    "not-before": "2990-01-01T00:00:00.000Z",
    "contains": "zqxjkv0whopwatch",
}
"""Values that no item passes, by test."""
HIDDEN = object()
"""Stands for what an item does not show."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One optional parameter: the alternative paths of the field it looks at, and how it compares (a key of TESTS).

    `values` are the documented ones, empty where any value may be asked for.
    """

    name: str
    paths: tuple[Path, ...]
    test: str
    is_array: bool = False
    values: tuple[str, ...] = ()
    resource: str | None = None
    prefixes: tuple[str, ...] = ()

    @property
    def nothing(self) -> str | None:
        """A value that no item can pass, None where every value may be somebody's."""
        if self.test == "equals" and self.prefixes and self.resource != "companies":
            return f"{self.prefixes[0]}{NOBODY}"
        return NOTHING.get(self.test)

    def found(self, item: Mapping[str, Any]) -> Any:
        """What the item shows at the field: the list of values, or HIDDEN where it does not tell."""
        values = [value_at(item, path) for path in self.paths]
        shown = [value for value in values if value is not HIDDEN]
        return [one for value in shown for one in (value if isinstance(value, list) else [value])] if shown else HIDDEN

    def holds(self, found: Any, wanted: tuple[str, ...]) -> bool | None:
        """Whether the filter lets an item through that shows `found` (see there); None where that does not tell."""
        if len(wanted) == 1 and wanted[0] == self.nothing:
            return False
        if found is HIDDEN:
            return None
        if self.test == "is-null":
            return all(value is None for value in found) is (wanted[-1] == "true")
        if self.test == "only-if-true" and wanted[-1] != "true":
            return True
        if self.test == "unless-zero" and wanted[-1] == "true":
            return True
        known = [value for value in found if value is not None]
        if not known:
            return None
        try:
            return any(_passes(self.test, value, text) for value in known for text in wanted)
        except (ValueError, TypeError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The declared behaviour. `risk` are resources, the riskiest first; the others are the tables of their names."""

    risk: list[str]
    pages: Mapping[str, Any]
    order: Mapping[str, Any]
    errors: Mapping[str, list[str]]
    wildcards: Mapping[str, str]
    owners: Mapping[str, str]
    filters: Mapping[str, Mapping[str, str]]
    operations: Mapping[str, Mapping[str, Mapping[str, str]]]

    def filters_of(self, contract: Contract, operation: Operation) -> Iterator[Filter]:
        """The optional parameters of a list that choose among its items."""
        own = self.operations.get(operation.id, {})
        for parameter in operation.in_("query"):
            declared = own.get(parameter.name) or self.filters.get(parameter.name)
            if declared and not parameter.required:
                yield Filter(
                    parameter.name,
                    tuple(tuple(path.split(".")) for path in declared["field"].split("|")),
                    declared.get("test", "equals"),
                    parameter.is_array,
                    documented_values(contract, operation, parameter),
                    parameter.resource,
                    parameter.id_prefixes,
                )

    def order_path(self, name: str) -> Path:
        """The field that an order of this name sorts by."""
        return tuple(self.order["fields"].get(name, name).split("."))


@cache
def behaviour() -> Behaviour:
    """The declared behaviour, read once."""
    return Behaviour(**tomllib.loads((contracts_dir() / "behaviour.toml").read_text(encoding="utf-8")))


def documented_values(contract: Contract, operation: Operation, parameter: Parameter) -> tuple[str, ...]:
    """The documented values of an enum parameter or of the items of an array one; none of anything else."""
    schema = contract.resolve(parameter.schema, operation.api)
    schema = contract.resolve(schema.get("items", schema), operation.api)
    if schema.get("type") == "boolean":
        return ("true", "false")
    return tuple(str(value) for value in schema.get("enum", ()))


def value_at(item: Any, path: Path) -> Any:
    """The value at `path`, a list where an array is on the way; HIDDEN where a step is missing."""
    for place, step in enumerate(path):
        if isinstance(item, list):
            found = [value_at(one, path[place:]) for one in item]
            return [value for value in found if value is not HIDDEN]
        if item is None:
            return None
        if not isinstance(item, dict) or step not in item:
            return HIDDEN
        item = item[step]
    return item


def moment(text: str) -> float:
    """Seconds since the epoch; raises ValueError for what is no date and time."""
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def wire(value: Any) -> str:
    """A JSON value as it is written in a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _passes(test: str, value: Any, text: str) -> bool:
    if test == "equals":
        rule = behaviour().wildcards.get(text, "")
        return rule == "*" or (wire(value) != rule[1:] if rule else wire(value) == text)
    if test in ("before", "not-before"):
        return (moment(value) < moment(text)) is (test == "before")
    if test in ("at-least", "at-most"):
        return float(value) >= float(text) if test == "at-least" else float(value) <= float(text)
    if test == "contains":
        return text.casefold() in str(value).casefold()
    return bool(value)
