"""Lists made by hand, and requests to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.checks.support import exchange, page
from whopwatch.contract import Contract
from whopwatch.contract.behaviour import Pairs
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.expected_list import ListParameters, WholeList
from whopwatch.oracle.traversal import ListHistory

PLANS = "plans.list"
OWN = (("company_id", "biz_1"),)


def plan(number: int, **more: Any) -> dict[str, Any]:
    """Return a plan as a list shows it: the higher the number, the newer."""
    created = f"2026-01-{number:02d}T00:00:00Z"
    return {"id": f"plan_{number}", "created_at": created, "visibility": "visible", **more}


def plans(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    return [plan(number, **more) for number in numbers]


NEWEST_FIRST = (6, 5, 4, 3, 2, 1)
ITEMS = [plan(number, visibility="hidden" if number % 2 else "visible") for number in NEWEST_FIRST]
"""Six plans, newest first; those with an odd number are hidden."""


def parameters(contract: Contract, operation: str = PLANS) -> ListParameters:
    return ListParameters(contract, contract.operations[operation])


def whole(contract: Contract, items: Sequence[Any] = ITEMS) -> WholeList:
    return WholeList(items, parameters(contract))


def history(contract: Contract, *exchanges: Exchange, operation: str = PLANS) -> ListHistory:
    return ListHistory(parameters(contract, operation), exchanges)


def request(items: Sequence[Any], *query: tuple[str, str], purpose: Purpose = Purpose.QUERY, **info: Any) -> Exchange:
    """Return one page of `items`; `info` are its flags and cursors, see `page`."""
    status = info.pop("status", 200)
    value = info.pop("value", None) or page(items, **info)
    return exchange(PLANS, value, purpose=purpose, query=(*OWN, *query), status=status)


def all_pages(items: Sequence[Any], *, size: int = 100) -> list[Exchange]:
    """Return a traversal of the whole list without filters."""
    made = []
    for start in range(0, max(len(items), 1), size):
        part = items[start : start + size]
        after: Pairs = (("after", f"c-{items[start - 1]['id']}"),) if start else ()
        has_next = start + size < len(items)
        purpose = Purpose.NEXT_PAGE if start else Purpose.LIST
        made.append(
            request(part, ("first", str(size)), *after, purpose=purpose, has_next=has_next, has_previous=start > 0)
        )
    return made
