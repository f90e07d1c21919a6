"""Checks over several deliveries: IDs that are reused or replaced, and retries that do not come.

A consumer deduplicates by `webhook-id`. If two events share an ID, it loses one of them; if a retry has a new ID, it
processes the event twice.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from whopwatch.core.finding import Finding, Severity
from whopwatch.webhooks.checks import delivery_finding
from whopwatch.webhooks.delivery import UNKNOWN_EVENT

REMEMBERED_DELIVERIES = 10_000
"""How many of the last deliveries are remembered, with two digests for each."""
RETRY_SECONDS = 90.0
"""How long to wait for a retry. The API documents the first ones 10, 20 and 40 s after the first attempt."""
MAX_EXPECTED_RETRIES = 1000


class DuplicateDetector:
    """Remembers the IDs and bodies of recent deliveries. Not thread-safe."""

    def __init__(self, remembered: int = REMEMBERED_DELIVERIES) -> None:
        self._most = remembered
        self._bodies: OrderedDict[bytes, bytes] = OrderedDict()
        self._ids: OrderedDict[bytes, bytes] = OrderedDict()

    def check(self, id: str, body: bytes, event: str = UNKNOWN_EVENT) -> tuple[bool, Finding | None]:
        """Return whether this delivery was received before, and a finding if its ID is wrong."""
        id_digest, body_digest = sha256(id.encode()).digest(), sha256(body).digest()
        known_body = self._remember(self._bodies, id_digest, body_digest)
        known_id = self._remember(self._ids, body_digest, id_digest)
        if known_body is not None and known_body != body_digest:
            what = "two different deliveries share a webhook-id: a consumer that deduplicates drops one of them"
            return False, _wrong_id(event, "a unique ID for each event", "the ID of another delivery", what)
        if known_id is not None and known_id != id_digest:
            what = "the same delivery has two webhook-ids: a consumer that deduplicates processes it twice"
            return True, _wrong_id(event, "the same ID in every attempt", "a different ID", what)
        return known_body is not None, None

    def _remember(self, known: OrderedDict[bytes, bytes], key: bytes, value: bytes) -> bytes | None:
        """Return the remembered value of `key`; remember `value` if there is none."""
        before = known.get(key)
        if before is None:
            known[key] = value
            if len(known) > self._most:
                known.popitem(last=False)
        return before


def _wrong_id(event: str, expected: str, observed: str, what: str) -> Finding:
    place = "header:webhook-id"
    return delivery_finding(
        "identity", "D23", Severity.CRITICAL, event, place, expected=expected, observed=observed, what=what
    )


@dataclass
class RetryMonitor:
    """Refuses the first attempt of every `every`th delivery (0: none) and expects a retry. Not thread-safe."""

    every: int
    retry_within: float = RETRY_SECONDS
    _seen: int = 0
    _awaited: dict[str, float] = field(default_factory=dict)

    def should_refuse(self, id: str, now: float) -> bool:
        """Return whether to refuse this attempt. A retry that was expected is never refused."""
        if self._awaited.pop(id, None) is not None or not self.every:
            return False
        self._seen += 1
        if self._seen % self.every or len(self._awaited) >= MAX_EXPECTED_RETRIES:
            return False
        self._awaited[id] = now + self.retry_within
        return True

    def overdue(self, now: float) -> Iterator[Finding]:
        """Yield one finding for each refused delivery that was not retried in time."""
        late = [id for id, until in self._awaited.items() if until <= now]
        for id in late:
            del self._awaited[id]
            yield delivery_finding(
                "retries",
                "D23",
                Severity.CRITICAL,
                UNKNOWN_EVENT,
                "retry",
                expected=f"a retry within {self.retry_within:.0f} s",
                observed="no retry",
                what="a delivery that got a 503 response was not retried: a delivery that fails once is lost",
            )
