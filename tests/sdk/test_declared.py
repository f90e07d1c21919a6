"""The type check of what the SDK parsed finds what the SDK lets pass."""

from __future__ import annotations

from typing import Any

import pytest
from whop_sdk._models import construct_type
from whop_sdk.types import AuthorizedUserRetrieveResponse, Membership, Plan

from tests.sdk.declared import problems

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
