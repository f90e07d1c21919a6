"""Invalid requests: each differs from a successful one in exactly what the API has to reject."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.planning.support import ProductList, answer, ask, page, plain_list, run_state
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.planning import invalid_requests as invalid
from whopwatch.planning.list_requests import first_filtered_page
from whopwatch.planning.state import RunState

BASE = (("company_id", "biz_1"),)


def refuse(status: int = 400) -> Any:
    return lambda call: ({"error": {}}, status)


@pytest.fixture
def listed(contract: Contract) -> RunState:
    """Return a run that read the plain list of 30 products."""
    state = run_state(contract, "products.list", "plans.list", seed=3)
    plain_list(state, ProductList(30))
    return state


@pytest.fixture
def retrieved(contract: Contract) -> RunState:
    state = run_state(contract, "products.retrieve", "payments.retrieve", unscoped=True)
    for id in ("products.retrieve", "payments.retrieve"):
        call = Call(contract.operation(id), Purpose.RETRIEVE, path_params={"id": "prod_abc123"})
        state.record(call, answer(call, {"id": "prod_abc123"}))
    return state


@pytest.mark.parametrize(
    "step",
    [
        invalid.no_key, invalid.wrong_key, invalid.any_error, invalid.without_scope, invalid.unknown_id,
        invalid.malformed_id, invalid.missing_parameter, partial(invalid.invalid_size, which=0),
        partial(invalid.invalid_cursor, which=0), invalid.invalid_value, invalid.unknown_parent,
    ],
)  # fmt: skip
def test_without_a_success_nothing_is_sent(contract: Contract, step: Any) -> None:
    state = run_state(contract, "products.list", "products.retrieve", unscoped=True)
    assert ask(state, step, "products.list", refuse()) == []
    assert ask(state, step, "products.retrieve", refuse()) == []


def test_the_successful_request_is_repeated_without_and_with_a_wrong_key_once(listed: RunState) -> None:
    (without,) = ask(listed, invalid.no_key, "products.list", refuse(401))
    (wrong,) = ask(listed, invalid.wrong_key, "products.list", refuse(401))
    assert (without.purpose, without.credential, without.query) == (Purpose.NO_KEY, "none", (*BASE, ("first", "100")))
    assert (wrong.purpose, wrong.credential) == (Purpose.WRONG_KEY, "wrong")
    assert ask(listed, invalid.no_key, "products.list", refuse(401)) == []
    assert ask(listed, invalid.wrong_key, "products.list", refuse(401)) == []


def test_an_error_is_provoked_only_where_none_was_seen(listed: RunState) -> None:
    assert len(ask(listed, invalid.any_error, "products.list", refuse(401))) == 1
    assert ask(listed, invalid.any_error, "products.list", refuse(401)) == []


@pytest.mark.parametrize(("status", "count"), [(399, 1), (400, 0), (499, 0), (500, 1)])
def test_only_a_4xx_shows_the_error_format(listed: RunState, status: int, count: int) -> None:
    call = Call(listed.contract.operation("products.list"), Purpose.QUERY, query=BASE)
    listed.record(call, answer(call, {}, status))
    assert len(ask(listed, invalid.any_error, "products.list", refuse())) == count


def test_no_key_and_wrong_key_take_turns(listed: RunState) -> None:
    operation = listed.contract.operation("products.list")
    first = next(invalid.any_error(listed, operation)).purpose
    listed.seed += 1
    second = next(invalid.any_error(listed, operation)).purpose
    assert {first, second} == {Purpose.NO_KEY, Purpose.WRONG_KEY}


def test_a_key_without_permission_is_sent_only_where_the_contract_names_a_scope(retrieved: RunState) -> None:
    (call,) = ask(retrieved, invalid.without_scope, "payments.retrieve", refuse(403))
    assert (call.purpose, call.credential) == (Purpose.NO_SCOPE, "unscoped")
    public = next(one.id for one in retrieved.contract.reads if one.is_public)
    assert ask(retrieved, invalid.without_scope, public, refuse(403)) == []
    retrieved.has_unscoped_key = False
    assert ask(retrieved, invalid.without_scope, "payments.retrieve", refuse(403)) == []


def test_an_unknown_id_has_the_form_of_the_known_one(retrieved: RunState) -> None:
    (call,) = ask(retrieved, invalid.unknown_id, "products.retrieve", refuse(404))
    assert call.purpose is Purpose.UNKNOWN_ID
    assert call.path_params["id"].startswith("prod_")
    assert call.path_params["id"] != "prod_abc123"
    (call,) = ask(retrieved, invalid.malformed_id, "products.retrieve", refuse(404))
    assert (call.purpose, call.path_params) == (Purpose.MALFORMED_ID, {"id": "not-an-id!"})
    assert ask(retrieved, invalid.unknown_parent, "products.retrieve", refuse(404)) == []


def test_the_last_path_parameter_gets_the_unknown_id(contract: Contract) -> None:
    state = run_state(contract, "users.check_access")
    ids = {"id": "user_abc", "resource_id": "prod_abc"}
    call = Call(contract.operation("users.check_access"), Purpose.RETRIEVE, path_params=ids)
    state.record(call, answer(call, {"has_access": True}))
    (other,) = ask(state, invalid.unknown_id, "users.check_access", refuse(404))
    assert other.path_params["id"] == "user_abc"
    assert other.path_params["resource_id"] != "prod_abc"


def test_the_parent_of_a_list_is_replaced_and_its_page_parameters_dropped(listed: RunState) -> None:
    (call,) = ask(listed, invalid.unknown_parent, "products.list", refuse(404))
    ((name, value),) = call.query
    assert (call.purpose, name) == (Purpose.UNKNOWN_ID, "company_id")
    assert value.startswith("biz_")
    assert value != "biz_1"
    assert ask(listed, invalid.unknown_id, "products.list", refuse(404)) == []
    (call,) = ask(listed, invalid.malformed_id, "products.list", refuse(404))
    assert call.query == (("company_id", "not-an-id!"),)


def test_the_first_required_parameter_is_left_out(listed: RunState, retrieved: RunState) -> None:
    (call,) = ask(listed, invalid.missing_parameter, "products.list", refuse())
    assert (call.purpose, call.query) == (Purpose.MISSING_PARAMETER, (("first", "100"),))
    assert ask(retrieved, invalid.missing_parameter, "products.retrieve", refuse()) == []


@pytest.mark.parametrize("which", range(5))
def test_each_invalid_size_can_be_requested(listed: RunState, which: int) -> None:
    (call,) = ask(listed, partial(invalid.invalid_size, which=which), "products.list", refuse())
    assert call.purpose is Purpose.INVALID_SIZE
    assert call.query == (*BASE, *invalid.INVALID_SIZES[which])


def test_invalid_cursors_are_none_that_the_list_returned(listed: RunState) -> None:
    own = "prod_0"
    sent = []
    for which in range(5):
        (call,) = ask(listed, partial(invalid.invalid_cursor, which=which), "products.list", refuse())
        assert call.purpose is Purpose.INVALID_CURSOR
        assert call.query[:2] == (*BASE, ("first", "3"))
        sent.append(dict(call.query)["after"])
    assert own not in sent
    assert len(set(sent)) == 5
    modified, garbage, other, cut, empty = sent
    assert (len(modified), garbage, empty) == (len(own), "whopwatch-unknown", "")
    assert sum(a != b for a, b in zip(modified, own, strict=True)) == 1
    assert own.startswith(cut)
    assert own.startswith(other)


def test_the_cursor_of_another_list_is_preferred_as_foreign(listed: RunState) -> None:
    plans = Call(listed.contract.operation("plans.list"), Purpose.LIST, query=BASE)
    listed.record(plans, answer(plans, page(["plan_1"], "cursor_of_plans", more=True)))
    (call,) = ask(listed, partial(invalid.invalid_cursor, which=2), "products.list", refuse())
    assert dict(call.query)["after"] == "cursor_of_plans"


def test_the_cursor_of_the_filtered_list_is_foreign_to_the_plain_one(listed: RunState) -> None:
    api = ProductList(30)
    ask(listed, first_filtered_page, "products.list", api)
    (call,) = ask(listed, partial(invalid.invalid_cursor, which=2), "products.list", refuse())
    assert dict(call.query)["after"] not in ("", "prod_0", "whopwatch-unknown")
    assert dict(call.query)["after"].startswith("prod_")


def test_an_undocumented_value_is_sent_to_filters_that_document_theirs(listed: RunState) -> None:
    def names(dates: bool | None) -> set[str]:
        steps = (invalid.invalid_value(listed, operation, turns, dates) for turns in range(6))
        calls = [next(step, None) for step in steps]
        assert all(call.purpose is Purpose.INVALID_VALUE for call in calls if call)
        assert all(call.query[0] == BASE[0] for call in calls if call)
        assert {value for call in calls if call for _, value in call.query[1:]} == {"whopwatch-unknown"}
        return {name for call in calls if call for name, _ in call.query[1:]}

    operation = listed.contract.operation("products.list")
    assert names(None) == {"product_types[]", "visibilities[]", "created_after", "created_before"}
    assert names(dates=True) == {"created_after", "created_before"}
    assert names(dates=False) == {"product_types[]", "visibilities[]"}


def test_after_a_404_the_plain_request_is_repeated_and_nothing_is_sent_twice(listed: RunState) -> None:
    step = partial(invalid.invalid_size, which=0)
    sent, plain = ask(listed, step, "products.list", refuse(404))
    assert (sent.purpose, plain.purpose) == (Purpose.INVALID_SIZE, Purpose.LIST)
    assert ask(listed, step, "products.list", refuse(404)) == []


def test_the_rotation_differs_by_operation_kind_and_seed(contract: Contract) -> None:
    products, plans = contract.operation("products.list"), contract.operation("plans.list")
    states = [run_state(contract, seed=seed) for seed in (0, 1)]
    numbers = {
        invalid.rotation(state, operation, kind)
        for state in states
        for operation in (products, plans)
        for kind in ("size", "cursor")
    }
    assert len(numbers) == 8
    assert invalid.rotation(states[1], products, "size") - invalid.rotation(states[0], products, "size") == 1
