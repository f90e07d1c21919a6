"""Findings, rows, nights and reports for tests."""

from __future__ import annotations

from typing import Any

from whopwatch.core.finding import Confidence, Finding, FindingState, Severity
from whopwatch.core.report import OperationResult, Report, State, Verdict
from whopwatch.history.records import Night


def finding(operation: str = "products.list", location: str = "/data/*/title", **changes: Any) -> Finding:
    """Return a finding, confirmed by 4 of 4 samples."""
    values: dict[str, Any] = {
        "drift_class": "D5",
        "check": "schema",
        "severity": Severity.CRITICAL,
        "expected": "present",
        "observed": "absent",
        "message": f"{operation}: {location} is missing (4 of 4 seen).",
        "samples": 4,
        "violations": 4,
        "confidence": Confidence.CONFIRMED,
    }
    return Finding(operation=operation, location=location, **(values | changes))


def tracked(state: FindingState = FindingState.NEW, **changes: Any) -> Finding:
    """Return a finding as a report with a history has it."""
    return finding(**({"state": state, "first_seen": "2026-01-01T03:00:00Z"} | changes))


def night(number: int) -> Night:
    return Night(number, f"2026-01-{number:02}T03:00:00Z", 1.0, "simulator", "clean", 40, True)


def row(state: State = State.VERIFIED, operation: str = "products.list", **changes: Any) -> OperationResult:
    values: dict[str, Any] = {"samples": 4, "requests": 2, "latency": 0.1}
    return OperationResult(operation, "GET", "/products", state, **(values | changes))


def report(*findings: Finding, rows: tuple[OperationResult, ...] = (), **changes: Any) -> Report:
    values: dict[str, Any] = {
        "target": "production",
        "started_at": "2026-01-05T03:00:00Z",
        "seconds": 2.0,
        "verdict": Verdict.DRIFT if any(one.breaks for one in findings) else Verdict.CLEAN,
        "sent": 40,
        "budget": 60,
    }
    return Report(operations=rows or (row(),), findings=findings, **(values | changes))
