"""Writes: what is created is read, updated, deleted and gone; nothing else is touched."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.planning.support import WritableProducts, answer, drive, page, purposes, run_state
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.planning.state import Experiment
from whopwatch.planning.writes import WriteState, plan_cleanup, plan_writes
from whopwatch.planning.writes.lifecycle import delete_created, lifecycle
from whopwatch.planning.writes.write_state import IDEMPOTENCY_KEY, MAX_READS, NOT_OWN

PROMO = "promo_codes"


class PromoCodes:
    """`promo_codes` as documented: create, list, retrieve, delete; keys are obeyed, invalid bodies rejected.

    `rejected` names a field that a create must not have. `hidden` is the number of reads that do not show a new object.
    """

    def __init__(self, rejected: str | None = None, hidden: int = 0) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.rejected = rejected
        self.hidden = hidden
        self.keys: dict[str, tuple[Any, Any]] = {}
        self.count = 0

    def __call__(self, call: Call) -> tuple[Any, int]:
        if call.credential != "key":
            return {"error": {}}, 401
        if call.operation.method == "GET":
            return self._read(call)
        if call.purpose is Purpose.INVALID_BODY:
            return {"error": {}}, 400
        if call.operation.method == "DELETE":
            gone = self.objects.pop(call.path_params["id"], None)
            return ({}, 404) if gone is None else (True, 200)
        return self._create(call)

    def _read(self, call: Call) -> tuple[Any, int]:
        if self.hidden > 0 and self.objects:
            self.hidden -= 1
            return (page([]), 200) if call.operation.is_list else ({"error": {}}, 404)
        if not call.operation.is_list:
            found = self.objects.get(call.path_params["id"])
            return (found, 200) if found else ({"error": {}}, 404)
        shown = list(reversed(self.objects.values())) if call.operation.resource == PROMO else [{"id": "biz_1"}]
        size = int(dict(call.query).get("first", 100))
        ids = [item["id"] for item in shown]
        after = dict(call.query).get("after")
        begin = ids.index(after) + 1 if after in ids else 0
        part = shown[begin : begin + size]
        info = {"end_cursor": part[-1]["id"] if part else None, "has_next_page": begin + size < len(ids)}
        return {"data": part, "page_info": {"start_cursor": None, "has_previous_page": False, **info}}, 200

    def _create(self, call: Call) -> tuple[Any, int]:
        key = dict(call.headers).get(IDEMPOTENCY_KEY)
        if key in self.keys:
            body, made = self.keys[key]
            return (made, 200) if body == call.body else ({"error": {}}, 400)
        if self.rejected in (call.body or {}):
            return {"error": {"param": self.rejected}}, 400
        self.count += 1
        made = {**(call.body or {}), "id": f"promo_{self.count}"}
        self.objects[made["id"]] = made
        if key:
            self.keys[key] = (call.body, made)
        return made, 200


@pytest.fixture
def writing(contract: Contract) -> WriteState:
    state = run_state(contract, "promo_codes.create", "promo_codes.list")
    return WriteState(state, "mark-", is_simulated=True)


def write(writing: WriteState, experiment: Experiment, api: Any) -> list[Call]:
    return drive(writing.state, experiment, api)


def test_a_lifecycle_leaves_nothing_behind(writing: WriteState) -> None:
    api = PromoCodes()
    calls = write(writing, lifecycle(writing, PROMO), api)
    assert api.objects == {}
    assert writing.left() == {}
    assert writing.skipped == {}
    count = Counter(call.purpose for call in calls)
    assert count[Purpose.SAME_KEY] == count[Purpose.OTHER_BODY] == count[Purpose.DELETED_AGAIN] == 1
    assert count[Purpose.INVALID_BODY] >= 1
    assert count[Purpose.NO_KEY] == count[Purpose.WRONG_KEY] == 2
    assert count[Purpose.MOVING_PAGE] == 3


def test_two_objects_are_created_first_with_the_required_fields_then_with_all(writing: WriteState) -> None:
    calls = write(writing, lifecycle(writing, PROMO), PromoCodes())
    creates = [call for call in calls if call.purpose is Purpose.WRITE and call.operation.method == "POST"]
    first, second = creates[0].body, creates[1].body
    assert first.keys() < second.keys()
    required = writing.state.contract.operation("promo_codes.create").body["required"]  # type: ignore[index]
    assert set(required) <= first.keys()
    keys = [dict(call.headers)[IDEMPOTENCY_KEY] for call in creates]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("mark-") for key in keys)


def test_a_repeated_key_comes_with_the_same_body_then_with_another(writing: WriteState) -> None:
    calls = write(writing, lifecycle(writing, PROMO), PromoCodes())
    place = purposes(calls).index(Purpose.SAME_KEY)
    original, same, other = calls[place - 1], calls[place], calls[place + 1]
    assert (same.body, same.headers) == (original.body, original.headers)
    assert other.headers == original.headers
    assert other.body != original.body


def test_requests_without_a_valid_key_carry_no_idempotency_key(writing: WriteState) -> None:
    calls = write(writing, lifecycle(writing, PROMO), PromoCodes())
    rejected = [call for call in calls if call.purpose in (Purpose.NO_KEY, Purpose.WRONG_KEY)]
    assert {call.credential for call in rejected} == {"none", "wrong"}
    assert {call.headers for call in rejected} == {()}


def test_a_rejected_field_is_left_out_of_the_next_attempt(writing: WriteState) -> None:
    api = PromoCodes(rejected="one_per_customer")
    calls = write(writing, lifecycle(writing, PROMO), api)
    bodies = [call.body for call in calls if call.purpose is Purpose.WRITE and call.operation.method == "POST"]
    assert "one_per_customer" in bodies[1]
    assert bodies[2].keys() == bodies[1].keys() - {"one_per_customer"}


def test_a_write_that_stays_rejected_ends_with_the_required_fields(writing: WriteState) -> None:
    create = writing.state.contract.operation("promo_codes.create")
    minimal, full = {"a": 1}, {"a": 1, "b": 2, "c": 3}
    sent: list[Any] = []

    def experiment() -> Experiment:
        yield from writing.write_accepted(create, None, full, minimal)

    def api(call: Call) -> tuple[Any, int]:
        sent.append(call.body)
        return {"error": {"param": "unknown"}}, 400

    write(writing, experiment(), api)
    assert sent == [full, minimal]


def test_a_new_object_is_read_until_it_is_visible(writing: WriteState) -> None:
    calls = write(writing, lifecycle(writing, PROMO), PromoCodes(hidden=2))
    reads = [call for call in calls if call.purpose is Purpose.READ_BACK and not call.operation.is_list]
    assert max(Counter(call.path_params["id"] for call in reads).values()) > 2


def test_reading_gives_up_after_some_attempts(writing: WriteState) -> None:
    api = PromoCodes(hidden=10**6)
    create = writing.state.contract.operation("promo_codes.create")

    def experiment() -> Experiment:
        written = yield from writing.write(create, body={"code": "x"})
        yield from writing.read_until_visible(create, written)

    assert len(write(writing, experiment(), api)) == 1 + MAX_READS


def test_nothing_is_created_or_changed_that_is_declared_dangerous(contract: Contract) -> None:
    state = run_state(contract)
    writing = WriteState(state, "mark-", is_simulated=False)
    payments = [one for one in contract.operations.values() if one.resource == "payments" and not one.is_read]
    calls = write(writing, lifecycle(writing, "payments"), PromoCodes())
    assert [call for call in calls if not call.operation.is_read] == []
    assert writing.skipped.keys() == {one.id for one in payments if one.api == "v1"}
    assert all(reason.startswith("sent to the simulator only") for reason in writing.skipped.values())


def test_objects_of_others_are_changed_at_the_simulator_only(contract: Contract) -> None:
    resource = next(
        one.resource
        for one in contract.operations.values()
        if one.method == "PATCH" and one.api == "v1" and not contract.write_effects.reason_against(one)
        and f"{one.resource}.create" not in contract.operations
    )  # fmt: skip
    writing = WriteState(run_state(contract), "mark-", is_simulated=False)
    calls = write(writing, lifecycle(writing, resource), PromoCodes())
    assert [call for call in calls if not call.operation.is_read] == []
    assert NOT_OWN in writing.skipped.values()


def test_a_create_without_a_known_parent_is_skipped_with_the_reason(contract: Contract) -> None:
    writing = WriteState(run_state(contract), "mark-", is_simulated=True)

    def empty(call: Call) -> tuple[Any, int]:
        return page([]), 200

    write(writing, lifecycle(writing, "course_lessons"), empty)
    assert "no id of course_chapters" in writing.skipped["course_lessons.create"]
    assert writing.skipped["course_lessons.delete"] == "not sent: the run created no object to delete"


def test_what_a_cut_experiment_left_is_deleted(writing: WriteState) -> None:
    api = PromoCodes()
    experiment = lifecycle(writing, PROMO)
    call = next(experiment)
    while call.purpose is not Purpose.WRITE:
        body, status = api(call)
        call = experiment.send(answer(call, body, status))
    body, status = api(call)
    experiment.send(answer(call, body, status))
    assert writing.created == {PROMO: ["promo_1"]}
    assert writing.left() == {PROMO: 1}
    (cleanup,) = plan_cleanup(writing)
    assert [one.path_params["id"] for one in write(writing, cleanup, api)] == ["promo_1"]
    assert api.objects == {}
    assert writing.left() == {}


def test_an_object_that_cannot_be_deleted_is_counted(writing: WriteState) -> None:
    writing.created = {PROMO: ["promo_1", "promo_2"]}
    calls = write(writing, delete_created(writing, PROMO), lambda call: ({"error": {}}, 500))
    assert [call.path_params["id"] for call in calls] == ["promo_1", "promo_2"]
    assert writing.left() == {PROMO: 2}


def test_resources_with_a_selected_write_are_planned_in_the_order_of_the_contract(writing: WriteState) -> None:
    assert len(list(plan_writes(writing, ["promo_codes.create", "promo_codes.delete", "products.list"]))) == 1
    assert len(list(plan_writes(writing, ["products.create", "promo_codes.create"]))) == 2
    assert list(plan_writes(writing, ["products.list"])) == []


def test_pages_are_read_while_items_are_deleted_and_created(writing: WriteState) -> None:
    calls = write(writing, lifecycle(writing, PROMO), PromoCodes())
    pages = [place for place, call in enumerate(calls) if call.purpose is Purpose.MOVING_PAGE]
    first, second, third = (calls[place] for place in pages)
    assert dict(first.query)["first"] == "2"
    assert "after" not in dict(first.query)
    assert dict(second.query)["after"] != dict(third.query)["after"]
    between = [call.operation.method for call in calls[pages[0] + 1 : pages[1]]]
    assert between == ["DELETE"]
    assert [call.operation.method for call in calls[pages[1] + 1 : pages[2]]] == ["POST"]
    created = [call.body["code"] for call in calls[: pages[0]] if call.purpose is Purpose.WRITE and call.body]
    assert len(set(created)) == len(created) >= 5


def test_an_own_object_is_updated_without_a_key_and_with_one(contract: Contract) -> None:
    writing = WriteState(run_state(contract, "products.update"), "mark-", is_simulated=False)
    api = WritableProducts()
    calls = write(writing, lifecycle(writing, "products"), api)
    updates = [call for call in calls if call.operation.id == "products.update"]
    assert [call.credential for call in updates[:2]] == ["none", "wrong"]
    changed = next(call for call in updates if call.purpose is Purpose.WRITE)
    assert changed.path_params["id"] in {f"prod_{number}" for number in range(1, api.count + 1)}
    assert any("mark-" in value for value in changed.body.values() if isinstance(value, str))
    assert "products.update" not in writing.skipped
    assert api.items == []


class Hostile(PromoCodes):
    """Returns an object of another user for every create, as if it were new; records what is written to it."""

    def __init__(self, **shown: Any) -> None:
        super().__init__()
        self.objects = {f"promo_foreign{n}": {"id": f"promo_foreign{n}", "code": "SUMMER", **shown} for n in range(3)}
        self.touched: list[str] = []

    def __call__(self, call: Call) -> tuple[Any, int]:
        if call.operation.method == "GET":
            return self._read(call)
        if call.path_params:
            self.touched.append(f"{call.operation.method} {call.path_params['id']}")
            return True, 200
        return self.objects["promo_foreign1"], 200


@pytest.mark.parametrize("is_simulated", [False, True])
def test_an_object_that_was_there_before_is_never_written_to(contract: Contract, is_simulated: bool) -> None:
    writing = WriteState(run_state(contract), "mark-", is_simulated=is_simulated)
    api = Hostile()
    write(writing, lifecycle(writing, PROMO), api)
    for cleanup in plan_cleanup(writing):
        write(writing, cleanup, api)
    assert api.touched == []
    assert writing.left() == {}


def test_an_object_without_the_marker_is_not_adopted(contract: Contract) -> None:
    """The API hides its objects in lists, so that their ids were not read before."""
    writing = WriteState(run_state(contract), "mark-", is_simulated=False)
    api = Hostile()
    shown = api.objects
    api.objects = {}

    def hiding(call: Call) -> tuple[Any, int]:
        return (shown["promo_foreign1"], 200) if call.operation.method == "POST" else api(call)

    write(writing, lifecycle(writing, PROMO), hiding)
    assert api.touched == []
    assert writing.created.get(PROMO, []) == []


def test_an_object_that_lost_the_marker_is_given_up_before_it_is_deleted(contract: Contract) -> None:
    """The id now belongs to another user: reading shows another text."""
    writing = WriteState(run_state(contract), "mark-", is_simulated=False)
    writing.created = {PROMO: ["promo_foreign1"]}
    api = Hostile()
    calls = write(writing, delete_created(writing, PROMO), api)
    assert purposes(calls) == [Purpose.READ_BACK]
    assert api.touched == []
    assert writing.left() == {PROMO: 1}


def test_an_own_object_is_read_before_each_step_that_changes_it(contract: Contract) -> None:
    writing = WriteState(run_state(contract), "mark-", is_simulated=False)
    api = PromoCodes()
    calls = write(writing, lifecycle(writing, PROMO), api)
    assert api.objects == {}
    assert writing.left() == {}
    for place, call in enumerate(calls):
        if call.operation.method == "DELETE" and call.purpose is Purpose.WRITE:
            earlier = [one for one in calls[:place] if one.purpose is Purpose.READ_BACK]
            assert any(one.path_params == call.path_params for one in earlier)


def test_a_body_without_a_text_gets_one_outside_the_simulator(contract: Contract) -> None:
    writing = WriteState(run_state(contract), "mark-", is_simulated=False)
    writing.bodies.minimal = lambda operation: {"amount_off": 10}  # type: ignore[method-assign]
    calls = write(writing, lifecycle(writing, PROMO), PromoCodes())
    first = next(call for call in calls if call.purpose is Purpose.WRITE)
    assert writing.shows_marker(first.body)
    bare = WriteState(run_state(contract), "mark-", is_simulated=False)
    bare.bodies.minimal = bare.bodies.full = lambda operation: {"amount_off": 10}  # type: ignore[method-assign]
    assert [call for call in write(bare, lifecycle(bare, PROMO), PromoCodes()) if not call.operation.is_read] == []
    assert "no text of the object" in bare.skipped["promo_codes.create"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x mark-1", True),
        ({"a": [{"b": "mark-"}]}, True),
        ("mark", False),
        ({"mark-": 1}, False),
        (None, False),
        (3, False),
    ],
)
def test_the_marker_is_found_in_any_text(writing: WriteState, value: Any, shown: bool) -> None:
    assert writing.shows_marker(value) is shown
