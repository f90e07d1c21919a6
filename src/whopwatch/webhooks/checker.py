"""Verify and check deliveries, each against the contract of its version. Verification precedes the response.

A delivery of a pinned webhook states its version (`api_version_date`). A delivery without one has the current shape, so
it is checked against the newest edition first. Deliveries of webhook version v2 or v5 have another shape. An object
with the fields of another version than the contract's is not checked: that is one sentence, not a finding a field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from whopwatch.config import Secret
from whopwatch.config.contract_choice import AUTO, bundled_versions
from whopwatch.contract import Contract, Event, editions, load
from whopwatch.contract.loader import is_version, version_at_or_before
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.finding import Finding, Severity
from whopwatch.run.api_version import STRUCTURAL
from whopwatch.signature import TOLERANCE_SECONDS, Refusal, Signed, verify_signature
from whopwatch.signature.diagnose import diagnose_signature
from whopwatch.webhooks.checks import (
    DuplicateDetector,
    check_content,
    check_event_name,
    check_payload,
    documented_event,
    refusal_finding,
)
from whopwatch.webhooks.delivery import UNKNOWN_EVENT, Delivery

_OLD_WEBHOOK_VERSIONS = ("v2", "v5")


@dataclass(frozen=True)
class PayloadResult:
    """The result of checking a payload. `unchecked` says why it was not checked; then there are no findings.

    `contract` is the one that was used, `version` the API version that the delivery states.
    """

    event: Event | None
    findings: tuple[Finding, ...] = ()
    unchecked: str | None = None
    contract: Contract | None = field(default=None, repr=False)
    version: str | None = None

    @property
    def name(self) -> str:
        """The event's name, `*` if it is not documented."""
        return self.event.name if self.event else UNKNOWN_EVENT

    @property
    def fits(self) -> bool:
        """Whether the contract documents the event and nothing of the payload breaks it."""
        return self.event is not None and not any(finding.breaks for finding in self.findings)


class DeliveryContracts:
    """The contracts for deliveries: one, or every bundled edition if none was chosen."""

    def __init__(self, contract: Contract | None = None) -> None:
        self._fixed = contract
        self._last: Contract | None = None

    @property
    def all(self) -> list[Contract]:
        """The contracts that a delivery may be checked against."""
        return [self._fixed] if self._fixed else [load(edition.folder) for edition in editions()]

    @property
    def events(self) -> list[str]:
        """The names of all documented events."""
        return list(dict.fromkeys(name for contract in self.all for name in contract.events))

    def check(self, value: Any) -> PayloadResult:
        """Check a payload against the contract of its version. Not thread-safe."""
        old = _old_webhook_version(value)
        if old is not None:
            reason = f"this is a {old} delivery: set the webhook's API version to v1"
            return PayloadResult(None, unchecked=reason, version=old)
        stated = _stated_version(value)
        if stated is not None:
            return self._check_stated(value, stated)
        if self._fixed is not None:
            return _unless_of_another_version(_check(self._fixed, value), value)
        results = list(self._check_unpinned(value))
        best = min(results, key=lambda result: sum(finding.breaks for finding in result.findings))
        self._last = best.contract
        return _unless_of_another_version(best, value)

    def _check_stated(self, value: Any, stated: str) -> PayloadResult:
        """Check a payload by the contract of its version, or by the nearest older one if it matches that."""
        nearest = version_at_or_before(stated, bundled_versions())
        contract = self._fixed or (load(nearest) if nearest else None)
        if contract is not None and contract.version in (stated, None):
            return _unless_of_another_version(replace(_check(contract, value), version=stated), value)
        if contract is not None and self._fixed is None:
            result = _tolerant(_check(contract, value))
            if result.fits:
                return replace(result, version=stated)
        known = (
            f"the nearest contract is of {nearest}"
            if self._fixed is None
            else f"the contract is of {self._fixed.version}"
        )
        return PayloadResult(None, unchecked=f"the delivery is of API version {stated}; {known}", version=stated)

    def _check_unpinned(self, value: Any) -> Iterator[PayloadResult]:
        """Yield the results with each edition, up to the first one that the payload matches."""
        for contract in self._by_preference():
            result = _tolerant(_check(contract, value))
            yield result
            if result.fits:
                return

    def _by_preference(self) -> Sequence[Contract]:
        """Return the last contract that was used, then the newest to the oldest edition."""
        newest_first = [load(edition.folder) for edition in reversed(editions())]
        return newest_first if self._last is None else list(dict.fromkeys([self._last, *newest_first]))


def delivery_contracts(name: str | None) -> DeliveryContracts:
    """Return the contract called `name`, or all editions for None and `auto`. Raise UsageError for an unknown name."""
    return DeliveryContracts(None if name in (None, AUTO) else load(name))


def _check(contract: Contract, value: Any) -> PayloadResult:
    event = documented_event(contract, value)
    findings = [*check_event_name(contract, value), *(check_payload(contract, event, value) if event else ())]
    return PayloadResult(event, tuple(findings), contract=contract)


def _unless_of_another_version(result: PayloadResult, value: Any) -> PayloadResult:
    """Return `result`, or one without findings if the object has the fields of another version than the contract's.

    That is so if a third of the required fields are missing, and undocumented fields occur in addition to documented
    ones: a fault removes a few fields, and an object without any known field is another one.
    """
    contract, event = result.contract, result.event
    data = value.get("data") if isinstance(value, dict) else None
    if contract is None or contract.version is None or event is None or not isinstance(data, dict):
        return result
    documented = schemas_of(contract).event(event.name).fields.get("data")
    if documented is None:
        return result
    documented = documented.variant_of(data)
    required, missing = len(documented.required), len(documented.required - data.keys())
    others = 0 if documented.allows_other_fields else len(data.keys() - documented.fields.keys())
    known = len(data.keys() & documented.fields.keys())
    if result.fits or missing * 3 < required or min(missing, others, known) < STRUCTURAL:
        return result
    stated = f"is of API version {result.version}" if result.version else "states no API version"
    other = next((one for one in map(load, bundled_versions()) if _check(one, value).fits), None)
    matching = f"version {other.version}" if other else "another version"
    counted = f"{missing} of {required} required fields are missing, {others} are not documented"
    reason = (
        f"the delivery {stated}; the contract is of {contract.version}, "
        f"but the object has the fields of {matching} ({counted})"
    )
    return PayloadResult(event, unchecked=reason, contract=contract, version=result.version)


def _tolerant(result: PayloadResult) -> PayloadResult:
    """Return `result` with new enum values as info: additions reach every version, so the current shape has them."""
    findings = (
        replace(finding, severity=Severity.INFO) if finding.drift_class == "D10" else finding
        for finding in result.findings
    )
    return replace(result, findings=tuple(findings))


def _stated_version(value: Any) -> str | None:
    version = value.get("api_version_date") if isinstance(value, dict) else None
    return version if isinstance(version, str) and is_version(version) else None


def _old_webhook_version(value: Any) -> str | None:
    """Return `v2` or `v5` for a payload of that webhook version: it has `action` in place of `type`."""
    if not isinstance(value, dict) or "type" in value:
        return None
    version = value.get("api_version")
    if version in _OLD_WEBHOOK_VERSIONS:
        return str(version)
    return "v5 or v2" if isinstance(value.get("action"), str) else None


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
    ) -> None:
        self._contracts = contract if isinstance(contract, DeliveryContracts) else DeliveryContracts(contract)
        self._compare = compare
        self._secrets = [secret] if isinstance(secret, Secret) else list(secret)
        self._duplicates = DuplicateDetector()

    def verify(self, delivery: Delivery) -> Signed | Refusal:
        """Verify the signature: all that has to be known before the response. Thread-safe."""
        secrets = [secret.reveal() for secret in self._secrets]
        return verify_signature(secrets, delivery.headers, delivery.body, delivery.received_at)

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
