"""The check of `expand[]`: an id, or the object itself if the request expands it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import exchange, found
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity

EXPANDING = (("expand[]", "product"),)


def plan(product: Any, expanding: bool = False, **more: Any) -> Exchange:
    return exchange(
        "v2.plans.retrieve",
        {"id": "plan_1", "product": product},
        purpose=Purpose.RETRIEVE,
        path={"id": more.pop("id", "plan_1")},
        query=EXPANDING if expanding else (),
        **more,
    )


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (plan("prod_1"), None),
        (plan({"id": "prod_1"}), "expanded-unrequested"),
        (plan({"id": "prod_1"}, expanding=True), None),
        (plan("prod_1", expanding=True), "not-expanded"),
        (plan(None), None),
        (plan(7, expanding=True), None),
    ],
)
def test_the_type_follows_the_request(contract: Contract, made: Exchange, rule: str | None) -> None:
    findings = found(contract, "expansion", made, plan("prod_1"))

    assert [(one.rule, one.location, one.severity, one.drift_class, one.samples) for one in findings] == (
        [(f"expansion/{rule}", "param:expand[]", Severity.HIGH, "D20", 2)] if rule else []
    )


def test_a_rejected_expansion_is_found(contract: Contract) -> None:
    (finding,) = found(contract, "expansion", plan("prod_1"), plan(None, expanding=True, status=400))

    assert (finding.rule, finding.drift_class, finding.observed) == ("expansion/rejected", "D14", "400")


@pytest.mark.parametrize(
    "exchanges",
    [
        (plan(None, expanding=True, status=422),),  # not accepted without it either
        (plan("prod_1", id="plan_2"), plan(None, expanding=True, status=400)),
        (plan("prod_1"), plan(None, expanding=True, status=404)),
        (plan("prod_1"), plan(None, expanding=True, status=400, credential="none")),
        (plan({"id": "x"}, expanding=True), plan(None, expanding=True, status=400)),
    ],
)
def test_a_rejection_for_another_reason_is_not_found(contract: Contract, exchanges: tuple[Exchange, ...]) -> None:
    assert found(contract, "expansion", *exchanges) == []


def test_operations_without_expand_are_passed_over(contract: Contract) -> None:
    assert found(contract, "expansion", exchange("plans.retrieve", {"product": {}}, purpose=Purpose.RETRIEVE)) == []
