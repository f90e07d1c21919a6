"""The invariants of cursor pagination, held by every list of the simulator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulator.asker import Answer, Asker
from whopwatch.contract import load

LISTS = [operation.id for operation in load().lists]
DIRECTED = [operation.id for operation in load().lists if operation.parameter("direction")]
quick = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def data(answer: Answer) -> list[Any]:
    found: list[Any] = answer.json["data"]
    return found


def backward(ask: Asker, id: str, last: int) -> list[Any]:
    """A walk from the end of a list to its beginning."""
    items: list[Any] = []
    before: dict[str, Any] = {}
    while True:
        page = ask.operation(id, {"last": last, **before})
        items = data(page) + items
        if not page.info["has_previous_page"]:
            return items
        before = {"before": page.info["start_cursor"]}


@quick
@given(id=st.sampled_from(LISTS), first=st.integers(1, 100), last=st.integers(1, 100))
def test_traversals_of_any_size_and_direction_see_the_same_items(ask: Asker, id: str, first: int, last: int) -> None:
    everything = ask.walk(id)

    assert ask.walk(id, first=first) == everything
    assert backward(ask, id, last) == everything


@quick
@given(id=st.sampled_from(LISTS), at=st.integers(0, 40), size=st.integers(1, 40))
def test_a_page_after_a_cursor_and_the_page_before_it_meet(ask: Asker, id: str, at: int, size: int) -> None:
    everything = ask.walk(id)
    at = min(at, len(everything) - 1)
    cursor = ask.operation(id, {"first": at + 1}).info["end_cursor"]

    after = ask.operation(id, {"first": size, "after": cursor})
    before = ask.operation(id, {"last": size, "before": cursor})

    assert data(after) == everything[at + 1 : at + 1 + size]
    assert data(before) == everything[max(0, at - size) : at]
    assert after.info["has_next_page"] is (at + 1 + size < len(everything))
    assert before.info["has_previous_page"] is (at - size > 0)
    assert after.info["has_previous_page"] is True
    assert before.info["has_next_page"] is True


@pytest.mark.parametrize("id", LISTS)
def test_the_cursors_of_a_page_belong_to_its_first_and_last_item(ask: Asker, id: str) -> None:
    page = ask.operation(id, {"first": 5})

    after_first = ask.operation(id, {"first": 4, "after": page.info["start_cursor"]})
    before_last = ask.operation(id, {"last": 4, "before": page.info["end_cursor"]})

    assert data(after_first) == data(page)[1:]
    assert data(before_last) == data(page)[:4]


@pytest.mark.parametrize("id", LISTS)
def test_the_end_cursor_of_the_last_page_leads_to_an_empty_page(ask: Asker, id: str) -> None:
    last = ask.operation(id, {"last": 3})
    beyond = ask.operation(id, {"first": 3, "after": last.info["end_cursor"]})

    assert last.info["has_next_page"] is False
    assert data(beyond) == []
    assert beyond.info["end_cursor"] is None
    assert beyond.info["has_next_page"] is False


@pytest.mark.parametrize("id", DIRECTED)
def test_the_other_direction_is_the_reverse(ask: Asker, id: str) -> None:
    order = ask.contract.operation(id).parameter("order")
    for value in order.schema["enum"] if order and "enum" in order.schema else [None]:
        sorting = {"order": value} if value else {}
        down = ask.walk(id, {**sorting, "direction": "desc"})
        up = ask.walk(id, {**sorting, "direction": "asc"})

        assert up == down[::-1]
        assert up != down


@pytest.mark.parametrize(
    "sent", [{"first": 0}, {"first": -1}, {"last": 0}, {"first": "x"}, {"first": ""}, {"first": 3, "last": 3}]
)
def test_an_invalid_size_is_rejected(ask: Asker, sent: dict[str, Any]) -> None:
    answer = ask.operation("products.list", sent)

    assert answer.status == 400
    assert answer.error["code"] == "parameter_invalid"
    assert answer.error["param"] in sent


def test_a_size_above_the_maximum_is_reduced_to_it(ask: Asker) -> None:
    assert len(data(ask.operation("payment_methods.list", {"first": 1000}))) == 100


@given(garbage=st.one_of(st.text(max_size=40), st.binary(max_size=40).map(lambda raw: raw.hex())))
@quick
def test_an_unknown_cursor_is_rejected(ask: Asker, garbage: str) -> None:
    assert ask.operation("products.list", {"after": garbage}).status == 400


@given(position=st.integers(0, 60), character=st.sampled_from("Ab3_-"))
@quick
def test_an_altered_cursor_is_rejected(ask: Asker, position: int, character: str) -> None:
    cursor = ask.operation("products.list").info["end_cursor"]
    position %= len(cursor) - 1
    altered = cursor[:position] + character + cursor[position + 1 :]

    assert ask.operation("products.list", {"after": altered}).status == (200 if altered == cursor else 400)


def test_a_cursor_of_another_list_filter_or_order_is_rejected(ask: Asker) -> None:
    cursor = ask.operation("products.list").info["end_cursor"]

    assert ask.operation("plans.list", {"after": cursor}).status == 400
    assert ask.operation("products.list", {"after": cursor, "direction": "asc"}).status == 400
    assert ask.operation("products.list", {"after": cursor, "visibilities[]": "all"}).status == 400
    assert ask.operation("products.list", {"after": cursor, "first": 3}).status == 200


def test_a_cursor_outlives_its_item(fresh: Asker) -> None:
    everything = fresh.walk("products.list")
    cursor = fresh.operation("products.list", {"first": 3}).info["end_cursor"]

    assert fresh("DELETE", f"/products/{everything[2]['id']}").status == 200

    after = fresh.operation("products.list", {"first": 2, "after": cursor})
    assert [item["id"] for item in data(after)] == [item["id"] for item in everything[3:5]]
