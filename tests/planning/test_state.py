"""The state of a run: what it knows after each response."""

from __future__ import annotations

import pytest

from tests.planning.support import ProductList, answer, ask, failed, page, plain_list, run_state
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.planning.list_requests import complete_list
from whopwatch.planning.state import LONGEST_CURSOR, cursor, features, has_next, items, own_ids, rejected_parameter


@pytest.fixture
def products(contract: Contract) -> Call:
    return Call(contract.operation("products.list"), Purpose.LIST, query=(("company_id", "biz_1"),))


@pytest.fixture
def retrieve(contract: Contract) -> Call:
    return Call(contract.operation("products.retrieve"), Purpose.RETRIEVE, path_params={"id": "prod_1"})


def test_an_operation_is_satisfied_by_any_response_but_a_404_and_an_empty_list(
    contract: Contract, products: Call, retrieve: Call
) -> None:
    state = run_state(contract, "products.list", "products.retrieve")
    state.record(products, answer(products, page([])))
    state.record(retrieve, answer(retrieve, {}, 404))
    assert state.satisfied == set()
    state.record(products, answer(products, page(["prod_1"])))
    state.record(retrieve, answer(retrieve, {}, 500))
    assert state.satisfied == {"products.list", "products.retrieve"}


def test_ids_are_collected_while_an_operation_still_needs_some(contract: Contract, products: Call) -> None:
    state = run_state(contract, "products.list", "products.retrieve")
    state.record(products, answer(products, page(["prod_1", "a/b", "..", "x" * 200])))
    assert state.pool.candidates("products") == ["prod_1"]
    state.record(products, answer(products, page(["prod_2"]), 403))
    assert state.pool.candidates("products") == ["prod_1"]
    state.satisfied.add("products.retrieve")
    state.record(products, answer(products, page(["prod_3"])))
    assert state.pool.candidates("products") == ["prod_1"]


def test_responses_to_an_invalid_key_provide_no_ids(contract: Contract, products: Call) -> None:
    state = run_state(contract, "products.list", "products.retrieve")
    wrong = Call(products.operation, Purpose.WRONG_KEY, query=products.query, credential="wrong")
    state.record(wrong, answer(wrong, page(["prod_1"])))
    assert state.pool.candidates("products") == []


def test_an_id_in_any_text_is_found_by_its_prefix(contract: Contract, products: Call) -> None:
    state = run_state(contract, "products.list", "memberships.retrieve", "payments.retrieve")
    text = "GET /memberships/mem_AbC123 after xmem_Zz1 mem_type mem_A1/../x pay_a/b pay_Q1 pay_R2x9"
    state.record(products, answer(products, {"data": [{"id": "prod_1", "title": text, "pay_method": None}]}))
    assert sorted(state.pool.candidates("memberships")) == ["mem_AbC123"]
    assert sorted(state.pool.candidates("payments")) == ["pay_R2x9"]


def test_a_prefix_is_not_searched_for_once_an_id_is_known(contract: Contract, products: Call) -> None:
    state = run_state(contract, "products.list", "memberships.retrieve")
    state.pool.add("memberships", "mem_known", own=True)
    state.record(products, answer(products, {"data": [{"id": "prod_1", "title": "mem_AbC123"}]}))
    assert state.pool.candidates("memberships") == ["mem_known"]


def test_objects_with_more_fields_come_first(contract: Contract, products: Call) -> None:
    state = run_state(contract, "products.list", "products.retrieve")
    full, empty = {"id": "prod_full", "title": "x", "headline": "y"}, {"id": "prod_empty", "title": None}
    state.record(products, answer(products, {"data": [empty, full], "page_info": {}}))
    assert state.pool.candidates("products")[0] == "prod_full"


def test_the_fullest_first_page_with_a_next_page_is_the_plain_request(contract: Contract, products: Call) -> None:
    state = run_state(contract, "products.list")
    operation = products.operation
    other = Call(operation, Purpose.LIST, query=(("company_id", "biz_2"),))
    query = Call(operation, Purpose.QUERY, query=(("company_id", "biz_3"),))
    assert (state.first_page(operation), state.base(operation), state.success(operation)) == (None, None, None)
    state.record(products, answer(products, page(["a", "b", "c"])))
    assert state.base(operation) == products
    state.record(other, answer(other, page(["a"], "c", more=True)))
    state.record(products, answer(products, page(["a", "b", "c", "d"])))
    state.record(query, answer(query, page(["a", "b"], "c", more=True)))
    assert state.base(operation) == other
    assert state.success(operation) == state.first_page(operation)


def test_the_last_success_of_an_object_is_returned(contract: Contract, retrieve: Call) -> None:
    state = run_state(contract, "products.retrieve")
    other = Call(retrieve.operation, Purpose.RETRIEVE, path_params={"id": "prod_2"})
    for call, status in ((retrieve, 200), (other, 200), (retrieve, 404)):
        state.record(call, answer(call, {"id": "x"}, status))
    wrong = Call(retrieve.operation, Purpose.NO_KEY, path_params={"id": "prod_3"}, credential="none")
    state.record(wrong, answer(wrong, {"id": "x"}))
    trace = state.success(retrieve.operation)
    assert trace
    assert trace[0] == other


def test_requests_are_counted_by_kind(contract: Contract, products: Call, retrieve: Call) -> None:
    state = run_state(contract, "products.list")
    state.record(products, answer(products, page([])))
    state.record(products, failed(products))
    assert state.count(products.operation) == 2
    assert state.calls("products.list") == [products]
    assert state.was_sent(products)
    assert not state.was_sent(Call(products.operation, Purpose.QUERY, query=products.query))
    assert not state.was_sent(retrieve)
    assert state.calls("plans.list") == []


def test_a_list_is_whole_once_it_was_read_to_its_end(contract: Contract) -> None:
    state, api = run_state(contract, "products.list"), ProductList(30)
    operation = contract.operation("products.list")
    plain_list(state, api, first="12")
    assert state.listing(operation) is None
    ask(state, complete_list, "products.list", api)
    whole = state.listing(operation)
    assert whole
    assert [item["id"] for item in whole.items] == [f"prod_{number}" for number in range(29, -1, -1)]
    assert state.listing(operation) is whole


@pytest.mark.parametrize(("budget", "lists", "limit"), [(600, 1, 41), (16, 1, 4), (600, 13, 11), (100, 1, 25)])
def test_the_page_limit_follows_the_budget(contract: Contract, budget: int, lists: int, limit: int) -> None:
    selected = [operation.id for operation in contract.reads if operation.is_list][:lists]
    assert run_state(contract, *selected, budget=budget).page_limit == limit


@pytest.mark.parametrize(
    "body", [None, [], "x", 3, {}, {"data": None, "page_info": None}, {"data": {}, "page_info": []}]
)
def test_a_response_that_is_no_page_has_no_items_and_no_cursor(products: Call, body: object) -> None:
    exchange = answer(products, body)
    assert items(exchange) == []
    assert cursor(exchange, "end_cursor") is None
    assert not has_next(exchange)
    assert list(own_ids(products.operation, body)) == []


def test_items_and_cursors_of_a_page(products: Call) -> None:
    exchange = answer(products, page(["a"], "c", more=True))
    assert items(exchange) == [{"id": "a"}]
    assert items(answer(products, page(["a"]), 500)) == []
    assert cursor(exchange, "end_cursor") == "c"
    assert has_next(exchange)
    assert not has_next(answer(products, page(["a"], "c")))
    assert not has_next(answer(products, {"page_info": {"has_next_page": 1}}))
    assert cursor(answer(products, page(["a"], "c" * LONGEST_CURSOR)), "end_cursor") is not None
    assert cursor(answer(products, page(["a"], "c" * (LONGEST_CURSOR + 1))), "end_cursor") is None
    assert cursor(answer(products, page(["a"], "")), "end_cursor") is None


def test_only_returned_objects_are_own(contract: Contract, products: Call, retrieve: Call) -> None:
    body = {"data": [{"id": "a"}, {"id": 5}, None, {"x": {"id": "b"}}], "id": "c"}
    assert list(own_ids(products.operation, body)) == ["a"]
    assert list(own_ids(retrieve.operation, body)) == ["c"]
    assert list(own_ids(retrieve.operation, [body])) == []


@pytest.mark.parametrize(
    ("body", "name"), [({"error": {"param": "first"}}, "first"), ({"error": "x"}, None), ({}, None), ([], None)]
)
def test_the_parameter_that_an_error_names(products: Call, body: object, name: object) -> None:
    assert rejected_parameter(answer(products, body, 400)) == name


@pytest.mark.parametrize(
    ("value", "feature"),
    [
        (None, "= null"),
        ("active", "active"),
        ("on_hold", "on_hold"),
        ("a" * 32, "a" * 32),
        ("a" * 33, None),  # too long for a word
        ("Active", None),
        ("a1", None),
        ("a-b", None),
        ("", None),
        (7, None),
        (True, None),
    ],
)
def test_an_item_shows_its_nulls_and_words(value: object, feature: str | None) -> None:
    seen = {"= null": ("= null",), None: ()}.get(feature, ("=", str(feature)))
    assert features({"a": {"b": [value]}, "c": value}) == {("*", "a", "b", "*", *seen), ("*", "c", *seen)}
