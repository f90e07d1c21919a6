"""The check of schemas: each kind of violation, at its place, counted by item."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.checks.support import exchange, found, page, retrieved, review
from whopwatch.checks.schema import FRACTION, VIOLATION_RULES, rule_in
from whopwatch.contract import Contract
from whopwatch.contract.schema import Violation
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.finding import Confidence, Severity

CASES = [
    ({"title": 3}, "type", "D7", Severity.CRITICAL, "/title"),
    ({"stars": None}, "null", "D9", Severity.HIGH, "/stars"),
    ({"stars": 4.5}, "fraction", "D8", Severity.HIGH, "/stars"),
    ({"stars": "4"}, "type", "D7", Severity.CRITICAL, "/stars"),
    ({"status": "new"}, "enum-value", "D10", Severity.MEDIUM, "/status"),
    ({"created_at": "yesterday"}, "format", "D12", Severity.HIGH, "/created_at"),
    ({"user": {"id": "user_1", "name": None}}, "required-field-missing", "D5", Severity.CRITICAL, "/user/username"),
]


@pytest.mark.parametrize(("changes", "rule", "drift_class", "severity", "place"), CASES)
def test_a_violation_is_found_in_an_object_and_in_an_item(
    contract: Contract, changes: dict[str, Any], rule: str, drift_class: str, severity: Severity, place: str
) -> None:
    (in_object,) = found(contract, "schema", retrieved(review(**changes)))
    items = [review(1), review(2, **changes), review(3, **changes)]
    (in_item,) = found(contract, "schema", exchange("reviews.list", page(items)))

    assert (in_object.rule, in_object.drift_class, in_object.severity) == (f"schema/{rule}", drift_class, severity)
    assert (in_object.location, in_object.samples, in_object.violations) == (place, 1, 1)
    assert in_object.confidence is Confidence.SUSPECTED
    assert (in_item.location, in_item.samples, in_item.violations) == (f"/data/*{place}", 3, 2)
    assert in_item.confidence is Confidence.CONFIRMED
    assert in_item.message.endswith("(2 of 3 items).")


def test_a_violation_outside_the_items_counts_responses(contract: Contract) -> None:
    broken = {**page([review()]), "page_info": {}}

    findings = found(contract, "schema", exchange("reviews.list", broken), exchange("reviews.list", page([review()])))

    assert {(one.location, one.samples, one.violations) for one in findings} == {
        (f"/page_info/{name}", 2, 1) for name in ("end_cursor", "start_cursor", "has_next_page", "has_previous_page")
    }
    assert all(one.message.endswith("(1 of 2 responses).") for one in findings)


def test_a_body_of_another_type_is_found_as_the_body(contract: Contract) -> None:
    (finding,) = found(contract, "schema", retrieved([]))

    assert (finding.location, finding.rule, finding.observed) == ("", "schema/type", "array")
    assert finding.message == "reviews.retrieve: the body has type array instead of object (1 of 1 response)."


def test_a_violation_says_where_and_what(contract: Contract) -> None:
    (finding,) = found(contract, "schema", retrieved(review(stars="4")))

    assert finding.message == "reviews.retrieve: /stars has type string instead of integer (1 of 1 response)."
    assert (finding.expected, finding.observed) == ("integer", "string")


def test_what_keeps_its_schema_is_not_found(contract: Contract) -> None:
    assert found(contract, "schema", retrieved(review()), exchange("reviews.list", page([review()]))) == []
    assert found(contract, "schema", retrieved(review(undocumented=1))) == []


def test_every_kind_of_violation_has_a_rule(contract: Contract) -> None:
    rule_of = partial(rule_in, schemas_of(contract).of(contract.operation("reviews.retrieve")), {"id": 1})
    for kind, rule in VIOLATION_RULES.items():
        assert rule_of(Violation(("id",), kind, "integer", "string")) is rule
    assert (VIOLATION_RULES["const"].id, VIOLATION_RULES["union"].id) == ("schema/constant", "schema/variant")
    assert (VIOLATION_RULES["other"].id, VIOLATION_RULES["other"].drift_class) == ("schema/bound", "D11")
    assert rule_of(Violation(("id",), "type", "integer", "number")) is FRACTION
    assert rule_of(Violation(("id",), "const", "integer", "number")) is VIOLATION_RULES["const"]
