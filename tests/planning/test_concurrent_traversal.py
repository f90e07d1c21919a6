"""A list is read while the run updates, deletes and creates items of its own."""

from __future__ import annotations

from tests.planning.support import WritableProducts, drive, run_state
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.http import Call
from whopwatch.planning.writes import WriteState
from whopwatch.planning.writes.lifecycle import OWN_ITEMS, traverse_while_writing

COMPANY = "biz_1"


def traversal(contract: Contract) -> tuple[WriteState, list[Call]]:
    """Return the state after a traversal of `products.list`, which had one item of the run, and its calls."""
    writing, api = WriteState(run_state(contract), "mark-", is_simulated=True), WritableProducts()
    create, listing = contract.operation("products.create"), contract.operation("products.list")
    body = writing.bodies.full(create)
    writing.created["products"] = [api(Call(create, Purpose.WRITE, body=body))[0]["id"]]
    writing.listings["products"] = Call(listing, Purpose.READ_BACK, query=(("company_id", COMPANY),))
    return writing, drive(writing.state, traverse_while_writing(writing, "products", body), api)


def test_the_run_has_enough_items_before_the_first_page(contract: Contract) -> None:
    _, calls = traversal(contract)
    first = next(place for place, call in enumerate(calls) if call.purpose is Purpose.MOVING_PAGE)
    assert [call.operation.id for call in calls[:first]] == ["products.create"] * (OWN_ITEMS - 1)


def test_one_text_of_the_first_item_is_updated_and_the_last_item_deleted(contract: Contract) -> None:
    writing, calls = traversal(contract)
    pages = [place for place, call in enumerate(calls) if call.purpose is Purpose.MOVING_PAGE]
    update, delete = (call for call in calls[pages[0] + 1 : pages[1]] if call.purpose is Purpose.WRITE)
    assert (update.operation.id, update.path_params["id"]) == ("products.update", f"prod_{OWN_ITEMS}")
    assert [value for value in update.body.values() if isinstance(value, str) and "mark-" in value]
    assert len(update.body) == len(writing.bodies.minimal(update.operation)) + 1
    assert (delete.operation.id, delete.path_params["id"]) == ("products.delete", f"prod_{OWN_ITEMS - 1}")


def test_the_pages_after_the_first_follow_its_cursors(contract: Contract) -> None:
    _, calls = traversal(contract)
    pages = [dict(call.query) for call in calls if call.purpose is Purpose.MOVING_PAGE]
    assert [page["first"] for page in pages] == ["2"] * 3
    assert [page.get("after") for page in pages[:2]] == [None, f"prod_{OWN_ITEMS - 1}"]
    assert {page["company_id"] for page in pages} == {COMPANY}


def test_outside_the_simulator_nothing_is_created_that_cannot_be_deleted(contract: Contract) -> None:
    def calls(*, is_simulated: bool, without_delete: bool) -> int:
        writing = WriteState(run_state(contract), "mark-", is_simulated=is_simulated)
        create, listing = contract.operation("products.create"), contract.operation("products.list")
        writing.created["products"] = ["prod_1"]
        writing.listings["products"] = Call(listing, Purpose.READ_BACK, query=(("company_id", COMPANY),))
        if without_delete:
            find = writing.operation
            writing.operation = lambda resource, method: None if method == "delete" else find(resource, method)  # type: ignore[method-assign]
        experiment = traverse_while_writing(writing, "products", writing.bodies.full(create))
        return len(drive(writing.state, experiment, WritableProducts()))

    assert calls(is_simulated=False, without_delete=True) == 0
    assert calls(is_simulated=True, without_delete=True) > 0
    assert calls(is_simulated=False, without_delete=False) > 0
