"""Exchanges made by hand, and what a check finds in them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract
from whopwatch.core.exchange import Credential, Exchange, Failure, Phases, Purpose
from whopwatch.core.finding import Finding

JSON_HEADER = (("content-type", "application/json"),)
ROWS = {check.id: check for check in CHECKS}


def exchange(
    operation: str,
    value: Any = None,
    *,
    status: int | None = 200,
    purpose: Purpose = Purpose.LIST,
    query: Sequence[tuple[str, str]] = (),
    path: dict[str, str] | None = None,
    method: str = "GET",
    sent: Any = None,
    headers: tuple[tuple[str, str], ...] = JSON_HEADER,
    body: bytes | None = None,
    credential: Credential = "key",
    failure: Failure | None = None,
    seconds: float = 0.01,
) -> Exchange:
    """Return one exchange whose response has `value` as JSON, or `body` as it is."""
    return Exchange(
        operation,
        purpose,
        method,
        "http://127.0.0.1/",
        path_params=path or {},
        query=tuple(query),
        request_body=sent,
        credential=credential,
        status=None if failure else status,
        headers=headers,
        body=json.dumps(value).encode() if body is None else body,
        failure=failure,
        phases=Phases(total=seconds),
    )


def page(
    items: Sequence[Any], *, start: Any = "", end: Any = "", has_next: Any = False, has_previous: Any = False
) -> Any:
    """Return the body of a page; its cursors are by default those of its first and last item, `c-` and the id."""
    own = [f"c-{item.get('id')}" if isinstance(item, dict) else "c" for item in items]
    return {
        "data": list(items),
        "page_info": {
            "start_cursor": next(iter(own), None) if start == "" else start,
            "end_cursor": next(reversed(own), None) if end == "" else end,
            "has_next_page": has_next,
            "has_previous_page": has_previous,
        },
    }


def found(contract: Contract, check: str, *exchanges: Exchange, established: bool = False) -> list[Finding]:
    """Return what one check finds; with `established`, every operation used to meet every undocumented rule.

    The check gets the response headers that its row names and no others, as from a recording.
    """
    row = ROWS[check]
    known = {(id, rule.id) for id in contract.operations for rule in row.rules} if established else ()
    recorded = [
        replace(exchange, headers=tuple(header for header in exchange.headers if header[0] in row.headers))
        for exchange in exchanges
    ]
    return list(run_checks(contract, Evidence(contract, recorded), [row], established=known))


def met(contract: Contract, check: str, *exchanges: Exchange) -> set[tuple[str, str]]:
    """Return the operations with the undocumented rules that one check sees met."""
    rules: set[tuple[str, str]] = set()
    run_checks(contract, Evidence(contract, exchanges), [ROWS[check]], met=rules)
    return rules


def rules(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return the rule's name and the location of each finding."""
    return [((finding.rule or "").partition("/")[2], finding.location) for finding in findings]


def review(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a review that keeps its documented schema, with `changes`."""
    now = "2026-01-02T03:04:05Z"
    return {
        "id": f"rev_{number}",
        "attachments": [],
        "company": {"id": "biz_1", "route": "acme", "title": "Acme"},
        "created_at": now,
        "description": "good",
        "joined_at": now,
        "paid_for_product": True,
        "product": {"id": "prod_1", "title": "Course"},
        "published_at": now,
        "stars": 5,
        "status": "published",
        "title": "Great",
        "updated_at": now,
        "user": {"id": "user_1", "name": None, "username": "jo"},
        **changes,
    }


def listed_review(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a review as its list shows it: without company and product."""
    return {name: value for name, value in review(number, **changes).items() if name not in ("company", "product")}


def retrieved(value: Any, id: str = "rev_1", operation: str = "reviews.retrieve", **more: Any) -> Exchange:
    """Return the retrieve of one object."""
    return exchange(operation, value, path={"id": id}, purpose=more.pop("purpose", Purpose.RETRIEVE), **more)
