"""The checks: pure functions from a contract and what was seen to findings. `every` has them all, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from whopwatch.checks.consequences import without_consequences
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding

Check = Callable[[Contract, Evidence], Iterator[Finding]]


def run_checks(contract: Contract, evidence: Evidence, checks: Sequence[Check]) -> tuple[Finding, ...]:
    """What `checks` find, the worst first. Of findings with one fingerprint the first and worst stays."""
    findings: dict[str, Finding] = {}
    for check in checks:
        for finding in check(contract, evidence):
            known = findings.get(finding.fingerprint)
            if known is None or finding.severity.rank < known.severity.rank:
                findings[finding.fingerprint] = finding
    return tuple(sorted(without_consequences(contract, findings.values()), key=_order))


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return finding.severity.rank, finding.operation, finding.location, finding.drift_class


__all__ = ["Check", "Evidence", "run_checks"]
