"""Compare two APIs: yield every change at every place where it occurs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from whopwatch.diff.change import Change, Gap, Placed, Relation
from whopwatch.diff.matching import (
    Matches,
    base_path,
    full_path,
    match_events,
    match_renamed,
    pair_operations,
)
from whopwatch.diff.model import Api, Direction
from whopwatch.diff.operations import Found, OperationPlace, compare_operations, gaps
from whopwatch.diff.renames import api_wide_renames, mark_moved, renamed_words
from whopwatch.diff.shapes import Comparer
from whopwatch.diff.words import list_words


@dataclass(frozen=True)
class Differences:
    """All changes between two APIs, and the parts that differ and were not compared."""

    changes: tuple[Placed, ...]
    gaps: tuple[Gap, ...]


def compare(old: Api, new: Api) -> Differences:
    """Compare two APIs. Changes are in the order of the old operations; added operations and events come last."""
    comparer = Comparer(old, new)
    matches = pair_operations(old, new)
    found: list[Found] = [*_whole_api(old, new, matches, comparer)]
    for before, after in matches.same:
        found += compare_operations(before, after, comparer, OperationPlace(before.id))
    for before, after in matches.moved:
        relation = Relation("moved", f"{after.method} {after.path}")
        facts = (f"{before.method} {before.path}", f"{after.method} {after.path}")
        found.append(_sent(before.id, "path", Change("D1", "removed", "", *facts, relation=relation)))
        found += compare_operations(before, after, comparer, OperationPlace(before.id))
    words = renamed_words(api_wide_renames([one for one in found if isinstance(one, Placed)]))
    found += _removed_and_added(match_renamed(matches, words, old, new) if words else matches)
    found += _events(old, new, comparer)
    changes = mark_moved(one for one in found if isinstance(one, Placed))
    return Differences(
        tuple(dict.fromkeys(changes)), tuple(dict.fromkeys(one for one in found if isinstance(one, Gap)))
    )


def _whole_api(old: Api, new: Api, matches: Matches, comparer: Comparer) -> Iterator[Found]:
    if "servers" in comparer.facets:
        yield from _servers(old, new, matches)
    if "security" in comparer.facets:
        for name in old.schemes:
            if name in new.schemes and old.schemes[name] != new.schemes[name]:
                change = Change("D17", "replaced", "", old.schemes[name], new.schemes[name])
                yield _sent("", f"security:{name}", change)
    if old.default_version and new.default_version and old.default_version != new.default_version:
        yield _sent("", "version", Change("D21", "replaced", "", old.default_version, new.default_version))
    if not comparer.has_sdk:
        yield from gaps(old.unknown, new.unknown, "", "")


def _servers(old: Api, new: Api, matches: Matches) -> Iterator[Placed]:
    mine, other = set(old.servers), set(new.servers)
    if all(full_path(one, old) == full_path(two, new) for one, two in matches.same):
        # A base path that moved from the server URL into the paths changes no URL.
        mine, other = ({url.removesuffix(base_path(url)) for url in urls} for urls in (mine, other))
    if mine == other:
        return
    facts = (list_words(old.servers) or "none", list_words(new.servers) or "none")
    yield _sent("", "server", Change("D22", "replaced" if mine - other else "added", "", *facts))


def _removed_and_added(matches: Matches) -> Iterator[Placed]:
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


def _events(old: Api, new: Api, comparer: Comparer) -> Iterator[Found]:
    successors = match_events(old, new, comparer)
    predecessors = {after: before for before, after in successors.items()}
    for name, payload in old.events.items():
        place = OperationPlace.of_event(name)
        if name in new.events:
            event = replace(new.events[name], id=payload.id)
            yield from compare_operations(payload, event, comparer, place)
        else:
            after = successors.get(name)
            relation = Relation("renamed", f"webhook:{after}") if after is not None else None
            change = Change("D1", "removed", "", "an event", "absent", relation=relation)
            yield Placed(place.operation, "event", Direction.RECEIVED, change)
    for name in new.events:
        if name not in old.events:
            before = predecessors.get(name)
            relation = Relation("renamed", f"webhook:{before}") if before is not None else None
            change = Change("D19", "added", "", "absent", "an event", relation=relation)
            yield Placed(f"webhook:{name}", "event", Direction.RECEIVED, change)


def _sent(operation: str, location: str, change: Change) -> Placed:
    return Placed(operation, location, Direction.SENT, replace(change, pointer=""))
