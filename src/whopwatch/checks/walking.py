"""What has to hold of the pages of a walk together: nothing lost, nothing twice, an end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from whopwatch.checks.evidence import Answer, Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Finding, Severity


class Broken(NamedTuple):
    """An invariant that does not hold; `what` is the rest of the sentence."""

    severity: Severity
    location: str
    expected: str
    observed: str
    what: str


def walking(_: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Hold every walk forward, and every step back, against the invariants of a cursor-paginated list."""
    tally = Tally("walking")
    walks = Counter(walk[0].operation.id for walk in evidence.walks)
    for walk in evidence.walks:
        for broken in _forward(walk):
            _add(tally, walk[0], broken, walks[walk[0].operation.id])
    for origin, back in evidence.steps_back:
        if previous := _previous(origin, evidence):
            for broken in _backward(previous, origin, back):
                _add(tally, back, broken, walks[back.operation.id])
    yield from tally.findings()


def _add(tally: Tally, witness: Answer, broken: Broken, samples: int) -> None:
    tally.add(
        "D20",
        broken.severity,
        witness.operation.id,
        broken.location,
        expected=broken.expected,
        observed=broken.observed,
        what=broken.what,
        witness=witness.number,
        samples=samples,
    )


def _forward(walk: Sequence[Answer]) -> Iterator[Broken]:
    cursors = [page.cursor("end_cursor") for page in walk if page.items]
    ids = [id for page in walk for id in set(page.ids)]
    if len(set(ids)) < len(ids):  # a page that ends with an item of another one rightly has its cursor
        yield Broken(
            Severity.CRITICAL, "/data/*/id", "every item once", "an item twice", "a walk meets an item on two pages"
        )
    elif len(set(cursors)) < len(cursors):
        yield Broken(
            Severity.CRITICAL,
            "/page_info/end_cursor",
            "another end cursor on each page",
            "the same one twice",
            "two pages of a walk have the same end cursor: the walk never ends",
        )
    if any(not page.items and before.page_info.get("has_next_page") is True for before, page in pairwise(walk)):
        yield Broken(
            Severity.HIGH,
            "/page_info/has_next_page",
            "true only where a page follows",
            "true before an empty page",
            "a page announces another one, which is empty",
        )


def _backward(previous: Answer, origin: Answer, back: Answer) -> Iterator[Broken]:
    """`back` was asked for from the start of `origin`, which follows `previous`: it has to be `previous` again."""
    if not set(back.ids) <= set(previous.ids) | set(origin.ids):
        yield Broken(
            Severity.CRITICAL,
            "param:after",
            "the items right after the cursor",
            "later ones",
            "going back from a page shows items that the walk forward skipped",
        )
    elif set(back.ids) & set(origin.ids):
        yield Broken(
            Severity.HIGH,
            "param:before",
            "only items before the cursor",
            "items behind it, too",
            "the page before a cursor has items from behind it",
        )
    elif back.ids != previous.ids[-len(back.ids) :] or len(back.items) < len(previous.items):
        yield Broken(
            Severity.HIGH,
            "param:before",
            "the same items in the same order as forward",
            "other ones, or in another order",
            "going back from a page does not give the page before it",
        )
    elif previous.exchange.purpose is Purpose.LIST and back.page_info.get("has_previous_page") is True:
        yield Broken(
            Severity.HIGH,
            "/page_info/has_previous_page",
            "false on the first page",
            "true",
            "the first page, reached backwards, says that another one precedes it",
        )


def _previous(page: Answer, evidence: Evidence) -> Answer | None:
    return next((before for before, after in evidence.steps if after is page), None)
