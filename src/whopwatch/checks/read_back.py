"""Whether reads show what was written: created, changed, acted on, gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.core.finding import Finding, Severity, Source
from whopwatch.oracle.write_history import WriteRecord, write_history
from whopwatch.oracle.written_object import ABSENT, NO_FIELDS, FieldComparison, Fields

NOT_THERE = "what was written is not there"
NOT_GONE = "what was deleted is still there"

Blame = tuple[str, str, str]
"""The operation that went wrong, the place, and the rest of the sentence."""


def read_back(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Hold what was read after each write against the write.

    What no read shows, however often it is asked, was not written; what one read shows and another one does not, is
    the latter's fault, and so is what is shown late.
    """
    tally = Tally("read-back")
    for episode in write_history(contract, evidence.exchanges):
        for operation, place, what in _blames(contract, episode):
            tally.add(
                "D20",
                Severity.CRITICAL if what in (NOT_THERE, NOT_GONE) else Severity.HIGH,
                operation,
                place,
                expected="what was written",
                observed="something else",
                what=what,
                witness=episode.index,
                samples=1,
                source=Source.LIVE_LIVE,
            )
    yield from tally.findings()


def _blames(contract: Contract, episode: WriteRecord) -> Iterator[Blame]:
    last = {operation: sightings[-1] for operation, sightings in episode.reads.items()}
    answer = episode.response or FieldComparison(NO_FIELDS, NO_FIELDS)
    unwritten = frozenset(_unwritten([*last.values()] or [answer]))
    write, written = episode.operation.id, "is answered as if it were done, and no read shows it"
    told = frozenset().union(*(sighting.shown for sighting in last.values())) or answer.shown
    yield from _told(write, episode, FieldComparison(told, unwritten), written)
    stale = answer.wrong - unwritten
    yield from _told(write, episode, FieldComparison(answer.shown, stale), "is done, and answered with what was before")
    for operation, sightings in episode.reads.items():
        reader, now = contract.operations[operation], last[operation]
        late = frozenset().union(*(sighting.wrong for sighting in sightings)) - now.wrong
        yield from _told(
            operation,
            episode,
            FieldComparison(now.shown, now.wrong - unwritten),
            "does not show what was written",
            reader,
        )
        yield from _told(
            operation, episode, FieldComparison(now.shown | {ABSENT}, late), "shows late what was written", reader
        )


def _unwritten(sightings: Sequence[FieldComparison]) -> Iterator[str]:
    """The places that are wrong in every answer that tells of them."""
    for place in frozenset().union(*(sighting.wrong for sighting in sightings)):
        if all(place in sighting.wrong for sighting in sightings if place in sighting.shown):
            yield place


def _told(
    operation: str, episode: WriteRecord, sighting: FieldComparison, what: str, reader: Operation | None = None
) -> Iterator[Blame]:
    """One blame for the whole object where all that the write changed is wrong, else one for each field."""
    if ABSENT in sighting.wrong:
        yield operation, _place_of_object(reader), NOT_GONE if episode.expected.is_gone else NOT_THERE
        return
    prefix = "/data/*" if reader and reader.is_list else ""
    is_whole = sighting.wrong and sighting.wrong >= _changed(episode) & sighting.shown
    for place in [""] if is_whole else sorted(sighting.wrong):
        yield operation, f"{prefix}{place}", what


def _place_of_object(reader: Operation | None) -> str:
    if reader is None:
        return ""
    return "/data" if reader.is_list else "status"


def _changed(episode: WriteRecord) -> Fields:
    """The places that the write had to change: all that it sent, where it is not known how they were before."""
    if isinstance(episode.before, dict):
        return episode.expected.compare(episode.before).wrong
    shown = [sighting.shown for sightings in episode.reads.values() for sighting in sightings]
    return frozenset().union(*shown, episode.response.shown if episode.response else ()) - {ABSENT}
