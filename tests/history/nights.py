"""Nights in a test. Responses of a simulator are recorded once for each world and reused for many nights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from tests.run.in_process import InProcess
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding
from whopwatch.core.report import Report
from whopwatch.history import AcceptedEntry, Records, compare_with_history
from whopwatch.run import Observation, judge, observe
from whopwatch.simulator.backend import SimulatorOptions

FIRST = datetime(2026, 1, 1, 3, tzinfo=UTC)
BUDGET = 30
WORLDS = 4
"""Different recorded nights; further nights repeat them."""


@lru_cache(maxsize=64)
def recorded(
    contract: Contract, operations: tuple[str, ...], world: int, plan: int, faults: tuple[str, ...]
) -> Observation:
    """Return what one run over `operations` observes, with the seed `plan` and the world of the seed `world`."""
    simulator = InProcess(contract, SimulatorOptions(seed=world, faults=faults, rate_limit=10**9))
    return observe(contract, simulator.target(), budget=BUDGET, selected=operations, seed=plan, transport=simulator)


@dataclass
class Nights:
    """Consecutive nights over `operations`. With `changing`, every night has other data."""

    contract: Contract
    operations: Sequence[str]
    changing: bool = False
    records: Records = field(default_factory=lambda: Records(salt=b"salt"))
    reports: list[Report] = field(default_factory=list)

    def run(
        self,
        faults: Iterable[str] = (),
        accepted: Iterable[AcceptedEntry] = (),
        operations: Sequence[str] = (),
        stopped: str | None = None,
        change: Callable[[Exchange], Exchange] | None = None,
        keep_checks: bool = False,
    ) -> Report:
        """Run one more night with these faults, over other `operations` if given, `stopped` for a reason.

        With a `change` of the responses, only the history sees them, unless `keep_checks`.
        """
        number = len(self.reports)
        seed = number % WORLDS
        world = seed if self.changing else 0
        observation = recorded(self.contract, tuple(operations or self.operations), world, seed, tuple(faults))
        if change:
            found = None if keep_checks else ()
            observation = replace(observation, exchanges=tuple(map(change, observation.exchanges)), findings=found)
        started = (FIRST + timedelta(days=number)).isoformat().replace("+00:00", "Z")
        report = judge(self.contract, replace(observation, started_at=started, stopped=stopped), "simulator")
        self.reports.append(
            compare_with_history(self.contract, observation.exchanges, report, self.records, accepted=accepted)
        )
        return self.reports[-1]

    def quiet(self, count: int) -> list[Finding]:
        """Run `count` more nights without a fault. Return the findings."""
        return [finding for _ in range(count) for finding in self.run().findings]


def states(report: Report) -> dict[tuple[str, str, str], str]:
    """Return the state of each finding by class, operation and location."""
    return {(one.drift_class, one.operation, one.location): str(one.state) for one in report.findings}
