"""Whether an object is the same in its list and when it is retrieved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from whopwatch.checks.evidence import Answer, Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema import pointer_of
from whopwatch.core.exchange import Purpose
from whopwatch.core.finding import Finding, Severity

VOLATILE = re.compile(r"updated_at|last_\w+|\w*_count|usd_gmv\w*|\w*balance|\w*_spend|most_recent_\w+")
"""Fields that move by themselves between two requests."""

Path = tuple[str | int, ...]


def twins(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Compare every retrieved object with the list item of the same id, on the fields that both have.

    Of an object that was fetched again only what the last answers disagree on is reported, and of one that was listed
    again only what differs from both: a change between the list and the retrieve is not a difference.
    """
    tally = Tally("twins")
    for id, answers in evidence.answers.items():
        operation = contract.operations[id]
        if not operation.is_list and id == f"{operation.resource}.retrieve":
            listed = _listed(evidence, operation)
            for asked in _by_id(_quiet(answers)).values():
                _compare(tally, asked, listed, len(answers))
    yield from tally.findings()


def differences(left: Any, right: Any, path: Path = ()) -> Iterator[Path]:
    """The places where two values differ, on the properties that both have and that do not move by themselves."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in left.keys() & right.keys():
            if left[name] != right[name] and not VOLATILE.fullmatch(name):
                yield from differences(left[name], right[name], (*path, name))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differences(one, other, (*path, index))
    elif _alike(left, right) and _comparable(left) != _comparable(right):
        yield path


def _alike(left: Any, right: Any) -> bool:
    """Whether two values can be held against each other: another type is the schema's to report, unless it is null."""
    return type(left) is type(right) or (left is None) is not (right is None)


def _compare(tally: Tally, asked: Sequence[Answer], listed: Sequence[Answer], samples: int) -> None:
    wanted = asked[0].exchange.path_params.get("id")
    pairs = []
    for answer in asked:
        item = _nearest(listed, answer, wanted)
        if item is not None and isinstance(answer.value, dict):
            if answer.value.get("id") != wanted:
                _another(tally, answer, samples)
            else:
                later = _item(next((p for p in listed if p.number > answer.number and wanted in p.ids), None), wanted)
                odd = set(differences(item, answer.value))
                if later is not None:
                    odd &= set(differences(later, answer.value))
                pairs.append((answer, {pointer_of(path) for path in odd}))
    for answer, places in pairs:
        for place in sorted(places & pairs[-1][1]):
            _differs(tally, answer, place, samples)


def _listed(evidence: Evidence, operation: Operation) -> Sequence[Answer]:
    return _quiet(evidence.answers.get(f"{operation.resource}.list", ()))


def _quiet(answers: Sequence[Answer]) -> Sequence[Answer]:
    """Those that were not asked for between the run's own writes."""
    return [answer for answer in answers if answer.exchange.purpose not in (Purpose.READ_BACK, Purpose.MOVING_PAGE)]


def _by_id(answers: Sequence[Answer]) -> dict[str | None, list[Answer]]:
    index: dict[str | None, list[Answer]] = {}
    for answer in answers:
        index.setdefault(answer.exchange.path_params.get("id"), []).append(answer)
    return index


def _nearest(listed: Sequence[Answer], answer: Answer, wanted: str | None) -> Any:
    """The item called `wanted` on the last page before `answer` that has it, else on any."""
    pages = [page for page in listed if wanted in page.ids]
    return _item(max(pages, key=lambda page: (page.number < answer.number, page.number), default=None), wanted)


def _item(page: Answer | None, wanted: str | None) -> Any:
    items = page.items if page else ()
    return next((item for item in items if isinstance(item, dict) and item.get("id") == wanted), None)


def _differs(tally: Tally, answer: Answer, place: str, samples: int) -> None:
    tally.add(
        "D20",
        Severity.HIGH,
        answer.operation.id,
        place,
        expected="the same as in the list",
        observed="another value",
        what=f"{place} differs from the same object in its list",
        witness=answer.number,
        samples=samples,
    )


def _another(tally: Tally, answer: Answer, samples: int) -> None:
    tally.add(
        "D20",
        Severity.CRITICAL,
        answer.operation.id,
        "/id",
        expected="the object that was asked for",
        observed="another one",
        what="it answers another object than the one asked for",
        witness=answer.number,
        samples=samples,
    )


def _comparable(value: Any) -> Any:
    """What counts of a value: of a link not its query, which may be a signature that changes each time."""
    if isinstance(value, str) and value.startswith(("https://", "http://")):
        return value.partition("?")[0]
    return (value, isinstance(value, bool)) if not isinstance(value, str) else value
