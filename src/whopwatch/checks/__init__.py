"""The checks: pure functions that compare what a run has seen with a contract. `registry` lists them in order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import NamedTuple, Protocol

from whopwatch.checks.collector import FindingCollector, findings_of
from whopwatch.checks.deduplicate import deduplicate
from whopwatch.checks.evidence import Evidence
from whopwatch.checks.reproduce import request_of
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding

CheckFunction = Callable[[Contract, Evidence, FindingCollector], None]


class _HasFunction(Protocol):
    """A row of the registry, which imports this module."""

    @property
    def id(self) -> str: ...

    @property
    def function(self) -> CheckFunction: ...


class FailedCheck(NamedTuple):
    """Something that failed inside whopwatch: a check by its id, and the class of the error."""

    check: str
    error: str

    def to_json(self) -> dict[str, str]:
        """Return the incident as the JSON report has it."""
        return {"place": f"check {self.check}", "error": self.error}


def run_checks(
    contract: Contract,
    evidence: Evidence,
    checks: Iterable[_HasFunction],
    failed: list[FailedCheck] | None = None,
    *,
    established: Collection[tuple[str, str]] = (),
    met: set[tuple[str, str]] | None = None,
    examples: dict[str, Exchange | None] | None = None,
) -> tuple[Finding, ...]:
    """Return what `checks` find, each disagreement once, the most severe first.

    A check that raises is added to `failed`; what it found before, and what all other checks find, is reported. Without
    a list the error is raised, so that no check is left out unnoticed. `established` are operations with the
    undocumented rules that they used to meet; the ones that they meet now are added to `met`. `examples` gets
    for each finding, by fingerprint, a request whose response shows it.
    """
    collector = FindingCollector(notes_met=met is not None)
    for check in checks:
        try:
            check.function(contract, evidence, collector)
        except Exception as error:
            if failed is None:
                raise
            failed.append(FailedCheck(check.id, type(error).__name__))
    if met is not None:
        met |= collector.met
    if not collector.violations:
        return ()
    violations = deduplicate(contract, collector.violations)
    found = tuple(sorted(findings_of(violations, established, partial(request_of, contract)), key=_order))
    if examples is not None:
        places = {(one.rule.drift_class, one.operation, one.location): one.exchange for one in reversed(violations)}
        examples |= {one.fingerprint: places[one.drift_class, one.operation, one.location] for one in found}
    return found


def _order(finding: Finding) -> tuple[int, str, str, str]:
    return finding.severity.rank, finding.operation, finding.location, finding.drift_class


__all__ = ["CheckFunction", "Evidence", "FailedCheck", "FindingCollector", "run_checks"]
