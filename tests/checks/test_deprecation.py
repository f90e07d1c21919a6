"""The checks of announced removals, of versions, and of paths that replace another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.checks.support import JSON_HEADER, exchange, found, retrieved, rules
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Severity, Source


@pytest.mark.parametrize(
    ("header", "value", "is_found"),
    [
        ("deprecation", "true", True),
        ("sunset", "Wed, 11 Nov 2026 23:59:59 GMT", True),
        ("warning", '299 - "Deprecated"', True),
        ("warning", '110 - "Stale"', False),
        ("link", '</v2>; rel="Successor-Version"', True),
        ("link", '</v2>; rel="next"', False),
        ("age", "1", False),
    ],
)
def test_an_announced_removal_is_found(contract: Contract, header: str, value: str, is_found: bool) -> None:
    announced = exchange("plans.list", {}, headers=(*JSON_HEADER, (header, value)))

    findings = found(contract, "deprecation", announced, exchange("plans.list", {}))

    assert rules(findings) == [("announced", f"header:{header}")] * is_found
    assert [(one.severity, one.drift_class, one.samples) for one in findings] == [
        (Severity.MEDIUM, "D21", 2)
    ] * is_found


@pytest.mark.parametrize(
    ("sunset", "severity"),
    [
        ("Thu, 31 Dec 2026 23:59:59 GMT", Severity.MEDIUM),
        ("Wed, 30 Dec 2026 00:00:00 GMT", Severity.HIGH),
        ("2026-12-24", Severity.HIGH),
        ("2026-11-01T00:00:00Z", Severity.HIGH),
        ("2027-06-01", Severity.MEDIUM),
        ("9999-99-99", Severity.MEDIUM),
        ("soon, maybe", Severity.MEDIUM),
        ("Mon, 01 Jan 0001 00:00:00 +2359", Severity.HIGH),
        ("", Severity.MEDIUM),
    ],
)
def test_a_removal_is_high_from_thirty_days_before_its_date(
    contract: Contract, sunset: str, severity: Severity
) -> None:
    now = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
    announced = replace(exchange("plans.list", {}, headers=(*JSON_HEADER, ("sunset", sunset))), started_at=now)

    (finding,) = found(contract, "deprecation", announced)

    assert (finding.severity, finding.class_slug, finding.drift_class) == (severity, "deprecation", "D21")
    assert rules([finding]) == [("near" if severity is Severity.HIGH else "announced", "header:sunset")]


def test_an_error_announces_nothing(contract: Contract) -> None:
    announced = exchange("plans.list", {}, status=404, headers=(*JSON_HEADER, ("deprecation", "true")))

    assert found(contract, "deprecation", announced) == []


def test_another_version_than_most_is_found(contract: Contract) -> None:
    usual = [exchange(id, {}, headers=(*JSON_HEADER, ("api-version-date", "1"))) for id in ("plans.list", "users.list")]
    other = exchange("products.list", {}, headers=(*JSON_HEADER, ("api-version-date", "2")))

    (finding,) = found(contract, "deprecation", *usual, other)

    assert rules([finding]) == [("other-version", "header:api-version-date")]
    assert (finding.operation, finding.source) == ("products.list", Source.LIVE_LIVE)
    assert finding.class_slug == "lifecycle-changed"
    assert found(contract, "deprecation", *usual) == []


def test_an_operation_with_two_versions_is_found(contract: Contract) -> None:
    versions = [exchange("plans.list", {}, headers=(("api-version-date", version),)) for version in ("1", "2")]
    usual = exchange("users.list", {}, headers=(("api-version-date", "1"),))

    assert [one.operation for one in found(contract, "deprecation", *versions, usual)] == ["plans.list"]


def test_an_alternate_path_that_works_is_info(contract: Contract) -> None:
    operation = "users.check_access"
    usual = exchange(operation, {}, purpose=Purpose.RETRIEVE, path={"id": "user_1", "resource_id": "prod_1"})

    (finding,) = found(contract, "alternate-path", retrieved({}, operation=operation, id="user_1"), usual)

    assert rules([finding]) == [("other-path", "status")]
    assert (finding.severity, finding.source, finding.drift_class) == (Severity.INFO, Source.DOCS_DOCS, "D24")
    assert (finding.expected, finding.observed) == ("/users/{id}/access/{resource_id}", "/users/{id}/check_access")
    assert (finding.violations, finding.samples) == (1, 2)
    assert found(contract, "alternate-path", usual, retrieved({}), retrieved({}, operation="plans.retrieve")) == []
    assert found(contract, "alternate-path", exchange("plans.list", {}, path={"more": "x"})) == []  # it has one path
