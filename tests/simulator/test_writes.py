"""Writing operations change the world as declared, and what was written is read back."""

from __future__ import annotations

import pytest

from tests.simulator.asker import Asker
from tests.simulator.bodies import bodies
from whopwatch.contract import load
from whopwatch.simulator import Backend, SimulatorOptions

WRITES = [operation.id for operation in load().operations.values() if not operation.is_read]
CREATES = [id for id in WRITES if id.endswith(".create")]
DELETES = [id for id in WRITES if id.endswith(".delete")]
UPDATES = [id for id in WRITES if id.endswith(".update")]


@pytest.mark.parametrize("id", WRITES)
def test_a_write_with_every_documented_field_answers_200_with_a_valid_body(fresh: Asker, id: str) -> None:
    operation = fresh.contract.operation(id)
    for body in bodies(fresh, operation):
        answer = fresh(operation.method, fresh.path(operation), body=body)

        assert answer.status == 200, answer.json
        validator = fresh.contract.validator(operation.success.pointer)
        assert [violation.location for violation in validator.violations(answer.json)] == []


@pytest.mark.parametrize("id", [id for id in CREATES if id.replace("create", "retrieve") in load().operations])
def test_a_new_object_is_retrieved_and_listed_first(fresh: Asker, id: str) -> None:
    operation = fresh.contract.operation(id)
    resource = operation.resource
    created = fresh("POST", operation.path, body=next(bodies(fresh, operation))).json

    alone = fresh.operation(f"{resource}.retrieve", id=created["id"])

    assert alone.status == 200
    shared = created.keys() & alone.json.keys()
    assert {name: created[name] for name in shared} == {name: alone.json[name] for name in shared}
    if f"{resource}.list" in fresh.contract.operations:
        required = fresh.contract.operation(f"{resource}.list").required_query
        sent = {p.name: fresh.backend.world.account.id for p in required if p.resource == "companies"}
        if len(sent) == len(required):
            assert fresh.operation(f"{resource}.list", sent).ids[0] == created["id"]


@pytest.mark.parametrize("id", UPDATES)
def test_an_update_shows_what_it_was_given(fresh: Asker, id: str) -> None:
    operation = fresh.contract.operation(id)
    body = next(bodies(fresh, operation))

    answer = fresh("PATCH", fresh.path(operation), body=body).json

    shared = body.keys() & answer.keys()
    told = {name: body[name] for name in shared if name == "metadata" or isinstance(body[name], str | bool)}
    assert told
    assert {name: answer[name] for name in told} == told


@pytest.mark.parametrize("id", DELETES)
def test_what_was_deleted_is_gone_everywhere(fresh: Asker, id: str) -> None:
    operation = fresh.contract.operation(id)
    victim = fresh.some_id(operation.resource)

    assert fresh("DELETE", fresh.path(operation, {"id": victim})).json is True

    assert fresh("DELETE", fresh.path(operation, {"id": victim})).status == 404
    if f"{operation.resource}.retrieve" in fresh.contract.operations:
        assert fresh.operation(f"{operation.resource}.retrieve", id=victim).status == 404
    assert victim not in [item["id"] for item in fresh.walk(f"{operation.resource}.list")]


@pytest.mark.parametrize("id", DELETES)
def test_an_object_can_be_deleted_before_its_first_read(fresh: Asker, id: str) -> None:
    operation = fresh.contract.operation(id)
    path = fresh.path(operation, {"id": fresh.some_id(operation.resource)})
    untouched = Asker(Backend(fresh.contract, fresh.backend.options), fresh.contract)

    assert untouched("DELETE", path).json is True
    assert untouched("DELETE", path).status == 404


def test_a_membership_is_paused_resumed_and_canceled(fresh: Asker) -> None:
    path = f"/memberships/{fresh.some_id('memberships')}"

    assert fresh("POST", f"{path}/pause").json["payment_collection_paused"] is True
    assert fresh("GET", path).json["payment_collection_paused"] is True
    assert fresh("POST", f"{path}/resume").json["payment_collection_paused"] is False
    later = fresh("POST", f"{path}/cancel", body={"cancellation_mode": "at_period_end"}).json
    assert (later["status"], later["cancel_at_period_end"]) == ("canceling", True)
    now = fresh("POST", f"{path}/cancel", body={"cancellation_mode": "immediate"}).json
    assert now["status"] == "canceled"
    assert now["canceled_at"] is not None


def test_a_refund_of_a_payment_is_listed_among_its_refunds(fresh: Asker) -> None:
    payment = fresh.some_id("payments")
    known = {item["id"] for item in fresh.walk("refunds.list", {"payment_id": payment})}

    refunded = fresh("POST", f"/payments/{payment}/refund", body={"partial_amount": 3.5}).json

    assert (refunded["refunded_amount"], refunded["substatus"]) == (3.5, "partially_refunded")
    new = [item for item in fresh.walk("refunds.list", {"payment_id": payment}) if item["id"] not in known]
    assert [item["amount"] for item in new] == [3.5]


def test_an_experience_is_attached_to_a_product_and_detached(fresh: Asker) -> None:
    experience, product = fresh.some_id("experiences"), fresh.some_id("products")

    def attached() -> list[str]:
        return [item["id"] for item in fresh("GET", f"/experiences/{experience}").json["products"]]

    fresh("POST", f"/experiences/{experience}/attach", body={"product_id": product})
    assert attached().count(product) == 1
    fresh("POST", f"/experiences/{experience}/detach", body={"product_id": product})
    assert product not in attached()


def test_a_duplicate_is_another_experience_with_the_same_app(fresh: Asker) -> None:
    original = fresh("GET", f"/experiences/{fresh.some_id('experiences')}").json

    copy = fresh("POST", f"/experiences/{original['id']}/duplicate", body={"name": "again"}).json

    assert copy["id"] != original["id"]
    assert (copy["name"], copy["app"]) == ("again", original["app"])


def test_a_lesson_marked_as_completed_is_an_interaction(fresh: Asker) -> None:
    lesson = fresh.some_id("course_lessons")

    assert fresh("POST", f"/course_lessons/{lesson}/mark_as_completed").json is True

    newest = fresh.operation("course_lesson_interactions.list", {"lesson_id": lesson}).json["data"][0]
    assert newest["completed"] is True


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [("void", "status", "void"), ("retry", "status", "paid"), ("refund", "substatus", "refunded")],
)
def test_a_payment_changes_its_state(fresh: Asker, path: str, field: str, value: str) -> None:
    payment = fresh.some_id("payments")

    fresh("POST", f"/payments/{payment}/{path}")

    assert fresh("GET", f"/payments/{payment}").json[field] == value


@pytest.mark.parametrize(("verb", "status"), [("approve", "approved"), ("deny", "denied")])
def test_an_entry_is_decided(fresh: Asker, verb: str, status: str) -> None:
    entry = fresh.some_id("entries")

    fresh("POST", f"/entries/{entry}/{verb}")

    assert fresh("GET", f"/entries/{entry}").json["status"] == status


def test_an_idempotency_key_is_executed_once(fresh: Asker) -> None:
    operation = fresh.contract.operation("products.create")
    body, headers = next(bodies(fresh, operation)), {"idempotency-key": "once"}

    first = fresh("POST", "/products", body=body, headers=headers)
    again = fresh("POST", "/products", body=body, headers=headers)
    other = fresh("POST", "/products", body={**body, "title": "another"}, headers=headers)

    assert first.json == again.json
    assert "idempotent-replayed" not in first.response.headers
    assert again.response.headers["idempotent-replayed"] == "true"
    assert (other.status, other.error["param"]) == (400, "Idempotency-Key")


@pytest.mark.parametrize(("limit", "value"), [("REPLAYS_KEPT", 1), ("REPLAY_BYTES", 1)])
def test_the_responses_kept_for_idempotency_keys_are_bounded(
    fresh: Asker, limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"whopwatch.simulator.api.keys.{limit}", value)
    body = next(bodies(fresh, fresh.contract.operation("products.create")))
    first, _ = (fresh("POST", "/products", body=body, headers={"idempotency-key": key}) for key in ("one", "two"))

    again = fresh("POST", "/products", body=body, headers={"idempotency-key": "one"})

    assert "idempotent-replayed" not in again.response.headers
    assert again.json["id"] != first.json["id"]


def test_writes_at_the_same_seed_make_the_same_objects(fresh: Asker) -> None:
    other = Asker(Backend(fresh.contract, SimulatorOptions()), fresh.contract)
    body = next(bodies(fresh, fresh.contract.operation("plans.create")))

    assert fresh("POST", "/plans", body=body).json == other("POST", "/plans", body=body).json
