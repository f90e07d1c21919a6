"""Whether a key is really asked for."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Finding, Severity

KEYS = {
    Purpose.NO_KEY: ("without a key", (401,)),
    Purpose.WRONG_KEY: ("with a wrong key", (401,)),
    Purpose.NO_SCOPE: ("with a key that lacks the permission", (403, 400)),
}
"""How each request asked, and the statuses that refuse it, the documented one first."""


def authentication(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Requests without a valid key have to be refused, and with the documented status."""
    tally = Tally("authentication")
    for operation, exchanges in evidence.by_operation.items():
        asked = [exchange for exchange in exchanges if exchange.purpose in KEYS]
        for number, exchange in enumerate(asked):
            (how, refusing), status = KEYS[exchange.purpose], exchange.status or 0
            if contract.operations[operation].is_public:
                if 400 <= status < 500 and status != 429 and evidence.is_still_there(exchange):
                    tally.add(
                        "D17" if status in refusing else "D15",
                        Severity.MEDIUM,
                        operation,
                        "header:authorization" if status in refusing else "status",
                        expected="an answer to anybody",
                        observed=str(status),
                        what=f"it is known to be public, and refuses a request {how}",
                        witness=number,
                        samples=len(asked),
                    )
            elif exchange.ok:
                tally.add(
                    "D17",
                    Severity.CRITICAL,
                    operation,
                    "header:authorization",
                    expected=str(refusing[0]),
                    observed=str(status),
                    what=f"it answers {how}",
                    witness=number,
                    samples=len(asked),
                )
            elif 300 <= status < 500 and status not in (*refusing, 429):
                tally.add(
                    "D15",
                    Severity.LOW if status == 403 else Severity.HIGH,
                    operation,
                    "status",
                    expected=str(refusing[0]),
                    observed=str(status),
                    what=f"it is refused with status {status} {how}",
                    witness=number,
                    samples=len(asked),
                )
    yield from tally.findings()
