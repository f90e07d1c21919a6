"""What is remembered of past runs: failures longer than successes, and never a value of an answer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from whopwatch.exchange import Exchange
from whopwatch.finding import Finding
from whopwatch.metrics import Outcome

GOOD = 200
FAILED = 1000
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


def record_of(run: Run, templates: Sequence[str]) -> dict[str, Any]:
    """`run` as JSON: statuses, times, sizes, names of parameters and headers; no value, no id, no key."""
    return {
        "operation": run.operation,
        "outcome": str(run.outcome),
        "ended_at": datetime.fromtimestamp(run.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "seconds": round(run.seconds, 6),
        "reason": run.reason,
        "requests": [_request(exchange, template) for exchange, template in zip(run.exchanges, templates, strict=True)],
        "findings": [finding.to_json() for finding in run.findings[:FINDINGS_SHOWN]],
    }


def _request(exchange: Exchange, template: str) -> dict[str, Any]:
    return {
        "operation": exchange.operation,
        "method": exchange.method,
        "path": template,
        "query": [name for name, _ in exchange.query],
        "credential": exchange.credential,
        "status": exchange.status,
        "failure": exchange.failure and exchange.failure.value,
        "headers": sorted({name for name, _ in exchange.headers}),
        "media_type": exchange.media_type,
        "body_bytes": len(exchange.body),
        "phases": {
            name: None if seconds is None else round(seconds, 6) for name, seconds in asdict(exchange.phases).items()
        },
    }


class History:
    """The records of past runs. Safe to use from several threads."""

    def __init__(self, good: int = GOOD, failed: int = FAILED) -> None:
        self._good: deque[dict[str, Any]] = deque(maxlen=good)
        self._failed: deque[dict[str, Any]] = deque(maxlen=failed)
        self._lock = threading.Lock()

    def add(self, record: dict[str, Any]) -> None:
        """Remember `record`."""
        with self._lock:
            (self._good if record["outcome"] == Outcome.SUCCESS else self._failed).append(record)

    def newest(self, *, operation: str | None = None, failed: bool = False, limit: int = 100) -> list[dict[str, Any]]:
        """The newest records first: of one operation, of failed runs alone, at most `limit`."""
        with self._lock:
            records = [*self._failed] if failed else [*self._good, *self._failed]
        wanted = [record for record in records if operation in (None, record["operation"])]
        return sorted(wanted, key=lambda record: str(record["ended_at"]), reverse=True)[:limit]
