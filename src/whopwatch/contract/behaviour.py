"""How lists treat their parameters, and what writes do beyond their schemas, as an edition declares both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import Any

from whopwatch.contract.operation import Operation


@dataclass(frozen=True, slots=True)
class Action:
    """What an action does to its object; the keys are explained in `writes.toml`."""

    body: Mapping[str, Any] = field(default_factory=dict)
    sets: Mapping[str, Any] = field(default_factory=dict)
    adds: Mapping[str, str] = field(default_factory=dict)
    removes: Mapping[str, str] = field(default_factory=dict)
    shows_body: bool = False
    makes: bool = False


@dataclass(frozen=True, slots=True)
class WriteEffects:
    """What is declared of writes.

    `simulator_only` gives a reason by resource or operation, and under `*` for what `allowed` does not name; `texts` a
    string pattern by field name, `renamed` the shown name of a sent field by resource, `actions` the effect of an
    operation.
    """

    simulator_only: Mapping[str, str]
    texts: Mapping[str, str]
    renamed: Mapping[str, Mapping[str, str]]
    actions: Mapping[str, Action]
    allowed: frozenset[str] = frozenset()

    def reason_against(self, operation: Operation) -> str | None:
        """Return why this write is sent to the simulator only, None if it may be sent elsewhere."""
        names = (operation.id, operation.resource, operation.resource.partition(".")[0])
        reason = next((self.simulator_only[name] for name in names if name in self.simulator_only), None)
        is_named = not self.allowed.isdisjoint(names[:2])
        return reason or (None if is_named else self.simulator_only.get("*"))

    def of_action(self, operation: Operation) -> Action | None:
        """Return what is declared of an action; an empty one for an action that is not; None for any other write."""
        declared = self.actions.get(operation.id)
        is_action = operation.method == "POST" and "{" in operation.path and operation.method_name != "create"
        return declared or (Action() if is_action else None)

    def text(self, name: str, unique: str) -> str:
        """Return a string for the field `name` that contains `unique`."""
        pattern = next(pattern for pattern in self.texts if fnmatchcase(name, pattern))
        return self.texts[pattern].replace("{}", unique)


def read_write_effects(content: Mapping[str, Any]) -> WriteEffects:
    """Return the declarations that the parsed `writes.toml` holds."""
    actions = {id: Action(**entry) for id, entry in content["actions"].items()}
    allowed = frozenset(content.get("allowed", ()))
    return WriteEffects(content["simulator_only"], content["texts"], content["renamed"], actions, allowed)


PAGING = frozenset({"first", "last", "after", "before"})
"""The query parameters that say which page of a list is meant."""

Path = tuple[str, ...]
Pairs = tuple[tuple[str, str], ...]
NONEXISTENT_ID_SUFFIX = "0" * 14
"""The end of an id that no object has."""
MALFORMED_ID = "not-an-id!"
UNDOCUMENTED_VALUE = "whopwatch-unknown"
MATCHES_NOTHING = {
    "before": "1990-01-01T00:00:00.000Z",
    "not-before": "2990-01-01T00:00:00.000Z",
    "contains": "zqxjkv0whopwatch",
}
"""Values that no item matches, by the test of the filter."""
DATE_TESTS = ("before", "not-before")
"""The tests of filters that take a date and time."""

NOT_SHOWN = object()
"""The value of a field that an item does not show."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One optional parameter: the alternative paths of the field it compares, and how it compares (a key of TESTS).

    `values` are the documented ones, empty if any value is allowed. `is_account` says that it takes ids of the account
    resource; `wildcards` are values that match any value.
    """

    name: str
    paths: tuple[Path, ...]
    test: str
    is_array: bool = False
    values: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    is_account: bool = False
    wildcards: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def nothing(self) -> str | None:
        """A value that matches no item, None if every value may match one."""
        if self.test == "equals" and self.prefixes and not self.is_account:
            return f"{self.prefixes[0]}{NONEXISTENT_ID_SUFFIX}"
        return MATCHES_NOTHING.get(self.test)

    def found(self, item: Mapping[str, Any]) -> Any:
        """Return the values that the item has at the field, NOT_SHOWN if it does not show them."""
        found: Any = NOT_SHOWN
        for path in self.paths:
            value = value_at(item, path)
            if value is not NOT_SHOWN:
                values = value if isinstance(value, list) else [value]
                found = values if found is NOT_SHOWN else [*found, *values]
        return found

    def passing(self, shown: Sequence[Any], wanted: tuple[str, ...]) -> list[bool | None]:
        """Return for each item whether the filter selects it, by its values (see `found`); None if they are hidden."""
        if len(wanted) == 1 and wanted[0] == self.nothing:
            return [False] * len(shown)
        if self.test == "is-null":
            nulls = (None if found is NOT_SHOWN else all(value is None for value in found) for found in shown)
            return [None if is_null is None else is_null is (wanted[-1] == "true") for is_null in nulls]
        if (self.test, wanted[-1] == "true") in (("only-if-true", False), ("unless-zero", True)):
            return [None if found is NOT_SHOWN else True for found in shown]
        try:
            passes = _predicate(self.test, wanted, self.wildcards)
        except (ValueError, OverflowError):
            return [None] * len(shown)
        return [None if found is NOT_SHOWN else _any(passes, found) for found in shown]


@dataclass(frozen=True, slots=True)
class AccountResource:
    """The resource that a key belongs to (`companies`, later `accounts`).

    `id_field` is the parameter and field that holds its id, `object_field` the field that holds the object itself.
    """

    resource: str
    id_field: str
    object_field: str

    @property
    def fields(self) -> tuple[str, str]:
        """The names under which other objects show the account."""
        return self.object_field, self.id_field


@dataclass(frozen=True, slots=True)
class Paging:
    """How a list is paged.

    `default_size` is None if no source states it. `maximum_size` is the stated one if `is_maximum_stated`, else an
    assumed one. `is_backward` says whether the list takes `last` and `before` in addition to `first` and `after`.
    """

    default_size: int | None
    maximum_size: int
    is_backward: bool
    is_maximum_stated: bool = False


@dataclass(frozen=True)
class Behaviour:
    """The declared behaviour.

    `risk` lists resources, the riskiest first; checks of the resources in `money_path` run first. `pins`
    names the lists of `keys` and `webhooks`, whose items show their version. The other fields are tables of the file.
    """

    account: Mapping[str, str]
    risk: list[str]
    money_path: list[str]
    pages: Mapping[str, Any]
    order: Mapping[str, Any]
    errors: Mapping[str, list[str]]
    wildcards: Mapping[str, str]
    owners: Mapping[str, str]
    filters: Mapping[str, Mapping[str, str]]
    operations: Mapping[str, Mapping[str, Mapping[str, str]]]
    pins: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def account_resource(self) -> AccountResource:
        """The resource that a key belongs to."""
        return AccountResource(**self.account)

    def order_path(self, name: str) -> Path:
        """Return the path of the field that an order called `name` sorts by."""
        return tuple(self.order["fields"].get(name, name).split("."))


def value_at(item: Any, path: Path) -> Any:
    """Return the value at `path`, a list if the path leads through an array, NOT_SHOWN if a step is missing."""
    for place, step in enumerate(path):
        if isinstance(item, dict):
            item = item.get(step, NOT_SHOWN)
        elif isinstance(item, list):
            found = [value_at(one, path[place:]) for one in item]
            return [value for value in found if value is not NOT_SHOWN]
        else:
            return None if item is None else NOT_SHOWN
    return item


@lru_cache(maxsize=4096)  # a date is compared with each requested limit
def epoch_seconds(text: str) -> float:
    """Return seconds since the epoch. Raise ValueError if it is not a date and time."""
    read = datetime.fromisoformat(text)
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def query_text(value: Any) -> str:
    """Return a JSON value as a query has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _any(passes: Callable[[Any], bool], found: list[Any]) -> bool | None:
    known = [value for value in found if value is not None]
    try:
        return any(map(passes, known)) if known else None
    except (ValueError, TypeError, OverflowError):
        return None


def _predicate(test: str, wanted: Sequence[str], wildcards: Mapping[str, str]) -> Callable[[Any], bool]:
    """Return the test called `test` as a function of one value; the value has to match one of `wanted`."""
    if test == "equals":
        return _equals(wanted, wildcards)
    if test in DATE_TESTS:
        moments = [epoch_seconds(text) for text in wanted]
        latest, first = max(moments), min(moments)
        return (
            (lambda value: epoch_seconds(value) < latest)
            if test == "before"
            else (lambda value: epoch_seconds(value) >= first)
        )
    if test in ("at-least", "at-most"):
        numbers = [float(text) for text in wanted]
        least, most = min(numbers), max(numbers)
        return (lambda value: float(value) >= least) if test == "at-least" else (lambda value: float(value) <= most)
    if test == "contains":
        parts = [text.casefold() for text in wanted]
        return lambda value: any(part in str(value).casefold() for part in parts)
    return bool


def _equals(wanted: Sequence[str], wildcards: Mapping[str, str]) -> Callable[[Any], bool]:
    rules = [wildcards[text] for text in wanted if text in wildcards]
    if "*" in rules:
        return lambda value: True
    texts, others = frozenset(wanted).difference(wildcards), [rule[1:] for rule in rules]
    return lambda value: (shown := query_text(value)) in texts or any(shown != other for other in others)
