"""Records of past runs. They contain names, sizes and times, and never a value of a response.

Failures are kept longer than successes: they are rarer, and a reader of the history looks for them.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from whopwatch.core.exchange import Exchange, Phases
from whopwatch.core.finding import Finding
from whopwatch.core.report import timestamp
from whopwatch.metrics import ProbeOutcome

SUCCESSES_KEPT = 200
FAILURES_KEPT = 400
FINDINGS_KEPT = 20
"""Findings kept of one run."""


@dataclass(frozen=True)
class ProbeRun:
    """One run of a probe. `at` is its end in seconds since the epoch, `reason` says why it did not succeed.

    `exchanges` are in order; the last one is the probed operation's unless the run ended early. `seconds` is the wall
    time of all. `missing_id_of` is the resource of which no id was known. `id` names the run in records and exemplars.
    """

    operation: str
    outcome: ProbeOutcome
    at: float
    seconds: float
    reason: str | None = None
    exchanges: tuple[Exchange, ...] = ()
    findings: tuple[Finding, ...] = ()
    missing_id_of: str | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))


class RequestRecord(NamedTuple):
    """One request of a run as the history keeps it: no value, id, key or body."""

    operation: str
    path: str
    query: tuple[str, ...]
    status: int | None
    failure: str | None
    headers: tuple[str, ...]
    media_type: str | None
    body_bytes: int
    phases: Phases

    @classmethod
    def of(cls, exchange: Exchange, path: str) -> RequestRecord:
        """Return the record of `exchange`. `path` is the path template of its operation."""
        return cls(
            exchange.operation,
            path,
            tuple([name for name, _ in exchange.query]),
            exchange.status,
            exchange.failure and exchange.failure.value,
            tuple([name for name, _ in exchange.headers]),
            exchange.media_type,
            len(exchange.body),
            exchange.phases,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the record for JSON; times in seconds."""
        phases = asdict(self.phases).items()
        return {
            **self._asdict(),
            "query": list(self.query),
            "headers": sorted(set(self.headers)),
            "phases": {name: None if seconds is None else round(seconds, 6) for name, seconds in phases},
        }


class RunRecord(NamedTuple):
    """One run as the history keeps it."""

    run: ProbeRun
    requests: tuple[RequestRecord, ...]

    @classmethod
    def of(cls, run: ProbeRun, paths: Iterable[str]) -> RunRecord:
        """Return the record of `run`. `paths` are the path templates of its requests."""
        requests = tuple(map(RequestRecord.of, run.exchanges, paths))
        return cls(replace(run, exchanges=(), findings=run.findings[:FINDINGS_KEPT]), requests)

    def to_json(self) -> dict[str, Any]:
        """Return the record for JSON."""
        run = self.run
        return {
            "run_id": run.id,
            "operation": run.operation,
            "outcome": str(run.outcome),
            "ended_at": timestamp(datetime.fromtimestamp(run.at, UTC), "milliseconds"),
            "seconds": round(run.seconds, 6),
            "reason": run.reason,
            "requests": [request.to_json() for request in self.requests],
            "findings": [finding.to_json() for finding in run.findings],
        }


class RunHistory:
    """The records of past runs, the oldest dropped first. Thread-safe."""

    def __init__(self) -> None:
        self._successes: deque[RunRecord] = deque(maxlen=SUCCESSES_KEPT)
        self._failures: deque[RunRecord] = deque(maxlen=FAILURES_KEPT)
        self._lock = threading.Lock()

    def add(self, record: RunRecord) -> None:
        """Store `record`."""
        with self._lock:
            (self._successes if record.run.outcome is ProbeOutcome.SUCCESS else self._failures).append(record)

    def latest(self) -> Mapping[str, ProbeRun]:
        """Return the last recorded run of each operation."""
        with self._lock:
            kept = [record.run for record in (*self._successes, *self._failures)]
        return {run.operation: run for run in sorted(kept, key=lambda run: run.at)}

    def newest(
        self, *, operation: str | None = None, run_id: str | None = None, failed: bool = False, limit: int = 100
    ) -> list[RunRecord]:
        """Return at most `limit` records, the newest first; of one operation, one run or failed runs only if wanted."""
        with self._lock:
            kept = [*self._failures] if failed else [*self._successes, *self._failures]
        wanted = [
            record for record in kept if operation in (None, record.run.operation) and run_id in (None, record.run.id)
        ]
        return sorted(wanted, key=lambda record: record.run.at, reverse=True)[:limit]
