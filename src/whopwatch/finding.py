"""What a check has to say, and what a run concludes from it.

A finding is a record, not an exception. Its fingerprint is a hash of class, operation and location alone, so
the same drift keeps it from night to night and from one way of looking to another.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a client of the API is hurt, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class Confidence(StrEnum):
    """Suspected rests on one sample; confirmed on several that agree."""

    CONFIRMED = "confirmed"
    SUSPECTED = "suspected"


class Source(StrEnum):
    """Which two witnesses disagree."""

    LIVE_CONTRACT = "live-contract"
    LIVE_LIVE = "live-live"
    CONTRACT_CONTRACT = "contract-contract"
    SDK_CONTRACT = "sdk-contract"
    DOCS_DOCS = "docs-docs"


class State(StrEnum):
    """What a run knows of one operation. Nothing that was not seen counts as verified."""

    VERIFIED = "verified"
    DRIFT = "drift"
    COULD_NOT_CHECK = "could-not-check"
    NOT_COVERED = "not-covered"


class Verdict(StrEnum):
    """What a run concludes; each has its exit code."""

    CLEAN = "clean"
    DRIFT = "drift"
    COULD_NOT_CHECK = "could-not-check"


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which what was seen is not what is promised.

    `drift_class` is one of D1 to D25, `location` a JSON pointer with `*` for array items, or `header:NAME`,
    `status`, `param:NAME`. `expected` and `observed` describe, they never quote a value of a response.
    `samples` counts what was looked at, `violations` how many of those disagreed.
    """

    drift_class: str
    check: str
    severity: Severity
    operation: str
    location: str
    expected: str
    observed: str
    message: str
    samples: int = 1
    violations: int = 1
    confidence: Confidence = Confidence.SUSPECTED
    source: Source = Source.LIVE_CONTRACT
    first_seen: str | None = None

    @property
    def fingerprint(self) -> str:
        """12 hex digits that stay the same as long as class, operation and location do."""
        identity = "\n".join((self.drift_class, self.operation, self.location))
        return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]

    @property
    def breaks(self) -> bool:
        """Whether it makes its operation `drift`: everything but what is merely worth knowing."""
        return self.severity is not Severity.INFO

    def to_json(self) -> dict[str, Any]:
        """The record as it stands in the JSON report."""
        return {
            "fingerprint": self.fingerprint,
            "class": self.drift_class,
            "check": self.check,
            "severity": str(self.severity),
            "confidence": str(self.confidence),
            "source": str(self.source),
            "operation": self.operation,
            "location": self.location,
            "expected": self.expected,
            "observed": self.observed,
            "samples": self.samples,
            "violations": self.violations,
            "first_seen": self.first_seen,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class OperationResult:
    """One operation's row in a report. `reason` says why it is not verified, in words a person can act on."""

    id: str
    method: str
    path: str
    state: State
    reason: str | None = None
    requests: int = 0
    samples: int = 0
    latency: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The row as it stands in the JSON report; `latency` is the median, in seconds."""
        return {
            "id": self.id,
            "method": self.method,
            "path": self.path,
            "state": str(self.state),
            "reason": self.reason,
            "requests": self.requests,
            "samples": self.samples,
            "latency": self.latency,
        }


@dataclass(frozen=True)
class Report:
    """The outcome of one run: the one model that every output renders.

    `seconds` is the run's wall time; `unsafe` counts requests that were not read-only.
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

    def count(self) -> Counter[State]:
        """How many operations are in each state."""
        return Counter(operation.state for operation in self.operations)

    def to_json(self) -> dict[str, Any]:
        """The JSON report, schema 1."""
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
            "operations": [operation.to_json() for operation in self.operations],
            "findings": [finding.to_json() for finding in self.findings],
            **self.extra,
        }
