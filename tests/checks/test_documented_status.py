"""The check of statuses: documented ones, server errors, redirects, operations that are gone, early rate limits."""

from __future__ import annotations

import pytest

from tests.checks.support import exchange, found
from whopwatch.checks.responses import announced_rate, spent_by_others
from whopwatch.contract import Contract
from whopwatch.core.exchange import Credential, Purpose
from whopwatch.core.finding import Severity

STATUSES = [
    (500, "server-error", "D14", Severity.HIGH),
    (599, "server-error", "D14", Severity.HIGH),
    (203, "undocumented-success", "D14", Severity.MEDIUM),
    (299, "undocumented-success", "D14", Severity.MEDIUM),
    (300, "redirect", "D22", Severity.MEDIUM),
    (399, "redirect", "D22", Severity.MEDIUM),
    (405, "operation-gone", "D1", Severity.CRITICAL),
    (410, "operation-gone", "D1", Severity.CRITICAL),
    (501, "operation-gone", "D1", Severity.CRITICAL),
    (418, "undocumented-error", "D15", Severity.HIGH),
]


@pytest.mark.parametrize(("status", "rule", "drift_class", "severity"), STATUSES)
def test_a_status_that_is_not_documented_is_found(
    contract: Contract, status: int, rule: str, drift_class: str, severity: Severity
) -> None:
    (finding,) = found(contract, "status", exchange("plans.list", status=status), exchange("plans.list"))

    assert (finding.rule, finding.drift_class, finding.severity) == (f"status/{rule}", drift_class, severity)
    assert (finding.location, finding.observed, finding.samples) == ("status", str(status), 2)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422])
def test_a_documented_status_is_not_found(contract: Contract, status: int) -> None:
    assert found(contract, "status", exchange("plans.list", status=status)) == []


@pytest.mark.parametrize(
    ("purpose", "credential", "status", "rule"),
    [
        (Purpose.INVALID_SIZE, "key", 500, "server-error-on-invalid"),
        (Purpose.INVALID_BODY, "key", 502, "server-error-on-invalid"),
        (Purpose.NO_KEY, "none", 500, "server-error-on-invalid"),
        (Purpose.NO_KEY, "none", 418, None),
        (Purpose.INVALID_SIZE, "key", 203, None),  # the check of invalid requests reports it
        (Purpose.INVALID_BODY, "key", 203, "undocumented-success"),
        (Purpose.INVALID_SIZE, "key", 418, "undocumented-error"),
        (Purpose.QUERY, "key", 500, "server-error"),
    ],
)
def test_invalid_requests_are_judged_by_themselves(
    contract: Contract, purpose: Purpose, credential: Credential, status: int, rule: str | None
) -> None:
    made = exchange("plans.list", status=status, purpose=purpose, credential=credential)

    assert [one.rule for one in found(contract, "status", made)] == ([f"status/{rule}"] if rule else [])


@pytest.mark.parametrize(("requests", "findings"), [(599, 1), (600, 0)])
def test_a_429_below_the_documented_limit_is_found(contract: Contract, requests: int, findings: int) -> None:
    limited = exchange("plans.list", status=429)

    result = found(contract, "status", *[exchange("plans.list")] * (requests - 1), limited)

    assert [(one.rule, one.drift_class) for one in result] == [("status/rate-limited-early", "D22")] * findings


@pytest.mark.parametrize(
    ("headers", "findings"),
    [
        ([("limit", "600"), ("remaining", "1")], 0),  # others spent 598 before
        ([("limit", "600"), ("remaining", "599")], 1),
        ([("remaining", "599")], 1),
        ([], 1),
    ],
)
def test_a_429_counts_what_others_spent_of_the_key(
    contract: Contract, headers: list[tuple[str, str]], findings: int
) -> None:
    first = exchange("plans.list", headers=tuple((f"x-ratelimit-{name}", value) for name, value in headers))
    limited = exchange("plans.list", status=429)

    assert len(found(contract, "status", first, limited)) == findings


def test_what_others_spend_is_each_fall_of_the_header_by_more_than_one_request() -> None:
    left = (599, 598, 590, 589, 600, 599)
    made = [exchange("plans.list", headers=(("ratelimit-remaining", str(count)),)) for count in left]

    assert spent_by_others(made) == 7


def test_a_request_without_a_response_has_no_status(contract: Contract) -> None:
    assert found(contract, "status", exchange("plans.list", status=None)) == []


@pytest.mark.parametrize(
    ("policy", "rate"),
    [
        ("600;w=60", 600),
        ("60;w=60", 60),
        ("20;w=1", 1200),
        ('"default";q=100;w=60', 100),
        ('"burst";q=100;w=1, "day";q=144000;w=86400;pk=:eA==:', 100),
        (" 600 ; w=60 , 30;w=60;burst=10", 30),
        ("60;w=0", None),
        ("60", None),
        ("w=60", None),
        ("x" * 300 + ", 1;w=60", None),
        (None, None),
    ],
)
def test_a_rate_limit_policy_below_the_documented_limit_is_found(
    contract: Contract, policy: str | None, rate: float | None
) -> None:
    made = exchange("plans.list", headers=(("ratelimit-policy", policy),) if policy else ())
    findings = found(contract, "status", made, exchange("plans.list", credential="none", headers=made.headers))

    assert announced_rate(made) == rate
    assert [(one.rule, one.location, one.expected, one.observed, one.samples) for one in findings] == (
        [
            (
                "status/rate-limit-lowered",
                "header:ratelimit-policy",
                "600 requests a minute",
                f"{rate:g} requests a minute",
                1,
            )
        ]
        if rate and rate < 600
        else []
    )
