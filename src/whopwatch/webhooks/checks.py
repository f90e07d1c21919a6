"""What one delivery has to be: JSON, of a documented event, in its envelope, with an object that keeps its schema."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from whopwatch.checks.content import PROBLEMS
from whopwatch.checks.schema import KINDS, WIDENED
from whopwatch.contract import Contract, Event
from whopwatch.contract.schema import Violation, json_type, pointer_of
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.finding import Finding, Severity
from whopwatch.webhooks.delivery import UNKNOWN, Delivery, operation_of

MEDIA_TYPE = "application/json"


def found(
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
    """One finding about one delivery; `what` is the sentence's end, after the event's name."""
    operation = operation_of(event)
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


def content(delivery: Delivery, event: str) -> Iterator[Finding]:
    """The media type of a delivery, and whether its body is JSON."""
    media_type = (delivery.header("content-type") or "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        observed = "another media type" if media_type else "no media type"
        what = f"its media type is not {MEDIA_TYPE}"
        yield found(
            "content",
            "D16",
            Severity.HIGH,
            event,
            "header:content-type",
            expected=MEDIA_TYPE,
            observed=observed,
            what=what,
        )
    problem = delivery.parsed[1]
    if problem:
        drift_class, observed = PROBLEMS[problem]
        what = f"the delivery has {observed}"
        yield found(
            "content",
            drift_class,
            Severity.HIGH,
            event,
            "",
            expected="a JSON document",
            observed=observed,
            what=what,
        )


def event_of(contract: Contract, value: Any) -> Event | None:
    """The documented event that a payload is of, also where it writes the name in another way; else None."""
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(name, str):
        return None
    return contract.events.get(name) or _spellings(contract).get(_letters(name))


def named(contract: Contract, value: Any) -> Iterator[Finding]:
    """Whether a payload says of which event it is, and whether that one is documented."""
    expected = "the name of a documented event"
    if not isinstance(value, dict):
        yield found(
            "event",
            "D7",
            Severity.CRITICAL,
            UNKNOWN,
            "",
            expected="an object",
            observed=json_type(value),
            what="the payload is no object",
        )
        return
    if not isinstance(value.get("type"), str):
        missing = "type" not in value
        yield found(
            "event",
            "D5" if missing else "D7",
            Severity.CRITICAL,
            UNKNOWN,
            "/type",
            expected=expected,
            observed="absent" if missing else json_type(value["type"]),
            what="the payload does not say which event it is",
        )
        return
    event = event_of(contract, value)
    if event is None:
        yield found(
            "event",
            "D19",
            Severity.LOW,
            UNKNOWN,
            "/type",
            expected=expected,
            observed="an event that no document names",
            what="an event came that is not documented",
        )
    elif event.name != value["type"]:
        yield found(
            "event",
            "D1",
            Severity.CRITICAL,
            event.name,
            "/type",
            expected=event.name,
            observed="the same name in another spelling",
            what="the event is called otherwise than documented: whoever looks for it misses it",
        )


def payload(contract: Contract, event: Event, value: dict[str, Any]) -> Iterator[Finding]:
    """Whether a payload keeps the schema of its event, down to the last field of the object."""
    value = {**value, "type": event.name}  # of another spelling `named` has told
    validator = contract.validator(event.pointer)
    if validator.is_exact(value):
        return
    for violation in validator.violations(value):
        yield _violation(event.name, violation)
    for path, prefixes in schemas_of(contract).event(event.name).undocumented(value):
        yield _oddity(event.name, pointer_of(path), prefixes)


def _violation(event: str, violation: Violation) -> Finding:
    drift_class, severity, meaning = KINDS[violation.kind]
    if violation.kind == "type" and (violation.expected, violation.observed) == ("integer", "number"):
        drift_class, severity, meaning = WIDENED
    location = violation.location
    return found(
        "schema",
        drift_class,
        severity,
        event,
        location,
        expected=violation.expected,
        observed=violation.observed,
        what=f"{location or 'the payload'} {meaning}",
    )


def _oddity(event: str, location: str, prefixes: tuple[str, ...] | None) -> Finding:
    if prefixes is None:
        return found(
            "fields",
            "D19",
            Severity.INFO,
            event,
            location,
            expected="documented fields",
            observed="a field that no document names",
            what=f"{location} is not documented",
        )
    return found(
        "fields",
        "D12",
        Severity.HIGH,
        event,
        location,
        expected=f"an id that begins with {' or '.join(prefixes)}",
        observed="another beginning",
        what=f"{location} does not begin as its ids are documented to",
    )


@lru_cache(maxsize=8)
def _spellings(contract: Contract) -> dict[str, Event]:
    return {_letters(name): event for name, event in contract.events.items()}


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())
