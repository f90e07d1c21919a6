"""Verify and check deliveries. Verification is fast and happens before the response; the checks come after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from whopwatch.config import Secret
from whopwatch.contract import Contract, Event
from whopwatch.core.finding import Finding, Severity
from whopwatch.signature import TOLERANCE_SECONDS, Refusal, Signed, diagnose_signature, verify_signature
from whopwatch.webhooks.checks import check_content, check_event_name, check_payload, documented_event, refusal_finding
from whopwatch.webhooks.delivery import UNKNOWN_EVENT, Delivery
from whopwatch.webhooks.repeats import DuplicateDetector

CompareObject = Callable[[Event, dict[str, Any]], Iterator[Finding]]
"""Compares the object of a payload with the API's response for it."""


class DeliveryOutcome(StrEnum):
    """The result of a delivery that verified."""

    OK = "ok"
    DRIFT = "drift"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class DeliveryResult:
    """The result of one delivery. `lag` is the seconds from the event to its receipt; None if the event has no time."""

    event: str
    outcome: DeliveryOutcome
    findings: tuple[Finding, ...]
    lag: float | None = None


class DeliveryChecker:
    """Checks the deliveries of one webhook. `compare` is called for every object, except those of duplicates."""

    def __init__(
        self,
        contract: Contract,
        secret: Secret,
        *,
        compare: CompareObject | None = None,
        tolerance: float = TOLERANCE_SECONDS,
    ) -> None:
        self._contract, self._secret, self._compare = contract, secret, compare
        self.tolerance = tolerance
        self._duplicates = DuplicateDetector()

    def verify(self, delivery: Delivery) -> Signed | Refusal:
        """Verify the signature: all that has to be known before the response. Thread-safe."""
        return verify_signature(
            self._secret.reveal(), delivery.headers, delivery.body, delivery.received_at, tolerance=self.tolerance
        )

    def check(self, delivery: Delivery, signed: Signed) -> DeliveryResult:
        """Run all other checks on a delivery that verified. Not thread-safe."""
        value, problem = delivery.parsed
        event = None if problem else documented_event(self._contract, value)
        name = event.name if event else UNKNOWN_EVENT
        is_duplicate, wrong_id = self._duplicates.check(signed.id, delivery.body, name)
        findings = [wrong_id] if wrong_id else []
        if not is_duplicate:
            findings += check_content(delivery, name)
            findings += () if problem else self._check_payload(value, event)
        is_broken = any(finding.breaks for finding in findings)
        known = DeliveryOutcome.DUPLICATE if is_duplicate else DeliveryOutcome.OK
        outcome = DeliveryOutcome.DRIFT if is_broken else known
        return DeliveryResult(name, outcome, tuple(findings), None if is_duplicate else _lag(value, delivery))

    def _check_payload(self, value: Any, event: Event | None) -> Iterator[Finding]:
        yield from check_event_name(self._contract, value)
        if event is not None:
            yield from check_payload(self._contract, event, value)
            data = value.get("data")
            if self._compare and isinstance(data, dict):
                yield from self._compare(event, data)


def check_recorded(
    contract: Contract, secret: str, delivery: Delivery, *, tolerance: float = TOLERANCE_SECONDS
) -> tuple[Signed | Refusal, str, tuple[Finding, ...]]:
    """Check a recorded delivery. Return the verification, the event's name and the findings, the most severe first.

    Unlike the receiver, this also checks the content of a delivery that does not verify, to help a person find out
    what the delivery is.
    """
    signed = diagnose_signature(secret, delivery.headers, delivery.body, delivery.received_at, tolerance=tolerance)
    value, problem = delivery.parsed
    event = None if problem else documented_event(contract, value)
    name = event.name if event else UNKNOWN_EVENT
    findings = [refusal_finding(signed, name)] if isinstance(signed, Refusal) else []
    findings += check_content(delivery, name)
    if problem is None:
        findings += check_event_name(contract, value)
        findings += check_payload(contract, event, value) if event else ()
    return signed, name, tuple(sorted(findings, key=lambda finding: (finding.severity.rank, finding.location)))


def has_violation(findings: tuple[Finding, ...]) -> bool:
    """Return whether any finding is more severe than info."""
    return any(finding.severity is not Severity.INFO for finding in findings)


def _lag(value: Any, delivery: Delivery) -> float | None:
    text = value.get("timestamp") if isinstance(value, dict) else None
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, delivery.received_at - moment.timestamp()) if moment.tzinfo else None
