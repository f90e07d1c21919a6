"""The check of invalid requests: rejected with the declared status, at the parameter that is invalid."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import exchange, found, page, rules
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity

OWN = (("company_id", "biz_1"),)
SIZE = (*OWN, ("first", "-1"))


def made(purpose: Purpose, status: int = 200, query: tuple[tuple[str, str], ...] = OWN, **more: Any) -> Exchange:
    operation, value = more.pop("operation", "plans.list"), more.pop("value", page([{"id": "a"}]))
    return exchange(operation, value, status=status, purpose=purpose, query=query, **more)


def error(param: str | None) -> Any:
    return {"error": {"type": "invalid_request_error", "message": "no", "param": param}}


ACCEPTED = [
    (made(Purpose.INVALID_SIZE, query=SIZE), "invalid-size-accepted", "param:first", "D20", Severity.HIGH),
    (
        made(Purpose.INVALID_SIZE, query=(*OWN, ("first", "1"), ("last", "1"))),
        "both-sizes-accepted",
        "param:first",
        "D20",
        Severity.HIGH,
    ),
    (
        made(Purpose.INVALID_CURSOR, query=(*OWN, ("after", "x"))),
        "invalid-cursor-accepted",
        "param:after",
        "D20",
        Severity.HIGH,
    ),
    (
        made(Purpose.INVALID_VALUE, query=(*OWN, ("first", "1"), ("order", "x"))),
        "invalid-value-accepted",
        "param:order",
        "D20",
        Severity.HIGH,
    ),
    (
        made(Purpose.MISSING_PARAMETER, query=(("first", "1"),)),
        "missing-parameter-accepted",
        "param:company_id",
        "D4",
        Severity.HIGH,
    ),
    (made(Purpose.UNKNOWN_ID), "unknown-id-accepted", "param:company_id", "D20", Severity.CRITICAL),
    (made(Purpose.MALFORMED_ID), "malformed-id-accepted", "param:company_id", "D20", Severity.HIGH),
    (
        made(Purpose.UNKNOWN_ID, operation="plans.retrieve", path={"id": "plan_0"}, query=()),
        "unknown-id-accepted",
        "status",
        "D20",
        Severity.CRITICAL,
    ),
    (made(Purpose.UNKNOWN_ID, value=page([])), "unknown-parent-empty", "status", "D15", Severity.HIGH),
    (made(Purpose.MALFORMED_ID, value={"data": []}), "unknown-parent-empty", "status", "D15", Severity.HIGH),
    (
        made(Purpose.INVALID_SIZE, value=page([]), query=SIZE),
        "invalid-size-accepted",
        "param:first",
        "D20",
        Severity.HIGH,
    ),
]


@pytest.mark.parametrize(("one", "rule", "location", "drift_class", "severity"), ACCEPTED)
def test_an_invalid_request_that_is_accepted_is_found(
    contract: Contract, one: Exchange, rule: str, location: str, drift_class: str, severity: Severity
) -> None:
    (finding,) = found(contract, "refusals", one, exchange("plans.list", page([])))

    assert rules([finding]) == [(rule, location)]
    assert (finding.drift_class, finding.severity, finding.observed) == (drift_class, severity, "200")
    assert finding.expected == ("404" if rule.startswith(("unknown", "malformed")) else "400")
    assert finding.message.endswith("(1 of 1 request).")


REJECTED = [
    (made(Purpose.INVALID_SIZE, 400, SIZE), None),
    (made(Purpose.INVALID_SIZE, 429, SIZE), None),
    (made(Purpose.INVALID_SIZE, 500, SIZE), None),
    (made(Purpose.INVALID_SIZE, 422, SIZE), ("other-client-error", Severity.LOW)),
    (made(Purpose.INVALID_SIZE, 403, SIZE), ("other-client-error", Severity.LOW)),
    (made(Purpose.INVALID_SIZE, 404, SIZE), ("other-client-error", Severity.LOW)),
    (made(Purpose.INVALID_SIZE, 401, SIZE), ("other-status", Severity.HIGH)),
    (made(Purpose.INVALID_SIZE, 499, SIZE), ("other-status", Severity.HIGH)),
    (made(Purpose.UNKNOWN_ID, 404), None),
    (made(Purpose.UNKNOWN_ID, 400), ("other-client-error", Severity.LOW)),
    (made(Purpose.MALFORMED_ID, 400), None),
    (made(Purpose.MALFORMED_ID, 410), ("other-status", Severity.HIGH)),
]


@pytest.mark.parametrize(("one", "expected"), REJECTED)
def test_a_rejection_has_the_declared_status(
    contract: Contract, one: Exchange, expected: tuple[str, Severity] | None
) -> None:
    findings = found(contract, "refusals", one)

    assert rules(findings) == ([(expected[0], "status")] if expected else [])
    assert [finding.severity for finding in findings] == ([expected[1]] if expected else [])


def test_a_404_of_what_is_gone_anyway_is_no_finding(contract: Contract) -> None:
    gone = exchange("plans.list", status=404, query=OWN)

    assert found(contract, "refusals", made(Purpose.INVALID_SIZE, 404, SIZE), gone) == []
    assert found(contract, "refusals", made(Purpose.INVALID_SIZE, 403, SIZE), gone)


@pytest.mark.parametrize(
    ("one", "is_found"),
    [
        (made(Purpose.INVALID_SIZE, 400, SIZE, value=error("first")), False),
        (made(Purpose.INVALID_SIZE, 400, SIZE, value=error("company_id")), True),
        (made(Purpose.INVALID_SIZE, 400, SIZE, value=error("last")), True),
        (made(Purpose.INVALID_SIZE, 400, SIZE, value=error(None)), False),
        (made(Purpose.INVALID_CURSOR, 400, (*OWN, ("after", "x")), value=error("after")), False),
        (made(Purpose.INVALID_CURSOR, 400, (*OWN, ("after", "x")), value=error("before")), True),
        (made(Purpose.INVALID_VALUE, 400, (*OWN, ("order", "x")), value=error("order")), False),
        (made(Purpose.INVALID_VALUE, 400, (*OWN, ("order", "x")), value=error("company_id")), True),
        (made(Purpose.INVALID_VALUE, 400, (*SIZE, ("order", "x")), value=error("first")), True),
        (made(Purpose.MISSING_PARAMETER, 400, (), value=error("company_id")), False),
        (made(Purpose.MISSING_PARAMETER, 400, (), value=error("order")), True),
        (made(Purpose.MALFORMED_ID, 400, value=error("order")), False),
    ],
)
def test_an_error_names_the_invalid_parameter(contract: Contract, one: Exchange, is_found: bool) -> None:
    findings = found(contract, "refusals", one)

    assert rules(findings) == [("other-parameter-named", "/error/param")] * is_found
    assert [(finding.severity, finding.drift_class) for finding in findings] == [(Severity.LOW, "D15")] * is_found
