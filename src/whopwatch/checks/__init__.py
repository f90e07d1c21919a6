"""The checks: pure functions from a contract and what was seen to findings. `registry` lists them, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from whopwatch.checks.consequences import without_consequences
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding

CheckFunction = Callable[[Contract, Evidence], Iterator[Finding]]


class _HasFunction(Protocol):
    """A row of the registry, which imports this module."""

    @property
    def function(self) -> CheckFunction: ...


def run_checks(contract: Contract, evidence: Evidence, checks: Iterable[_HasFunction]) -> tuple[Finding, ...]:
    """Return what `checks` find, the worst first. Of findings with one fingerprint the first and worst is kept."""
    findings: dict[str, Finding] = {}
    for check in checks:
        for finding in check.function(contract, evidence):
            known = findings.get(finding.fingerprint)
            if known is None or finding.severity.rank < known.severity.rank:
                findings[finding.fingerprint] = finding
    return tuple(sorted(without_consequences(contract, findings.values()), key=_order))


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return finding.severity.rank, finding.operation, finding.location, finding.drift_class


__all__ = ["CheckFunction", "Evidence", "run_checks"]
