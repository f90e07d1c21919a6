"""Verify and check deliveries. Verification is fast and happens before the response; the checks come after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from whopwatch.config import Secret
from whopwatch.contract import Contract, Event
from whopwatch.core.finding import Finding, Severity
from whopwatch.signature import TOLERANCE_SECONDS, Refusal, Signed, diagnose_signature, verify_signature
from whopwatch.webhooks.checks import check_content, refusal_finding
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.repeats import DuplicateDetector
from whopwatch.webhooks.versions import DeliveryContracts, PayloadResult

CompareObject = Callable[[Event, dict[str, Any], Contract | None], Iterator[Finding]]
"""Compares the object of a payload with the API's response for it, in the version of the contract."""


class DeliveryOutcome(StrEnum):
    """The result of a delivery that verified."""

    OK = "ok"
    DRIFT = "drift"
    DUPLICATE = "duplicate"
    UNCHECKED = "unchecked"
    """No contract of its version is available."""


@dataclass(frozen=True)
class DeliveryResult:
    """The result of one delivery.

    `lag` is the seconds from the event to its receipt; None if the event has no time. `unchecked` says why the payload
    was not checked, `contract` is the one it was checked against.
    """

    event: str
    outcome: DeliveryOutcome
    findings: tuple[Finding, ...]
    lag: float | None = None
    unchecked: str | None = None
    contract: Contract | None = field(default=None, repr=False)


class DeliveryChecker:
    """Checks the deliveries of one webhook. `compare` is called for every object, except those of duplicates."""

    def __init__(
        self,
        contract: Contract | DeliveryContracts,
        secret: Secret | Sequence[Secret],
        *,
        compare: CompareObject | None = None,
        tolerance: float = TOLERANCE_SECONDS,
    ) -> None:
        self._contracts = contract if isinstance(contract, DeliveryContracts) else DeliveryContracts(contract)
        self._compare = compare
        self._secrets = [secret] if isinstance(secret, Secret) else list(secret)
        self.tolerance = tolerance
        self._duplicates = DuplicateDetector()

    def verify(self, delivery: Delivery) -> Signed | Refusal:
        """Verify the signature: all that has to be known before the response. Thread-safe."""
        return verify_signature(
            [secret.reveal() for secret in self._secrets],
            delivery.headers,
            delivery.body,
            delivery.received_at,
            tolerance=self.tolerance,
        )

    def check(self, delivery: Delivery, signed: Signed) -> DeliveryResult:
        """Run all other checks on a delivery that verified. Not thread-safe."""
        value, problem = delivery.parsed
        payload = PayloadResult(None) if problem else self._contracts.check(value)
        is_duplicate, wrong_id = self._duplicates.check(signed.id, delivery.body, payload.name)
        findings = [wrong_id] if wrong_id else []
        if not is_duplicate:
            findings += check_content(delivery, payload.name)
            findings += payload.findings
            findings += self._compare_object(payload, value)
        is_broken = any(finding.breaks for finding in findings)
        known = DeliveryOutcome.UNCHECKED if payload.unchecked else DeliveryOutcome.OK
        outcome = DeliveryOutcome.DRIFT if is_broken else DeliveryOutcome.DUPLICATE if is_duplicate else known
        lag = None if is_duplicate else _lag(value, delivery)
        return DeliveryResult(payload.name, outcome, tuple(findings), lag, payload.unchecked, payload.contract)

    def _compare_object(self, payload: PayloadResult, value: Any) -> Iterator[Finding]:
        event = payload.event
        data = value.get("data") if event is not None else None
        if self._compare and event is not None and isinstance(data, dict):
            yield from self._compare(event, data, payload.contract)


def check_recorded(
    contracts: DeliveryContracts,
    secret: str | Sequence[str],
    delivery: Delivery,
    *,
    tolerance: float = TOLERANCE_SECONDS,
) -> tuple[Signed | Refusal, PayloadResult]:
    """Check a recorded delivery. Return the verification, and the payload's result with the most severe finding first.

    Unlike the receiver, this also checks the content of a delivery that does not verify, to help a person find out
    what the delivery is.
    """
    signed = diagnose_signature(secret, delivery.headers, delivery.body, delivery.received_at, tolerance=tolerance)
    value, problem = delivery.parsed
    payload = PayloadResult(None) if problem else contracts.check(value)
    findings = [refusal_finding(signed, payload.name)] if isinstance(signed, Refusal) else []
    findings += [*check_content(delivery, payload.name), *payload.findings]
    ordered = tuple(sorted(findings, key=lambda finding: (finding.severity.rank, finding.location)))
    return signed, replace(payload, findings=ordered)


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
