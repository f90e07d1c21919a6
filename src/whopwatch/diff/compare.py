"""Two promises compared: every finding, at every place where it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from whopwatch.diff.answers import compare_answers
from whopwatch.diff.change import Change, Relation, Side
from whopwatch.diff.fields import deprecation
from whopwatch.diff.matching import Matches, match_events, match_operations
from whopwatch.diff.model import Api, Operation, Shape
from whopwatch.diff.moves import moved_fields
from whopwatch.diff.requests import compare_bodies, compare_parameters, compare_security
from whopwatch.diff.shapes import Comparer, Difference, Pair
from whopwatch.diff.words import listed

BODY = "body:"
"""How the place of a field that is sent begins; what is received has a bare JSON pointer."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A change at one place of the API. `schema` is the shared schema that it comes from, `within` its place there."""

    operation: str
    location: str
    side: Side
    change: Change
    schema: str | None = None
    within: str = ""


def compare(old: Api, new: Api) -> list[Placed]:
    """Every change from `old` to `new`, in the order of the operations of `old`; what is new comes last."""
    comparer = Comparer(old, new)
    matches = match_operations(old, new)
    found = [
        *_servers(old, new),
        *(item for pair in matches.same for item in _operation(*pair, comparer)),
        *(item for pair in matches.moved for item in _moved(*pair, comparer)),
        *_gone_and_come(matches),
        *_events(old, new, comparer),
    ]
    return list(dict.fromkeys(moved_fields(found)))


def _operation(old: Operation, new: Operation, comparer: Comparer) -> Iterator[Placed]:
    here = old.id
    if old.id != new.id and not old.id.startswith(f"{old.method} ") and not new.id.startswith(f"{new.method} "):
        relation = Relation("renamed", new.id)
        yield _sent(here, "path", Change("D24", "replaced", "", old.id, new.id, relation=relation))
    if "deprecations" in comparer.facets and old.deprecated != new.deprecated:
        yield _sent(here, "path", deprecation(new.deprecated))
    for change in compare_security(old, new, comparer.old, comparer.new):
        yield _sent(here, change.pointer, change)
    for change in compare_parameters(old, new, comparer):
        yield _sent(here, change.pointer, change)
    for change in compare_bodies(old.body, new.body, comparer):
        yield _sent(here, BODY, change)
    if old.body is not None and new.body is not None:
        difference = comparer.compare(old.body.shape, new.body.shape)
        yield from _spread(here, BODY, Side.SENT, difference, comparer)
    answers = compare_answers(old, new, comparer)
    for change in answers.changes:
        yield Placed(here, change.pointer, Side.RECEIVED, change)
    for before, after in answers.bodies:
        yield from _spread(here, "", Side.RECEIVED, comparer.compare(before, after), comparer)


def _moved(old: Operation, new: Operation, comparer: Comparer) -> Iterator[Placed]:
    relation = Relation("moved", f"{new.method} {new.path}")
    facts = (f"{old.method} {old.path}", f"{new.method} {new.path}")
    yield _sent(old.id, "path", Change("D1", "removed", "", *facts, relation=relation))
    yield from _operation(old, new, comparer)


def _gone_and_come(matches: Matches) -> Iterator[Placed]:
    predecessors = {after.id: before for before, after in matches.successors.items()}
    for old in matches.gone:
        after = matches.successors.get(old.id)
        relation = Relation("moved", after.id) if after is not None else None
        change = Change("D1", "removed", "", f"{old.method} {old.path}", "absent", after is None, relation)
        yield _sent(old.id, "path", change)
    for new in matches.come:
        before = predecessors.get(new.id)
        relation = Relation("moved", before) if before is not None else None
        change = Change("D19", "added", "", "absent", f"{new.method} {new.path}", before is None, relation)
        yield _sent(new.id, "path", change)


def _events(old: Api, new: Api, comparer: Comparer) -> Iterator[Placed]:
    successors = match_events(old, new, comparer)
    predecessors = {after: before for before, after in successors.items()}
    for name, payload in old.events.items():
        here = f"webhook:{name}"
        if name in new.events:
            difference = comparer.compare(payload, new.events[name])
            yield from _spread(here, "", Side.RECEIVED, difference, comparer)
        else:
            after = successors.get(name)
            relation = Relation("renamed", f"webhook:{after}") if after is not None else None
            yield Placed(
                here, "event", Side.RECEIVED, Change("D1", "removed", "", "an event", "absent", True, relation)
            )
    for name in new.events:
        if name not in old.events:
            before = predecessors.get(name)
            relation = Relation("renamed", f"webhook:{before}") if before is not None else None
            change = Change("D19", "added", "", "absent", "an event", True, relation)
            yield Placed(f"webhook:{name}", "event", Side.RECEIVED, change)


def _servers(old: Api, new: Api) -> Iterator[Placed]:
    if "servers" in old.facets & new.facets and set(old.servers) != set(new.servers):
        facts = (listed(old.servers) or "none", listed(new.servers) or "none")
        yield _sent("", "server", Change("D22", "replaced", "", *facts))


def _sent(operation: str, location: str, change: Change) -> Placed:
    return Placed(operation, location, Side.SENT, replace(change, pointer=""))


def _spread(here: str, prefix: str, side: Side, difference: Difference, comparer: Comparer) -> Iterator[Placed]:
    """The changes of a difference and of every shared schema below it, each at the place where it shows."""
    for change in difference.changes:
        yield Placed(here, prefix + change.pointer, side, change)
    for pointer, pair in difference.links:
        yield from _of_shared(here, prefix + pointer, side, pair, comparer, frozenset())


def _of_shared(
    here: str, at: str, side: Side, pair: Pair, comparer: Comparer, above: frozenset[Pair]
) -> Iterator[Placed]:
    # A schema that contains itself is told once; so is everything below what did not change.
    if pair in above or comparer.are_alike(Shape(ref=pair.old), Shape(ref=pair.new)):
        return
    difference = comparer.shared(pair)
    for change in difference.changes:
        yield Placed(here, at + change.pointer, side, change, pair.label, change.pointer)
    for pointer, inner in difference.links:
        yield from _of_shared(here, at + pointer, side, inner, comparer, above | {pair})
