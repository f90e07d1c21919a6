"""What a request was asked for, as far as the request itself tells."""

from __future__ import annotations

from whopwatch.contract import Operation
from whopwatch.core.exchange import Purpose

Query = tuple[tuple[str, str], ...]


def purpose_of(operation: Operation, query: Query, own: object = None) -> Purpose:
    """The step of a plan that a request would have been; `own` is the one that a run of ours wrote down.

    A write is nothing that may be expected to succeed, and counts as an experiment.
    """
    if isinstance(own, str) and own in list(Purpose):
        return Purpose(own)
    given = {name for name, _ in query}
    if not operation.is_read:
        return Purpose.QUERY
    if not operation.is_list:
        return Purpose.RETRIEVE if given <= _documented(operation) else Purpose.QUERY
    if any(name in ("first", "last") and not _is_size(text) for name, text in query) or {"first", "last"} <= given:
        return Purpose.INVALID_SIZE
    if given - {"first", "last", "after", "before"} - {parameter.name for parameter in operation.required_query}:
        return Purpose.QUERY
    if given & {"before", "last"}:
        return Purpose.PREVIOUS_PAGE
    return Purpose.NEXT_PAGE if "after" in given else Purpose.LIST


def _documented(operation: Operation) -> set[str]:
    return {parameter.name for parameter in operation.in_("query")}


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < len(text) < 6 and int(text) > 0
