"""Bounds, and values that no API should return: no check fails, and none takes long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.checks.support import exchange, page, retrieved, review
from tests.run.fake_api import FakeApi
from whopwatch.checks import Evidence, FailedCheck, FindingCollector, run_checks
from whopwatch.checks.collector import (
    MAX_LOCATIONS,
    MAX_SAMPLES,
    MAX_VIOLATIONS,
    MORE_LOCATIONS,
    SampleCounter,
    findings_of,
)
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Rule, Severity
from whopwatch.core.report import Verdict
from whopwatch.run import check

RULE = Rule("one/rule", "D1", Severity.HIGH, "a", "b", "c")
SECONDS = 20
"""Generous for a busy machine: without the bounds it took minutes."""


def test_samples_are_counted_beyond_what_is_kept() -> None:
    counter = SampleCounter(range(MAX_SAMPLES + 5))
    counter.add(3)
    counter.add(MAX_SAMPLES + 4)

    assert len(counter) == MAX_SAMPLES + 5
    counter.update(SampleCounter([1, 2]))
    assert len(counter) == MAX_SAMPLES + 5
    other = SampleCounter([-1])
    other.update(counter)
    assert len(other) >= MAX_SAMPLES + 5


def test_further_locations_share_one_finding() -> None:
    collector = FindingCollector()
    for number in range(MAX_LOCATIONS + 7):
        collector.report(RULE, "plans.list", f"/{number}", sample=number, samples=9)
    collector.report(RULE, "users.list", "/0", sample=0, samples=9)

    findings = list(findings_of(collector.violations))

    assert len(findings) == MAX_LOCATIONS + 2
    (more,) = [one for one in findings if one.location == MORE_LOCATIONS]
    assert (more.violations, more.rule) == (7, "one/rule")
    assert "more locations break the rule one/rule" in more.message


def test_all_findings_together_are_bounded() -> None:
    collector = FindingCollector()
    for number in range(MAX_VIOLATIONS + 50):
        collector.report(RULE, f"operation{number % 60}", f"/{number}", sample=number, samples=9)

    assert len(collector.violations) <= MAX_VIOLATIONS + 60


@pytest.mark.parametrize("item", [{"id": "plan_1"}, {"name": 1}, 7], ids=["missing fields", "many names", "no object"])
def test_a_page_of_100_000_items_is_judged_within_a_bound(contract: Contract, item: Any) -> None:
    items = [{f"{name}{number}": value for name, value in item.items()} if isinstance(item, dict) else item
             for number in range(100_000)]  # fmt: skip
    made = exchange("plans.list", page(items, start="c", end="d"), query=(("company_id", "biz_1"), ("first", "10")))

    start = time.process_time()
    findings = run_checks(contract, Evidence(contract, [made]), CHECKS)

    assert time.process_time() - start < SECONDS
    assert findings
    assert len(findings) < 500


def test_the_first_wrong_part_of_a_large_page_is_explained(contract: Contract) -> None:
    items = [review(number) for number in range(2_500)]
    items[2_100] = review(2_100, stars="x", more=1)

    checks = [check for check in CHECKS if check.id in ("schema", "fields")]
    findings = run_checks(contract, Evidence(contract, [exchange("reviews.list", page(items))]), checks)

    assert {"/data/*/stars"} <= {one.location for one in findings if one.check == "schema"}
    assert [(one.violations, one.samples) for one in findings if one.check == "schema"] == [(1, 2_500)]


HOSTILE = [
    10**400,
    -(10**400),
    1e308,
    "99999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999Z",
    "0000-00-00",
    "\u0000\u202e",
    "biz_" + "9" * 2_000,
    [],
    {},
    [[[[]]]],
    {"id": {"id": []}},
    True,
    None,
]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_no_check_fails_on_a_hostile_value(contract: Contract, value: Any) -> None:
    item = dict.fromkeys(review(), value) | {"company": {"id": value}, "created_at": value}
    cursor = value if isinstance(value, str) else "c"
    pages = page([item, item], start=value, end=value, has_next=value, has_previous=value)
    query = (("product_id", "prod_1"), ("company_id", "biz_1"))
    made: list[Exchange] = []
    for purpose in Purpose:
        for operation in ("reviews.list", "plans.list", "payments.list"):
            made.append(exchange(operation, pages, purpose=purpose, query=(*query, ("after", cursor[:200]))))
            made.append(exchange(operation, pages, purpose=purpose, query=query))
        made.append(
            retrieved(item, purpose=purpose, headers=(("date", str(value)[:200]), ("content-type", "x;charset=")))
        )
        for method, operation in (
            ("POST", "products.create"),
            ("PATCH", "products.update"),
            ("DELETE", "products.delete"),
        ):
            made.append(exchange(operation, item, purpose=purpose, sent=item, path={"id": "prod_1"}, method=method))
            error = {"error": {"type": value, "message": value, "param": value, "code": "parameter_missing"}}
            made.append(exchange(operation, error, status=400, purpose=purpose, sent=value, method=method))

    run_checks(contract, Evidence(contract, made), CHECKS)


def test_no_check_fails_on_an_id_of_two_megabytes(contract: Contract) -> None:
    item = review(1) | {"id": "rev_" + "x" * 2_000_000}
    made = [exchange("reviews.list", page([item], start="c", end="d")), retrieved(item, id=item["id"])]

    assert not [one for one in run_checks(contract, Evidence(contract, [*made, made[0]]), CHECKS) if one.breaks]


def test_a_check_that_fails_is_an_incident_and_the_others_are_reported(contract: Contract) -> None:
    class Broken:
        id = "broken"

        @staticmethod
        def function(_: Contract, __: Evidence, findings: FindingCollector) -> None:
            findings.report(RULE, "plans.list", "/x", sample=1, samples=1)
            raise OverflowError

    evidence = Evidence(contract, [exchange("plans.list", status=500)])
    status = next(check for check in CHECKS if check.id == "status")
    failed: list[FailedCheck] = []

    findings = run_checks(contract, evidence, [Broken(), status], failed)

    assert failed == [FailedCheck("broken", "OverflowError")]
    assert {one.check for one in findings} == {"one", "status"}
    with pytest.raises(OverflowError):
        run_checks(contract, evidence, [Broken()])


def test_a_run_with_a_failed_check_is_not_green(contract: Contract, make_check_fail: Callable[[str], None]) -> None:
    make_check_fail("schema")
    api = FakeApi(contract)

    report = check(contract, api.target(), resources=["reviews"], transport=api.transport)

    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert report.to_json()["incidents"] == [{"place": "check schema", "error": "OverflowError"}]
    assert "schema (OverflowError)" in (report.reason or "")
