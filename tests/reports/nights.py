"""Reports of nights for tests: the first one, a quiet one, a bad one, and one with very many findings."""

from __future__ import annotations

from dataclasses import replace

from tests.reports import samples
from whopwatch.core.finding import Confidence, Finding, FindingState, Occurrence, Severity
from whopwatch.core.report import BaselineSummary, OperationResult, Report, State, TargetResult, Verdict

NIGHTS = 21
_READS = [
    f"{resource}.{method}" for resource in ("products", "payments", "plans", "users") for method in ("list", "retrieve")
]


def _row(number: int, id: str, state: State, *, nights: int) -> OperationResult:
    history = tuple(
        State.COULD_NOT_CHECK if (night * 7 + number) % 31 == 0 else State.VERIFIED for night in range(nights - 1)
    )
    slow = tuple(
        None if past is not State.VERIFIED else 0.08 + 0.01 * ((night * number) % 5)
        for night, past in enumerate(history)
    )
    latency = 0.09 if state is State.VERIFIED else None
    return OperationResult(
        id,
        "GET",
        f"/{id.partition('.')[0]}" + ("/{id}" if id.endswith("retrieve") else ""),
        state,
        "the list is empty, so there is no item to check" if state is State.COULD_NOT_CHECK else None,
        2,
        9,
        latency,
        request=f"/{id.partition('.')[0]}?company_id=$WHOP_COMPANY_ID&first=100",
        history=(*history, state) if nights else (),
        latencies=(*slow, latency) if nights else (),
    )


def rows(drift: tuple[str, ...] = (), *, nights: int = NIGHTS) -> tuple[OperationResult, ...]:
    """A few reads and writes."""
    reads = [_row(n, id, State.DRIFT if id in drift else State.VERIFIED, nights=nights) for n, id in enumerate(_READS)]
    empty = _row(9, "courses.list", State.COULD_NOT_CHECK, nights=nights)
    writes = [
        OperationResult(f"{r}.create", "POST", f"/{r}", State.NOT_COVERED, "write operation, skipped in read-only mode")
        for r in ("products", "plans")
    ]
    return (*reads, empty, *writes)


def first_night() -> Report:
    """Nothing to compare with yet."""
    return samples.report(Verdict.CLEAN, operations=rows(nights=1), findings=(), memory=BaselineSummary(0))


def quiet_night() -> Report:
    """Nothing moved; one drift is known and accepted."""
    known = replace(
        samples.FINDINGS[2], state=FindingState.ACCEPTED, first_seen="2026-11-08T02:00:07Z", accepted="a beta of theirs"
    )
    memory = BaselineSummary(NIGHTS, "2026-11-21T02:00:03Z")
    return samples.report(Verdict.CLEAN, operations=rows(), findings=(known,), memory=memory)


def bad_night() -> Report:
    """Each life once, a root cause with its places, witnesses, and several targets."""
    first, second, third, fourth = samples.FINDINGS
    cause = Finding(
        drift_class="D9",
        check="schema",
        severity=Severity.HIGH,
        operation="schema:Currency",
        location="/code",
        expected="not null",
        observed="null",
        message="schema:Currency /code: same change in 8 places of 8 operations, for example "
        "products.list: /data/*/currency/code is null, but not nullable (38 of 40 items).",
        samples=412,
        violations=398,
        confidence=Confidence.CONFIRMED,
        state=FindingState.NEW,
        first_seen="2026-11-22T02:00:00Z",
        places=tuple(Occurrence(id, "/data/*/currency/code", "0123456789ab", 40, 38) for id in _READS),
        witnesses={
            "reference": "as expected",
            "sdk": "as expected",
            "live": "as observed",
            "last night": "as expected",
        },
        moved="live",
        targets=("acme", "globex"),
    )
    findings = (
        cause,
        replace(first, state=FindingState.NEW, first_seen="2026-11-22T02:00:00Z"),
        replace(second, state=FindingState.WORSE, first_seen="2026-11-19T02:00:00Z"),
        replace(third, state=FindingState.KNOWN, first_seen="2026-10-30T02:00:00Z"),
        replace(fourth, state=FindingState.FLAPPING, first_seen="2026-11-02T02:00:00Z"),
        replace(third, location="/data/*/status", state=FindingState.FIXED, first_seen="2026-11-12T02:00:00Z"),
    )
    return samples.report(
        operations=rows(("products.list", "payments.retrieve")),
        findings=findings,
        memory=BaselineSummary(NIGHTS, "2026-11-21T02:00:03Z"),
        targets=(
            TargetResult(
                "acme", Verdict.DRIFT, None, 183, 4, {"verified": 6, "drift": 2, "could-not-check": 1, "not-covered": 2}
            ),
            TargetResult("globex", Verdict.COULD_NOT_CHECK, "The API rejected the key (401).", 2, 0),
        ),
        extra={"spent": {"list": 90, "retrieve": 60, "next-page": 33}},
    )


def flood(count: int = 1000) -> Report:
    """More findings than anybody reads."""
    findings = tuple(
        replace(
            samples.FINDINGS[number % 3],
            location=f"/data/*/field_{number}",
            state=list(FindingState)[number % 6],
            first_seen="2026-11-22T02:00:00Z",
        )
        for number in range(count)
    )
    return samples.report(
        operations=rows(("products.list",)), findings=findings, memory=BaselineSummary(3, "2026-11-21T02:00:03Z")
    )
