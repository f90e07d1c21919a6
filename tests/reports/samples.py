"""Reports of every kind for tests."""

from __future__ import annotations

from whopwatch.core.finding import Confidence, Finding, Severity
from whopwatch.core.report import OperationResult, Report, State, Verdict

FINDINGS = (
    Finding(
        drift_class="D5",
        check="response-schema",
        severity=Severity.CRITICAL,
        operation="products.list",
        location="/data/*/title",
        expected="present",
        observed="absent",
        message="products.list: required field is missing (12 of 40 items).",
        samples=40,
        violations=12,
        confidence=Confidence.CONFIRMED,
    ),
    Finding(
        drift_class="D12",
        check="date-format",
        severity=Severity.HIGH,
        operation="payments.retrieve",
        location="/created_at",
        expected="date-time",
        observed="a string of another format",
        message="payments.retrieve: is not a date-time (1 of 1 response).",
    ),
    Finding(
        drift_class="D10",
        check="response-schema",
        severity=Severity.MEDIUM,
        operation="products.list",
        location="/data/*/visibility",
        expected="visible, hidden, archived, quick_link",
        observed="another value",
        message="products.list: has an undocumented enum value (3 of 40 items).",
        samples=40,
        violations=3,
        confidence=Confidence.CONFIRMED,
    ),
    Finding(
        drift_class="D19",
        check="undocumented-fields",
        severity=Severity.INFO,
        operation="users.retrieve",
        location="/x|y\x1b[31m[bold]`tick`",
        expected="documented fields only",
        observed="an undocumented field",
        message="users.retrieve: has an undocumented field <b> *x* | y\nand more (2 of 2 responses).",
        samples=2,
        violations=2,
    ),
)

OPERATIONS = (
    OperationResult("products.list", "GET", "/products", State.DRIFT, None, 4, 40, 0.012),
    OperationResult("payments.retrieve", "GET", "/payments/{id}", State.DRIFT, None, 1, 1, 0.01),
    OperationResult("users.retrieve", "GET", "/users/{id}", State.VERIFIED, None, 2, 2, 0.008),
    OperationResult("courses.list", "GET", "/courses", State.COULD_NOT_CHECK, "the list is empty", 1, 0, 0.01),
    OperationResult(
        "apps.list",
        "GET",
        "/apps",
        State.COULD_NOT_CHECK,
        "the key lacks the scope developer:basic:read",
        1,
        0,
    ),
    OperationResult(
        "products.create", "POST", "/products", State.NOT_COVERED, "write operation, skipped in read-only mode"
    ),
    OperationResult(
        "products.delete", "DELETE", "/products/{id}", State.NOT_COVERED, "write operation, skipped in read-only mode"
    ),
)


def report(verdict: Verdict = Verdict.DRIFT, **changes: object) -> Report:
    """A report with a row of each state, or one with `changes`."""
    values: dict[str, object] = {
        "target": "http://127.0.0.1:8000/api/v1",
        "started_at": "2026-11-22T02:00:00Z",
        "seconds": 3.25,
        "verdict": verdict,
        "operations": OPERATIONS,
        "findings": FINDINGS,
        "sent": 183,
        "budget": 600,
        "version": "0.1.0",
    }
    return Report(**{**values, **changes})  # type: ignore[arg-type]


def clean() -> Report:
    """79 verified and 70 writes, as at the simulator."""
    reads = [OperationResult(f"r{n}.list", "GET", f"/r{n}", State.VERIFIED, None, 2, 9) for n in range(79)]
    writes = [
        OperationResult(
            f"r{n}.create", "POST", f"/r{n}", State.NOT_COVERED, "write operation, skipped in read-only mode"
        )
        for n in range(70)
    ]
    return report(Verdict.CLEAN, operations=(*reads, *writes), findings=())


def refused() -> Report:
    """What a wrong key leads to."""
    rows = [
        OperationResult(f"r{n}.list", "GET", f"/r{n}", State.COULD_NOT_CHECK, "The API rejected the key (401).", 0, 0)
        for n in range(30)
    ]
    return report(
        Verdict.COULD_NOT_CHECK,
        operations=tuple(rows),
        findings=(),
        sent=2,
        reason="The API rejected the key (401). Check WHOP_API_KEY.",
    )
