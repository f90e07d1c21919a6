"""The checks: pure functions that compare what a run has seen with a contract. `registry` lists them in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from whopwatch.checks.collector import FindingCollector, findings_of
from whopwatch.checks.deduplicate import deduplicate
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding

CheckFunction = Callable[[Contract, Evidence, FindingCollector], None]


class _HasFunction(Protocol):
    """A row of the registry, which imports this module."""

    @property
    def function(self) -> CheckFunction: ...


def run_checks(contract: Contract, evidence: Evidence, checks: Iterable[_HasFunction]) -> tuple[Finding, ...]:
    """Return what `checks` find, each disagreement once, the most severe first."""
    collector = FindingCollector()
    for check in checks:
        check.function(contract, evidence, collector)
    return tuple(sorted(findings_of(deduplicate(contract, collector.violations)), key=_order))


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return finding.severity.rank, finding.operation, finding.location, finding.drift_class


__all__ = ["CheckFunction", "Evidence", "FindingCollector", "run_checks"]
