"""What is remembered of past runs: failures longer than successes, and never a value of an answer."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

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


class _Kept(NamedTuple):
    """A record as text, which takes a fifth of the memory."""

    ended_at: str
    operation: str
    text: bytes


class History:
    """The records of past runs. Safe to use from several threads."""

    def __init__(self, good: int = GOOD, failed: int = FAILED) -> None:
        self._good: deque[_Kept] = deque(maxlen=good)
        self._failed: deque[_Kept] = deque(maxlen=failed)
        self._lock = threading.Lock()

    def add(self, record: dict[str, Any]) -> None:
        """Remember `record`."""
        kept = _Kept(record["ended_at"], record["operation"], json.dumps(record, separators=(",", ":")).encode())
        with self._lock:
            (self._good if record["outcome"] == Outcome.SUCCESS else self._failed).append(kept)

    def newest(self, *, operation: str | None = None, failed: bool = False, limit: int = 100) -> list[dict[str, Any]]:
        """The newest records first: of one operation, of failed runs alone, at most `limit`."""
        with self._lock:
            kept = [*self._failed] if failed else [*self._good, *self._failed]
        wanted = [each for each in kept if operation in (None, each.operation)]
        newest = sorted(wanted, key=lambda each: each.ended_at, reverse=True)[:limit]
        return [json.loads(each.text) for each in newest]
