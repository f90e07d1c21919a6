"""The check of deprecated properties: several objects show whether one was removed."""

from __future__ import annotations

from typing import Any

from tests.checks.support import found, retrieved, rules
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Severity

PLANS = "v2.plans.retrieve"


def plan(number: int, **properties: Any) -> Exchange:
    return retrieved({"id": f"plan_{number}", **properties}, operation=PLANS)


def test_a_property_that_no_object_has_is_found(contract: Contract) -> None:
    findings = found(contract, "removal", *(plan(number, card_payments=1) for number in range(5)))

    assert rules(findings) == [("deprecated-property", "/access_pass")]
    assert (findings[0].severity, findings[0].drift_class) == (Severity.MEDIUM, "D6")
    assert (findings[0].violations, findings[0].samples) == (5, 5)
    assert findings[0].observed == "absent from all of 5 objects"


def test_one_object_with_it_is_enough(contract: Contract) -> None:
    others = [plan(number, card_payments=1) for number in range(5)]

    assert found(contract, "removal", *others, plan(5, access_pass=None)) == []
    assert found(contract, "removal", *others, plan(0, access_pass=1)) == []  # the same object, at another time


def test_four_objects_are_too_few(contract: Contract) -> None:
    assert found(contract, "removal", *(plan(number) for number in range(4)), plan(0)) == []


def test_operations_without_deprecated_properties_are_passed_over(contract: Contract) -> None:
    assert found(contract, "removal", *(retrieved({"id": f"rev_{number}"}) for number in range(5))) == []
