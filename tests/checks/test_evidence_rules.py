"""Checks that weigh what several answers say together: slowness, owners, one disagreement told once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from whopwatch.checks import Evidence
from whopwatch.checks.asked_for import asked_for
from whopwatch.checks.consequences import without_consequences
from whopwatch.checks.latency import latency
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Phases, Purpose
from whopwatch.core.finding import Finding, Severity

FAST, SLOW = 0.02, 0.9


def answered(
    operation: str, seconds: float = FAST, value: Any = None, query: tuple[tuple[str, str], ...] = ()
) -> Exchange:
    page = {"data": [], "page_info": {}} if value is None else value
    return Exchange(
        operation,
        Purpose.LIST,
        "GET",
        "http://127.0.0.1/",
        query=query,
        status=200,
        headers=(("content-type", "application/json"),),
        body=json.dumps(page).encode(),
        phases=replace(Phases(), total=seconds),
    )


def timed(contract: Contract, times: Sequence[float], others: float = FAST) -> list[Finding]:
    """What is said of one operation that answered in `times`, beside 20 that took `others`."""
    rest = [operation.id for operation in contract.lists if operation.id != "plans.list"][:20]
    exchanges = [answered(id, others) for id in rest] + [answered("plans.list", seconds) for seconds in times]
    return list(latency(contract, Evidence(contract, exchanges)))


def test_an_operation_that_is_slow_each_time_beside_others_that_are_not_is_told(contract: Contract) -> None:
    (finding,) = timed(contract, [SLOW, SLOW * 2, SLOW])

    assert (finding.drift_class, finding.operation, finding.severity) == ("D22", "plans.list", Severity.INFO)


@pytest.mark.parametrize(
    ("times", "others"),
    [
        ([SLOW, SLOW, FAST], FAST),  # one answer in time: the machine was busy
        ([SLOW, SLOW], FAST),  # too few
        ([SLOW, SLOW, SLOW], SLOW / 2),  # everything is slow
        ([0.4, 0.4, 0.4], 0.001),  # much slower than the others, and still fast
    ],
)
def test_what_may_be_the_machine_is_not_told(contract: Contract, times: list[float], others: float) -> None:
    assert timed(contract, times, others) == []


@pytest.mark.parametrize(("owner", "strangers"), [("biz_mine", 0), ("biz_other", 1)])
def test_an_item_of_another_owner_is_told(contract: Contract, owner: str, strangers: int) -> None:
    page = {"data": [{"id": "plan_1", "company": {"id": owner}}, {"id": "plan_2", "company": None}], "page_info": {}}
    evidence = Evidence(contract, [answered("plans.list", value=page, query=(("company_id", "biz_mine"),))])

    found = list(asked_for(contract, evidence))

    assert [(finding.location, finding.violations) for finding in found] == [("param:company_id", 1)] * strangers


def found_at(check: str, operation: str, location: str, drift_class: str = "D20") -> Finding:
    return Finding(drift_class, check, Severity.HIGH, operation, location, "", "", "")


@pytest.mark.parametrize(
    ("cause", "other", "kept"),
    [
        (("schema", "plans.list", "/data/*/title"), ("twins", "plans.retrieve", "/title"), False),
        (("schema", "plans.list", "/data/*/company"), ("twins", "plans.retrieve", "/company/id"), False),
        (("fields", "plans.list", "/data/*/id"), ("refused", "plans.retrieve", "status"), False),
        (("schema", "plans.list", "/data/*/title"), ("twins", "plans.retrieve", "/titles"), True),
        (("schema", "products.list", "/data/*/title"), ("twins", "plans.retrieve", "/title"), True),
        (("schema", "plans.list", "/data/*/title"), ("refused", "plans.retrieve", "status"), True),
    ],
)
def test_what_follows_from_a_broken_list_is_not_told_again(
    contract: Contract, cause: tuple[str, str, str], other: tuple[str, str, str], kept: bool
) -> None:
    findings = [found_at(*cause, drift_class="D7"), found_at(*other)]

    assert (findings[1] in list(without_consequences(contract, findings))) is kept
