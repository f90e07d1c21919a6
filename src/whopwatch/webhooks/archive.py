"""Save deliveries that break the contract, without their values."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.schema import json_type
from whopwatch.core.errors import UsageError
from whopwatch.core.finding import Finding
from whopwatch.core.redaction import MASK, redact
from whopwatch.har.pseudonyms import vocabulary_of
from whopwatch.har.write import shown_header
from whopwatch.webhooks.checker import DeliveryResult
from whopwatch.webhooks.delivery import Delivery

MAX_FILES = 100
_MAX_ITEMS = 3
"""How many items of an array are saved."""


class RedactedArchive:
    """Writes each delivery to a file in `folder`, and deletes the oldest file if there are more than `most`.

    Raise UsageError if the folder cannot be created or written to.
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
    names = _Names(contract)
    payload = None if problem else names.types(value)
    return {
        "event": result.event,
        "received_at": datetime.fromtimestamp(delivery.received_at, UTC).isoformat(timespec="milliseconds"),
        "headers": {name: _shown_value(name, text) for name, text in delivery.headers},
        "bytes": len(delivery.body),
        "problem": problem,
        "payload": payload,
        "findings": [names.in_finding(finding).to_json() for finding in result.findings],
    }


def _shown_value(name: str, text: str) -> str:
    if name == "content-type":
        return shown_header(name, text) or ""
    return text if name == "content-length" and text.isdecimal() else MASK


class _Names:
    """The names of one payload. An undocumented one can be personal data, so it has a number here, everywhere."""

    def __init__(self, contract: Contract) -> None:
        self._documented = vocabulary_of(contract).names
        self._numbers: dict[str, str] = {}

    def types(self, value: Any) -> Any:
        """Replace each value by its type."""
        if isinstance(value, dict):
            return {self._shown(name): self.types(part) for name, part in value.items()}
        if isinstance(value, list):
            rest = [f"and {len(value) - _MAX_ITEMS} more"] if len(value) > _MAX_ITEMS else []
            return [*(self.types(item) for item in value[:_MAX_ITEMS]), *rest]
        return json_type(value)

    def in_finding(self, finding: Finding) -> Finding:
        """Return `finding` with the numbers of names in its location and message."""
        tokens = finding.location.split("/")
        place = "/".join(self._numbers.get(token, token) for token in tokens)
        if place == finding.location:
            return finding
        return replace(finding, location=place, message=finding.message.replace(finding.location, place))

    def _shown(self, name: str) -> str:
        if name in self._documented:
            return name
        return self._numbers.setdefault(name, f"undocumented-{len(self._numbers) + 1}")
