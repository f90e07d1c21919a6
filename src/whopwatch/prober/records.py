"""What is remembered of past runs: failures longer than successes, and never a value of an answer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from whopwatch.core.exchange import Exchange, Phases
from whopwatch.core.finding import Finding
from whopwatch.metrics import Outcome

GOOD = 200
FAILED = 400
"""Records kept of each kind; the oldest go first."""
FINDINGS_SHOWN = 20


@dataclass(frozen=True)
class Run:
    """One run of a probe. `reason` says in words why it did not succeed; `at` is its end, since the epoch.

    `exchanges` are in their order, the probed one last unless the run ended before; `seconds` is the wall time of all.
    `lacking` is the resource no id of which was seen to ask with.
    """

    operation: str
    outcome: Outcome
    at: float
    seconds: float
    reason: str | None = None
    exchanges: tuple[Exchange, ...] = ()
    findings: tuple[Finding, ...] = ()
    lacking: str | None = None


class Sent(NamedTuple):
    """One request of a run, as far as it is remembered: no value, no id, no key, no body."""

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
    def of(cls, exchange: Exchange, path: str) -> Sent:
        """What is remembered of `exchange`, whose operation has the path template `path`."""
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

    def told(self) -> dict[str, Any]:
        """As JSON; times in seconds."""
        phases = asdict(self.phases).items()
        return {
            **self._asdict(),
            "query": list(self.query),
            "headers": sorted(set(self.headers)),
            "phases": {name: None if seconds is None else round(seconds, 6) for name, seconds in phases},
        }


class Record(NamedTuple):
    """One run, as far as it is remembered."""

    run: Run
    sent: tuple[Sent, ...]

    @classmethod
    def of(cls, run: Run, paths: Iterable[str]) -> Record:
        """What is remembered of `run`; `paths` are the path templates of its requests."""
        sent = tuple(map(Sent.of, run.exchanges, paths))
        findings = run.findings[:FINDINGS_SHOWN]
        return cls(Run(run.operation, run.outcome, run.at, run.seconds, run.reason, (), findings, run.lacking), sent)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        run = self.run
        return {
            "operation": run.operation,
            "outcome": str(run.outcome),
            "ended_at": datetime.fromtimestamp(run.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "seconds": round(run.seconds, 6),
            "reason": run.reason,
            "requests": [sent.told() for sent in self.sent],
            "findings": [finding.to_json() for finding in run.findings],
        }


class History:
    """The records of past runs. Safe to use from several threads."""

    def __init__(self, good: int = GOOD, failed: int = FAILED) -> None:
        self._good: deque[Record] = deque(maxlen=good)
        self._failed: deque[Record] = deque(maxlen=failed)
        self._lock = threading.Lock()

    def add(self, record: Record) -> None:
        """Remember `record`."""
        with self._lock:
            (self._good if record.run.outcome is Outcome.SUCCESS else self._failed).append(record)

    def newest(self, *, operation: str | None = None, failed: bool = False, limit: int = 100) -> list[Record]:
        """The newest records first: of one operation, of failed runs alone, at most `limit`."""
        with self._lock:
            kept = [*self._failed] if failed else [*self._good, *self._failed]
        wanted = [record for record in kept if operation in (None, record.run.operation)]
        return sorted(wanted, key=lambda record: record.run.at, reverse=True)[:limit]
