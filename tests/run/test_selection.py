"""Which operations `--only` and `--resource` select_operations."""

from __future__ import annotations

import pytest

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.run import select_operations
from whopwatch.run.observation import match_operations, other_versions


def test_without_names_everything_of_v1_is_selected(contract: Contract) -> None:
    assert select_operations(contract) == {one.id for one in contract.operations.values() if one.api == "v1"}


def test_operations_and_resources_add_up(contract: Contract) -> None:
    assert select_operations(contract, ["payments.list"], ["products"]) == {
        "payments.list",
        *(one.id for one in contract.operations.values() if one.api == "v1" and one.resource == "products"),
    }


def test_an_operation_alone_selects_nothing_of_its_resource(contract: Contract) -> None:
    assert select_operations(contract, ["products.list"]) == {"products.list"}


def test_v2_is_selected_by_its_name_or_by_operation_only(contract: Contract) -> None:
    of_v2 = {one.id for one in contract.operations.values() if one.api == "v2"}
    assert of_v2
    assert select_operations(contract, resources=["v2"]) == of_v2
    assert select_operations(contract, only=sorted(of_v2)) == of_v2
    assert not select_operations(contract, resources=["plans"]) & of_v2
    assert other_versions(contract) == {"v2"}


@pytest.mark.parametrize(
    ("only", "resources", "option", "hint"),
    [
        (["products.lst"], [], "option --only", "products.list"),
        ([], ["product"], "option --resource", "products"),
        ([], ["zzzz"], "option --resource", "whopwatch contract show"),
    ],
)
def test_an_unknown_name_is_refused_with_the_option_and_a_hint(
    contract: Contract, only: list[str], resources: list[str], option: str, hint: str
) -> None:
    with pytest.raises(UsageError) as raised:
        select_operations(contract, only, resources)
    assert raised.value.where == option
    assert hint in (raised.value.hint or "")


def test_the_option_is_called_as_the_caller_calls_it(contract: Contract) -> None:
    with pytest.raises(UsageError) as raised:
        select_operations(contract, resources=["nope"], prefix="--whop-")
    assert raised.value.where == "option --whop-resource"


def test_patterns_match_whole_ids(contract: Contract) -> None:
    every = set(contract.operations)
    assert match_operations(contract, ["*"], where="here") == every
    of_payments = match_operations(contract, ["payments.*"], where="here")
    assert of_payments == {id for id in every if id.startswith("payments.")}
    assert match_operations(contract, ["*.list", "payments.list"], where="here") == {
        id for id in every if id.endswith(".list")
    }
    assert match_operations(contract, [], where="here") == frozenset()


def test_a_pattern_that_matches_nothing_is_refused(contract: Contract) -> None:
    with pytest.raises(UsageError) as raised:
        match_operations(contract, ["products.list", "product.list"], where="option --exclude")
    assert raised.value.where == "option --exclude"
    assert "product.list" in raised.value.what
    assert "products.list" in (raised.value.hint or "")
