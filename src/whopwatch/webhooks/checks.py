"""Checks of deliveries: of one (JSON, event, envelope, schema), of several (ids, retries); findings of refusals.

A consumer deduplicates by `webhook-id`. If two events share an ID, it loses one of them; if a retry has a new ID, it
processes the event twice.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

from whopwatch.checks.responses import BODY_PROBLEMS
from whopwatch.checks.schema import UndocumentedPlace, rule_in, undocumented_places
from whopwatch.contract import Contract, Event
from whopwatch.contract.schema import Violation, json_type
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.finding import Finding, Rule, Severity
from whopwatch.signature import Reason, Refusal
from whopwatch.webhooks.delivery import UNKNOWN_EVENT, Delivery, event_operation

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


_JSON = "application/json"
_REFUSAL_MESSAGES = {
    Reason.MISSING_HEADER: "a required signature header is missing",
    Reason.LEGACY_SIGNATURE: "the delivery has the signature of webhook version v2 or v5",
    Reason.REPEATED_HEADER: "a signature header occurs twice with different values",
    Reason.BAD_ID: "the webhook-id is not valid",
    Reason.BAD_TIMESTAMP: "the timestamp is not in seconds",
    Reason.TOO_OLD: "the delivery was signed too long ago",
    Reason.TOO_NEW: "the delivery is signed with a time in the future",
    Reason.MALFORMED_SIGNATURE: "the signature does not have the documented form",
    Reason.UNKNOWN_VERSION: "the signature has an unknown version",
    Reason.MISMATCH: "the signature does not match",
    Reason.KEY_FORM: "the signature was made with another form of the secret",
    Reason.CHANGED_BYTES: "the body differs from the signed body",
}


def delivery_finding(
    check: str,
    drift_class: str,
    severity: Severity,
    event: str,
    location: str,
    *,
    expected: str,
    observed: str,
    what: str,
) -> Finding:
    """Return a finding about one delivery. The message is the event's name, a colon and `what`."""
    operation = event_operation(event)
    return Finding(
        drift_class=drift_class,
        check=check,
        severity=severity,
        operation=operation,
        location=location,
        expected=expected,
        observed=observed,
        message=f"{operation}: {what}.",
    )


def refusal_finding(refusal: Refusal, event: str = UNKNOWN_EVENT) -> Finding:
    """Return the finding of a refused delivery. Its event is unknown: an unverified body is not trusted."""
    return delivery_finding(
        "signature",
        "D23",
        Severity.CRITICAL,
        event,
        f"header:{refusal.header}",
        expected=refusal.expected,
        observed=refusal.got,
        what=_REFUSAL_MESSAGES[refusal.reason],
    )


def check_content(delivery: Delivery, event: str) -> Iterator[Finding]:
    """Check the media type of a delivery, and that the body is valid JSON."""
    media_type = (delivery.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != _JSON:
        yield delivery_finding(
            "content",
            "D16",
            Severity.HIGH,
            event,
            "header:content-type",
            expected=_JSON,
            observed="another media type" if media_type else "no media type",
            what=f"the media type is not {_JSON}",
        )
    problem = delivery.parsed[1]
    if problem:
        rule = BODY_PROBLEMS[problem]
        yield delivery_finding(
            rule.check,
            rule.drift_class,
            rule.severity,
            event,
            "",
            expected=rule.expected,
            observed=rule.observed,
            what=f"the delivery has {rule.observed}",
        )


def documented_event(contract: Contract, value: Any) -> Event | None:
    """Return the documented event of a payload, also if its name is spelled differently; None if there is none."""
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(name, str):
        return None
    return contract.events.get(name) or _events_by_letters(contract).get(_letters(name))


def check_event_name(contract: Contract, value: Any) -> Iterator[Finding]:
    """Check that a payload names its event, and that the event is documented."""
    if not isinstance(value, dict):
        yield _event_finding("D7", UNKNOWN_EVENT, "an object", json_type(value), "the payload is not an object", "")
        return
    expected = "the name of a documented event"
    name = value.get("type")
    if not isinstance(name, str):
        drift_class, observed = ("D7", json_type(name)) if "type" in value else ("D5", "absent")
        yield _event_finding(drift_class, UNKNOWN_EVENT, expected, observed, "the payload does not name its event")
        return
    event = documented_event(contract, value)
    if event is None:
        what, observed = "the event is not documented", "an undocumented event"
        yield _event_finding("D19", UNKNOWN_EVENT, expected, observed, what, severity=Severity.LOW)
    elif event.name != name:
        what = "the event's name is spelled differently: a consumer that compares names misses it"
        yield _event_finding("D1", event.name, event.name, "the same name in another spelling", what)


def _event_finding(
    drift_class: str,
    event: str,
    expected: str,
    observed: str,
    what: str,
    location: str = "/type",
    severity: Severity = Severity.CRITICAL,
) -> Finding:
    return delivery_finding(
        "event", drift_class, severity, event, location, expected=expected, observed=observed, what=what
    )


def check_payload(contract: Contract, event: Event, value: dict[str, Any]) -> Iterator[Finding]:
    """Check a payload against the schema of its event: types, undocumented fields and ID prefixes, at any depth."""
    value = {**value, "type": event.name}  # check_event_name() reports a different spelling
    validator = contract.validator(event.pointer)
    if validator.is_exact(value):
        return
    node = schemas_of(contract).event(event.name)
    for violation in validator.violations(node.to_explain(value)):
        yield _schema_finding(event.name, rule_in(node, value, violation), violation)
    places = undocumented_places(node, value)
    for place in {one.location: one for one in places}.values():
        yield _field_finding(event.name, place)


def _schema_finding(event: str, rule: Rule, violation: Violation) -> Finding:
    place = violation.location or "the payload"
    expected, observed, what = rule.words(place=place, expected=violation.expected, observed=violation.observed)
    return delivery_finding(
        rule.check,
        rule.drift_class,
        rule.severity_for(event, ()),
        event,
        violation.location,
        expected=expected,
        observed=observed,
        what=what,
    )


def _field_finding(event: str, place: UndocumentedPlace) -> Finding:
    location = place.location
    if place.prefixes is None:
        return delivery_finding(
            "fields",
            "D19",
            Severity.INFO,
            event,
            location,
            expected="documented fields",
            observed=place.observed,
            what=f"{location} is not documented",
        )
    return delivery_finding(
        "fields",
        "D12",
        Severity.HIGH,
        event,
        location,
        expected=f"an ID that starts with {' or '.join(place.prefixes)}",
        observed="another prefix",
        what=f"{location} does not have the documented ID prefix",
    )


@lru_cache(maxsize=8)
def _events_by_letters(contract: Contract) -> dict[str, Event]:
    return {_letters(name): event for name, event in contract.events.items()}


def _letters(name: str) -> str:
    """Return the letters of an event name: `payment.succeeded` and `payment_succeeded` have the same."""
    return re.sub(r"[^a-z]", "", name.lower())
