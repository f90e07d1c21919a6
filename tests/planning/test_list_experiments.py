"""Experiments on a list whose content is known: what they request, and what they do about a deviation."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.planning.support import Api, ProductList, answer, ask, page, plain_list, purposes, run_state
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.oracle.list_comparison import proven_violations
from whopwatch.planning import list_requests as lists
from whopwatch.planning.state import RunState

LIST = "products.list"
STEPS = [
    lists.complete_list, lists.first_filtered_page, lists.fallback_filtered_page, lists.traverse_filtered,
    lists.step_back_other_size, lists.flipped_direction, lists.smaller_pages, lists.nearly_unfiltered,
    lists.remaining_orders, lists.single_filters, lists.page_after_last, lists.impossible_filter, lists.reread_list,
]  # fmt: skip


def known(contract: Contract, api: Api, seed: int = 0) -> RunState:
    """Return a run that read the whole list."""
    state = run_state(contract, LIST, seed=seed)
    plain_list(state, api)
    ask(state, lists.complete_list, LIST, api)
    return state


def optional(call: Call) -> dict[str, list[str]]:
    """Return the parameters of a call, without the company."""
    values: dict[str, list[str]] = {}
    for name, value in call.query[1:]:
        values.setdefault(name, []).append(value)
    return values


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_sent_for_a_list_that_was_not_read(contract: Contract, step: Any) -> None:
    assert ask(run_state(contract, LIST), step, LIST, ProductList()) == []


@pytest.mark.parametrize("step", [step for step in STEPS if step is not lists.complete_list])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_correct_list_is_never_suspected(contract: Contract, step: Any, seed: int) -> None:
    api = ProductList(30)
    state = known(contract, api, seed)
    ask(state, lists.first_filtered_page, LIST, api)
    ask(state, lists.traverse_filtered, LIST, api)
    calls = ask(state, step, LIST, api)
    assert proven_violations(state.list_history(contract.operation(LIST))) == []
    assert all(call.query[0] == ("company_id", "biz_1") for call in calls)
    assert len(calls) <= 5


def test_the_rest_of_a_list_is_read_once(contract: Contract) -> None:
    api = ProductList(25)
    state = run_state(contract, LIST)
    plain_list(state, api, first="10")
    calls = ask(state, lists.complete_list, LIST, api)
    assert purposes(calls) == [Purpose.NEXT_PAGE] * 2
    assert ask(state, lists.complete_list, LIST, api) == []


def test_the_filtered_first_page_has_several_filters_an_order_and_no_size(contract: Contract) -> None:
    api = ProductList(30)
    state = known(contract, api)
    (call,) = ask(state, partial(lists.first_filtered_page, require_variety=True), LIST, api)
    sent = optional(call)
    assert call.purpose is Purpose.QUERY
    assert {"order", "direction", "product_types[]"} <= sent.keys()
    assert "first" not in sent
    start = state.filtered_pages[LIST]
    assert start.parameters == call.query[1:]
    assert start.since == 1
    assert ask(state, lists.first_filtered_page, LIST, api) == []


def test_a_short_list_is_requested_with_a_third_of_its_items(contract: Contract) -> None:
    state = known(contract, ProductList(12))
    (call,) = ask(state, lists.first_filtered_page, LIST, ProductList(12))
    left = len(state.listing(contract.operation(LIST)).expect(state.filtered_pages[LIST].parameters))  # type: ignore[union-attr]
    assert optional(call)["first"] == [str(left // 3)]
    one = known(contract, ProductList(1))
    assert ask(one, lists.first_filtered_page, LIST, ProductList(1)) == []


def test_variety_can_be_required(contract: Contract) -> None:
    """A list of alike items has an order, and no filters worth sending."""
    api = ProductList(20)
    for item in api.items:
        item.update(created_at="2026-01-01T00:00:00.000Z", product_type="app", visibility="visible")
    state = known(contract, api)
    assert ask(state, partial(lists.first_filtered_page, require_variety=True), LIST, api) == []
    assert state.filtered_pages == {}
    (call,) = ask(state, lists.fallback_filtered_page, LIST, api)
    assert optional(call).keys() == {"order", "direction"}
    assert ask(state, lists.fallback_filtered_page, LIST, api) == []


def test_a_filtered_traversal_takes_a_small_page_the_rest_and_one_back(contract: Contract) -> None:
    api = ProductList(30)
    state = known(contract, api)
    ask(state, lists.first_filtered_page, LIST, api)
    small, rest, back = ask(state, lists.traverse_filtered, LIST, api)
    parameters = dict(state.filtered_pages[LIST].parameters)
    assert all(parameters.items() <= dict(call.query).items() for call in (small, rest, back))
    assert optional(small)["first"] == ["3"]
    left = len(state.listing(contract.operation(LIST)).expect(state.filtered_pages[LIST].parameters)) - 13  # type: ignore[union-attr]
    assert optional(rest)["first"] == [str(left)]
    assert "first" not in optional(back)
    assert optional(back)["last"][0] in ("5", "100")
    assert optional(back)["before"] == [api(rest)[0]["page_info"]["start_cursor"]]
    (other,) = ask(state, lists.step_back_other_size, LIST, api)
    assert {optional(back)["last"][0], optional(other)["last"][0]} == {"5", "100"}
    assert optional(other)["before"] == optional(back)["before"]


def test_a_traversal_that_fits_on_the_first_page_starts_again_with_smaller_pages(contract: Contract) -> None:
    api = ProductList(30)
    state = known(contract, api)
    ask(state, lists.first_filtered_page, LIST, api)
    start = state.filtered_pages[LIST]
    whole, _ = api(lists.list_call(start.base, (*start.parameters, ("first", "100"))))
    count = len(whole["data"])
    everything = answer(lists.list_call(start.base, start.parameters), whole)
    state.filtered_pages[LIST] = type(start)(start.base, start.parameters, start.since, everything)
    first, *_ = ask(state, lists.traverse_filtered, LIST, api)
    assert optional(first)["first"] == [str(count // 3)]
    assert "after" not in optional(first)


def test_only_the_direction_is_flipped(contract: Contract) -> None:
    api = ProductList(30)
    state = known(contract, api)
    (first,) = ask(state, lists.first_filtered_page, LIST, api)
    (flipped,) = ask(state, lists.flipped_direction, LIST, api)
    different = set(first.query) ^ set(flipped.query)
    assert different == {("direction", "asc"), ("direction", "desc")}
    assert flipped.purpose is Purpose.QUERY


def test_equal_items_are_counted_again_in_smaller_pages(contract: Contract) -> None:
    items = [{"created_at": f"2026-01-{day:02}T00:00:00.000Z"} for day in (3, 2, 1)]
    items[1] = items[0]
    info = {"start_cursor": "s", "end_cursor": "e", "has_next_page": False, "has_previous_page": False}

    def api(call: Call) -> tuple[Any, int]:
        return {"data": items, "page_info": info}, 200

    state = known(contract, api)
    calls = ask(state, lists.smaller_pages, LIST, api)
    assert [optional(call)["first"] for call in calls] == [["2"], ["100"]]
    distinct = known(contract, ProductList(5))
    assert ask(distinct, lists.smaller_pages, LIST, ProductList(5)) == []


def test_nearly_unfiltered_keeps_the_order_of_the_filtered_page(contract: Contract) -> None:
    api = ProductList(30)
    state = known(contract, api)
    assert ask(state, lists.nearly_unfiltered, LIST, api) == []
    (first,) = ask(state, lists.first_filtered_page, LIST, api)
    (call,) = ask(state, lists.nearly_unfiltered, LIST, api)
    sent = optional(call)
    assert sent["order"] == optional(first)["order"]
    assert sent["direction"] == optional(first)["direction"]
    assert sent["first"] == ["100"]
    assert len(sent["product_types[]"]) > 2


def test_the_remaining_orders_leave_out_the_first(contract: Contract) -> None:
    api = ProductList(30)
    calls = ask(known(contract, api), lists.remaining_orders, LIST, api)
    assert optional(calls[0])["order"] == ["created_at"]
    assert len(calls) == 3
    assert {optional(call)["first"][0] for call in calls} == {"7"}


def test_filters_that_the_traversal_left_out_are_sent_alone_once(contract: Contract) -> None:
    api = ProductList(30)
    state = known(contract, api)
    calls = ask(state, lists.single_filters, LIST, api)
    names = [set(optional(call)) - {"first"} for call in calls]
    assert all(len(one) == 1 for one in names)
    assert set().union(*names) == {"created_after", "created_before", "product_types[]", "visibilities[]"}
    assert ask(state, lists.single_filters, LIST, api) == []
    assert ask(known(contract, api), partial(lists.single_filters, tests=("contains",)), LIST, api) == []
    dates = ask(known(contract, api), partial(lists.single_filters, tests=("before",)), LIST, api)
    assert [set(optional(call)) - {"first"} for call in dates] == [{"created_before"}]
    ask(state, lists.first_filtered_page, LIST, api)
    used = {name for name, _ in state.filtered_pages[LIST].parameters}
    other = known(contract, api)
    other.filtered_pages = state.filtered_pages
    left = ask(other, lists.single_filters, LIST, api)
    assert {name for call in left for name in optional(call)} & used == set()


def test_the_page_after_the_last_is_requested_with_its_end_cursor(contract: Contract) -> None:
    api = ProductList(30)
    (call,) = ask(known(contract, api), lists.page_after_last, LIST, api)
    assert optional(call) == {"first": ["5"], "after": ["prod_0"]}


def test_an_impossible_filter_is_sent_alone(contract: Contract) -> None:
    api = ProductList(30)
    (call,) = ask(known(contract, api), lists.impossible_filter, LIST, api)
    assert set(optional(call)) <= {"created_after", "created_before"}


@pytest.mark.parametrize(
    "ignored", ["product_types[]", "visibilities[]", "created_after", "created_before", "direction"]
)
def test_an_ignored_parameter_is_proven_and_isolated(contract: Contract, ignored: str) -> None:
    api = ProductList(30, ignored=(ignored,))
    for seed in range(6):
        state = known(contract, api, seed)
        ask(state, partial(lists.first_filtered_page, require_variety=True), LIST, api)
        ask(state, lists.flipped_direction, LIST, api)
        ask(state, lists.single_filters, LIST, api)
        found = proven_violations(state.list_history(contract.operation(LIST)))
        assert {violation.location for violation, _ in found} == {f"param:{ignored}"}


def test_a_deviation_is_repeated_and_the_list_read_again(contract: Contract) -> None:
    api = ProductList(30, ignored=("created_before", "created_after", "product_types[]", "visibilities[]"))
    state = known(contract, api)
    calls = ask(state, lists.first_filtered_page, LIST, api)
    assert purposes(calls)[:3] == [Purpose.QUERY, Purpose.QUERY, Purpose.LIST]
    assert calls[0] == calls[1]


def test_a_deviation_that_does_not_last_is_not_proven(contract: Contract) -> None:
    """A product is deleted between the plain list and the filtered page."""
    api = ProductList(30)
    state = known(contract, api)
    del api.items[20]
    calls = ask(state, lists.first_filtered_page, LIST, api)
    assert proven_violations(state.list_history(contract.operation(LIST))) == []
    assert len(calls) > 1


def test_parameters_are_isolated_only_if_several_could_be_the_cause(contract: Contract) -> None:
    """Items are missing from the page, and the rule cannot say which parameter excludes them."""
    api = ProductList(30)
    state = known(contract, api)

    def shortened(call: Call) -> tuple[Any, int]:
        body, status = api(call)
        if call.purpose is Purpose.QUERY and len(call.query) > 4:
            body["data"] = body["data"][:1] + body["data"][2:]
        return body, status

    calls = ask(state, lists.first_filtered_page, LIST, shortened)
    alone = [set(optional(call)) - {"first"} for call in calls if call.purpose is Purpose.QUERY][2:]
    assert {name for one in alone for name in one} == set(optional(calls[0]))
    assert all(len(one) == 1 for one in alone)
    assert calls[-1].purpose is Purpose.LIST


def test_a_call_keeps_the_required_parameters_and_drops_paging(contract: Contract) -> None:
    base = Call(contract.operation(LIST), Purpose.LIST, query=(("company_id", "biz_1"), ("first", "5"), ("after", "c")))
    call = lists.list_call(base, (("order", "id"),))
    assert (call.purpose, call.query) == (Purpose.QUERY, (("company_id", "biz_1"), ("order", "id")))


def test_a_repeated_cursor_ends_the_reading(contract: Contract) -> None:
    state = run_state(contract, LIST)

    def circle(call: Call) -> tuple[Any, int]:
        return page(["a"], "c", more=True), 200

    plain_list(state, circle)
    assert len(ask(state, lists.complete_list, LIST, circle)) == 1
