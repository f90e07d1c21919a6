"""Budgets by name: how many requests follow from the contract, and what is selected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from whopwatch.cli import main
from whopwatch.contract import load
from whopwatch.core.budgets import BUDGET_PROFILES
from whopwatch.run.options import RunOptions


@pytest.mark.parametrize("name", ["2025-01-01", "newest"])
def test_a_profile_has_requests_for_each_selected_read(name: str) -> None:
    contract = load(name)
    reads = sum(contract.operations[id].is_read for id in RunOptions().selected(contract))
    for profile in ("quick", "deep"):
        assert RunOptions(budget=profile).request_limit(contract) == BUDGET_PROFILES[profile].per_read * reads
    one = RunOptions(budget="quick", only=("payments.list",))
    assert one.request_limit(contract) == BUDGET_PROFILES["quick"].per_read
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
    documented = dict(re.findall(r"^\| `(quick|money|deep)` \| (\d+) for each read", page, re.MULTILINE))
    assert documented == {name: str(profile.per_read) for name, profile in BUDGET_PROFILES.items()}


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
