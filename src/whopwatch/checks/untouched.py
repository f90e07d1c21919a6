"""Whether a write that was refused has changed nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding, Severity, Source
from whopwatch.oracle.page import ListPage, identity
from whopwatch.oracle.written_object import expected_of, object_in

UNKNOWN = ""
"""Stands for the id of what a refused creation would have made."""


class Refused(NamedTuple):
    """One write that was answered with a 4xx, and its place among all exchanges."""

    operation: Operation
    exchange: Exchange
    number: int


@dataclass
class Seen:
    """What is known of one resource.

    `refused` are the writes that no read has followed yet, `shown` what each read (by operation and id) showed last,
    `listed` the ids that lists showed, `answered` the ids and `done` the bodies of writes that were carried out.
    """

    refused: list[Refused] = field(default_factory=list)
    shown: dict[tuple[str, str], Any] = field(default_factory=dict)
    listed: dict[str, set[str]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    done: list[tuple[str, Any]] = field(default_factory=list)


def untouched(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Report refused writes whose values a read showed for the first time after them, or whose object is gone then."""
    tally = Tally("untouched")
    resources: dict[str, Seen] = {}
    for number, exchange in enumerate(evidence.exchanges):
        operation = contract.operations[exchange.operation]
        seen = resources.setdefault(operation.resource, Seen())
        if exchange.purpose is Purpose.READ_BACK:
            for refused in _carried_out(contract, seen, operation, exchange):
                tally.add(
                    "D20",
                    Severity.CRITICAL,
                    refused.operation.id,
                    "status",
                    expected="no change",
                    observed="what was asked for",
                    what=f"is refused ({refused.exchange.status}), and carried out all the same",
                    witness=refused.number,
                    samples=1,
                    source=Source.LIVE_LIVE,
                )
            _look(seen, operation, exchange)
        elif not operation.is_read:
            _write(seen, operation, exchange, number)
    yield from tally.findings()


def _write(seen: Seen, operation: Operation, exchange: Exchange, number: int) -> None:
    if exchange.ok:
        answer = exchange.json
        seen.answered.add(str(answer.get("id")) if isinstance(answer, dict) else UNKNOWN)
        seen.done.append((operation.id, exchange.request_body))
        seen.refused = [one for one in seen.refused if not one.exchange.path_params]
    elif 400 <= (exchange.status or 0) < 500 and exchange.status != 404:
        seen.refused.append(Refused(operation, exchange, number))


def _look(seen: Seen, reader: Operation, exchange: Exchange) -> None:
    """Remember what a read shows."""
    wanted = next(iter(exchange.path_params.values()), None)
    if reader.is_list:
        page = ListPage(exchange)
        seen.listed.setdefault(reader.id, set()).update(page.ids)
        seen.shown.update({(reader.id, identity(item)): item for item in page.items})
    elif wanted:
        seen.shown[reader.id, wanted] = exchange.json if exchange.ok else None


def _carried_out(contract: Contract, seen: Seen, reader: Operation, exchange: Exchange) -> Iterator[Refused]:
    """The refused writes that a read shows to be done."""
    for refused in list(seen.refused):
        id = next(iter(refused.exchange.path_params.values()), None)
        if id is None:
            if reader.is_list and _is_made(contract, seen, reader, refused, exchange):
                seen.refused.remove(refused)
                yield refused
        elif _is_changed(contract, seen.shown.get((reader.id, id)), refused, reader, exchange, id):
            seen.refused.remove(refused)
            yield refused


def _is_changed(
    contract: Contract, before: Any, refused: Refused, reader: Operation, exchange: Exchange, id: str
) -> bool:
    now = object_in(reader, exchange, id)
    if not isinstance(before, Mapping):
        return False
    if refused.operation.method == "DELETE":
        return not reader.is_list and exchange.status == 404
    expected = expected_of(contract.write_effects, refused.operation, refused.exchange, id)
    if not isinstance(now, Mapping) or expected is None:
        return False
    then, after = expected.compare(before), expected.compare(now)
    return bool((then.wrong & after.shown) - after.wrong)


def _is_made(contract: Contract, seen: Seen, reader: Operation, refused: Refused, exchange: Exchange) -> bool:
    """Whether a list shows a new object that has all of a refused body, and is none that another write made."""
    if reader.id not in seen.listed or (refused.operation.id, refused.exchange.request_body) in seen.done:
        return False
    expected = expected_of(contract.write_effects, refused.operation, refused.exchange, UNKNOWN)
    known = seen.listed[reader.id] | seen.answered
    looks = [expected.compare(item) for item in ListPage(exchange).items if expected and identity(item) not in known]
    return any(len(look.shown) > 1 and not look.wrong for look in looks)
