"""A run at a simulator with one fault, and what it makes of it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from tests.run.in_process import InProcess
from whopwatch import run
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding
from whopwatch.core.report import Report
from whopwatch.simulator import Simulator
from whopwatch.simulator.faults import Fault, InjectedFault, first_place

NEIGHBOURS = ("companies.retrieve", "payout_methods.list")
"""Operations of which one without the fault is checked as well: it must have no finding."""

INVARIANTS = tomllib.loads(Path(__file__).with_name("invariants.toml").read_text(encoding="utf-8"))["invariant"]


def checks_for(fault: Fault) -> set[str]:
    """The checks that have to find a fault: its own, and the ones of its invariants."""
    own = {fault.check} if fault.check else set()
    return own | {row["check"] for row in INVARIANTS if row.get("fault") == fault.name}


@dataclass(frozen=True)
class Detection:
    """What a run said of one planted fault."""

    planted: InjectedFault
    accused: frozenset[str]
    report: Report

    @property
    def fault(self) -> Fault:
        return self.planted.fault

    @property
    def named(self) -> list[Finding]:
        """The findings that name the operation and the drift class."""
        classes = self.fault.classes
        return [f for f in self.report.findings if f.operation in self.accused and f.drift_class in classes]

    @property
    def located(self) -> list[Finding]:
        """Those of them that point at the place, too."""
        places = self.planted.locations or ("*",)
        return [finding for finding in self.named if any(is_near(place, finding.location) for place in places)]

    @property
    def elsewhere(self) -> list[Finding]:
        """Findings about operations that are not concerned."""
        return [finding for finding in self.report.findings if finding.operation not in self.accused]


def is_near(place: str, found: str) -> bool:
    """Whether a finding points at `place`, at what holds it, or into it; `*` in `place` is anything."""
    place, found = place.removeprefix("/data/*"), found.removeprefix("/data/*")
    if fnmatchcase(found, place):
        return True
    return place.startswith("/") and (found == place.rpartition("/")[0] or found.startswith(f"{place}/"))


def detect(contract: Contract, simulator: Simulator | InProcess, fault: Fault, *, budget: int = 600) -> Detection:
    """Inject `fault` at the operation that shows it well; check that one and one without it, or every operation."""
    transport = simulator if isinstance(simulator, InProcess) else None
    planted = first_place(contract, simulator.backend.world, fault)
    assert planted, f"{fault.name} makes no sense anywhere"
    operation = planted.operation
    accused = {operation.id, *(_twins(contract, operation.resource) if fault.twin else ())}
    innocent = next(id for id in NEIGHBOURS if not id.startswith(f"{operation.resource}."))
    simulator.backend.faults.switch([f"{fault.name}@{operation.id}"])
    try:
        target = replace(simulator.target(), writable=False)
        selected = [] if fault.whole else [*accused, innocent]
        report = run.check(contract, target, only=selected, budget=budget, transport=transport)
    finally:
        simulator.backend.faults.switch([])
    return Detection(planted, frozenset(accused), report)


def _twins(contract: Contract, resource: str) -> Sequence[str]:
    return [id for id in (f"{resource}.list", f"{resource}.retrieve") if id in contract.operations]
