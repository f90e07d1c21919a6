"""Which operations `--only` and `--resource` select, and how many requests a budget by name gives them."""

from __future__ import annotations

import re
from math import ceil
from pathlib import Path

import pytest

from whopwatch.cli import main
from whopwatch.contract import Contract, load
from whopwatch.core.budgets import BUDGET_PROFILES
from whopwatch.core.errors import UsageError
from whopwatch.run import select_operations
from whopwatch.run.observation import match_operations, other_versions
from whopwatch.run.options import RunOptions


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


@pytest.mark.parametrize("name", ["2025-01-01", "newest"])
def test_a_profile_has_requests_for_each_selected_read(name: str) -> None:
    contract = load(name)
    reads = sum(contract.operations[id].is_read for id in RunOptions().selected(contract))
    for profile in ("quick", "deep"):
        assert RunOptions(budget=profile).request_limit(contract) == ceil(BUDGET_PROFILES[profile].per_read * reads)
    one = RunOptions(budget="quick", only=("payments.list",))
    assert one.request_limit(contract) == 2
    writing = RunOptions(budget="deep", writes=True)
    assert writing.request_limit(contract) > RunOptions(budget="deep").request_limit(contract)


@pytest.mark.parametrize("name", ["2025-01-01", "newest"])
def test_the_money_path_is_what_the_edition_calls_risky_unless_something_else_is_selected(name: str) -> None:
    contract = load(name)
    selected = RunOptions(budget="money").selected(contract)
    assert {contract.operations[id].resource for id in selected} <= set(contract.behaviour.risk)
    assert {"payments.list", "refunds.list", "disputes.list"} <= selected < RunOptions().selected(contract)
    assert RunOptions(budget="money", only=("users.retrieve",)).selected(contract) == {"users.retrieve"}


def test_the_requests_for_each_read_are_those_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs/howto/versions.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(quick|money|deep)` \| ([\d.]+) for each read", page, re.MULTILINE))
    assert documented == {name: f"{profile.per_read:g}" for name, profile in BUDGET_PROFILES.items()}


def test_numbers_and_the_default_stay() -> None:
    contract = load()
    assert RunOptions(budget=7).request_limit(contract) == 7
    assert RunOptions().request_limit(contract) == 600
    assert RunOptions(writes=True).request_limit(contract) == 1600


@pytest.mark.parametrize("value", ["fast", "0", "-1", "1.5", ""])
def test_another_budget_is_a_usage_error(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--budget", value]) == 2
    assert "quick, money, deep, default" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["quick", "default", "5"])
def test_a_run_takes_each_kind(value: str) -> None:
    assert main(["check", "--only", "products.list", "--budget", value, "--dry-run"]) == 0
