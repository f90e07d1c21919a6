"""From a delivery to what it says of the contract. What has to be quick is apart from what may take its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from whopwatch.config import Secret
from whopwatch.contract import Contract, Event
from whopwatch.core.finding import Finding
from whopwatch.signature import TOLERANCE, Refusal, Signed, verify
from whopwatch.webhooks.checks import content, event_of, named, payload
from whopwatch.webhooks.delivery import UNKNOWN, Delivery
from whopwatch.webhooks.identity import Identity

Compare = Callable[[Event, dict[str, Any]], Iterator[Finding]]
"""Holds the object of a payload against what the API answers for it."""


class Outcome(StrEnum):
    """What a delivery that verified came to."""

    OK = "ok"
    DRIFT = "drift"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Judgement:
    """What one delivery comes to; `lag` in seconds from the event to its receipt, where the payload tells."""

    event: str
    outcome: Outcome
    findings: tuple[Finding, ...]
    lag: float | None = None


class Judge:
    """Judges the deliveries of one webhook. `compare` is asked about every object that is not a duplicate's."""

    def __init__(
        self, contract: Contract, secret: Secret, *, compare: Compare | None = None, tolerance: float = TOLERANCE
    ) -> None:
        self._contract, self._secret, self._compare = contract, secret, compare
        self.tolerance = tolerance
        self._identity = Identity()

    def admit(self, delivery: Delivery) -> Signed | Refusal:
        """Whether it is signed: all that has to be known before it is answered. For any thread."""
        return verify(
            self._secret.reveal(), delivery.headers, delivery.body, delivery.received_at, tolerance=self.tolerance
        )

    def judge(self, delivery: Delivery, signed: Signed) -> Judgement:
        """Everything else about a delivery that verified. Not for several threads."""
        value, problem = delivery.parsed
        event = None if problem else event_of(self._contract, value)
        name = event.name if event else UNKNOWN
        is_known, misnamed = self._identity.see(signed.id, delivery.body, name)
        findings = [misnamed] if misnamed else []
        if not is_known:
            findings += content(delivery, name)
            findings += () if problem else self._of_payload(value, event)
        broken = any(finding.breaks for finding in findings)
        outcome = Outcome.DRIFT if broken else Outcome.DUPLICATE if is_known else Outcome.OK
        return Judgement(name, outcome, tuple(findings), None if is_known else _lag(value, delivery.received_at))

    def _of_payload(self, value: Any, event: Event | None) -> Iterator[Finding]:
        yield from named(self._contract, value)
        if event is not None:
            yield from payload(self._contract, event, value)
            data = value.get("data")
            if self._compare and isinstance(data, dict):
                yield from self._compare(event, data)


def _lag(value: Any, received_at: float) -> float | None:
    text = value.get("timestamp") if isinstance(value, dict) else None
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, received_at - moment.timestamp()) if moment.tzinfo else None
