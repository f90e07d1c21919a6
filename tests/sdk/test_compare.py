"""How an SDK parsed a response: the same value in any form, a difference by kind, and what its own types let pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whop_sdk._models import construct_type
from whop_sdk.types import AuthorizedUserRetrieveResponse, Membership, Plan

from tests.sdk.declared import problems
from whopwatch.sdk import compare_parsed
from whopwatch.sdk.findings import difference_findings, wrong_type

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


def told(answered: Any, parsed: Any) -> list[tuple[str, str]]:
    return [(one.kind, one.location) for one in compare_parsed(answered, parsed)]


@given(JSON)
def test_the_same_is_no_difference(value: Any) -> None:
    assert told(value, value) == []


@pytest.mark.parametrize(
    ("answered", "parsed"),
    [
        (1, 1.0),
        ("2025-01-21T12:43:40.573Z", {"~": "datetime", "v": "2025-01-21T12:43:40.573000+00:00"}),
        ("2025-01-21", {"~": "date", "v": "2025-01-21"}),
        ({"a": 1}, {"~": "Thing", "v": {"a": 1}, "x": [], "u": {}}),
        ({"a": 1}, {"a": 1, "b": None}),
    ],
)
def test_another_way_of_writing_is_none_either(answered: Any, parsed: Any) -> None:
    assert told(answered, parsed) == []


@pytest.mark.parametrize(
    ("answered", "parsed", "expected"),
    [
        ({"a": [{"b": 1}]}, {"a": [{}]}, [("lost", "/a/*/b")]),
        ({"a": "1"}, {"a": 1}, [("changed", "/a")]),
        ({"a": 1}, {"a": True}, [("changed", "/a")]),
        ({"a": "x"}, {"a": "y"}, [("changed", "/a")]),
        ({"a": [1, 2]}, {"a": [1]}, [("changed", "/a")]),
        ({"a": None}, {"a": {"~": "Thing", "v": {}, "x": [], "u": {}}}, [("changed", "/a")]),
        ({"a": "soon"}, {"a": {"~": "datetime", "v": "2025-01-21T00:00:00"}}, [("changed", "/a")]),
        ({"a": 7}, {"a": {"~": "datetime", "v": "2025-01-21T00:00:00"}}, [("changed", "/a")]),
        ({"a": 7}, {"a": {"~": "Decimal", "v": None}}, [("changed", "/a")]),
        ({}, {"a": 1}, [("added", "/a")]),
        ({"a": 1}, {"~": "Thing", "v": {"a": 1}, "x": ["a"], "u": {}}, [("unknown", "/a")]),
        ({"a": 1}, {"~": "Thing", "v": {"a": 1}, "x": [], "u": {"a": ["string_type"]}}, [("let-through", "/a")]),
        ({}, {"~": "Thing", "v": {}, "x": [], "m": ["a"], "u": {}}, [("missing", "/a")]),
    ],
)
def test_each_kind(answered: Any, parsed: Any, expected: list[tuple[str, str]]) -> None:
    assert told(answered, parsed) == expected


@pytest.mark.parametrize(
    ("answered", "complaint", "expected"),
    [
        ("x", "literal_error", "D10"),
        (None, "literal_error", "D9"),
        ("soon", "datetime_type", "D12"),
        (1.5, "int_from_float", "D8"),
        ("1", "int_type", "D7"),
        (1, "string_type", "D7"),
    ],
)
def test_what_passes_has_the_class_that_a_check_gives_it(answered: Any, complaint: str, expected: str) -> None:
    (found,) = difference_findings("products.retrieve", [wrong_type(answered, [complaint], "/a")], 1)
    assert (found.drift_class, found.location) == (expected, "/a")


def test_no_value_is_shown() -> None:
    private = "a value of the answer"
    differences = list(compare_parsed({"a": private, "b": [private]}, {"a": 1, "b": {}}))
    assert differences
    assert private not in repr(differences)


USER = {"id": "user_1", "email": None, "name": "n", "username": "u"}


@pytest.mark.parametrize(
    ("model", "parsed", "found"),
    [
        (AuthorizedUserRetrieveResponse, {"id": "a", "role": "owner", "user": USER}, []),
        (
            AuthorizedUserRetrieveResponse,
            {"id": 7, "role": "king", "user": {**USER, "username": None}},
            [
                "/id: int where str is declared",
                "/role: not one of the declared values",
                "/user/username: NoneType where str is declared",
            ],
        ),
        (AuthorizedUserRetrieveResponse, [], [": list where AuthorizedUserRetrieveResponse is declared"]),
    ],
)
def test_a_wrong_type_is_found_where_it_is(model: Any, parsed: Any, found: list[str]) -> None:
    assert list(problems(construct_type(type_=model, value=parsed), model)) == found


@pytest.mark.parametrize(
    ("model", "field"), [(Plan, "initial_price"), (Plan, "created_at"), (Membership, "cancel_at_period_end")]
)
def test_a_field_that_is_missing_or_mistyped_is_found(model: Any, field: str) -> None:
    missing = construct_type(type_=model, value={"id": "x"})
    mistyped = construct_type(type_=model, value={field: "no such thing"})

    assert any(problem.startswith(f"/{field}:") for problem in problems(missing, model))
    assert any(problem.startswith(f"/{field}: str") for problem in problems(mistyped, model))
