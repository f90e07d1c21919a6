"""What has to hold of every single page of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from whopwatch.checks.evidence import Answer, Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """An invariant of a page: `broken` tells whether a page breaks it."""

    location: str
    severity: Severity
    expected: str
    observed: str
    what: str
    broken: Callable[[Answer], bool]


def _count(page: Answer) -> int:
    """How many items there are, without a null among them, which is the schema's to report."""
    return len(page.items) - page.items.count(None)


def _too_many(page: Answer) -> bool:
    size = page.exchange.query_value("first") or page.exchange.query_value("last")
    return size is not None and _count(page) > int(size)


def _without(name: str) -> Callable[[Answer], bool]:
    """Items, but no cursor to go on from; a cursor of another type is the schema's to report."""
    return lambda page: _count(page) > 0 and page.page_info.get(name, "") in (None, "") and name in page.page_info


def _twice(page: Answer) -> bool:
    return len(set(page.ids)) < len(page.ids)


def _dead_end(page: Answer) -> bool:
    """An empty page has no item that a cursor could be of: there, what announces another one is wrong."""
    announces = page.page_info.get("has_next_page") is True
    return announces and _count(page) > 0 and page.page_info.get("end_cursor", 0) in (None, "")


def _nothing_and_more(page: Answer) -> bool:
    """Of a whole list that is empty: of two pages, an empty one is told by the one before it."""
    is_first = page.exchange.purpose is Purpose.LIST
    return is_first and _is_empty(page) and page.page_info.get("has_next_page") is True


def _before_the_first(page: Answer) -> bool:
    return page.exchange.purpose is Purpose.LIST and page.page_info.get("has_previous_page") is True


def _cursor_on_nothing(page: Answer) -> bool:
    cursors = (page.page_info.get("start_cursor"), page.page_info.get("end_cursor"))
    return _is_empty(page) and cursors != (None, None)


def _is_empty(page: Answer) -> bool:
    return page.exchange.ok and isinstance(page.value, dict) and page.value.get("data") == []


RULES = (
    Rule(
        "/page_info/end_cursor",
        Severity.LOW,
        "no cursor on an empty page",
        "one",
        "an empty page has a cursor, of which item nobody knows",
        _cursor_on_nothing,
    ),
    Rule(
        "param:first",
        Severity.HIGH,
        "at most as many items as asked for",
        "more items",
        "a page has more items than were asked for",
        _too_many,
    ),
    Rule(
        "/page_info/start_cursor",
        Severity.HIGH,
        "the cursor of the first item",
        "none",
        "a page with items has no start cursor",
        _without("start_cursor"),
    ),
    Rule(
        "/page_info/end_cursor",
        Severity.CRITICAL,
        "the cursor of the last item",
        "none",
        "a page announces another one but has no end cursor to ask for it",
        _dead_end,
    ),
    Rule(
        "/page_info/end_cursor",
        Severity.HIGH,
        "the cursor of the last item",
        "none",
        "a page with items has no end cursor",
        _without("end_cursor"),
    ),
    Rule(
        "/page_info/has_next_page",
        Severity.MEDIUM,
        "false where there is nothing",
        "true",
        "an empty list announces another page",
        _nothing_and_more,
    ),
    Rule("/data/*/id", Severity.CRITICAL, "every item once", "an item twice", "a page has an item twice", _twice),
    Rule(
        "/page_info/has_previous_page",
        Severity.HIGH,
        "false on the first page",
        "true",
        "the first page says that another one precedes it",
        _before_the_first,
    ),
)
"""Of two rules for one location the worse one is reported."""


def paging(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Hold every page against every rule."""
    tally = Tally("paging")
    for page in evidence.pages():
        for rule in RULES:
            if rule.broken(page):
                tally.add(
                    "D20",
                    rule.severity,
                    page.operation.id,
                    rule.location,
                    expected=rule.expected,
                    observed=rule.observed,
                    what=rule.what,
                    witness=page.number,
                    samples=len(evidence.answers[page.operation.id]),
                )
    yield from tally.findings()
