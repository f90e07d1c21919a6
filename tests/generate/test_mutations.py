"""Mutations: which changes there are to a value, and that exactly the one thing changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, find, settings

from whopwatch.checks.schema import FRACTION, VIOLATION_RULES
from whopwatch.contract import load
from whopwatch.generate import Strategies, allowed, broken
from whopwatch.generate.values import MUTATION_CLASSES, sites

pytestmark = pytest.mark.thorough

STRATEGIES = Strategies(load())
SEARCH = settings(max_examples=3000, database=None, phases=[Phase.generate])
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "x-id-prefix": ["prod_"]},
        "at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        "color": {"type": "string", "enum": ["red", "green"]},
        "count": {"type": "integer"},
        "note": {"type": "string"},
        "parts": {"type": "array", "items": {"type": "number"}},
        "owner": {
            "oneOf": [
                {"type": "object", "properties": {"kind": {"const": "User"}}, "required": ["kind"]},
                {"type": "object", "properties": {"kind": {"const": "Company"}}, "required": ["kind"]},
            ]
        },
        "free": {"type": "object", "additionalProperties": True},
        "any": {},
    },
    "required": ["id", "at", "color", "count", "parts", "owner", "free", "any"],
}


def _found(path: tuple[str | int, ...], kind: str) -> str:
    """The drift class of the breakage of `kind` at `path`; fails where hypothesis finds none."""
    return find(
        broken(STRATEGIES, SCHEMA),
        lambda breakage: (breakage.path, breakage.kind) == (path, kind),
        settings=SEARCH,
    ).drift_class


@pytest.mark.parametrize(
    ("path", "kind", "drift_class"),
    [
        (("id",), "required", "D5"),
        (("id",), "prefix", "D12"),
        (("at",), "format", "D12"),
        (("at",), "type", "D7"),
        (("color",), "enum", "D10"),
        (("color",), "null", "D9"),
        (("count",), "null", "D9"),
        (("parts", 0), "type", "D7"),
        (("owner",), "union", "D18"),
        (("owner",), "null", "D9"),
        ((), "type", "D7"),
    ],
)
def test_every_way_to_break_a_value_is_met(path: tuple[str | int, ...], kind: str, drift_class: str) -> None:
    assert _found(path, kind) == drift_class


def test_a_whole_number_that_is_none_any_more_is_drift_of_its_own_class() -> None:
    fraction = find(broken(STRATEGIES, SCHEMA), lambda breakage: breakage.drift_class == "D8", settings=SEARCH)
    assert (fraction.path, fraction.kind) == (("count",), "type")
    assert not fraction.value["count"].is_integer()


@pytest.mark.parametrize(
    ("path", "kind"),
    [(("at",), "null"), (("note",), "absent"), (("x_undocumented",), "extra"), (("owner", "x_undocumented"), "extra")],
)
def test_every_change_that_is_allowed_is_met(path: tuple[str | int, ...], kind: str) -> None:
    condition = lambda allowance: (allowance.path, allowance.kind) == (path, kind)  # noqa: E731
    value = find(allowed(STRATEGIES, SCHEMA), condition, settings=SEARCH).value
    for token in path[:-1]:
        value = value[token]
    assert {"null": lambda: value[path[-1]] is None, "absent": lambda: path[-1] not in value,
            "extra": lambda: path[-1] in value}[kind]()  # fmt: skip


def test_a_place_that_may_be_anything_is_not_called_wrong() -> None:
    value = {"free": {"a": 1}, "any": None}
    found = {site.path: site for site in sites(STRATEGIES.node(SCHEMA), value)}
    assert found["any",].nullable
    assert not found["any",].types
    assert ("free", "a") not in found


def test_the_classes_are_those_that_the_check_reports() -> None:
    reported = {str(kind): rule.drift_class for kind, rule in VIOLATION_RULES.items() if kind in MUTATION_CLASSES}
    assert {**reported, "fraction": FRACTION.drift_class, "prefix": "D12"} == MUTATION_CLASSES
