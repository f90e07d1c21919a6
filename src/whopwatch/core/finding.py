"""What a check has to say, and what a run concludes from it.

A finding is a record, not an exception. Its fingerprint is a hash of class, operation and location alone, so
the same drift keeps it from night to night and from one way of looking to another.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


def timestamp(moment: datetime) -> str:
    """A moment in UTC as reports write it, to the second: `2026-01-31T02:00:00Z`."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


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


class Life(StrEnum):
    """What a finding is to a run that remembers earlier ones."""

    NEW = "new"
    KNOWN = "known"
    WORSE = "worse"
    FLAPPING = "flapping"
    """It came and went more than once of late."""
    FIXED = "fixed"
    """It was there before; what it was found in was looked at again, and it is not there any more."""
    ACCEPTED = "accepted"
    """Somebody wrote down why nothing is done about it."""


OVER = frozenset({Life.FIXED, Life.ACCEPTED})
"""States in which a finding is told and does not count."""


@dataclass(frozen=True, slots=True)
class Place:
    """One of the places at which a root cause shows. `fingerprint` is what the finding there has by itself."""

    operation: str
    location: str
    fingerprint: str
    samples: int
    violations: int

    def to_json(self) -> dict[str, Any]:
        """The place as it stands in the JSON report."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which what was seen is not what is promised.

    `drift_class` is one of D1 to D25, `location` a JSON pointer with `*` for array items, or `header:NAME`,
    `status`, `param:NAME`. `expected` and `observed` describe, they never quote a value of a response.
    `samples` counts what was looked at, `violations` how many of those disagreed.

    The rest is known to a run with a memory only. `state` is None without one; `first_seen` is the start of the run
    that found it first, in UTC. A finding with `places` stands for one root cause: its operation is `schema:NAME` or
    `object:FIELD` and its location lies within that, or it is `all` where the whole API has it in common. `targets` are
    the names of those that show it, where several were looked at. `witnesses` says of each source (`reference`, `sdk`,
    `live`, `last night`) what it holds: `as expected`, `as observed` or `silent`; `moved` is the one that changed.
    `accepted` is the reason for doing nothing.
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
    state: Life | None = None
    places: tuple[Place, ...] = ()
    targets: tuple[str, ...] = ()
    witnesses: Mapping[str, str] = field(default_factory=dict)
    moved: str | None = None
    accepted: str | None = None

    @property
    def fingerprint(self) -> str:
        """12 hex digits that stay the same as long as class, operation and location do."""
        identity = "\n".join((self.drift_class, self.operation, self.location))
        return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]

    @property
    def breaks(self) -> bool:
        """Whether it makes its operation `drift`: not what is merely worth knowing, is over or was accepted."""
        return self.severity is not Severity.INFO and self.state not in OVER

    def to_json(self) -> dict[str, Any]:
        """The record as it stands in the JSON report; keys of the memory only where there is one."""
        remembered = {
            "state": self.state,
            "places": [place.to_json() for place in self.places],
            "targets": list(self.targets),
            "witnesses": dict(self.witnesses),
            "moved": self.moved,
            "accepted": self.accepted,
        }
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
            **(remembered if self.state else {}),
        }


@dataclass(frozen=True, slots=True)
class OperationResult:
    """One operation's row in a report. `reason` says why it is not verified, in words a person can act on.

    `request` is one that was made for it, as path and query with shell variables in place of ids and other values.
    `reason_group` is what a summary says of all operations whose reasons differ in a name only. `history` and
    `latencies` (medians, in seconds) are those of the latest nights, the oldest first, this one last; empty without a
    memory.
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
    history: tuple[State, ...] = ()
    latencies: tuple[float | None, ...] = ()

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
            **({"request": self.request} if self.request else {}),
            **({"history": list(self.history), "latencies": list(self.latencies)} if self.history else {}),
        }


@dataclass(frozen=True, slots=True)
class Memory:
    """What a report was compared with: how many nights before this one, and when the last of them began (UTC)."""

    nights: int
    previous: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as it stands in the JSON report."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TargetResult:
    """What one of several targets came to."""

    name: str
    verdict: Verdict
    reason: str | None
    sent: int
    findings: int

    def to_json(self) -> dict[str, Any]:
        """The row as it stands in the JSON report; `findings` counts those that break something."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """The outcome of one run: the one model that every output renders.

    `seconds` is the run's wall time; `unsafe` counts requests that were not read-only. `memory` is None for a run
    without one; `targets` are those of a run over several, whose rows and findings are then put together.
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
    memory: Memory | None = None
    targets: tuple[TargetResult, ...] = ()

    def count(self) -> Counter[State]:
        """How many operations are in each state."""
        return Counter(operation.state for operation in self.operations)

    def to_json(self) -> dict[str, Any]:
        """The JSON report, schema 1."""
        bought = Counter(finding.operation for finding in self.findings)
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
            "operations": [{**one.to_json(), "findings": bought[one.id]} for one in self.operations],
            "findings": [finding.to_json() for finding in self.findings],
            **({"memory": self.memory.to_json()} if self.memory else {}),
            **({"targets": [target.to_json() for target in self.targets]} if self.targets else {}),
            **self.extra,
        }
