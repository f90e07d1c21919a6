"""Follow-ups: further objects, another parent, expanded fields, repeated requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.planning.support import answer, ask, drive, page, run_state
from whopwatch.contract import Contract, load
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.oracle.documented_fields import MIN_OBJECTS, deprecated_properties
from whopwatch.planning import follow_ups
from whopwatch.planning.state import RunState

RETRIEVE, LIST = "products.retrieve", "products.list"
ITEMS: list[dict[str, Any]] = [
    {"id": "prod_0", "title": "x", "headline": None},
    {"id": "prod_1", "title": "x", "headline": None},
    {"id": "prod_2", "title": "x", "headline": "y", "route": "z"},
]

COMPLETE: dict[str, Any] = {
    **dict.fromkeys(("business_type", "external_identifier", "headline", "industry_type")),
    **dict.fromkeys(("created_at", "updated_at"), "2025-01-01T00:00:00Z"),
    **dict.fromkeys(("member_count", "published_reviews_count"), 0),
    "route": "x",
    "title": "x",
    "verified": False,
    "visibility": "visible",
}
"""What a list item of the contract has in addition to its id."""
RETRIEVED: dict[str, Any] = {
    **COMPLETE,
    **dict.fromkeys(("custom_cta_url", "custom_statement_descriptor", "description", "product_tax_code")),
    **dict.fromkeys(("global_affiliate_percentage", "member_affiliate_percentage")),
    **dict.fromkeys(("global_affiliate_status", "member_affiliate_status"), "disabled"),
    "company": {"id": "biz_1", "route": "x", "title": "x"},
    "custom_cta": "get_access",
    "owner_user": {"id": "user_1", "name": None, "username": "x"},
}
"""What a retrieved object has in addition to its id."""


def api(call: Call) -> tuple[Any, int]:
    if call.operation.id == LIST:
        return {**page([]), "data": ITEMS}, 200
    return next((item for item in ITEMS if item["id"] == call.path_params["id"]), {}), 200


@pytest.fixture
def state(contract: Contract) -> RunState:
    """Return a run that read three products and retrieved the first."""
    state = run_state(contract, RETRIEVE, LIST)
    listed = Call(contract.operation(LIST), Purpose.LIST, query=(("company_id", "biz_1"),))
    state.record(listed, answer(listed, api(listed)[0]))
    retrieved = Call(contract.operation(RETRIEVE), Purpose.RETRIEVE, path_params={"id": "prod_0"})
    state.record(retrieved, answer(retrieved, ITEMS[0]))
    return state


def ids(calls: list[Call]) -> list[str]:
    return [call.path_params.get("id", "list") for call in calls]


def test_the_object_whose_item_has_most_that_is_new_comes_first(state: RunState) -> None:
    assert ids(ask(state, follow_ups.another_object, RETRIEVE, api)) == ["prod_2"]
    assert ids(ask(state, follow_ups.more_objects, RETRIEVE, api)) == ["prod_1"]
    assert ask(state, follow_ups.more_objects, RETRIEVE, api) == []


def test_objects_whose_list_items_break_the_contract_are_retrieved(contract: Contract) -> None:
    state = run_state(contract, RETRIEVE, LIST)
    retrieved = Call(contract.operation(RETRIEVE), Purpose.RETRIEVE, path_params={"id": "prod_0"})
    state.record(retrieved, answer(retrieved, ITEMS[0]))
    listed = Call(contract.operation(LIST), Purpose.LIST, query=(("company_id", "biz_1"),))
    state.record(listed, answer(listed, {**page([]), "data": [{**COMPLETE, "id": f"prod_{n}"} for n in range(5)]}))
    assert ask(state, follow_ups.deviating_objects, RETRIEVE, api) == []
    broken: dict[int, dict[str, Any]] = {2: {"visibility": "gone"}, 3: {"visibility": "gone"}, 4: {"title": 1}}
    items = [{**COMPLETE, "id": f"prod_{n}", **broken.get(n, {})} for n in range(5)]
    state.record(listed, answer(listed, {**page([]), "data": items}))
    assert ids(ask(state, follow_ups.deviating_objects, RETRIEVE, api)) == ["prod_2", "prod_4"]
    assert ask(state, follow_ups.deviating_objects, LIST, api) == []


def test_two_objects_are_retrieved_however_many_items_break_the_contract(contract: Contract) -> None:
    state = run_state(contract, RETRIEVE, LIST)
    retrieved = Call(contract.operation(RETRIEVE), Purpose.RETRIEVE, path_params={"id": "prod_0"})
    state.record(retrieved, answer(retrieved, ITEMS[0]))
    listed = Call(contract.operation(LIST), Purpose.LIST, query=(("company_id", "biz_1"),))
    broken: list[dict[str, Any]] = [{}, {"visibility": "gone"}, {"title": 1}, {"route": 1}, {"member_count": "x"}]
    items = [{**COMPLETE, "id": f"prod_{n}", **fields} for n, fields in enumerate(broken)]
    state.record(listed, answer(listed, {**page([]), "data": items}))
    assert len(ids(ask(state, follow_ups.deviating_objects, RETRIEVE, api))) == 2


def drifted_run(contract: Contract, *broken: int) -> list[str]:
    """Retrieve the first of 30 products, of which `broken` have an undocumented visibility; return what follows."""
    fields = [{"visibility": "gone"} if n in broken else {} for n in range(30)]
    objects = {f"prod_{n}": {**RETRIEVED, "id": f"prod_{n}", **fields[n]} for n in range(30)}
    state = run_state(contract, RETRIEVE, LIST)
    listed = Call(contract.operation(LIST), Purpose.LIST, query=(("company_id", "biz_1"),))
    state.record(listed, answer(listed, {**page([]), "data": [{**COMPLETE, "id": id} for id in objects]}))
    retrieved = Call(contract.operation(RETRIEVE), Purpose.RETRIEVE, path_params={"id": "prod_0"})
    state.record(retrieved, answer(retrieved, objects["prod_0"]))
    sent = ask(state, follow_ups.drifted_objects, RETRIEVE, lambda call: (objects[call.path_params["id"]], 200))
    return ids(sent)


def test_objects_that_match_the_contract_are_not_followed(contract: Contract) -> None:
    assert drifted_run(contract) == []


def test_objects_are_retrieved_until_some_break_the_contract_nowhere_else(contract: Contract) -> None:
    sent = drifted_run(contract, 0, 1, 2)
    assert len(set(sent)) == follow_ups.WITHOUT_NEWS
    assert "prod_0" not in sent


def test_the_object_whose_item_deviates_elsewhere_comes_first(contract: Contract) -> None:
    state = run_state(contract, RETRIEVE, LIST)
    listed = Call(contract.operation(LIST), Purpose.LIST, query=(("company_id", "biz_1"),))
    items = [{**COMPLETE, "id": f"prod_{n}", **({"title": 1} if n == 25 else {})} for n in range(30)]
    state.record(listed, answer(listed, {**page([]), "data": items}))
    retrieved = Call(contract.operation(RETRIEVE), Purpose.RETRIEVE, path_params={"id": "prod_0"})
    state.record(retrieved, answer(retrieved, {**RETRIEVED, "id": "prod_0", "visibility": "gone"}))
    found = [{**RETRIEVED, "id": f"prod_{n}", "title": 1 if n == 25 else "x"} for n in range(30)]
    sent = ids(ask(state, follow_ups.drifted_objects, RETRIEVE, lambda call: (found[_number(call)], 200)))
    assert sent[0] == "prod_25"
    assert len(sent) == 1 + follow_ups.WITHOUT_NEWS


def test_objects_that_deviate_everywhere_are_retrieved_up_to_a_limit(contract: Contract) -> None:
    state = run_state(contract, RETRIEVE, LIST)
    listed = Call(contract.operation(LIST), Purpose.LIST, query=(("company_id", "biz_1"),))
    state.record(listed, answer(listed, {**page([]), "data": [{**COMPLETE, "id": f"prod_{n}"} for n in range(40)]}))
    retrieved = Call(contract.operation(RETRIEVE), Purpose.RETRIEVE, path_params={"id": "prod_0"})
    state.record(retrieved, answer(retrieved, {**RETRIEVED, "id": "prod_0", "field_0": 1}))
    sent = ask(
        state,
        follow_ups.drifted_objects,
        RETRIEVE,
        lambda call: ({**RETRIEVED, "id": "prod_1", f"field_{_number(call)}": 1}, 200),
    )
    assert len(sent) == follow_ups.DRIFTED_OBJECTS


def _number(call: Call) -> int:
    return int(call.path_params["id"].removeprefix("prod_"))


def test_two_objects_are_retrieved_in_a_turn(state: RunState) -> None:
    assert ids(ask(state, follow_ups.more_objects, RETRIEVE, api)) == ["prod_2", "prod_1"]


def test_an_object_that_differs_from_its_item_is_read_again_with_its_list(state: RunState) -> None:
    def changed(call: Call) -> tuple[Any, int]:
        body, status = api(call)
        return (body, status) if call.operation.is_list else ({**body, "title": "other"}, status)

    assert ids(ask(state, follow_ups.another_object, RETRIEVE, changed)) == ["prod_2", "list", "prod_2", "list"]


@pytest.mark.parametrize(
    ("is_listed", "calls"), [(True, ["prod_2", "list", "prod_2", "list"]), (False, ["prod_2", "list"])]
)
def test_an_object_that_is_gone_is_read_again_only_if_its_list_still_has_it(
    state: RunState, is_listed: bool, calls: list[str]
) -> None:
    def gone(call: Call) -> tuple[Any, int]:
        if call.operation.is_list:
            return {**page([]), "data": ITEMS if is_listed else ITEMS[:1]}, 200
        return {}, 404

    assert ids(ask(state, follow_ups.another_object, RETRIEVE, gone)) == calls


def test_lists_and_objects_without_a_success_have_no_further_objects(state: RunState, contract: Contract) -> None:
    assert ask(state, follow_ups.more_objects, LIST, api) == []
    assert ask(run_state(contract, RETRIEVE), follow_ups.more_objects, RETRIEVE, api) == []


def test_an_operation_with_two_required_ids_has_no_further_objects(contract: Contract) -> None:
    state = run_state(contract, "users.check_access")
    ids = {"id": "user_1", "resource_id": "prod_1"}
    call = Call(contract.operation("users.check_access"), Purpose.RETRIEVE, path_params=ids)
    state.record(call, answer(call, {}))
    for id in ("user_2", "user_3"):
        state.pool.add("users", id)
    assert ask(state, follow_ups.more_objects, "users.check_access", api) == []


def test_objects_are_retrieved_until_a_deprecated_property_can_be_called_removed(contract: Contract) -> None:
    operation = next(
        one
        for one in contract.reads
        if not one.is_list and deprecated_properties(contract, one.id)
        and [name.name for name in one.in_("path")] == ["id"] and not one.required_query
    )  # fmt: skip
    state = run_state(contract, operation.id)
    call = Call(operation, Purpose.RETRIEVE, path_params={"id": "x_0"})
    state.record(call, answer(call, {"id": "x_0"}))
    for number in range(1, 10):
        state.pool.add(state.required[operation.id][0].resources[0], f"x_{number}")
    calls = ask(state, follow_ups.enough_objects, operation.id, lambda call: ({"id": "x"}, 200))
    assert len(calls) == MIN_OBJECTS - 1
    assert len({call.path_params["id"] for call in calls}) == MIN_OBJECTS - 1
    assert ask(state, follow_ups.enough_objects, operation.id, api) == []


def test_a_property_that_is_no_more_than_allowed_is_not_deprecated(tmp_path: Path) -> None:
    thing = {"type": "object", "properties": {"id": True, "old": {"deprecated": True}}}
    responses = {"200": {"description": "", "content": {"application/json": {"schema": thing}}}}
    paths = {"/things": {"get": {"operationId": "things.retrieve", "responses": responses}}}
    file = tmp_path / "api.json"
    file.write_text(json.dumps({"openapi": "3.1.0", "info": {"title": "x", "version": "1"}, "paths": paths}))
    contract = load(file)
    (name,) = contract.operations
    assert deprecated_properties(contract, name) == ("old",)


def test_an_object_without_deprecated_properties_needs_no_more(contract: Contract) -> None:
    operation = next(
        one for one in contract.reads if not one.is_list and not deprecated_properties(contract, one.id)
        and [name.name for name in one.in_("path")] == ["id"] and not one.required_query
    )  # fmt: skip
    state = run_state(contract, operation.id)
    call = Call(operation, Purpose.RETRIEVE, path_params={"id": "x_0"})
    state.record(call, answer(call, {"id": "x_0"}))
    state.pool.add(state.required[operation.id][0].resources[0], "x_1")
    assert ask(state, follow_ups.enough_objects, operation.id, api) == []


@pytest.fixture
def reviews(contract: Contract) -> RunState:
    """Return a run that read the reviews of one of three products."""
    state = run_state(contract, "reviews.list")
    for number in range(3):
        state.pool.add("products", f"prod_{number}")
    first = state.pool.candidates("products", ends=True)[0]
    call = Call(contract.operation("reviews.list"), Purpose.LIST, query=(("product_id", first), ("first", "100")))
    state.tried_values["reviews.list"] = [{"product_id": first}]
    state.record(call, answer(call, page(["rev_1"])))
    return state


def test_the_whole_list_of_a_second_parent_is_read_once(reviews: RunState) -> None:
    pages = iter([page(["rev_2"], "c", more=True), page(["rev_3"], "d")])
    first, second = ask(reviews, follow_ups.second_parent, "reviews.list", lambda call: (next(pages), 200))
    assert first.query[0] not in reviews.traces["reviews.list"][0][0].query
    assert second.query == (*first.query, ("after", "c"))
    assert (first.purpose, second.purpose) == (Purpose.LIST, Purpose.NEXT_PAGE)
    assert ask(reviews, follow_ups.second_parent, "reviews.list", lambda call: (page([]), 200)) == []


def test_a_list_of_the_company_has_no_second_parent(state: RunState) -> None:
    assert ask(state, follow_ups.second_parent, LIST, api) == []


def test_an_empty_list_of_one_parent_leads_to_no_second(contract: Contract) -> None:
    state = run_state(contract, "reviews.list")
    for number in range(3):
        state.pool.add("products", f"prod_{number}")
    assert ask(state, follow_ups.second_parent, "reviews.list", lambda call: (page([]), 200)) == []


def test_every_combination_of_fields_is_expanded_and_the_plain_request_repeated(contract: Contract) -> None:
    state = run_state(contract, "v2.plans.retrieve")
    plain = Call(contract.operation("v2.plans.retrieve"), Purpose.RETRIEVE, path_params={"id": "plan_1"})
    poor = Call(plain.operation, Purpose.RETRIEVE, path_params={"id": "plan_2"})
    names = [str(name) for name in plain.operation.parameter("expand[]").schema["items"]["enum"]]  # type: ignore[union-attr]
    state.record(poor, answer(poor, {"id": "plan_2"}))
    state.record(plain, answer(plain, {"id": "plan_1", **dict.fromkeys(names, "x")}))
    calls = ask(state, follow_ups.expansions, "v2.plans.retrieve", lambda call: ({"id": "plan_1"}, 200))
    expanded = [tuple(value for _, value in call.query) for call in calls]
    assert expanded[-1] == ()
    assert len(set(expanded)) == len(expanded) == 2 ** len(names)
    assert {call.path_params["id"] for call in calls} == {"plan_1"}


def test_an_operation_without_expandable_fields_expands_nothing(state: RunState) -> None:
    assert ask(state, follow_ups.expansions, RETRIEVE, api) == []


def test_suspected_operations_are_repeated_with_the_list_page_of_their_object(state: RunState) -> None:
    query = Call(state.contract.operation(RETRIEVE), Purpose.QUERY, path_params={"id": "prod_0"})
    state.record(query, answer(query, ITEMS[0]))
    (experiment,) = follow_ups.repeat_suspected(state, [RETRIEVE])
    assert ids(drive(state, experiment, api)) == ["prod_0", "list"]


def test_repetitions_are_bounded(contract: Contract) -> None:
    selected = [one.id for one in contract.reads if one.api == "v1"]
    state = run_state(contract, *selected)
    for number in range(20):
        call = Call(contract.operation(RETRIEVE), Purpose.RETRIEVE, path_params={"id": f"prod_{number}"})
        state.record(call, answer(call, {}))
    experiments = list(follow_ups.repeat_suspected(state, [*selected]))
    assert len(experiments) == follow_ups.REPEATED_OPERATIONS
    (one,) = follow_ups.repeat_suspected(state, [RETRIEVE])
    assert len(drive(state, one, lambda call: ({}, 200))) == follow_ups.REPEATED_CALLS
