"""The check of owners: each item belongs to what the request names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import exchange, found, page
from whopwatch.contract import Contract
from whopwatch.core.finding import Severity

MINE = (("company_id", "biz_mine"),)


@pytest.mark.parametrize(
    ("company", "violations"),
    [({"id": "biz_mine"}, 0), ({"id": "biz_other"}, 1), (None, 0), ({}, 0), ({"id": 7}, 0)],
)
def test_an_item_of_another_owner_is_found(contract: Contract, company: Any, violations: int) -> None:
    items = [{"id": "plan_1", "company": company}, {"id": "plan_2", "company": {"id": "biz_mine"}}, {"id": "plan_3"}]

    findings = found(contract, "asked-for", exchange("plans.list", page(items), query=MINE))

    assert [(one.location, one.violations, one.samples) for one in findings] == [
        ("param:company_id", violations, 3)
    ] * bool(violations)


def test_each_item_counts(contract: Contract) -> None:
    items = [{"id": f"plan_{number}", "company": {"id": "biz_other"}} for number in range(3)]

    (finding,) = found(contract, "asked-for", exchange("plans.list", page(items), query=MINE))

    assert (finding.violations, finding.severity, finding.drift_class) == (3, Severity.CRITICAL, "D20")
    assert finding.message == "plans.list: an item belongs to another company_id than requested (3 of 3 items)."


def test_the_id_may_be_a_field_of_the_item(contract: Contract) -> None:
    items = [{"id": "plan_1", "company_id": "biz_other"}, "no object"]

    assert found(contract, "asked-for", exchange("plans.list", {"data": items}, query=MINE))
    assert not found(contract, "asked-for", exchange("plans.list", {"data": items}))
