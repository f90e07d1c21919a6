"""Checking what a run has seen: every answer in full, and an answer that did not change only once.

Checks are pure functions of what was asked and answered. Between two runs most lists stand still, and the same bytes
to the same question cannot lead to other findings; so those of the last run are kept with what they rest on. And a
run asks for each thing once: the checks that compare answers of one operation are left to the runs that see several.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import PROBE_CHECKS
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding

READ_HEADERS = frozenset(header for check in PROBE_CHECKS for header in check.headers)
"""Response headers that a check of a probe reads: the others may differ from response to response."""

Basis = tuple[object, ...]


class Judgement:
    """What the checks say of the runs of each operation."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._last: dict[str, tuple[Basis, tuple[Finding, ...]]] = {}
        self.repeated = 0

    def of(self, operation: str, exchanges: Sequence[Exchange]) -> tuple[Finding, ...]:
        """The findings about `operation` in the exchanges of one run, the worst first."""
        basis = tuple(map(_basis, exchanges))
        known = self._last.get(operation)
        if known and known[0] == basis:
            self.repeated += 1
            return known[1]
        findings = run_checks(self._contract, Evidence(self._contract, exchanges), PROBE_CHECKS)
        own = tuple(finding for finding in findings if finding.operation == operation)
        self._last[operation] = basis, own
        return own


def _basis(exchange: Exchange) -> Basis:
    """Return everything of an exchange that a check may read, its body as a digest."""
    return (
        exchange.operation,
        exchange.purpose,
        exchange.url,
        exchange.credential,
        exchange.status,
        exchange.failure,
        tuple([header for header in exchange.headers if header[0] in READ_HEADERS]),
        sha256(exchange.body).digest(),
    )
