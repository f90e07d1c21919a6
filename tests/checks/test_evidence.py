"""What a run has seen, as the checks read it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import exchange, page, retrieved, review
from whopwatch.checks import Evidence
from whopwatch.checks.evidence import INVALID_REQUESTS, scope
from whopwatch.contract import Contract
from whopwatch.contract.schema_tree import MAX_EXPLAINED_ITEMS
from whopwatch.core.exchange import Exchange, Purpose


def test_operations_of_another_contract_are_left_out(contract: Contract) -> None:
    known, unknown = exchange("plans.list"), exchange("planets.list")

    assert Evidence(contract, [unknown, known]).exchanges == (known,)


@pytest.mark.parametrize("purpose", sorted(INVALID_REQUESTS))
def test_a_response_to_an_invalid_request_is_no_success(contract: Contract, purpose: Purpose) -> None:
    assert not Evidence(contract, [exchange("plans.list", page([]), purpose=purpose)]).responses


def test_success_responses(contract: Contract) -> None:
    good = exchange("plans.list", page([{"id": "a"}, "x", {"id": 3}]))
    others = [
        exchange("plans.list", page([]), status=404),
        exchange("plans.list", page([]), credential="none"),
        exchange("plans.list", body=b"<html>"),
    ]

    evidence = Evidence(contract, [*others, good, retrieved({"id": "rev_1"})])

    (success,) = evidence.responses["plans.list"]
    assert (success.index, success.exchange, success.ids, len(success.items)) == (3, good, ["a"], 3)
    (other,) = evidence.responses["reviews.retrieve"]
    assert (other.items, other.ids) == ([{"id": "rev_1"}], ["rev_1"])
    assert (evidence.samples("plans.list"), evidence.samples("reviews.retrieve"), evidence.samples("x")) == (3, 1, 0)
    assert [len(found) for found in evidence.by_operation.values()] == [4, 1]
    assert evidence.index(good) == 3


def test_what_is_documented_for_a_status(contract: Contract) -> None:
    documented, other = (
        Evidence(contract, [retrieved({}, status=status)]).responses["reviews.retrieve"][0] for status in (200, 299)
    )

    assert documented.response == contract.operations["reviews.retrieve"].responses[200]
    assert other.response == contract.operations["reviews.retrieve"].success


def test_inexact_responses(contract: Contract) -> None:
    exact, extra, broken = retrieved(review()), retrieved(review(more=1)), retrieved(review(stars="x"))

    assert [one.exchange for one in Evidence(contract, [exact, extra, broken]).inexact_responses] == [extra, broken]


def test_pages_are_those_of_valid_requests(contract: Contract) -> None:
    purposes = [Purpose.LIST, Purpose.READ_BACK, Purpose.QUERY, Purpose.MOVING_PAGE, Purpose.NEXT_PAGE]
    evidence = Evidence(contract, [exchange("plans.list", page([]), purpose=purpose) for purpose in purposes])

    assert [one.exchange.purpose for one in evidence.pages()] == [Purpose.LIST, Purpose.QUERY, Purpose.NEXT_PAGE]


def test_what_is_still_there(contract: Contract) -> None:
    found, gone = retrieved(review()), retrieved({}, status=404)
    asked = retrieved({}, status=401, purpose=Purpose.NO_KEY)
    other = retrieved({}, status=404, id="rev_2")

    assert Evidence(contract, [asked]).is_still_there(asked)
    assert Evidence(contract, [gone, found, asked, other]).is_still_there(asked)
    assert not Evidence(contract, [found, gone, asked]).is_still_there(asked)


def next_page(after: str, *ids: str) -> Exchange:
    return exchange(
        "plans.list", page([{"id": id} for id in ids]), purpose=Purpose.NEXT_PAGE, query=(("after", after),)
    )


def test_steps_lead_from_the_latest_page_with_the_cursor(contract: Contract) -> None:
    first, again = (exchange("plans.list", page([{"id": "a"}])) for _ in range(2))
    second, third = next_page("c-a", "b"), next_page("c-b", "c")
    lost = next_page("c-x", "d")

    evidence = Evidence(contract, [first, again, second, third, lost])

    assert [[one.exchange for one in walked] for walked in evidence.traversals] == [[again, second, third]]
    assert [(one.index, other.index) for one, other in evidence.steps] == [(1, 2), (2, 3)]


def test_a_page_that_was_requested_twice_continues_with_the_first(contract: Contract) -> None:
    first, second, again = exchange("plans.list", page([{"id": "a"}])), next_page("c-a", "b"), next_page("c-a", "c")

    evidence = Evidence(contract, [first, second, again])

    assert [[one.index for one in walked] for walked in evidence.traversals] == [[0, 1]]
    assert len(evidence.steps) == 2


def test_the_scope_of_a_request_is_without_paging() -> None:
    one = exchange("plans.list", query=(("b", "1"), ("first", "2"), ("a", "1"), ("after", "x")))

    assert scope(one) == scope(exchange("plans.list", query=(("a", "1"), ("b", "1"), ("last", "2"), ("before", "y"))))
    assert scope(one) != scope(exchange("plans.list", query=(("a", "1"),)))
    assert scope(one) != scope(exchange("plans.list", query=one.query, path={"id": "x"}))


def test_what_is_explained_of_a_page_is_the_first_part_that_is_wrong(contract: Contract) -> None:
    def part(rows: list[Any], wrong: Any) -> tuple[Any, int]:
        (success,) = Evidence(contract, [exchange("plans.list", page(rows))]).responses["plans.list"]
        found, start = success.part_to_explain(lambda value: wrong not in value["data"])
        return found["data"], start

    size = MAX_EXPLAINED_ITEMS
    rows = [{"id": f"p{number}"} for number in range(2 * size + 1)]
    assert part(rows[:size], rows[0]) == (rows[:size], 0)
    assert part(rows, rows[0]) == (rows[:size], 0)
    assert part(rows, rows[size]) == (rows[size : 2 * size], size)
    assert part(rows, rows[-1]) == (rows[-1:], 2 * size)
    assert part(rows, "nowhere") == ([], 0)
