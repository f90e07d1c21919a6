"""Whether reads show what was written: created, changed, acted on, gone."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.finding import Finding, Severity, Source
from whopwatch.plan.writes.episodes import Episode, episodes
from whopwatch.plan.writes.expected import ABSENT, Expected, Places

Blame = tuple[str, str, str]
"""The operation that went wrong, the place, and the rest of the sentence."""


def read_back(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Hold what was read after each write against the write.

    What no read shows, however often it is asked, was not written; what one read shows and another one does not, is
    the latter's fault, and so is what is shown late.
    """
    tally = Tally("read-back")
    for episode in episodes(contract, evidence.exchanges):
        for operation, place, what in _blames(contract, episode):
            tally.add(
                "D20",
                Severity.CRITICAL if "not there" in what or "still there" in what else Severity.HIGH,
                operation,
                place,
                expected="what was written",
                observed="something else",
                what=what,
                witness=episode.number,
                samples=1,
                source=Source.LIVE_LIVE,
            )
    yield from tally.findings()


def _blames(contract: Contract, episode: Episode) -> Iterator[Blame]:
    last = {operation: places[-1] for operation, places in episode.looks.items()}
    unwritten = frozenset.intersection(*last.values()) if last else episode.answer or frozenset()
    stale = (episode.answer or frozenset()) - unwritten if last else frozenset()
    write = episode.operation.id
    yield from _told(write, episode, unwritten, "is answered as if it were done, and {} not")
    yield from _told(write, episode, stale, "is done, and answered with the object as it was before")
    for operation, looks in episode.looks.items():
        late = frozenset().union(*looks) - looks[-1]
        reader = contract.operations[operation]
        yield from _told(operation, episode, last[operation] - unwritten, "does not show what was written", reader)
        yield from _told(operation, episode, late, "shows what was written late", reader)


def _told(
    operation: str, episode: Episode, places: Places, what: str, reader: Operation | None = None
) -> Iterator[Blame]:
    """One blame for the whole object where all of it is wrong, else one for each field."""
    if ABSENT in places:
        gone = episode.expected.is_gone
        state = "what was deleted is still there" if gone else "what was written is not there"
        yield operation, _place_of_object(reader), f"{state} ({'read back' if reader else 'in no read'})"
        return
    prefix = "/data/*" if reader and reader.is_list else ""
    whole = places and len(places) == len(_judged(episode))
    for place in [""] if whole else sorted(places):
        yield operation, f"{prefix}{place}", what.format("nothing reads" if whole else "this field does")


def _place_of_object(reader: Operation | None) -> str:
    if reader is None:
        return ""
    return "/data" if reader.is_list else "status"


def _judged(episode: Episode) -> Places:
    """The fields of the object that tell whether the write took place."""
    shown = episode.after if isinstance(episode.after, dict) else episode.exchange.json
    expected: Expected = episode.expected
    return expected.judged(shown) if isinstance(shown, dict) else frozenset()
