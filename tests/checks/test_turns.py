"""Which checks apply to an operation, and which had a request to judge."""

from __future__ import annotations

import pytest

from whopwatch.checks.registry import CHECKS, checks_with_turns
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose

ALWAYS = {"wire", "latency", "status", "refused", "content", "schema", "fields", "envelope", "removal", "deprecation"}


def sent(id: str, *purposes: Purpose, query: tuple[tuple[str, str], ...] = ()) -> list[Exchange]:
    return [Exchange(id, purpose, "GET", "https://x.example", query=query, status=200) for purpose in purposes]


def turns(contract: Contract, id: str, *purposes: Purpose, writes: bool = False) -> tuple[set[str], set[str]]:
    found = checks_with_turns(contract, contract.operation(id), sent(id, *purposes), writes=writes)
    return set(found.done), set(found.open)


def test_without_a_request_no_check_had_a_turn(contract: Contract) -> None:
    done, open = turns(contract, "products.list")
    assert done == set()
    assert open > ALWAYS


def test_one_page_gives_a_turn_to_the_checks_that_need_no_other_request(contract: Contract) -> None:
    done, open = turns(contract, "products.list", Purpose.LIST)
    assert done > ALWAYS
    assert {"page-sizes", "default-order"} < done
    assert open == {"authentication", "refusals", "paging", "walking", "queries"}


@pytest.mark.parametrize(
    ("purpose", "check"),
    [
        (Purpose.NO_KEY, "authentication"),
        (Purpose.INVALID_CURSOR, "refusals"),
        (Purpose.PREVIOUS_PAGE, "paging"),
        (Purpose.NEXT_PAGE, "walking"),
        (Purpose.QUERY, "queries"),
    ],
)
def test_a_request_gives_its_check_a_turn(contract: Contract, purpose: Purpose, check: str) -> None:
    assert check in turns(contract, "products.list", Purpose.LIST)[1]
    assert check in turns(contract, "products.list", Purpose.LIST, purpose)[0]


def test_an_object_has_no_checks_of_lists(contract: Contract) -> None:
    done, open = turns(contract, "products.retrieve", Purpose.RETRIEVE)
    assert "twins" in done
    assert not {"paging", "walking", "queries", "page-sizes", "default-order", "moving"} & (done | open)


def test_a_write_has_the_checks_of_writes_alone(contract: Contract) -> None:
    done, open = turns(contract, "products.create", Purpose.WRITE, writes=True)
    assert {"read-back", "side-effects"} < done
    assert {"write-refusals", "untouched"} == open
    assert turns(contract, "products.create", Purpose.WRITE, Purpose.INVALID_BODY, writes=True)[1] == set()


def test_paging_beside_writes_applies_to_runs_that_write(contract: Contract) -> None:
    assert "moving" not in set().union(*turns(contract, "products.list", Purpose.LIST))
    assert "moving" in turns(contract, "products.list", Purpose.LIST, writes=True)[1]
    assert "moving" in turns(contract, "products.list", Purpose.MOVING_PAGE, writes=True)[0]


def test_expansion_needs_a_request_that_expands(contract: Contract) -> None:
    operation = contract.operation("v2.plans.retrieve")
    plain = sent(operation.id, Purpose.RETRIEVE)
    assert "expansion" in checks_with_turns(contract, operation, plain, writes=False).open
    expanded = sent(operation.id, Purpose.RETRIEVE, query=(("expand[]", "product"),))
    assert "expansion" in checks_with_turns(contract, operation, expanded, writes=False).done


def test_every_check_applies_to_some_operation(contract: Contract) -> None:
    found = {
        id
        for operation in contract.operations.values()
        for turns in [checks_with_turns(contract, operation, (), writes=True)]
        for id in (*turns.done, *turns.open)
    }
    assert found == {check.id for check in CHECKS}
