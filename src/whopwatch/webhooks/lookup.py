"""Compare the object in a delivery with the API's response for the same object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whopwatch.checks.consistency import Path, differing_paths
from whopwatch.contract import Contract, Event
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.schema import pointer_of
from whopwatch.core.errors import BudgetExhaustedError, UnsafeRequestError
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Finding, Severity
from whopwatch.http import Call, Client
from whopwatch.webhooks.checks import delivery_finding

DELETED_SUFFIXES = ("deleted",)
"""Suffixes of events whose object no longer exists."""


class ObjectLookup:
    """Retrieves objects by GET, within the client's budget. Not thread-safe.

    `contract` is the one of deliveries that were checked by none.
    """

    def __init__(self, contract: Contract, client: Client) -> None:
        self._contract, self._client = contract, client

    def __call__(self, event: Event, data: dict[str, Any], contract: Contract | None = None) -> Iterator[Finding]:
        """Yield the differing paths between a payload's object and the API's; nothing if the API returns no object.

        The object is requested in the version of `contract`, the one of the delivery.
        """
        id, contract = data.get("id"), contract or self._contract
        if not isinstance(id, str) or not id or not can_retrieve(contract, event):
            return
        operation = contract.operations[f"{event.resource}.retrieve"]
        version = ((VERSION_HEADER, contract.version),) if contract.version else ()
        (parameter,) = operation.in_("path")
        try:
            exchange = self._client.send(Call(operation, Purpose.RETRIEVE, {parameter.name: id}, headers=version))
        except (BudgetExhaustedError, UnsafeRequestError):  # UnsafeRequestError: the ID cannot be part of a URL
            return
        if exchange.status == 404:
            yield _not_found(event.name)
        elif exchange.ok and isinstance(exchange.json, dict):
            for path in different_fields(data, exchange.json, _lasting_fields(contract)):
                yield _different(event.name, pointer_of(("data", *path)))


def can_retrieve(contract: Contract, event: Event) -> bool:
    """Return whether the API can retrieve the object of an event."""
    return f"{event.resource}.retrieve" in contract.operations and not event.name.endswith(DELETED_SUFFIXES)


def _lasting_fields(contract: Contract) -> frozenset[Path]:
    """Return the fields that never change, so that they can be compared some time after the event."""
    account = contract.account
    return frozenset({("id",), ("created_at",), ("user", "id"), (account.id_field,), (account.object_field, "id")})


def different_fields(data: dict[str, Any], current: dict[str, Any], lasting: frozenset[Path]) -> Iterator[Path]:
    """Yield the fields that differ although they have to be the same.

    Compares all fields if both objects have the same `updated_at`, otherwise only the `lasting` ones.
    """
    is_unchanged = "updated_at" in data and data["updated_at"] == current.get("updated_at")
    return (path for path in differing_paths(data, current) if is_unchanged or path in lasting)


def _not_found(event: str) -> Finding:
    return delivery_finding(
        "lookup",
        "D20",
        Severity.HIGH,
        event,
        "/data/id",
        expected="an object that the API returns",
        observed="404",
        what="the API does not find the object of the delivery (404)",
    )


def _different(event: str, location: str) -> Finding:
    return delivery_finding(
        "lookup",
        "D20",
        Severity.HIGH,
        event,
        location,
        expected="the same value as in the API's response",
        observed="a different value",
        what=f"{location} differs from the API's response for the same object",
    )
