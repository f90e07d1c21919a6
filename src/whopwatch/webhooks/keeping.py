"""Deliveries that something is wrong with, kept to be looked at: their form, and nothing of what was in them."""

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
from whopwatch.webhooks.delivery import Delivery
from whopwatch.webhooks.judge import Judgement

MOST_KEPT = 100
MOST_ITEMS = 3
"""How many items of an array are shown."""
SHOWN_HEADERS = frozenset({"content-type", "content-length"})


class Keeper:
    """Writes each delivery to a file of `folder`; of more than `most` files the oldest goes.

    Raises UsageError where the folder cannot be made, or not be written to.
    """

    def __init__(self, contract: Contract, folder: Path, most: int = MOST_KEPT) -> None:
        self._contract, self._folder, self._most = contract, folder, most
        self._number = 0
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise UsageError("Deliveries cannot be kept.", where=str(folder), got=error.strerror) from None

    def __call__(self, delivery: Delivery, judgement: Judgement) -> None:
        """Keep one delivery."""
        self._number += 1
        moment = datetime.fromtimestamp(delivery.received_at, UTC)
        path = self._folder / f"delivery-{moment:%Y%m%dT%H%M%S}-{self._number:06}.json"
        text = json.dumps(redacted(self._contract, delivery, judgement), indent=1) + "\n"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        kept = sorted(self._folder.glob("delivery-*.json"))
        for old in kept[: -self._most]:
            old.unlink(missing_ok=True)


def redacted(contract: Contract, delivery: Delivery, judgement: Judgement) -> dict[str, Any]:
    """A delivery without its values: header names, documented property names, types; and what was found."""
    value, problem = delivery.parsed
    return {
        "event": judgement.event,
        "received_at": datetime.fromtimestamp(delivery.received_at, UTC).isoformat(timespec="milliseconds"),
        "headers": {name: text if name in SHOWN_HEADERS else "***" for name, text in delivery.headers},
        "bytes": len(delivery.body),
        "problem": problem,
        "payload": None if problem else _form(value, _names(contract)),
        "findings": [finding.to_json() for finding in judgement.findings],
    }


def _form(value: Any, names: frozenset[str]) -> Any:
    """`value` with its type in place of each value; names that nobody documented may be data, and are numbered."""
    if isinstance(value, dict):
        keys = (name if name in names else f"undocumented-{place}" for place, name in enumerate(value, 1))
        return dict(zip(keys, (_form(part, names) for part in value.values()), strict=True))
    if isinstance(value, list):
        rest = [f"and {len(value) - MOST_ITEMS} more"] if len(value) > MOST_ITEMS else []
        return [*(_form(item, names) for item in value[:MOST_ITEMS]), *rest]
    return json_type(value)


@lru_cache(maxsize=8)
def _names(contract: Contract) -> frozenset[str]:
    return frozenset(_properties(contract.documents["v1"]["components"]))


def _properties(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for part in node.values():
            yield from _properties(part)
    elif isinstance(node, list):
        for part in node:
            yield from _properties(part)
