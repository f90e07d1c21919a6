"""Whether a night looked again at what a finding is about. What was not looked at is not fixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from whopwatch.checks import Evidence
from whopwatch.core.finding import Finding
from whopwatch.core.report import OperationResult, State
from whopwatch.history.rules import Rules
from whopwatch.history.sight import Sight
from whopwatch.history.unverified import UNVERIFIED

Checked = Callable[[Finding], int]
"""How many samples of a night could have shown a finding."""


def checked_by(
    evidence: Evidence, sights: Mapping[str, Sight], results: tuple[OperationResult, ...], rules: Rules
) -> Checked:
    """What one night looked at, as a function."""
    seen = {result.id for result in results if result.state in (State.VERIFIED, State.DRIFT)}

    def checked(finding: Finding) -> int:
        if finding.operation not in seen:
            return 0
        if finding.check == UNVERIFIED:
            return finding.samples
        exchanges = evidence.by_operation.get(finding.operation, ())
        if finding.location.startswith("param:") and finding.check != "memory":
            name = finding.location.removeprefix("param:")
            return sum(exchange.query_value(name) is not None for exchange in exchanges)
        purposes = rules.looked.get(finding.check)
        if purposes:
            return sum(exchange.purpose in purposes for exchange in exchanges)
        if finding.location.startswith("/"):
            return _samples(sights.get(finding.operation), finding.location)
        return len(evidence.answers.get(finding.operation, ()))

    return checked


def _samples(sight: Sight | None, location: str) -> int:
    """How often a place, or what would hold it, was there."""
    if sight is None:
        return 0
    tallies = sight.tallies
    if location in tallies:
        return tallies[location].samples
    holder = location.rpartition("/")[0]
    return tallies[holder].present - tallies[holder].nulls if holder in tallies else len(sight.units)
