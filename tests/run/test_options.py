"""The options of a run: what they select, how many requests they allow, and which contract they need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.run.fake_api import FakeApi
from whopwatch.config.contract_choice import ContractChoice
from whopwatch.contract import Contract, load
from whopwatch.core.errors import UsageError
from whopwatch.run import observe
from whopwatch.run.options import (
    ObservedRun,
    RunOptions,
    bundled_contracts,
    observe_matching,
    observe_version,
    with_selection,
)


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({}, 600),
        ({"writes": True}, 1600),
        ({"thorough": True}, 8000),
        ({"thorough": True, "writes": True}, 8000),
        ({"budget": 7, "thorough": True}, 7),
        ({"budget": "quick", "only": ("products.list", "products.create")}, 2),
        ({"budget": "quick", "only": ("products.list", "products.create"), "writes": True}, 2 + 12),
        ({"budget": "quick", "only": ("products.create",)}, 1),
        ({"budget": "deep", "only": ("products.list", "plans.list")}, 80),
        ({"budget": "money", "resources": ("products",)}, 2 * 16),
        ({"budget": "default"}, 600),
    ],
)
def test_the_requests_of_a_run(contract: Contract, options: dict[str, Any], limit: int) -> None:
    assert RunOptions(**options).request_limit(contract) == limit


@pytest.mark.parametrize(
    ("options", "selected"),
    [
        ({"only": ("products.list",)}, {"products.list"}),
        ({"patterns": ("products.*e",), "exclude": ("*.create", "*.delete")}, {"products.retrieve", "products.update"}),
        ({"resources": ("products",), "exclude": ("products.[cdu]*",)}, {"products.list", "products.retrieve"}),
        ({"only": ("plans.list",), "patterns": ("products.list",)}, {"plans.list", "products.list"}),
        ({"budget": "money", "patterns": ("leads.list",)}, {"leads.list"}),
        ({"budget": "money", "only": ("leads.list",)}, {"leads.list"}),
        ({"budget": "money", "resources": ("refunds",)}, {"refunds.list", "refunds.retrieve"}),
    ],
)
def test_the_operations_of_a_run(contract: Contract, options: dict[str, Any], selected: set[str]) -> None:
    assert RunOptions(**options).selected(contract) == selected


def test_the_profile_money_selects_the_resources_at_risk(contract: Contract) -> None:
    selected = RunOptions(budget="money").selected(contract)
    resources = {contract.operations[id].resource for id in selected}
    assert resources == set(contract.behaviour.risk) & set(contract.resources)
    assert len(selected) < len(RunOptions(budget="deep").selected(contract))


def test_a_run_asks_for_nothing_unless_it_is_told_to() -> None:
    options = RunOptions()
    assert (options.seed, options.writes, options.allow_unchecked, options.thorough) == (0, False, False, False)


def test_a_contract_that_knows_the_names_is_chosen(contract: Contract) -> None:
    newest = load("newest")
    any_contract = ContractChoice(contract, is_auto=True)
    assert with_selection(any_contract, RunOptions(only=("products.list",))).contract is contract
    assert with_selection(any_contract, RunOptions(only=("api_logs.list",))).contract is newest
    with pytest.raises(UsageError, match="nowhere"):
        with_selection(any_contract, RunOptions(only=("nowhere.list",)))
    with pytest.raises(UsageError, match="api_logs"):
        with_selection(replace(any_contract, is_auto=False), RunOptions(only=("api_logs.list",)))
    with pytest.raises(UsageError, match="write operation"):
        with_selection(any_contract, RunOptions(only=("products.create",)))
    assert with_selection(any_contract, RunOptions(only=("products.create",), writes=True)).contract is contract


def test_the_bundled_contracts_are_the_oldest_first() -> None:
    assert [contract.version for contract in bundled_contracts()] == ["2025-01-01", "2026-10-15-1"]


def test_the_version_that_answers_is_observed_with_few_requests_and_no_header(contract: Contract) -> None:
    newest = load("newest")
    api = FakeApi(newest)
    target = api.target(api_version_date="2025-01-01", writable=True, known_ids={})
    seen = observe_version(newest, target, api.transport)
    assert seen.sent == sum(api.requests.values()) == 6
    assert seen.api_version is not None
    assert (seen.api_version.requested, seen.api_version.matches) == (None, True)


@pytest.mark.parametrize(("auto", "used"), [(True, "2026-10-15-1"), (False, "2025-01-01")])
def test_a_run_starts_again_with_the_version_that_answers_only_if_it_may_choose(
    contract: Contract, auto: bool, used: str
) -> None:
    api, announced = FakeApi(load("newest")), list[str | None]()
    found, seen = observe_matching(
        contract,
        api.target(known_ids={}),
        auto=auto,
        select=lambda known: ["products.list", "plans.list"],
        budget=60,
        announce=lambda known, _: announced.append(known.version),
        transport=api.transport,
    )
    assert found.version == used
    assert announced == ([used] if auto else [])
    assert seen.api_version is not None
    assert seen.api_version.matches is auto
    assert seen.sent == sum(api.requests.values()) <= 60


def test_the_findings_of_a_run_have_the_values_that_show_them(contract: Contract) -> None:
    def fault(operation: Any, request: Any, answer: Any) -> Any:
        if operation.id == "products.retrieve" and answer[0] == 200:
            answer[1]["visibility"] = "paused"
        return answer

    api = FakeApi(contract, fault=fault)
    target = api.target(name="simulator")
    seen = observe(contract, target, selected={"products.retrieve"}, budget=20, transport=api.transport)
    run = ObservedRun(contract, target, seen)
    report = run.report()
    enum = next(one for one in report.findings if one.location == "/visibility")
    assert run.values()[enum.fingerprint] == ('"paused"',)
    assert report.target == "simulator"
