"""Save deliveries that break the contract, without their values."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.schema import json_type
from whopwatch.core.errors import UsageError
from whopwatch.core.redaction import redact
from whopwatch.webhooks.checker import DeliveryResult
from whopwatch.webhooks.delivery import Delivery

MAX_FILES = 100
_MAX_ITEMS = 3
"""How many items of an array are saved."""
_SHOWN_HEADERS = frozenset({"content-type", "content-length"})


class RedactedArchive:
    """Writes each delivery to a file in `folder`, and deletes the oldest file if there are more than `most`.

    Raises UsageError if the folder cannot be created or written to.
    """

    def __init__(self, contract: Contract, folder: Path, most: int = MAX_FILES) -> None:
        self._contract, self._folder, self._most = contract, folder, most
        self._number = 0
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UsageError("Deliveries cannot be saved.", where=str(folder), got=error.strerror) from None

    def __call__(self, delivery: Delivery, result: DeliveryResult) -> None:
        """Save one delivery."""
        self._number += 1
        moment = datetime.fromtimestamp(delivery.received_at, UTC)
        path = self._folder / f"delivery-{moment:%Y%m%dT%H%M%S}-{self._number:06}.json"
        contract = result.contract or self._contract
        text = redact(json.dumps(redact_delivery(contract, delivery, result), indent=1)) + "\n"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        saved = sorted(self._folder.glob("delivery-*.json"))
        for old in saved[: -self._most]:
            old.unlink(missing_ok=True)


def redact_delivery(contract: Contract, delivery: Delivery, result: DeliveryResult) -> dict[str, Any]:
    """Return a delivery without its values: header names, documented field names, types, and the findings."""
    value, problem = delivery.parsed
    return {
        "event": result.event,
        "received_at": datetime.fromtimestamp(delivery.received_at, UTC).isoformat(timespec="milliseconds"),
        "headers": {name: text if name in _SHOWN_HEADERS else "***" for name, text in delivery.headers},
        "bytes": len(delivery.body),
        "problem": problem,
        "payload": None if problem else _types(value, _documented_fields(contract)),
        "findings": [finding.to_json() for finding in result.findings],
    }


def _types(value: Any, names: frozenset[str]) -> Any:
    """Replace each value by its type. An undocumented name can be personal data, so it is replaced by a number."""
    if isinstance(value, dict):
        keys = (name if name in names else f"undocumented-{place}" for place, name in enumerate(value, 1))
        return dict(zip(keys, (_types(part, names) for part in value.values()), strict=True))
    if isinstance(value, list):
        rest = [f"and {len(value) - _MAX_ITEMS} more"] if len(value) > _MAX_ITEMS else []
        return [*(_types(item, names) for item in value[:_MAX_ITEMS]), *rest]
    return json_type(value)


@lru_cache(maxsize=8)
def _documented_fields(contract: Contract) -> frozenset[str]:
    return frozenset(_field_names(contract.documents["v1"]["components"]))


def _field_names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for part in node.values():
            yield from _field_names(part)
    elif isinstance(node, list):
        for part in node:
            yield from _field_names(part)
