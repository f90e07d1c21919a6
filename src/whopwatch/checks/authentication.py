"""Check that requests without a valid key are rejected, and that public operations need none."""

from __future__ import annotations

from collections.abc import Mapping

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Rule, Severity

CREDENTIALS: Mapping[Purpose, tuple[str, tuple[int, ...]]] = {
    Purpose.NO_KEY: ("without a key", (401,)),
    Purpose.WRONG_KEY: ("with a wrong key", (401,)),
    Purpose.NO_SCOPE: ("with a key that lacks the permission", (403, 400)),
}
"""What each purpose sends, and the statuses that reject it, the documented one first.

The API reports a missing permission with 400, too.
"""

AUTHORIZATION = "header:authorization"
PUBLIC_NEEDS_KEY = Rule(
    "authentication/public-needs-key",
    "D17",
    Severity.MEDIUM,
    "a response without a key",
    "{status}",
    "it is documented as public, and rejects a request {how}",
)
PUBLIC_REJECTS = Rule(
    "authentication/public-rejects",
    "D15",
    Severity.MEDIUM,
    "a response without a key",
    "{status}",
    "it is documented as public, and rejects a request {how}",
)
ACCEPTS_INVALID_KEY = Rule(
    "authentication/accepts-invalid-key",
    "D17",
    Severity.CRITICAL,
    "{expected}",
    "{status}",
    "it accepts a request {how}",
)
OTHER_REJECTION = Rule(
    "authentication/other-status",
    "D15",
    Severity.HIGH,
    "{expected}",
    "{status}",
    "it rejects a request {how} with status {status}",
)
FORBIDDEN = Rule(
    "authentication/forbidden",
    "D15",
    Severity.LOW,
    "{expected}",
    "{status}",
    "it rejects a request {how} with status {status}",
)


def authentication(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Check requests without a valid key: they must be rejected with the documented status."""
    for id, exchanges in evidence.by_operation.items():
        judged = [exchange for exchange in exchanges if exchange.purpose in CREDENTIALS]
        for number, exchange in enumerate(judged):
            how, rejecting = CREDENTIALS[exchange.purpose]
            if contract.operations[id].is_public:
                # The 404 of an object that was deleted meanwhile says nothing about keys.
                rule = _broken_by_public(exchange, rejecting) if evidence.is_still_there(exchange) else None
            else:
                rule = _broken_rule(exchange, rejecting)
            if rule:
                findings.report(
                    rule,
                    id,
                    AUTHORIZATION if rule in (PUBLIC_NEEDS_KEY, ACCEPTS_INVALID_KEY) else "status",
                    sample=number,
                    exchange=exchange,
                    samples=len(judged),
                    unit="request",
                    how=how,
                    status=exchange.status,
                    expected=rejecting[0],
                )


def _broken_by_public(exchange: Exchange, rejecting: tuple[int, ...]) -> Rule | None:
    status = exchange.status or 0
    if not 400 <= status < 500 or status == 429:
        return None
    return PUBLIC_NEEDS_KEY if status in rejecting else PUBLIC_REJECTS


def _broken_rule(exchange: Exchange, rejecting: tuple[int, ...]) -> Rule | None:
    status = exchange.status or 0
    if exchange.ok:
        return ACCEPTS_INVALID_KEY
    if 300 <= status < 500 and status not in (*rejecting, 429):
        # 403 rejects the request as well, but clients take it for a missing permission.
        return FORBIDDEN if status == 403 else OTHER_REJECTION
    return None
