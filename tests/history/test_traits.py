"""Every kind of trait: what changed in answers is found by what they were before, named, and gone again."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tests.history.nights import Nights, states
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange

LISTS = ("products.list", "payments.list")
Change = Callable[[Exchange], Exchange]


def in_pages(change: Callable[[dict[str, Any]], None]) -> Change:
    """A change of every page."""

    def changed(exchange: Exchange) -> Exchange:
        page = exchange.json if exchange.ok else None
        if not isinstance(page, dict) or not isinstance(page.get("data"), list):
            return exchange
        page = copy.deepcopy(page)  # a run keeps the parsed body, not the bytes of a large one
        change(page)
        return replace(exchange, body=json.dumps(page).encode())

    return changed


def in_text(pattern: bytes, other: bytes) -> Change:
    """A change of everything that looks like `pattern`."""
    return lambda exchange: replace(exchange, body=re.sub(pattern, other, exchange.body))


def without(name: str) -> Change:
    """Every answer without a header."""
    return lambda exchange: replace(exchange, headers=tuple(pair for pair in exchange.headers if pair[0] != name))


def emptied(page: dict[str, Any]) -> None:
    for item in page["data"]:
        item["title"] = ""


def nulled(page: dict[str, Any]) -> None:
    for item in page["data"]:
        item["headline"] = None


def whole(page: dict[str, Any]) -> None:
    for item in page["data"]:
        item["usd_total"] = round(item["usd_total"] or 0)


def shorter(page: dict[str, Any]) -> None:
    if page["page_info"]["has_next_page"]:
        del page["data"][-1]


CHANGES: dict[str, tuple[Change, tuple[str, str, str]]] = {
    "no milliseconds": (in_text(rb"\.\d{3}Z", b"Z"), ("D12", "products.list", "/data/*/created_at")),
    "another prefix": (in_text(rb'"prod_', b'"prd_'), ("D12", "products.list", "/data/*/id")),
    "a header less": (without("content-type"), ("D16", "products.list", "header:content-type")),
    "empty": (in_pages(emptied), ("D6", "products.list", "/data/*/title")),
    "null": (in_pages(nulled), ("D6", "products.list", "/data/*/headline")),
    "whole numbers": (in_pages(whole), ("D12", "payments.list", "/data/*/usd_total")),
    "oldest first": (in_pages(lambda page: page["data"].reverse()), ("D13", "products.list", "/data/*/created_at")),
    "shorter pages": (in_pages(shorter), ("D13", "products.list", "param:first")),
}
WAIT = 12
"""Nights until a change has to be found: a list shows one or two plain pages a night."""


@cache
def _twenty_nights(contract: Contract, operation: str) -> Nights:
    nights = Nights(contract, (operation,))
    for _ in range(20):
        assert nights.run(change=lambda exchange: exchange).findings == ()
    return nights


def twenty_nights(contract: Contract, operation: str) -> Nights:
    """Return quiet nights over one operation, which are run once; the caller gets a history of its own."""
    nights = _twenty_nights(contract, operation)
    return replace(nights, records=copy.deepcopy(nights.records), reports=list(nights.reports))


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found_named_and_gone_again(contract: Contract, name: str) -> None:
    change, key = CHANGES[name]
    nights = twenty_nights(contract, key[1])
    told = next((report for report in (nights.run(change=change) for _ in range(WAIT)) if report.findings), None)
    assert told is not None, f"not found within {WAIT} nights"
    assert states(told)[key] == "new"
    assert states(nights.run(change=change))[key] == "known"
    assert states(nights.run(change=lambda exchange: exchange))[key] == "fixed"


def test_an_undocumented_value_makes_known_drift_worse(contract: Contract) -> None:
    def other(value: str) -> Change:
        def change(page: dict[str, Any]) -> None:
            for item in page["data"]:
                item["visibility"] = value

        return in_pages(change)

    nights = Nights(contract, ("products.list",))
    told = []
    for value in ("secret", "secret", "hushed"):
        nights.run(change=other(value))
        told.append(nights.records.tallies["products.list", "/data/*/visibility"]["values"])
    assert all(name.startswith("#") for name in told[-1])
    assert len(told[-1]) == 2
