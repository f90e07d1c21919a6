"""Whether the object of a delivery is what the API answers for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whopwatch.checks.twins import Path, differences
from whopwatch.contract import Contract, Event
from whopwatch.contract.schema import pointer_of
from whopwatch.core.errors import BudgetExhaustedError, UnsafeRequestError
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Finding, Severity
from whopwatch.http import Call, Client
from whopwatch.webhooks.checks import found

GONE = ("deleted",)
"""Last words of events after which the object is no longer there."""
FIXED: frozenset[Path] = frozenset({("id",), ("created_at",), ("company", "id"), ("user", "id")})
"""What never changes of an object, so that it can be compared although time has passed since the event."""


class Lookup:
    """Asks a target for each object, read-only, as long as the client's budget lasts. For one thread."""

    def __init__(self, contract: Contract, client: Client) -> None:
        self._contract, self._client = contract, client
        self.asked = 0

    def __call__(self, event: Event, data: dict[str, Any]) -> Iterator[Finding]:
        """What differs between a payload's object and the API's answer; nothing where there is no answer to compare."""
        id = data.get("id")
        if not isinstance(id, str) or not id or not is_asked_for(self._contract, event):
            return
        operation = self._contract.operations[f"{event.resource}.retrieve"]
        (parameter,) = operation.in_("path")
        try:
            exchange = self._client.send(Call(operation, Purpose.RETRIEVE, {parameter.name: id}))
        except (BudgetExhaustedError, UnsafeRequestError):  # the latter for an id that no URL can hold
            return
        self.asked += 1
        if exchange.status == 404:
            yield _unknown(event.name)
        elif exchange.ok and isinstance(exchange.json, dict):
            for path in comparable(data, exchange.json):
                yield _differs(event.name, pointer_of(("data", *path)))


def is_asked_for(contract: Contract, event: Event) -> bool:
    """Whether the object of an event can be retrieved."""
    return f"{event.resource}.retrieve" in contract.operations and not event.name.endswith(GONE)


def comparable(data: dict[str, Any], answer: dict[str, Any]) -> Iterator[Path]:
    """Where an object differs from the API's, of what has to be the same although it may have changed since.

    All of it where both say that they were last changed at the same moment; otherwise what is FIXED.
    """
    is_unchanged = "updated_at" in data and data["updated_at"] == answer.get("updated_at")
    return (path for path in differences(data, answer) if is_unchanged or path in FIXED)


def _unknown(event: str) -> Finding:
    return found(
        "lookup",
        "D20",
        Severity.HIGH,
        event,
        "/data/id",
        expected="an object that the API knows",
        observed="404",
        what="the API does not know the object that the delivery is about",
    )


def _differs(event: str, location: str) -> Finding:
    return found(
        "lookup",
        "D20",
        Severity.HIGH,
        event,
        location,
        expected="the same as the API answers",
        observed="another value",
        what=f"{location} differs from what the API answers for the object",
    )
