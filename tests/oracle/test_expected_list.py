"""What follows from a whole list for every request to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.oracle.support import ITEMS, parameters, plan, plans, whole
from whopwatch.contract import Contract
from whopwatch.contract.behaviour import NOT_SHOWN, Pairs
from whopwatch.oracle.expected_list import MAX_VALUE_LENGTH, ListParameters, sort_key, values_by_parameter

HIDDEN_ONLY: Pairs = (("visibilities[]", "hidden"),)


def ids(contract: Contract, selection: Pairs, items: Any = ITEMS) -> list[str]:
    return [id.removeprefix("plan_") for id in whole(contract, items).expect(selection)]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ((), "654321"),
        ((("direction", "desc"),), "654321"),
        ((("direction", "asc"),), "123456"),
        ((("order", "created_at"), ("direction", "asc")), "123456"),
        (HIDDEN_ONLY, "531"),
        ((*HIDDEN_ONLY, ("direction", "asc")), "135"),
        ((*HIDDEN_ONLY, ("visibilities[]", "visible")), "654321"),
        ((("created_after", "2026-01-04T00:00:00Z"),), "654"),
        ((("created_before", "2026-01-04T00:00:00Z"),), "321"),
        ((*HIDDEN_ONLY, ("created_before", "2026-01-04T00:00:00Z")), "31"),
    ],
)
def test_filters_and_orders_select_from_the_whole_list(contract: Contract, selection: Pairs, expected: str) -> None:
    assert ids(contract, selection) == list(expected)


def test_what_an_item_does_not_show_is_open(contract: Contract) -> None:
    items = [plan(2), {"id": "plan_1", "created_at": plan(1)["created_at"]}]

    expected = whole(contract, items).expect((("visibilities[]", "visible"),))

    assert [(one.id, one.certain) for one in expected.values()] == [("plan_2", True), ("plan_1", False)]


def test_an_order_by_a_field_that_no_item_shows_is_open(contract: Contract) -> None:
    expected = whole(contract).expect((("order", "active_members_count"),))

    assert [one.rank for one in expected.values()] == [None] * 6


def test_equal_and_null_sort_keys(contract: Contract) -> None:
    items = [plan(3, member_count=5), plan(2, member_count=None), plan(1, member_count=5), plan(4, member_count=9)]
    name = ("order", "active_members_count")

    descending = whole(contract, items).expect((name,))
    ascending = whole(contract, items).expect((name, ("direction", "asc")))

    assert [(one.id, one.rank) for one in descending.values()] == [
        *(("plan_4", 0), ("plan_3", 1), ("plan_1", 1), ("plan_2", 2)),
    ]
    assert [one.id for one in ascending.values()] == ["plan_2", "plan_3", "plan_1", "plan_4"]


def test_sort_keys_of_several_types_have_no_order(contract: Contract) -> None:
    items = [plan(3, member_count=5), plan(2, member_count="a"), plan(1, member_count=5)]

    assert [one.rank for one in whole(contract, items).expect((("order", "active_members_count"),)).values()] == [
        None
    ] * 3


def test_the_direction_of_a_list(contract: Contract) -> None:
    assert whole(contract).direction == "desc"
    assert whole(contract, plans(1, 2, 3)).direction == "asc"
    assert whole(contract, plans(1, 3, 2)).direction is None
    assert whole(contract, plans(2, 1)).direction is None  # two may be in order by chance
    assert whole(contract, [*plans(3, 2, 1), {"id": "plan_4"}]).direction is None


@pytest.mark.parametrize(
    ("numbers", "is_reversed"),
    [((3, 2, 1), False), ((1, 2, 3), True), ((1, 3, 2), False), ((1, 2), False), ((), False), ((2, 3, 1), False)],
)
def test_a_reversed_list(contract: Contract, numbers: tuple[int, ...], is_reversed: bool) -> None:
    assert whole(contract, plans(*numbers)).is_reversed("desc") is is_reversed


def test_a_list_in_the_other_direction_is_turned_back(contract: Contract) -> None:
    assert ids(contract, (("direction", "desc"),), plans(1, 2, 3)) == ["3", "2", "1"]
    assert ids(contract, (("direction", "asc"),), plans(1, 2, 3)) == ["1", "2", "3"]


def test_which_filter_excludes_an_item(contract: Contract) -> None:
    made = whole(contract)

    assert made.excludes("visibilities[]", ("visible",), "plan_5")
    assert not made.excludes("visibilities[]", ("visible",), "plan_6")
    assert made.passing("unknown", ("x",)) == [None] * 6
    assert made.passing("visibilities[]", ("hidden",)) == [False, True] * 3


def test_values_that_can_be_sent_back(contract: Contract) -> None:
    made = whole(
        contract, [plan(1, visibility="x" * MAX_VALUE_LENGTH), plan(2, visibility="x" * 101), plan(3, visibility="")]
    )
    filter = parameters(contract).filters["visibilities[]"]

    assert made.sendable(filter) == ["x" * MAX_VALUE_LENGTH]
    assert whole(contract, [{"id": "a"}, plan(1, visibility={})]).sendable(filter) == []
    assert whole(contract, [{"id": "a"}]).field_values(filter) == [NOT_SHOWN]


def test_the_parameters_of_a_list(contract: Contract) -> None:
    own = parameters(contract)

    assert own.sorts == {"order", "direction"}
    assert own.optional == {"order", "direction", *own.filters}
    assert "company_id" not in own.optional
    assert ListParameters(contract, contract.operations["payments.list_fees"]).sorts == frozenset()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, (0,)),
        (3, (1, 3.0)),
        (2.5, (1, 2.5)),
        ("abc", (1, "abc")),
        ("1970-01-01T00:01:00Z", (1, 60.0)),
        ("2026 and more", (1, "2026 and more")),
        (True, None),
        ([], None),
        ({}, None),
        (NOT_SHOWN, None),
        (10**309, None),
    ],
)
def test_sort_keys(value: Any, expected: Any) -> None:
    assert sort_key(value) == expected


def test_values_of_parameters() -> None:
    assert values_by_parameter((("a", "1"), ("b", "2"), ("a", "3"))) == {"a": ("1", "3"), "b": ("2",)}
