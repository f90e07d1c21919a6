"""What an object must show after a write, and what a read shows of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import exchange, page
from whopwatch.contract import Contract
from whopwatch.contract.behaviour import Action, WriteEffects
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.written_object import (
    ABSENT,
    ExpectedObject,
    FieldComparison,
    compare_read,
    expected_of,
    field_for,
    object_in,
)


def written(operation: str, sent: Any = None, value: Any = None, **more: Any) -> Exchange:
    return exchange(operation, value, sent=sent, purpose=Purpose.WRITE, method="POST", **more)


def expected(contract: Contract, made: Exchange, id: str | None = None) -> ExpectedObject | None:
    return expected_of(contract.write_effects, contract.operations[made.operation], made, id)


def comparison(shown: set[str], wrong: set[str]) -> FieldComparison:
    return FieldComparison(frozenset(shown | {ABSENT}), frozenset(wrong))


COMPARED = [
    ({"title": "a"}, {"title": "a"}, {"/title"}, set()),
    ({"title": "a"}, {"title": "b"}, {"/title"}, {"/title"}),
    ({"title": "a"}, {}, set(), set()),
    ({"title": None}, {"title": "b"}, set(), set()),  # null may mean a default
    ({"tags": ["a"]}, {"tags": []}, set(), set()),
    ({"title": "a"}, {"title": {"text": "a"}}, set(), set()),
    ({"metadata": {"a": 1}}, {"metadata": {"a": 1, "b": 2}}, {"/metadata"}, set()),
    ({"metadata": {"a": 1}}, {"metadata": {"a": 2}}, {"/metadata"}, {"/metadata"}),
    ({"metadata": {"a": 1}}, {"metadata": None}, {"/metadata"}, {"/metadata"}),
    ({"metadata": {"a": 1}}, {"metadata": "x"}, set(), set()),
    ({"metadata": {"a": 1}}, {}, set(), set()),
    ({"other": {"a": 1}}, {"other": {"a": 2}}, set(), set()),
    ({"product_id": "prod_1"}, {"product": {"id": "prod_1"}}, {"/product"}, set()),
    ({"product_id": "prod_1"}, {"product": {"id": "prod_2"}}, {"/product"}, {"/product"}),
    ({"product_id": "prod_1"}, {"product": {"id": "biz_2"}}, set(), set()),  # shown as its owner
    ({"product_id": "prod_1"}, {"product": None, "product_id": "prod_2"}, {"/product_id"}, {"/product_id"}),
    ({"at": "2026-01-01T00:00:00Z"}, {"at": "2026-01-01T01:00:00+01:00"}, {"/at"}, set()),
    ({"at": "2026-01-01T00:00:00Z"}, {"at": "2026-01-01T00:00:01Z"}, {"/at"}, {"/at"}),
    ({"at": "soon"}, {"at": "later"}, {"/at"}, {"/at"}),
    ({"on": True}, {"on": True}, {"/on"}, set()),
    ({"on": True}, {"on": 1}, {"/on"}, {"/on"}),
    ({"on": 1}, {"on": True}, {"/on"}, {"/on"}),
    ({"price": 1}, {"price": 1.0}, {"/price"}, set()),
    ({"paid_at": "*"}, {"paid_at": "now"}, {"/paid_at"}, set()),
    ({"paid_at": "*"}, {"paid_at": None}, {"/paid_at"}, {"/paid_at"}),
]


@pytest.mark.parametrize(("values", "actual", "shown", "wrong"), COMPARED)
def test_each_field_that_is_shown_is_compared(values: Any, actual: Any, shown: set[str], wrong: set[str]) -> None:
    assert ExpectedObject("x", values).compare(actual) == comparison(shown, wrong)


def test_arrays_hold_and_lack_ids() -> None:
    made = ExpectedObject("x", holds={"users": "user_1"}, lacks={"apps": "app_1"})

    assert made.compare({"users": [{"id": "user_1"}], "apps": ["app_2"]}) == comparison({"/users", "/apps"}, set())
    assert made.compare({"users": ["user_2"], "apps": ["app_1"]}) == comparison(
        {"/users", "/apps"}, {"/users", "/apps"}
    )
    assert made.compare({"users": None, "apps": {}}) == comparison(set(), set())


def test_a_deleted_object_must_not_be_shown() -> None:
    assert ExpectedObject("x", is_gone=True).compare({}) == FieldComparison(frozenset([ABSENT]), frozenset([ABSENT]))
    assert ExpectedObject("x", {"a": 1}).compare("no object") == comparison(set(), set())


def test_what_follows_from_a_write(contract: Contract) -> None:
    created = written("products.create", {"title": "a"}, {"id": "prod_1"})
    changed = written("products.update", {"title": "b"}, {"id": "other"}, path={"id": "prod_1"})
    deleted = written("products.delete", path={"id": "prod_1"})

    assert expected(contract, created) == ExpectedObject("prod_1", {"title": "a"})
    assert expected(contract, changed) == ExpectedObject("prod_1", {"title": "b"})
    assert expected(contract, deleted) == ExpectedObject("prod_1", is_gone=True)
    assert expected(contract, written("products.create", {"title": "a"}, {})) is None
    assert expected(contract, written("products.create", None, [])) is None
    assert expected(contract, written("products.create", {"title": "a"}), "prod_9") == ExpectedObject(
        "prod_9", {"title": "a"}
    )


def test_declared_effects_of_an_action(contract: Contract) -> None:
    actions = {
        "memberships.pause": Action(sets={"status": "paused"}),
        "experiences.attach": Action(adds={"products": "product_id"}),
        "experiences.detach": Action(removes={"products": "product_id"}, shows_body=True),
        "experiences.duplicate": Action(makes=True, sets={"name": "copy"}),
    }
    effects = WriteEffects({}, {}, {"experiences": {"name": "title"}}, actions)

    def follows(operation: str, sent: Any, value: Any = None) -> ExpectedObject | None:
        return expected_of(effects, contract.operations[operation], written(operation, sent, value, path={"id": "x_1"}))

    assert follows("memberships.pause", {"void": 1}) == ExpectedObject("x_1", {"status": "paused"})
    assert follows("experiences.attach", {"product_id": "p"}) == ExpectedObject("x_1", {}, {"products": "p"}, {})
    assert follows("experiences.detach", {"product_id": "p", "name": "n"}) == ExpectedObject(
        "x_1", {"product_id": "p", "title": "n"}, {}, {"products": "p"}
    )
    assert follows("experiences.duplicate", {}, {"id": "x_2"}) == ExpectedObject("x_2", {"name": "copy"})


def test_the_field_that_shows_a_value() -> None:
    assert field_for("product_id", "prod_1", {"product": {"id": "prod_2"}, "product_id": "x"}) == "product"
    assert field_for("product_id", "prod_1", {"product": {"id": "biz_2"}, "product_id": "x"}) is None
    assert field_for("title", "a", {"title": []}) is None


def test_an_object_in_a_response(contract: Contract) -> None:
    retrieve, listing = contract.operations["products.retrieve"], contract.operations["products.list"]
    one, other = {"id": "prod_1"}, {"id": "prod_2"}

    assert object_in(retrieve, exchange("products.retrieve", one), "anything") == one
    assert object_in(listing, exchange("products.list", page([other, one])), "prod_1") == one
    assert object_in(listing, exchange("products.list", {"data": ["prod_1", one]}), "prod_1") == one
    assert object_in(listing, exchange("products.list", page([other])), "prod_1") is None
    assert object_in(listing, exchange("products.list", {"data": None}), "prod_1") is None
    assert object_in(retrieve, exchange("products.retrieve", one, status=404), "prod_1") is None
    assert object_in(retrieve, exchange("products.retrieve", []), "prod_1") is None


THERE, GONE = ExpectedObject("prod_1", {"title": "a"}), ExpectedObject("prod_1", is_gone=True)
MISSING, FINE = (
    FieldComparison(frozenset([ABSENT]), frozenset([ABSENT])),
    FieldComparison(frozenset([ABSENT]), frozenset()),
)
RETRIEVE, LIST = "products.retrieve", "products.list"
READS = [
    (THERE, exchange(RETRIEVE, {"id": "prod_1", "title": "b"}), comparison({"/title"}, {"/title"})),
    (THERE, exchange(LIST, page([{"id": "prod_1", "title": "a"}], has_next=True)), comparison({"/title"}, set())),
    (THERE, exchange(RETRIEVE, status=404), MISSING),
    (THERE, exchange(RETRIEVE, status=403), None),
    (THERE, exchange(LIST, page([])), MISSING),
    (THERE, exchange(LIST, page([], has_next=True)), None),  # it may be on a later page
    (THERE, exchange(LIST, {"data": []}), None),
    (THERE, exchange(LIST, page([]), status=404), None),
    (GONE, exchange(RETRIEVE, {"id": "prod_1"}), MISSING),
    (GONE, exchange(RETRIEVE, status=404), FINE),
    (GONE, exchange(LIST, page([], has_next=True)), FINE),
    (GONE, exchange(LIST, page([{"id": "prod_1"}])), MISSING),
    (GONE, exchange(RETRIEVE, status=500), None),
]


@pytest.mark.parametrize(("follows", "read", "shown"), READS)
def test_a_read_compared_with_the_write(
    contract: Contract, follows: ExpectedObject, read: Exchange, shown: FieldComparison | None
) -> None:
    assert compare_read(follows, contract.operations[read.operation], read) == shown
