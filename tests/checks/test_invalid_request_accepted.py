"""The check of invalid requests: rejected with the declared status, at the parameter that is invalid."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import exchange, found, met, page, rules
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
    (finding,) = found(contract, "refusals", one, exchange("plans.list", page([])), established=True)

    assert rules([finding]) == [(rule, location)]
    assert (finding.drift_class, finding.severity, finding.observed) == (drift_class, severity, "200")
    assert finding.expected == ("404" if rule.startswith(("unknown", "malformed")) else "400")
    assert finding.message.endswith("(1 of 1 request).")


ORDER, CURSOR = (*OWN, ("order", "x")), (*OWN, ("after", "x"))
DOCUMENTED = {"missing-parameter-accepted", "unknown-id-accepted", "malformed-id-accepted", "other-status"}
"""The rules that a source states: required parameters, and 404 for what does not exist."""


@pytest.mark.parametrize("one", [row[0] for row in ACCEPTED])
def test_what_no_source_states_is_info_until_it_was_seen_to_hold(contract: Contract, one: Exchange) -> None:
    (finding,) = found(contract, "refusals", one, exchange("plans.list", page([])))

    ((rule, _),) = rules([finding])
    assert (finding.severity is Severity.INFO) is (rule not in DOCUMENTED)


def test_a_declared_status_is_noted_for_its_own_kind_of_request_only(contract: Contract) -> None:
    cursor = made(Purpose.INVALID_CURSOR, 400, (*OWN, ("after", "x")), value=error("after"))
    parent = made(Purpose.UNKNOWN_ID, 404)

    names = {rule.removeprefix("refusals/") for _, rule in met(contract, "refusals", cursor, parent)}

    assert names == {
        "invalid-cursor-accepted",
        "other-client-error-odd-cursor",
        "other-status-odd-cursor",
        "unknown-parent-empty",
        "other-client-error-unknown-id",
    }
    assert met(contract, "refusals", made(Purpose.UNKNOWN_ID, value=page([]))) == set()
    assert met(contract, "refusals", parent, made(Purpose.UNKNOWN_ID, value=page([]))) == {
        ("plans.list", "refusals/other-client-error-unknown-id")
    }


REJECTED = [
    (made(Purpose.INVALID_SIZE, 400, SIZE), None),
    (made(Purpose.INVALID_SIZE, 429, SIZE), None),
    (made(Purpose.INVALID_SIZE, 500, SIZE), None),
    (made(Purpose.INVALID_SIZE, 422, SIZE), ("other-client-error-odd-size", Severity.LOW)),
    (made(Purpose.INVALID_SIZE, 403, SIZE), ("other-client-error-odd-size", Severity.LOW)),
    (made(Purpose.INVALID_SIZE, 404, SIZE), ("other-client-error-odd-size", Severity.LOW)),
    (made(Purpose.INVALID_SIZE, 401, SIZE), ("other-status-odd-size", Severity.HIGH)),
    (made(Purpose.INVALID_SIZE, 499, SIZE), ("other-status-odd-size", Severity.HIGH)),
    (made(Purpose.UNKNOWN_ID, 404), None),
    (made(Purpose.UNKNOWN_ID, 400), ("other-client-error-unknown-id", Severity.LOW)),
    (made(Purpose.MALFORMED_ID, 400), None),
    (made(Purpose.MALFORMED_ID, 403), ("other-client-error-malformed-id", Severity.LOW)),
    (made(Purpose.MISSING_PARAMETER, 403, ()), ("other-client-error-missing-parameter", Severity.LOW)),
    (made(Purpose.INVALID_VALUE, 422, ORDER), ("other-client-error-odd-value", Severity.LOW)),
    (made(Purpose.INVALID_VALUE, 409, ORDER), ("other-status-odd-value", Severity.HIGH)),
    (made(Purpose.INVALID_CURSOR, 409, CURSOR), ("other-status-odd-cursor", Severity.HIGH)),
    (made(Purpose.INVALID_CURSOR, 403, CURSOR), ("other-client-error-odd-cursor", Severity.LOW)),
    (made(Purpose.MALFORMED_ID, 410), ("other-status", Severity.HIGH)),
]


@pytest.mark.parametrize(("one", "expected"), REJECTED)
def test_a_rejection_has_the_declared_status(
    contract: Contract, one: Exchange, expected: tuple[str, Severity] | None
) -> None:
    findings = found(contract, "refusals", one, established=True)

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
