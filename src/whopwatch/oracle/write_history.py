"""What a run saw of each of its writes: the answer, and what reads showed until the next write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.written_object import Expected, Sighting, expected_of, object_in, seen_in

REFUSED = (Purpose.WRITE, Purpose.INVALID_BODY, Purpose.NO_KEY, Purpose.WRONG_KEY)
"""Writes that end the episode of the one before them where they are refused."""


@dataclass
class Episode:
    """One write that was answered with success.

    `answer` is what the answer itself shows of it, None where it does not show the object. `looks` is what each read
    shows, by operation and in their order; a read that tells nothing is left out. `pages` are the lists as they were
    read after the write. `before` is the object as it was last retrieved before, `after` as
    it was last retrieved since; `list_before` the answer of its list before.
    """

    operation: Operation
    number: int
    exchange: Exchange
    expected: Expected
    answer: Sighting | None
    looks: dict[str, list[Sighting]] = field(default_factory=dict)
    pages: list[Exchange] = field(default_factory=list)
    before: Any = None
    after: Any = None
    list_before: Exchange | None = None


@dataclass
class _Seen:
    """What was last read of one resource."""

    objects: dict[str, Any] = field(default_factory=dict)
    page: Exchange | None = None
    latest: Episode | None = None


def episodes(contract: Contract, exchanges: Sequence[Exchange]) -> Sequence[Episode]:
    """The writes among `exchanges` in their order. A read belongs to the latest write of its resource."""
    seen: dict[str, _Seen] = {}
    return tuple(_episodes(contract, exchanges, seen))


def _episodes(contract: Contract, exchanges: Sequence[Exchange], seen: dict[str, _Seen]) -> Iterator[Episode]:
    for number, exchange in enumerate(exchanges):
        operation = contract.operations[exchange.operation]
        resource = seen.setdefault(operation.resource, _Seen())
        if exchange.purpose is Purpose.WRITE and exchange.ok:
            expected = expected_of(operation, exchange)
            resource.latest = _begun(operation, number, exchange, expected, resource) if expected else None
            if resource.latest:
                yield resource.latest
        elif not operation.is_read and exchange.purpose in REFUSED:
            resource.latest = None  # what is read from here on tells of this write, too
        elif exchange.purpose is Purpose.READ_BACK:
            _look(operation, exchange, resource)


def _begun(operation: Operation, number: int, exchange: Exchange, expected: Expected, seen: _Seen) -> Episode:
    shown = exchange.json
    is_shown = isinstance(shown, Mapping) and shown.get("id") == expected.id and not expected.is_gone
    return Episode(
        operation,
        number,
        exchange,
        expected,
        expected.held_against(shown) if is_shown else None,
        before=seen.objects.get(expected.id),
        list_before=seen.page,
    )


def _look(operation: Operation, exchange: Exchange, seen: _Seen) -> None:
    episode = seen.latest
    wanted = next(iter(exchange.path_params.values()), None)
    if operation.is_list:
        seen.page = exchange
    elif exchange.ok and wanted:
        seen.objects[wanted] = exchange.json
    if episode is None or (not operation.is_list and wanted != episode.expected.id):
        return
    sighting = seen_in(episode.expected, operation, exchange)
    if sighting is not None:
        episode.looks.setdefault(operation.id, []).append(sighting)
    if operation.is_list:
        episode.pages.append(exchange)
    else:
        episode.after = object_in(operation, exchange, episode.expected.id)
