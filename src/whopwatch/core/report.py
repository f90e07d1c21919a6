"""The report of one run: the one model that every output renders, and the exit code that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from whopwatch import __version__
from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT
from whopwatch.core.finding import INACTIVE, Finding, FindingState, Impact, Severity
from whopwatch.core.redaction import redact_value

MAX_INCIDENT_ROWS = 100
"""Incidents inside whopwatch that the JSON report lists."""


def timestamp(moment: datetime, timespec: str = "seconds") -> str:
    """Return a time in UTC as `2026-01-31T02:00:00Z`, in seconds or to what `timespec` of `isoformat` names."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def contract_facts(contracts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what `extra` says of the contracts of a report: `contract` for one, `contracts` for several."""
    found = list({str(one.get("sha256")): dict(one) for one in contracts}.values())
    if len(found) == 1:
        return {"contract": found[0]}
    return {"contracts": found} if found else {}


class State(StrEnum):
    """The result of one operation. An operation without a checked response is never `verified`."""

    VERIFIED = "verified"
    DRIFT = "drift"
    COULD_NOT_CHECK = "could-not-check"
    NOT_COVERED = "not-covered"


class Verdict(StrEnum):
    """The conclusion of a run; each has its exit code."""

    CLEAN = "clean"
    DRIFT = "drift"
    COULD_NOT_CHECK = "could-not-check"

    @classmethod
    def of(cls, findings: Iterable[Finding], *, is_complete: bool = True) -> Verdict:
        """Return drift if a finding breaks the contract; else clean, but only if the run `is_complete`."""
        if any(finding.breaks for finding in findings):
            return cls.DRIFT
        return cls.CLEAN if is_complete else cls.COULD_NOT_CHECK


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The row of one operation in a report.

    `reason` says why the operation is not verified, in words that a person can act on. `reason_group` is one sentence
    for all operations whose reasons differ only in a name. `request` is a request that was sent, as path and query with
    shell variables in place of ids and other values. `denied` says that the API refused every request of it to this
    key, and that the user has not allowed that. `checks_total` counts the checks that apply to the operation,
    `checks_run` and `checks_done` are names and number of the ones that had a request to judge, and `checks_open` maps
    the others to why they had none; they are None and empty if checks are not counted. `history` and `latencies`
    (medians in seconds) cover the latest runs of the baseline, the oldest first and this one last; both are empty
    without a baseline.
    """

    id: str
    method: str
    path: str
    state: State
    reason: str | None = None
    requests: int = 0
    samples: int = 0
    latency: float | None = None
    reason_group: str | None = None
    request: str | None = None
    denied: bool = False
    checks_run: tuple[str, ...] = ()
    checks_done: int | None = None
    checks_total: int | None = None
    checks_open: Mapping[str, str] = field(default_factory=dict)
    history: tuple[State, ...] = ()
    latencies: tuple[float | None, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the row as the JSON report has it; `latency` is the median in seconds."""
        return {
            "id": self.id,
            "method": self.method,
            "path": self.path,
            "state": str(self.state),
            "reason": self.reason,
            "requests": self.requests,
            "samples": self.samples,
            "latency": self.latency,
            **({"request": self.request} if self.request else {}),
            **({"denied": True} if self.denied else {}),
            **(
                {
                    "checks_done": self.checks_done,
                    "checks_total": self.checks_total,
                    "checks_open": list(self.checks_open),
                    "checks_open_reasons": dict(self.checks_open),
                }
                if self.checks_total
                else {}
            ),
            **({"history": list(self.history), "latencies": list(self.latencies)} if self.history else {}),
        }


@dataclass(frozen=True, slots=True)
class BaselineSummary:
    """The baseline that a run was compared with: its number of runs, and when the latest that verified something began.

    That time is in UTC, and None if no run verified anything.
    Every check of every verified operation ran within the last `checks_within_nights` nights, this one
    included; one more than there are nights if a check never had. None if checks are not counted. `restarted` says that
    and why the comparison restarts, None if it does not.
    """

    nights: int
    previous: str | None = None
    checks_within_nights: int | None = None
    restarted: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record as the JSON report has it."""
        counted = self.checks_within_nights
        return {
            "nights": self.nights,
            "previous": self.previous,
            **({} if counted is None else {"checks_within_nights": counted}),
            **({"restarted": self.restarted} if self.restarted else {}),
        }


@dataclass(frozen=True, slots=True)
class TargetResult:
    """The conclusion for one of several targets. `operations` counts its operations by state."""

    name: str
    verdict: Verdict
    reason: str | None
    sent: int
    findings: int
    operations: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_not_compared(self) -> bool:
        """Return whether nothing was verified at this target, so that its findings are those of earlier nights."""
        is_verified = self.operations.get(State.VERIFIED) or self.operations.get(State.DRIFT)
        return self.verdict is Verdict.COULD_NOT_CHECK and not is_verified

    def to_json(self) -> dict[str, Any]:
        """Return the row as the JSON report has it; `findings` counts the findings that affect the verdict."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """The outcome of one run.

    `reason` says why the run is incomplete or verified nothing, None if neither is so. `seconds` is the wall time of
    the run, `sent` the number of requests, `unsafe` how many of them were not read-only. `memory` describes the
    baseline, None without one. `targets` are the conclusions of a run over several targets, whose operations and
    findings this report combines.
    """

    target: str
    started_at: str
    seconds: float
    verdict: Verdict
    operations: tuple[OperationResult, ...]
    findings: tuple[Finding, ...]
    sent: int
    budget: int
    unsafe: int = 0
    reason: str | None = None
    version: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    memory: BaselineSummary | None = None
    targets: tuple[TargetResult, ...] = ()

    def __post_init__(self) -> None:
        """Remove known secrets: every output, and what a baseline keeps, is made of a report."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        redacted = redact_value(values)
        if redacted is not values:
            for name, value in redacted.items():
                object.__setattr__(self, name, value)

    @classmethod
    def build(
        cls,
        operations: Iterable[OperationResult],
        findings: Iterable[Finding],
        *,
        target: str,
        started_at: datetime | str,
        seconds: float,
        reason: str | None,
        sent: int = 0,
        budget: int = 0,
        unsafe: int = 0,
        extra: Mapping[str, Any] | None = None,
        memory: BaselineSummary | None = None,
        targets: Iterable[TargetResult] = (),
    ) -> Report:
        """Return the report of a run of this version of whopwatch; its verdict follows from the rest.

        `started_at` is in UTC. `reason` is why the run did not see all that it was to see: such a run is never clean.
        """
        found = tuple(findings)
        return cls(
            target=target,
            started_at=started_at if isinstance(started_at, str) else timestamp(started_at),
            seconds=seconds,
            verdict=Verdict.of(found, is_complete=reason is None),
            operations=tuple(operations),
            findings=found,
            sent=sent,
            budget=budget,
            unsafe=unsafe,
            reason=reason,
            version=__version__,
            extra=extra or {},
            memory=memory,
            targets=tuple(targets),
        )

    def revised(
        self, operations: Iterable[OperationResult], findings: Iterable[Finding], *, reason: str | None, **changes: Any
    ) -> Report:
        """Return this report with other operations, findings and reason, and the verdict that follows from them."""
        found = tuple(findings)
        verdict = self.verdict if self.is_not_compared else Verdict.of(found, is_complete=reason is None)
        return replace(self, operations=tuple(operations), findings=found, reason=reason, verdict=verdict, **changes)

    @property
    def failed_inside(self) -> list[dict[str, Any]]:
        """Return the incidents inside whopwatch: checks and planning steps that raised an error."""
        incidents = self.extra.get("incidents")
        rows = incidents if isinstance(incidents, list | tuple) else ()
        return [dict(row) for row in rows if isinstance(row, Mapping) and "place" in row]

    @property
    def is_not_compared(self) -> bool:
        """Return whether this is a night that verified nothing: its findings are those of earlier nights."""
        is_unchecked = self.memory is not None and self.verdict is Verdict.COULD_NOT_CHECK
        return is_unchecked and not any(row.state in (State.VERIFIED, State.DRIFT) for row in self.operations)

    def count(self) -> Counter[State]:
        """Return the number of operations in each state."""
        return Counter(operation.state for operation in self.operations)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON report, schema 1."""
        findings_of = Counter(finding.operation for finding in self.findings)
        return {
            "schema": 1,
            "tool": "whopwatch",
            "version": self.version,
            "target": self.target,
            "started_at": self.started_at,
            "seconds": round(self.seconds, 3),
            "verdict": str(self.verdict),
            "reason": self.reason,
            "requests": {"sent": self.sent, "budget": self.budget, "unsafe": self.unsafe},
            "operations": [{**one.to_json(), "findings": findings_of[one.id]} for one in self.operations],
            "findings": [finding.to_json() for finding in self.findings],
            **({"memory": self.memory.to_json()} if self.memory else {}),
            **({"targets": [target.to_json() for target in self.targets]} if self.targets else {}),
            **self.extra,
        }


FAIL_ON_NEW = "new"
FAIL_ON_HITS = "hits"
FAIL_ON = (*map(str, Severity), FAIL_ON_NEW, FAIL_ON_HITS)
"""The values of --fail-on: the mildest severity that fails, `new` for what earlier nights did not show, or `hits`."""
DEFAULT_FAIL_ON = str(Severity.LOW)

EXIT_CODES = {
    Verdict.CLEAN: EXIT_CLEAN,
    Verdict.DRIFT: EXIT_DRIFT,
    Verdict.COULD_NOT_CHECK: EXIT_COULD_NOT_CHECK,
}
"""The exit code of each verdict."""


def exit_code(report: Report, fail_on: str = DEFAULT_FAIL_ON) -> int:
    """Return 1 if a finding fails the run, else 3 if the run is incomplete or verified nothing, else 0.

    It is 3 in any case if a part of whopwatch failed, since what that part would have found is unknown, or if the
    findings are all of earlier nights because this one verified nothing. Of several targets, the findings of one that
    verified nothing do not count. `fail_on` is one of `FAIL_ON`. Fixed and accepted findings never fail a run.
    """
    if report.failed_inside or report.is_not_compared:
        return EXIT_COULD_NOT_CHECK
    if fail_on == DEFAULT_FAIL_ON:
        return EXIT_CODES[report.verdict]
    not_compared = {target.name for target in report.targets if target.is_not_compared}
    compared = (one for one in report.findings if not one.targets or set(one.targets) - not_compared)
    if any(_fails(finding, fail_on) for finding in compared):
        return EXIT_DRIFT
    is_incomplete = report.reason is not None or report.verdict is Verdict.COULD_NOT_CHECK
    return EXIT_COULD_NOT_CHECK if is_incomplete else EXIT_CLEAN


def _fails(finding: Finding, fail_on: str) -> bool:
    if finding.state in INACTIVE:
        return False
    if fail_on == FAIL_ON_NEW:
        return finding.breaks and finding.state in (None, FindingState.NEW, FindingState.WORSE)
    if fail_on == FAIL_ON_HITS:
        return finding.breaks and finding.impact is Impact.HITS
    return finding.severity.rank <= Severity(fail_on).rank
