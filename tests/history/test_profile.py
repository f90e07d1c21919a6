"""Profiles of responses: counts and traits, and no value of a response."""

from __future__ import annotations

import json
from typing import Any

import pytest

from whopwatch.checks import Evidence
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.history.profile import (
    ARRAY_SIZES,
    TEXT_LENGTHS,
    Digests,
    FieldCounts,
    OperationProfile,
    id_prefix_trait,
    magnitude,
    profile_answers,
    size_class,
    value_traits,
)

DIGESTS = Digests(b"salt")
HEADERS = frozenset({"x-request-id"})


def page(
    *items: dict[str, Any], more: bool = False, purpose: Purpose = Purpose.LIST, query: dict[str, str] | None = None
) -> Exchange:
    info = {"has_next_page": more, "has_previous_page": False, "start_cursor": None, "end_cursor": None}
    body = json.dumps({"data": list(items), "page_info": info}).encode()
    headers = (("content-type", "application/json"), ("x-request-id", "r1"))
    return Exchange(
        "products.list", purpose, "GET", "u", query=tuple((query or {}).items()), status=200, headers=headers, body=body
    )


def profile(contract: Contract, *exchanges: Exchange) -> OperationProfile:
    return profile_answers(contract, Evidence(contract, exchanges), HEADERS, DIGESTS)["products.list"]


def test_values_are_counted_by_kind(contract: Contract) -> None:
    items = [{"id": "prod_abcdef1", "title": "A", "headline": None, "member_count": 7, "visibility": "visible"}]
    items += [{"id": "prod_abcdef2", "title": "", "headline": "hi", "member_count": 0, "visibility": "unheard of"}]
    one = profile(contract, page(*items))
    tallies = one.tallies
    assert (tallies["/data/*"].samples, tallies["/data/*/headline"].nulls) == (2, 1)
    assert tallies["/data/*/title"].kinds["lengths"] == {"1-8": 1, "0": 1}
    assert tallies["/data/*/member_count"].kinds == {
        "types": {"integer": 2},
        "numbers": {"positive": 1, "zero": 1},
        "magnitudes": {"0": 1},
    }
    values = tallies["/data/*/visibility"].kinds["values"]
    assert values == {"visible": 1, f"#{DIGESTS.of('unheard of')}": 1}
    assert tallies["/data/*/id"].kinds["formats"] == {"filled": 2, "prefix:prod_": 2}


def test_an_object_is_known_by_its_id_and_has_traits(contract: Contract) -> None:
    one = profile(contract, page({"id": "prod_abcdef1", "title": "", "headline": None}))
    traits = one.objects["/data/*", DIGESTS.of("prod_abcdef1")]
    assert ("/data/*/headline", "seen") in traits
    assert ("/data/*/headline", "value") not in traits
    assert ("/data/*/title", "value") in traits
    assert ("/data/*/title", "filled") not in traits


def test_the_fields_of_page_info_are_counted(contract: Contract) -> None:
    one = profile(contract, page({"id": "prod_abcdef1"}))
    assert one.tallies["/page_info/end_cursor"].nulls == 1
    assert one.tallies["/data"].kinds["sizes"] == {"1": 1}


def test_an_object_on_two_pages_is_counted_once(contract: Contract) -> None:
    item = {"id": "prod_abcdef1", "title": "A"}
    one = profile(contract, page(item), page(item, purpose=Purpose.NEXT_PAGE))
    assert one.tallies["/data/*"].samples == 1


def test_a_filtered_page_adds_headers_but_no_counts(contract: Contract) -> None:
    one = profile(contract, page({"id": "prod_abcdef1"}, purpose=Purpose.QUERY, query={"order": "title"}))
    assert "/data/*" not in one.tallies
    assert one.objects["header", "answer 0"] == {("header", "answered"), ("header:x-request-id", "header")}


@pytest.mark.parametrize(
    ("first", "more", "expected"),
    [
        (None, True, {"asked:default", "size:default:2"}),
        ("2", True, {"asked:to 10", "size:to 10:full"}),
        ("50", True, {"asked:to 50", "size:to 50:2"}),
        ("101", True, {"asked:to ", "size:to :2"}),
        (None, False, set()),
    ],
)
def test_the_size_of_a_page_that_has_a_successor(
    contract: Contract, first: str | None, more: bool, expected: set[str]
) -> None:
    query = {"first": first} if first else {}
    one = profile(contract, page({"id": "a"}, {"id": "b"}, more=more, query=query))
    assert {name for _, name in one.objects.get(("page", "answer 0"), set())} == expected


@pytest.mark.parametrize(
    ("days", "query", "expected"),
    [
        ("123", {}, "order:ascending"),
        ("321", {}, "order:descending"),
        ("132", {}, "order:mixed"),
        ("12", {}, None),
        ("111", {}, None),
        ("123", {"order": "title"}, None),
        ("123", {"direction": "asc"}, None),
    ],
)
def test_the_default_order_of_a_list(
    contract: Contract, days: str, query: dict[str, str], expected: str | None
) -> None:
    items = [{"id": f"prod_{n}", "created_at": f"2026-01-0{day}T00:00:00.000Z"} for n, day in enumerate(days)]
    one = profile(contract, page(*items, query=query))
    orders = {name for _, name in one.objects.get(("page", "answer 0"), set()) if name.startswith("order:")}
    assert orders == ({expected} if expected else set())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        ("text", ["filled"]),
        ("2026-01-01T00:00:00Z", ["filled", "time:0Z"]),
        ("2026-01-01T00:00:00.12Z", ["filled", "time:3Z"]),
        ("2026-01-01T00:00:00.1234+02:00", ["filled", "time:6offset"]),
        ("2026-01-01T00:00:00.123456789+00:00", ["filled", "time:9+00:00"]),
        ("2026-01-01", ["filled", "time:date"]),
        ("-12.50", ["filled", "decimals:2"]),
        ("12", ["filled"]),
        (1.5, ["fraction"]),
        (2.0, []),
        (True, []),
        ([], []),
        ([1], ["filled"]),
        ({}, []),
    ],
)
def test_the_traits_of_a_value(value: object, expected: list[str]) -> None:
    assert value_traits(value) == expected


def test_an_undocumented_prefix_is_kept_as_a_digest() -> None:
    assert id_prefix_trait("prod_abcdef1", {"prod_"}, DIGESTS) == ["prefix:prod_"]
    assert id_prefix_trait("jane_abcdef1", {"prod_"}, DIGESTS) == [f"prefix:#{DIGESTS.of('jane_')}"]
    assert id_prefix_trait("no prefix", {"prod_"}, DIGESTS) == []


def test_digests_differ_between_baselines() -> None:
    assert DIGESTS.of("a") == Digests(b"salt").of("a") != Digests(b"pepper").of("a")
    assert len(DIGESTS.of("a")) == 12


def test_magnitudes_and_size_classes() -> None:
    assert [magnitude(value) for value in (1, 9.99, 10, -250, 0.05, 10**400, float("inf"), float("nan"))] == [
        0, 0, 1, 2, -2, 400, 999, 999,
    ]  # fmt: skip
    assert [size_class(size, TEXT_LENGTHS) for size in (0, 1, 8, 9, 32, 33, 128, 129, 1024, 1025)] == [
        "0", "1-8", "1-8", "9-32", "9-32", "33-128", "33-128", "129-1024", "129-1024", "1025+",
    ]  # fmt: skip
    assert [size_class(size, ARRAY_SIZES) for size in (0, 1, 2, 10, 11, 100, 101)] == [
        "0", "1", "2-10", "2-10", "11-100", "11-100", "101+",
    ]  # fmt: skip
    assert [size_class(size, (4, 9)) for size in (0, 4, 5, 9, 10)] == ["0-4", "0-4", "5-9", "5-9", "10+"]


def test_names_of_one_kind_are_bounded() -> None:
    counts = FieldCounts()
    for number in range(192):
        counts.add("values", str(number))
    assert len(counts.kinds["values"]) == 65
    assert counts.kinds["values"]["others"] == 128


def test_a_required_field_has_no_trait_for_being_present(contract: Contract) -> None:
    had = profile(contract, page({"id": "prod_abcdef1", "title": "A"})).objects["/data/*", DIGESTS.of("prod_abcdef1")]
    assert ("/data/*/title", "present") not in had


def test_a_retrieved_object_is_counted_like_an_item(contract: Contract) -> None:
    body = json.dumps({"id": "prod_abcdef1", "title": "A"}).encode()
    exchange = Exchange(
        "products.retrieve",
        Purpose.RETRIEVE,
        "GET",
        "u",
        path_params={"id": "prod_abcdef1"},
        status=200,
        headers=(("content-type", "application/json"),),
        body=body,
    )
    one = profile_answers(contract, Evidence(contract, [exchange]), HEADERS, DIGESTS)["products.retrieve"]
    assert one.tallies["/title"].kinds["lengths"] == {"1-8": 1}
    assert ("/title", "value") in one.objects["", DIGESTS.of("prod_abcdef1")]
