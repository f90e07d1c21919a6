"""Compare two APIs: yield every change at every place where it occurs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from whopwatch.core.finding import Severity
from whopwatch.diff.change import Change, Gap, Placed, Relation
from whopwatch.diff.matching import (
    Matches,
    base_path,
    full_path,
    match_events,
    match_renamed,
    pair_operations,
)
from whopwatch.diff.model import Api, ApiOperation, Direction, list_words
from whopwatch.diff.operations import compare_behaviour, compare_operations
from whopwatch.diff.payloads import Found, OperationPlace, gaps
from whopwatch.diff.renames import api_wide_renames, mark_moved, renamed_words
from whopwatch.diff.shapes import Comparer


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
        yield from _schemes(old, new, comparer)
    yield from _default_version(old, new)
    if not comparer.has_sdk:
        yield from (_sent("", "behaviour", change) for change in compare_behaviour(old.behaviour, new.behaviour))
        yield from gaps(old.unknown, new.unknown, "", "")
        yield from _unused(old, new)


def _unused(old: Api, new: Api) -> Iterator[Gap]:
    """Yield a gap for the shared parts of the old API that differ, and that nothing refers to on either side."""
    used = {f"schemas {name}" for name in new.types} - new.unused.keys()
    differing = sorted(name for name in old.unused.keys() - used if old.unused[name] != new.unused.get(name))
    if differing:
        yield Gap("", "", f"parts that nothing refers to: {list_words(differing)}")


def _default_version(old: Api, new: Api) -> Iterator[Placed]:
    """Yield a change of the version that clients use. That an SDK sends none is a fact only beside another SDK."""
    before, after = old.default_version, new.default_version
    if before != after and ((old.is_sdk and new.is_sdk) or (before and after)):
        none = "none sent: the API key decides"
        yield _sent("", "version", Change("D21", "replaced", "", before or none, after or none))


def _schemes(old: Api, new: Api, comparer: Comparer) -> Iterator[Placed]:
    """Yield changes of the definitions of security schemes; a scheme with another name is the same scheme."""
    names = comparer.scheme_names
    after = {names.get(name, name): scheme for name, scheme in new.schemes.items()}
    for name, scheme in old.schemes.items():
        place = f"security:{name}"
        if name not in after:
            yield _sent("", place, Change("D17", "removed", "", "defined", "absent", at_most=Severity.LOW))
            continue
        if scheme.definition != after[name].definition:
            yield _sent("", place, Change("D17", "replaced", "", scheme.definition, after[name].definition))
        if scheme.addresses != after[name].addresses:
            facts = (list_words(scheme.addresses) or "none", list_words(after[name].addresses) or "none")
            yield _sent("", place, Change("D22", "replaced", "", *facts, at_most=Severity.MEDIUM))
        gone, come = scheme.scopes - after[name].scopes, after[name].scopes - scheme.scopes
        if gone:
            yield _sent("", place, Change("D17", "removed", "", f"scopes {list_words(sorted(gone))}", "absent"))
        if come:
            yield _sent("", place, Change("D19", "added", "", "absent", f"scopes {list_words(sorted(come))}"))
    for name in after.keys() - old.schemes.keys():
        yield _sent("", f"security:{name}", Change("D19", "added", "", "absent", "defined", at_most=Severity.INFO))


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
        facts = (f"{old.method} {old.path}", "absent")
        at_most = Severity.MEDIUM if _was_announced(old) else None
        change = Change("D1", "removed", "", *facts, after is None, relation, at_most=at_most)
        yield _sent(old.id, "path", change)
    for new in matches.come:
        before = predecessors.get(new.id)
        relation = Relation("moved", before) if before is not None else None
        change = Change("D19", "added", "", "absent", f"{new.method} {new.path}", before is None, relation)
        yield _sent(new.id, "path", change)


def _was_announced(operation: ApiOperation) -> bool:
    """Return whether an operation was deprecated, and its sunset date, if it has one, is over."""
    sunset = dict(operation.lifecycle).get("x-sunset", "").strip('"')
    return operation.deprecated and sunset[:10] <= datetime.now(UTC).date().isoformat()


def _events(old: Api, new: Api, comparer: Comparer) -> Iterator[Found]:
    successors = match_events(old, new, comparer)
    predecessors = {after: before for before, after in successors.items()}
    for name, payload in old.events.items():
        place = OperationPlace.of_event(name)
        if name in new.events:
            event = replace(new.events[name], id=payload.id)
            if payload.method != event.method:
                yield place.sent("event", Change("D12", "replaced", "", f"sent by {payload.method}", event.method))
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
