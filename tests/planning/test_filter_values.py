"""Filters and orders that are sent have an effect that the list can be checked for."""

from __future__ import annotations

import pytest

from tests.planning.support import product
from whopwatch.contract import Contract
from whopwatch.contract.behaviour import Pairs
from whopwatch.oracle.expected_list import ListParameters, WholeList
from whopwatch.planning import filter_values

SEEDS = range(8)


def whole(contract: Contract, count: int = 30, **changes: object) -> WholeList:
    items = [{**product(number), **changes} for number in range(count - 1, -1, -1)]
    return WholeList(items, ListParameters(contract, contract.operation("products.list")))


def shown(listing: WholeList, pairs: Pairs) -> set[str]:
    return set(listing.expect(pairs))


def without(pairs: Pairs, name: str) -> Pairs:
    return tuple(pair for pair in pairs if pair[0] != name)


@pytest.mark.parametrize("seed", SEEDS)
def test_each_of_several_filters_excludes_items_that_no_other_excludes(contract: Contract, seed: int) -> None:
    listing = whole(contract)
    pairs = filter_values.several_filters(listing, seed)
    names = {name for name, _ in pairs}
    assert len(names) >= 3
    for name in names:
        assert shown(listing, without(pairs, name)) > shown(listing, pairs)
    assert len(shown(listing, pairs)) >= 20


def test_values_of_a_filter_with_several_are_all_documented_but_a_rare_one(contract: Contract) -> None:
    pairs = filter_values.several_filters(whole(contract), 0)
    types = [value for name, value in pairs if name == "product_types[]"]
    assert "app" not in types
    assert "regular" in types
    assert len(types) > 1


def test_a_date_filter_excludes_an_item_of_the_same_day_as_the_limit(contract: Contract) -> None:
    listing = whole(contract)
    for seed in SEEDS:
        limits = {name: value for name, value in filter_values.several_filters(listing, seed) if "created" in name}
        assert limits
        for name, limit in limits.items():
            excluded = {item["id"] for item in listing.items} - shown(listing, ((name, limit),))
            days = {item["created_at"][:10] for item in listing.items if item["id"] in excluded}
            assert limit[:10] in days
            assert limit in {item["created_at"] for item in listing.items}


def test_variety_is_a_date_filter_and_a_filter_with_several_values(contract: Contract) -> None:
    listing = whole(contract)
    date, choice = ("created_after", "2026-01-01T00:00:00.000Z"), ("product_types[]", "app")
    assert filter_values.mixes_dates_and_choices(listing, (date, choice))
    assert not filter_values.mixes_dates_and_choices(listing, (date,))
    assert not filter_values.mixes_dates_and_choices(listing, (choice, ("order", "created_at")))


def test_a_list_whose_items_are_alike_has_no_several_filters(contract: Contract) -> None:
    same = whole(contract, created_at="2026-01-01T00:00:00.000Z", product_type="regular", visibility="visible")
    assert filter_values.several_filters(same, 0) == ()


def test_one_filter_is_used_where_none_lets_nearly_all_pass(contract: Contract) -> None:
    """Half of the items differ in one field; no filter leaves two thirds."""
    items = [{**product(0), "id": f"prod_{n}", "product_type": "app" if n % 2 else "regular"} for n in range(20)]
    operation = contract.operation("products.list")
    listing = WholeList(items, ListParameters(contract, operation))
    pairs = filter_values.several_filters(listing, 0)
    assert {name for name, _ in pairs} == {"product_types[]"}
    assert len(shown(listing, pairs)) == 10
    for count, most in ((16, 8), (14, 0)):
        listing = WholeList(items[:count], ListParameters(contract, operation))
        pairs = filter_values.several_filters(listing, 0)
        assert (len(shown(listing, pairs)) if pairs else 0) == most


def test_a_discriminating_filter_keeps_some_items_and_excludes_others(contract: Contract) -> None:
    listing = whole(contract)
    for filter in listing.parameters.filters.values():
        pairs = filter_values.discriminating_filter(listing, filter, 1)
        assert pairs
        assert {name for name, _ in pairs} == {filter.name}
        assert 0 < len(shown(listing, pairs)) < 30
    same = whole(contract, visibility="visible")
    assert filter_values.discriminating_filter(same, same.parameters.filters["visibilities[]"], 1) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_weak_filters_exclude_next_to_nothing(contract: Contract, seed: int) -> None:
    listing = whole(contract)
    pairs = filter_values.weak_filters(listing, seed)
    assert {name for name, _ in pairs} == set(listing.parameters.filters)
    assert len(shown(listing, pairs)) >= 22
    wildcards = listing.parameters.declared.wildcards
    assert [value for _, value in pairs if value in wildcards] == []


def test_a_limit_of_a_weak_filter_is_one_second_after_an_item(contract: Contract) -> None:
    dates = [value for name, value in filter_values.weak_filters(whole(contract), 2) if "created" in name]
    assert len(dates) == 2
    assert all(date.endswith("00:01.000Z") for date in dates)
    late = whole(contract, created_at="2026-01-01T23:59:59.500Z")
    assert [name for name, _ in filter_values.weak_filters(late, 0) if "created" in name] == []
    odd = whole(contract, created_at="yesterday")
    assert [name for name, _ in filter_values.weak_filters(odd, 0) if "created" in name] == []


def test_every_order_is_requested_in_one_direction(contract: Contract) -> None:
    listing = whole(contract)
    for seed in SEEDS:
        orders = filter_values.orders(listing, seed)
        assert {dict(one)["order"] for one in orders} == {
            "active_memberships_count", "created_at", "usd_gmv", "usd_gmv_30_days",
        }  # fmt: skip
        assert dict(orders[0]) == {"order": "active_memberships_count", "direction": "asc"}
        assert dict(orders[1])["order"] == "created_at"
        assert {dict(one)["direction"] for one in orders} == {"asc", "desc"}


def test_orders_alternate_their_direction_from_run_to_run(contract: Contract) -> None:
    listing = whole(contract)
    turns = [{dict(one)["order"]: dict(one)["direction"] for one in filter_values.orders(listing, s)} for s in (0, 1)]
    assert turns[0]["created_at"] != turns[1]["created_at"]


def test_an_impossible_filter_matches_nothing(contract: Contract) -> None:
    listing = whole(contract)
    (pairs,) = filter_values.impossible_filters(listing, 0)
    assert shown(listing, pairs) == set()
    chosen = {filter_values.impossible_filters(listing, seed)[0] for seed in SEEDS}
    assert chosen == {
        (("created_after", "2990-01-01T00:00:00.000Z"),), (("created_before", "1990-01-01T00:00:00.000Z"),)
    }  # fmt: skip


def test_every_field_that_items_do_not_show_gets_an_impossible_filter(contract: Contract) -> None:
    items = [{"id": f"pay_{n}", "created_at": f"2026-01-0{n}T00:00:00.000Z"} for n in range(1, 9)]
    listing = WholeList(items, ListParameters(contract, contract.operation("payments.list")))
    names = {pairs[0][0] for pairs in filter_values.impossible_filters(listing, 0)}
    assert names == {"plan_ids[]", "product_ids[]"}


@pytest.mark.parametrize(
    ("id", "form"),
    [("prod_abc", "prod_"), ("plan_AAAAAAAAAAAAAA", "plan_"), ("a_b_" + "c" * 40, "a_b_"), ("noprefix", "")],
)
def test_a_nonexistent_id_has_the_form_of_a_known_one(id: str, form: str) -> None:
    other = filter_values.nonexistent_id_like(id)
    assert other != id
    assert other.startswith(form)
    assert "_" not in other.removeprefix(form)
    assert len(other) >= len(id)


def test_numbers_are_limited_at_the_second_lowest_and_second_highest(contract: Contract) -> None:
    lists = [one for one in contract.reads if one.is_list]
    found = [
        (operation, filter)
        for operation in lists
        for filter in ListParameters(contract, operation).filters.values()
        if filter.test in ("at-least", "at-most")
    ]
    assert found
    for operation, filter in found:
        items = [_with(filter.paths[0], n) for n in (1, 2, 3, 4, 5)]
        listing = WholeList(items, ListParameters(contract, operation))
        pairs = filter_values.discriminating_filter(listing, filter, 0)
        assert pairs == ((filter.name, "2" if filter.test == "at-least" else "4"),)


@pytest.mark.parametrize(
    ("numbers", "lowest", "highest"),
    [
        ((1, 2, 3, 10**9), "2", "2"),
        ((1, 2, 3, 10**9 - 1), "2", "3"),
        ((-(10**9), 1, 2, 3), "2", "2"),
        ((1.5, 2, 3, 4), "3", "3"),
    ],
)
def test_numbers_that_are_no_integers_or_very_large_are_not_sent(
    contract: Contract, numbers: tuple[float, ...], lowest: str, highest: str
) -> None:
    parameters = ListParameters(contract, contract.operation("reviews.list"))
    for filter in parameters.filters.values():
        if filter.test in ("at-least", "at-most"):
            listing = WholeList([_with(filter.paths[0], number) for number in numbers], parameters)
            values = [dict(pairs)[filter.name] for pairs in filter_values._weakly_selective_values(listing, filter, 0)]
            assert values == [lowest if filter.test == "at-least" else highest]


def test_a_search_uses_the_middle_of_a_word_in_capitals(contract: Contract) -> None:
    operation, filter = next(
        (operation, filter)
        for operation in contract.reads
        if operation.is_list
        for filter in ListParameters(contract, operation).filters.values()
        if filter.test == "contains"
    )
    words = ("alphabet", "ba-na-na", "short")
    items = [_with(filter.paths[0], word, n) for n, word in enumerate(words)]
    listing = WholeList(items, ListParameters(contract, operation))
    assert filter_values.discriminating_filter(listing, filter, 0) == ((filter.name, "PHAB"),)


def _with(path: tuple[str, ...], value: object, number: object = None) -> dict[str, object]:
    """Return an item with `value` at `path`."""
    item: dict[str, object] = {"id": f"x_{value if number is None else number}"}
    inner = item
    for name in path[:-1]:
        inner = inner.setdefault(name, {})  # type: ignore[assignment]
    inner[path[-1]] = value
    return item
