"""One run of whopwatch, and its findings about the fault."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.detection.cases import EVERYWHERE, Case, is_for_writers
from benchmarks.detection.stage import Expected, staged
from whopwatch.contract import Contract
from whopwatch.core.finding import Finding
from whopwatch.core.report import Verdict
from whopwatch.run import check

FEW = 4
"""Locations of a fault that a record lists; of more it gives the number."""


def run_whopwatch(contract: Contract, case: Case) -> dict[str, Any]:
    """Return the outcome of one case: findings, requests (counted at the server) and seconds.

    A fault without any usable response is caught by the verdict alone: could-not-check, with a reason.
    """
    with staged(contract, case.placed) as stage:
        writes = is_for_writers(case.placed)
        target = replace(stage.simulator.target(), writable=writes)
        started = time.perf_counter()
        report = check(contract, target, budget=int(case.setting), seed=case.placed.seed, writes=writes)
        seconds = time.perf_counter() - started
        outcome = {
            "requests": stage.counted.total(),
            "unsafe": 0 if writes else stage.unsafe,
            "seconds": round(seconds, 3),
            "verdict": str(report.verdict),
            "states": dict(report.count()),
            "fired": stage.fired(),
            "findings": [_short(finding) for finding in report.findings],
        }
    if stage.expected is None:
        return outcome
    told = case.placed.operation == EVERYWHERE and report.verdict is Verdict.COULD_NOT_CHECK
    found = judged(report.findings, stage.expected)
    return {**outcome, **found, "caught": found["caught"] or told, "told": told}


def judged(findings: Sequence[Finding], expected: Expected) -> Mapping[str, Any]:
    """Return whether the fault was caught, and how many findings name its operation, class and location.

    Caught means that its operation has drift, or a finding of the right class if that class is informational.
    """
    right = [finding for finding in findings if finding.operation in expected.places]
    caught = [finding for finding in right if finding.breaks or expected.names_class(finding)]
    classed = [finding for finding in caught if expected.names_class(finding)]
    return {
        "expected": {
            "classes": expected.classes,
            "places": expected.places if len(expected.places) < FEW else len(expected.places),
        },
        "caught": bool(caught),
        "classed": bool(classed),
        "located": any(expected.names_place(finding) for finding in classed),
        "attribution": {
            "findings": len(findings),
            "operation": len(right),
            "class": sum(expected.names_class(finding) for finding in right),
            "location": sum(expected.names_place(finding) for finding in right),
            "all": sum(expected.names_class(finding) and expected.names_place(finding) for finding in right),
        },
    }


def _short(finding: Finding) -> list[str]:
    return [str(finding.severity), finding.drift_class, finding.check, finding.operation, finding.location]
