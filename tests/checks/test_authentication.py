"""The check of keys: without a valid one a request is rejected, unless the operation is public."""

from __future__ import annotations

import pytest

from tests.checks.support import exchange, found
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity

KEY = "header:authorization"
PRIVATE, PUBLIC = "plans.list", "plans.retrieve"


def without_key(operation: str, status: int, purpose: Purpose = Purpose.NO_KEY) -> Exchange:
    return exchange(operation, status=status, purpose=purpose, credential="none", path={"id": "plan_1"})


@pytest.mark.parametrize(
    ("purpose", "status", "expected"),
    [
        (Purpose.NO_KEY, 401, None),
        (Purpose.WRONG_KEY, 401, None),
        (Purpose.NO_SCOPE, 403, None),
        (Purpose.NO_SCOPE, 400, None),
        (Purpose.NO_KEY, 429, None),
        (Purpose.NO_KEY, 500, None),
        (Purpose.NO_KEY, 200, ("accepts-invalid-key", "D17", KEY, Severity.CRITICAL)),
        (Purpose.WRONG_KEY, 299, ("accepts-invalid-key", "D17", KEY, Severity.CRITICAL)),
        (Purpose.NO_SCOPE, 200, ("accepts-invalid-key", "D17", KEY, Severity.CRITICAL)),
        (Purpose.NO_KEY, 403, ("forbidden", "D15", "status", Severity.LOW)),
        (Purpose.NO_KEY, 404, ("other-status", "D15", "status", Severity.HIGH)),
        (Purpose.WRONG_KEY, 302, ("other-status", "D15", "status", Severity.HIGH)),
        (Purpose.NO_SCOPE, 401, ("other-status", "D15", "status", Severity.HIGH)),
    ],
)
def test_a_private_operation_rejects_with_the_documented_status(
    contract: Contract, purpose: Purpose, status: int, expected: tuple[str, str, str, Severity] | None
) -> None:
    findings = found(contract, "authentication", without_key(PRIVATE, status, purpose))

    assert [((one.rule or "").partition("/")[2], one.drift_class, one.location, one.severity) for one in findings] == (
        [expected] if expected else []
    )


@pytest.mark.parametrize(
    ("status", "rule", "location"),
    [
        (200, None, ""),
        (401, "public-needs-key", KEY),
        (404, "public-rejects", "status"),
        (429, None, ""),
        (500, None, ""),
        (302, None, ""),
        (399, None, ""),
        (400, "public-rejects", "status"),
        (499, "public-rejects", "status"),
    ],
)
def test_a_public_operation_needs_no_key(contract: Contract, status: int, rule: str | None, location: str) -> None:
    findings = found(contract, "authentication", without_key(PUBLIC, status))

    assert [(one.rule, one.location) for one in findings] == ([(f"authentication/{rule}", location)] if rule else [])


def test_what_is_gone_meanwhile_needs_no_response(contract: Contract) -> None:
    gone = exchange(PUBLIC, status=404, purpose=Purpose.RETRIEVE, path={"id": "plan_1"})
    other = exchange(PUBLIC, status=404, purpose=Purpose.RETRIEVE, path={"id": "plan_2"})

    assert not found(contract, "authentication", without_key(PUBLIC, 404), gone)
    assert found(contract, "authentication", without_key(PUBLIC, 404), other)


def test_what_was_sent_is_in_the_words(contract: Contract) -> None:
    made = [without_key(PRIVATE, 401), without_key(PRIVATE, 404, Purpose.NO_SCOPE), exchange(PRIVATE)]

    (finding,) = found(contract, "authentication", *made)

    assert (finding.expected, finding.observed) == ("403", "404")
    assert "with a key that lacks the permission" in finding.message
    assert finding.message.endswith("(1 of 2 requests).")
