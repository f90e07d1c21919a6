"""Filters of lists as the contract declares them: which values of an item they select."""

from __future__ import annotations

from typing import Any

import pytest

from whopwatch.contract import load
from whopwatch.contract.behaviour import NOT_SHOWN, Filter, value_at

DAY, LATER = "2026-01-01T00:00:00Z", "2026-01-03T00:00:00+00:00"


def passing(test: str, wanted: str | tuple[str, ...], *values: Any, **settings: Any) -> list[bool | None]:
    """Return for each value whether a filter with this test selects an item that has only this value."""
    wanted = (wanted,) if isinstance(wanted, str) else wanted
    return Filter("f", (("f",),), test, **settings).passing([[value] for value in values], wanted)


@pytest.mark.parametrize(
    ("test", "wanted", "values", "selected"),
    [
        ("equals", "a", ("a", "b", 1), [True, False, False]),
        ("equals", ("a", "1", "true"), ("a", 1, True, False), [True, True, True, False]),
        ("at-least", "2", (1.5, 2, 3), [False, True, True]),
        ("at-least", ("3", "2"), (1, 2), [False, True]),
        ("at-most", ("2", "3"), (3, 4), [True, False]),
        ("contains", "Ab", ("xABy", "ba"), [True, False]),
        ("contains", ("q", "y"), ("xy", "x"), [True, False]),
        ("before", "2026-01-02", (DAY, "2026-01-02", LATER), [True, False, False]),
        ("not-before", "2026-01-02", (DAY, "2026-01-02", LATER), [False, True, True]),
        ("is-null", "true", (None, 0), [True, False]),
        ("is-null", "false", (None, 0), [False, True]),
        ("only-if-true", "true", (True, False), [True, False]),
        ("only-if-true", "false", (True, False), [True, True]),
        ("unless-zero", "true", (0, 5), [True, True]),
        ("unless-zero", "false", (0, 5), [False, True]),
    ],
)
def test_a_filter_selects_values(test: str, wanted: Any, values: tuple[Any, ...], selected: list[bool]) -> None:
    assert passing(test, wanted, *values) == selected


def test_wildcards_select_any_value_or_any_but_one() -> None:
    wildcards = {"all": "*", "not_draft": "!draft"}
    assert passing("equals", "all", "draft", "x", wildcards=wildcards) == [True, True]
    assert passing("equals", "not_draft", "draft", "x", wildcards=wildcards) == [False, True]
    assert passing("equals", ("not_draft", "draft"), "draft", "x", wildcards=wildcards) == [True, True]
    assert passing("equals", "other", "other", "all", wildcards=wildcards) == [True, False]


@pytest.mark.parametrize(
    ("test", "wanted", "values"),
    [
        ("at-least", "many", (1,)),
        ("before", "soon", (DAY,)),
        ("at-most", "1", ("many",)),
        ("not-before", DAY, ("soon", 7)),
        ("equals", "a", (None,)),
    ],
)
def test_what_cannot_be_compared_is_unknown(test: str, wanted: str, values: tuple[Any, ...]) -> None:
    assert passing(test, wanted, *values) == [None] * len(values)


@pytest.mark.parametrize("test", ["equals", "is-null", "only-if-true"])
@pytest.mark.parametrize("wanted", ["true", "false"])
def test_a_field_that_is_not_shown_is_unknown(test: str, wanted: str) -> None:
    assert Filter("f", (("f",),), test).passing([NOT_SHOWN], (wanted,)) == [None]


def test_an_id_that_does_not_exist_selects_nothing_even_if_the_field_is_hidden() -> None:
    one = Filter("product_id", (("product", "id"),), "equals", prefixes=("prod_", "pr_"))
    assert one.nothing is not None
    assert one.nothing.startswith("prod_")
    assert one.passing([NOT_SHOWN, [one.nothing]], (one.nothing,)) == [False, False]
    assert Filter("company_id", (("company", "id"),), "equals", prefixes=("biz_",), is_account=True).nothing is None


def test_the_values_of_several_paths_are_together() -> None:
    one = Filter("id", (("user", "id"), ("members", "id"), ("gone",)), "equals")
    assert one.found({"user": {"id": "a"}, "members": [{"id": "b"}, {}, {"id": "c"}]}) == ["a", "b", "c"]
    assert one.found({"user": {}}) is NOT_SHOWN


def test_the_value_at_a_path() -> None:
    item = {"a": {"b": 1, "c": None, "d": [{"e": 1}, {"e": [2]}, {"x": 3}]}}
    assert value_at(item, ("a", "b")) == 1
    assert value_at(item, ("a", "c", "deeper")) is None
    assert value_at(item, ("a", "b", "deeper")) is NOT_SHOWN
    assert value_at(item, ("a", "x")) is NOT_SHOWN
    assert value_at(item, ("a", "d", "e")) == [1, [2]]


def test_the_account_and_the_order_of_an_edition() -> None:
    old, new = load("2025-01-01").behaviour, load("2026-10-15-1").behaviour
    assert old.account_resource.fields == ("company", "company_id")
    assert (old.account_resource.resource, new.account_resource.resource) == ("companies", "accounts")
    for behaviour in (old, new):
        for name, path in behaviour.order["fields"].items():
            assert ".".join(behaviour.order_path(name)) == path
        assert behaviour.order_path("created_at") == ("created_at",)
