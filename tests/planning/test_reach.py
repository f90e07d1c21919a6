"""Reaching operations: parents before children, other parents where one has nothing, and an end to it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.planning.support import Api, page, run_state
from tests.planning.support import drive as drive_one
from whopwatch.contract import Contract, load
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.planning.ids import MAX_TRIES
from whopwatch.planning.reach import MAX_REJECTED_IDS, MORE_PARENTS, lists_of_more_parents, reach_operations
from whopwatch.planning.state import RunState


def drive(state: RunState, api: Api) -> list[Call]:
    return [
        call for planned in reach_operations(state) if planned for call in drive_one(state, planned.experiment, api)
    ]


def ids(calls: list[Call]) -> list[str]:
    return [call.operation.id for call in calls]


def products(call: Call, count: int = 2 * MAX_TRIES) -> tuple[Any, int]:
    return page([f"prod_{number}" for number in range(count)]), 200


def test_the_list_of_the_parents_is_asked_first_and_only_once(contract: Contract) -> None:
    def api(call: Call) -> tuple[Any, int]:
        return products(call) if call.operation.id == "products.list" else (page(["rev_1"]), 200)

    calls = drive(run_state(contract, "reviews.list"), api)
    assert ids(calls) == ["products.list", "reviews.list"]
    assert all(call.purpose is Purpose.LIST for call in calls)
    assert dict(calls[1].query)["product_id"].startswith("prod_")


def test_a_log_of_requests_gives_ids_of_objects_without_a_list() -> None:
    def api(call: Call) -> tuple[Any, int]:
        answers = {
            "accounts.list": (page(["biz_1"]), 200),
            "api_logs.list": ({"data": [{"id": "log_1", "resource_id": "media_Ab1234"}], "page_info": None}, 200),
            "media.retrieve": ({"id": "media_Ab1234"}, 200),
        }
        return answers.get(call.operation.id, (page([]), 200))

    calls = drive(run_state(load("newest"), "media.retrieve"), api)
    assert calls[-1].operation.id == "media.retrieve"
    assert calls[-1].path_params == {"id": "media_Ab1234"}


def test_an_empty_list_is_tried_with_other_parents_and_then_accepted(contract: Contract) -> None:
    def api(call: Call) -> tuple[Any, int]:
        return products(call) if call.operation.id == "products.list" else (page([]), 200)

    calls = drive(run_state(contract, "reviews.list"), api)
    parents = [dict(call.query)["product_id"] for call in calls if call.operation.id == "reviews.list"]
    assert len(parents) == len(set(parents)) == MAX_TRIES


def test_the_first_parent_that_has_something_ends_the_search(contract: Contract) -> None:
    tried: list[str] = []

    def api(call: Call) -> tuple[Any, int]:
        if call.operation.id == "products.list":
            return products(call)
        tried.append(dict(call.query)["product_id"])
        return page(["rev_1"] if len(tried) == 4 else []), 200

    drive(run_state(contract, "reviews.list"), api)
    assert len(tried) == 4


def test_ids_of_a_resource_that_is_unknown_there_are_soon_left_alone(contract: Contract) -> None:
    """Messages are of chat channels, support channels or experiences; only the last ones are known to this API."""
    state = run_state(contract, "messages.list")
    for resource in ("chat_channels", "support_channels", "experiences"):
        for number in range(10):
            state.pool.add(resource, f"{resource}{number}")

    def api(call: Call) -> tuple[Any, int]:
        if call.operation.id != "messages.list":
            return page([]), 200
        return (page([]), 200) if "experiences" in str(call.query) else ({"error": {}}, 404)

    channels = [dict(call.query)["channel_id"] for call in drive(state, api) if call.operation.id == "messages.list"]
    refused = [channel for channel in channels if "experiences" not in channel]
    assert len(refused) == 2 * MAX_REJECTED_IDS
    assert len(channels) - len(refused) == 10


def test_the_parents_list_is_asked_for_other_objects_where_all_known_ones_have_nothing(contract: Contract) -> None:
    """Reactions are of messages: where the first channel's messages have none, another channel's may."""
    state = run_state(contract, "reactions.list", "messages.list")
    for number in range(6):
        state.pool.add("chat_channels", f"channel{number}")

    def api(call: Call) -> tuple[Any, int]:
        if call.operation.id == "messages.list":
            return page([f"message_of_{dict(call.query)['channel_id']}"]), 200
        if call.operation.id == "reactions.list":
            return page(["reac_1"] if dict(call.query)["resource_id"].endswith("channel3") else []), 200
        return page([]), 200

    calls = drive(state, api)
    assert calls[-1].operation.id == "reactions.list"
    assert dict(calls[-1].query)["resource_id"] == "message_of_channel3"


def test_an_object_only_mentioned_elsewhere_is_looked_for_in_other_objects(contract: Contract) -> None:
    """Verifications have no list: a ledger account may mention one."""
    state = run_state(contract, "verifications.retrieve")
    for number in range(4):
        state.pool.add("ledger_accounts", f"ldgr_{number}")

    def api(call: Call) -> tuple[Any, int]:
        if call.operation.id == "verifications.retrieve":
            return {"id": call.path_params["id"]}, 200
        if call.path_params.get("id") == "ldgr_2":
            return {"id": "ldgr_2", "payout_account_details": {"latest_verification": {"id": "verf_1"}}}, 200
        return {"id": call.path_params.get("id"), "payout_account_details": None}, 200

    calls = drive(state, api)
    assert calls[-1].path_params == {"id": "verf_1"}


def test_an_optional_parameter_that_is_asked_for_is_sent(contract: Contract) -> None:
    state = run_state(contract, "course_lessons.list")
    state.pool.add("courses", "cors_1")

    def api(call: Call) -> tuple[Any, int]:
        return (page(["lesn_1"]), 200) if "course_id" in dict(call.query) else ({"error": {}}, 400)

    calls = drive(state, api)
    assert [dict(call.query).get("course_id") for call in calls] == [None, "cors_1"]


def test_the_other_documented_path_is_asked_where_the_first_is_not_found(contract: Contract) -> None:
    state = run_state(contract, "users.check_access")
    state.pool.add("users", "user_1")
    state.pool.add("products", "prod_1")

    def api(call: Call) -> tuple[Any, int]:
        return ({"has_access": True, "access_level": "customer"}, 200) if call.template else ({"error": {}}, 404)

    first, second = drive(state, api)
    assert first.path_params == {"id": "user_1", "resource_id": "prod_1"}
    assert second.template == "/users/{id}/check_access"
    assert (second.path_params, second.query) == ({"id": "user_1"}, (("resource_id", "prod_1"),))


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_refusal_is_not_tried_again_with_other_ids(contract: Contract, status: int) -> None:
    def api(call: Call) -> tuple[Any, int]:
        return products(call) if call.operation.id == "products.list" else ({"error": {}}, status)

    assert ids(drive(run_state(contract, "reviews.list"), api)).count("reviews.list") == 1


@pytest.mark.parametrize("body", [None, [], "x", {"data": None}, {"data": [None, 1, "x", {"id": 5}]}])
def test_answers_of_any_shape_end_the_search(contract: Contract, body: object) -> None:
    selected = [operation.id for operation in contract.reads if operation.api == "v1"]
    assert len(drive(run_state(contract, *selected), lambda call: (body, 200))) < 600


def test_an_id_is_sent_with_the_object_that_it_was_listed_below() -> None:
    def api(call: Call) -> tuple[Any, int]:
        if call.operation.id == "bounties.list":
            return page([f"bnty_{number}" for number in range(60)]), 200
        return page(["btys_1", "btys_2"] if call.operation.is_list else []), 200

    newest = load("newest")
    state = RunState(newest, ["bounties.submissions.retrieve"])
    state.pool.pin("accounts", "biz_1")
    *_, listed, retrieved = drive(state, api)
    assert listed.operation.id == "bounties.submissions.list"
    assert retrieved.operation.id == "bounties.submissions.retrieve"
    assert retrieved.path_params["bounty_id"] == listed.path_params["bounty_id"]
    assert retrieved.path_params["id"] in ("btys_1", "btys_2")


def test_a_short_list_is_requested_of_some_other_parents_each_of_them_once(contract: Contract) -> None:
    def api(call: Call) -> tuple[Any, int]:
        return products(call) if call.operation.id == "products.list" else (page(["rev_1"]), 200)

    state = run_state(contract, "reviews.list")
    first = drive(state, api)[-1]
    more = drive_one(state, lists_of_more_parents(state, contract.operation("reviews.list")), api)
    parents = [dict(call.query)["product_id"] for call in (first, *more)]
    assert len(parents) == len(set(parents)) == 1 + MORE_PARENTS


def test_a_list_is_requested_with_the_largest_page(contract: Contract) -> None:
    (call,) = drive(run_state(contract, "products.list"), products)
    assert dict(call.query)["first"] == str(contract.paging(call.operation).maximum_size)
