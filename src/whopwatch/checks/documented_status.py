"""Check that valid requests get a documented status."""

from __future__ import annotations

from collections.abc import Sequence

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import INVALID_REQUESTS, Evidence
from whopwatch.checks.invalid_request_accepted import INVALID_REQUEST_KINDS
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule

GONE_STATUSES = (405, 410, 501)

SERVER_ERROR = Rule(
    "status/server-error", "D14", Severity.HIGH, "{success}", "{status}", "the server fails with status {status}"
)
SERVER_ERROR_ON_INVALID = Rule(
    "status/server-error-on-invalid",
    "D15",
    Severity.HIGH,
    "a documented error",
    "{status}",
    "it fails with status {status} instead of rejecting an invalid request",
)
UNDOCUMENTED_SUCCESS = Rule(
    "status/undocumented-success",
    "D14",
    Severity.MEDIUM,
    "{success}",
    "{status}",
    "success status {status} is not documented",
)
REDIRECT = Rule(
    "status/redirect",
    "D22",
    Severity.MEDIUM,
    "{success}",
    "{status}",
    "status {status} redirects the client; whopwatch did not follow it",
)
OPERATION_GONE = Rule(
    "status/operation-gone",
    "D1",
    Severity.CRITICAL,
    "{success}",
    "{status}",
    "status {status} says that the operation does not exist",
)
UNDOCUMENTED_STATUS = Rule(
    "status/undocumented-error",
    "D15",
    Severity.HIGH,
    "a documented status",
    "{status}",
    "status {status} is not documented",
)
RATE_LIMITED_EARLY = Rule(
    "status/rate-limited-early",
    "D22",
    Severity.MEDIUM,
    "no 429 below the documented limit",
    "{status}",
    "it returns 429 below the documented rate limit",
)


def documented_status(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report undocumented statuses, server errors, redirects and a 429 below the documented limit."""
    for id, exchanges in evidence.by_operation.items():
        operation = contract.operations[id]
        limit = contract.documents[operation.api].get("x-rate-limit", {}).get("requests", 0)
        spent = len(exchanges) + spent_by_others(exchanges)
        for number, exchange in enumerate(exchanges):
            rule = _broken_rule(contract, operation, exchange)
            if rule is None and exchange.status == 429 and spent < limit:
                rule = RATE_LIMITED_EARLY
            if rule:
                findings.report(
                    rule,
                    id,
                    "status",
                    sample=number,
                    exchange=exchange,
                    samples=len(exchanges),
                    unit="request",
                    status=exchange.status,
                    success=operation.success.status,
                )


def spent_by_others(exchanges: Sequence[Exchange]) -> int:
    """Return how many requests others sent with the same key, as far as the rate-limit headers of a run show it.

    That is what was spent before the first response, and each fall of `remaining` by more than the one request.
    """
    spent, before = 0.0, None
    for exchange in exchanges:
        remaining = exchange.rate_limit("remaining")
        if remaining is None:
            continue
        if before is None:
            before = exchange.rate_limit("limit") or remaining + 1
        spent += max(before - remaining - 1, 0.0)
        before = remaining
    return int(spent)


def _broken_rule(contract: Contract, operation: Operation, exchange: Exchange) -> Rule | None:
    status = exchange.status
    if status is None or (status in operation.responses and status < 500):
        return None
    if status >= 500 and status not in GONE_STATUSES:
        is_valid = exchange.purpose not in INVALID_REQUESTS and exchange.credential == "key"
        return SERVER_ERROR if is_valid else SERVER_ERROR_ON_INVALID
    if exchange.credential != "key":
        return None
    if 200 <= status < 300:
        # The check of invalid requests reports any success response to one of them.
        return None if exchange.purpose in INVALID_REQUEST_KINDS else UNDOCUMENTED_SUCCESS
    if 300 <= status < 400:
        return REDIRECT
    if status in GONE_STATUSES:
        return OPERATION_GONE
    # The edition may declare rejections that the documents of the operation leave out.
    return None if str(status) in contract.behaviour.errors else UNDOCUMENTED_STATUS
