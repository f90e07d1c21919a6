"""Compare two APIs: pair their operations and events, and yield every change at every place where it occurs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from whopwatch.core.finding import Severity
from whopwatch.diff.change import Change, Gap, Placed, Relation
from whopwatch.diff.model import Api, ApiOperation, Direction, Shape, list_words
from whopwatch.diff.operations import compare_behaviour, compare_operations
from whopwatch.diff.payloads import Found, OperationPlace, gaps
from whopwatch.diff.renames import api_wide_renames, mark_moved, name_similarity, rename_words, renamed_words, singular
from whopwatch.diff.shapes import Comparer

_SIMILAR_OPERATIONS = 0.6
"""An operation with at least this share of common fields and parameters is the same one in another place."""

_MAX_CANDIDATES = 200
"""Added operations of one kind that a removed one is compared with: of two large APIs there are thousands."""


@dataclass(frozen=True)
class Matches:
    """Operations with the same method and path (`same`), with the same ID (`moved`), and the rest.

    `successors` are the added operations, by the IDs of removed ones, that are similar to a removed one.
    """

    same: tuple[tuple[ApiOperation, ApiOperation], ...]
    moved: tuple[tuple[ApiOperation, ApiOperation], ...]
    gone: tuple[ApiOperation, ...]
    come: tuple[ApiOperation, ...]
    successors: Mapping[str, ApiOperation]


def pair_operations(old: Api, new: Api) -> Matches:
    """Pair operations by method and path, then by URL, then by ID, then by similar fields."""
    by_wire: dict[tuple[str, str], list[ApiOperation]] = {}
    for operation in new.operations.values():
        by_wire.setdefault(request_line(operation), []).append(operation)
    same, left = [], []
    for operation in old.operations.values():
        found = sorted(
            by_wire.get(request_line(operation), []), key=lambda other: -name_similarity(operation.id, other.id)
        )
        if found:
            same.append((operation, found[0]))
            by_wire[request_line(operation)].remove(found[0])
        else:
            left.append(operation)
    left = _pair_by_url(left, by_wire, same, old, new)
    rest = {operation.id: operation for found in by_wire.values() for operation in found}
    moved = [(operation, rest[operation.id]) for operation in left if operation.id in rest]
    paired = {operation.id for operation, _ in moved}
    gone = [operation for operation in left if operation.id not in paired]
    come = [operation for operation in rest.values() if operation.id not in paired]
    return Matches(tuple(same), tuple(moved), tuple(gone), tuple(come), _successors(gone, come, old, new))


def match_renamed(matches: Matches, words: Mapping[str, str], old: Api, new: Api) -> Matches:
    """Return `matches` with more successors: operations whose ID or fields are equal once `words` are replaced."""
    successors = dict(matches.successors)
    taken = {operation.id for operation in successors.values()}
    come = {operation.id: operation for operation in matches.come}
    for operation in matches.gone:
        other = come.get(_renamed_id(operation.id, words))
        if operation.id not in successors and other is not None and other.id not in taken:
            successors[operation.id] = other
            taken.add(other.id)
    gone = [operation for operation in matches.gone if operation.id not in successors]
    left = [operation for operation in matches.come if operation.id not in taken]
    return replace(matches, successors={**successors, **_successors(gone, left, old, new, words)})


def _renamed_id(id: str, words: Mapping[str, str]) -> str:
    """Return an operation ID with the words of its resource replaced: companies.list → accounts.list."""
    resource, dot, method = id.rpartition(".")
    one = singular(resource)
    renamed = rename_words(one, words)
    plural = f"{renamed[:-1]}ies" if renamed.endswith("y") else f"{renamed}s"
    return f"{plural if one != resource else renamed}{dot}{method}"


def request_line(operation: ApiOperation) -> tuple[str, str]:
    """Return the method, and the path without the names of its parameters."""
    return operation.method, _unnamed(operation.path)


def full_path(operation: ApiOperation, api: Api) -> tuple[str, str]:
    """Return the method, and the path of the URL: with the base path of the API's first server."""
    servers = operation.servers or api.servers
    return operation.method, _unnamed((base_path(servers[0]) if servers else "") + operation.path)


def base_path(url: str) -> str:
    """Return the path of a server URL."""
    try:
        return urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""


def _unnamed(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path.rstrip("/"))


def _pair_by_url(
    left: list[ApiOperation],
    by_line: dict[tuple[str, str], list[ApiOperation]],
    same: list[tuple[ApiOperation, ApiOperation]],
    old: Api,
    new: Api,
) -> list[ApiOperation]:
    """Pair operations whose base path moved between the server URL and the path; return the others."""
    by_url = {full_path(operation, new): operation for found in by_line.values() for operation in found}
    rest = []
    for operation in left:
        found = by_url.pop(full_path(operation, old), None) if old.servers and new.servers else None
        if found is None:
            rest.append(operation)
        else:
            same.append((operation, found))
            by_line[request_line(found)].remove(found)
    return rest


def match_events(old: Api, new: Api, comparer: Comparer) -> dict[str, str]:
    """Map each removed event to the added one with a similar name and the same payload."""
    found: dict[str, str] = {}
    for name in sorted(old.events.keys() - new.events.keys()):
        candidates = sorted(
            new.events.keys() - old.events.keys() - set(found.values()),
            key=lambda other: (-name_similarity(name, other), other),
        )
        for other in candidates[:1]:
            if name_similarity(name, other) >= _SIMILAR_OPERATIONS and _same_payload(
                old.events[name], new.events[other], comparer
            ):
                found[name] = other
    return found


def _same_payload(one: ApiOperation, two: ApiOperation, comparer: Comparer) -> bool:
    mine, other = one.body, two.body
    return mine is None or other is None or comparer.are_alike(mine.shape, other.shape)


def _successors(
    gone: Sequence[ApiOperation],
    come: Sequence[ApiOperation],
    old: Api,
    new: Api,
    words: Mapping[str, str] = {},
) -> dict[str, ApiOperation]:
    candidates: dict[tuple[str, str], list[tuple[ApiOperation, set[str]]]] = {}
    for after in come if gone else ():
        candidates.setdefault((after.method, _last(after.id)), []).append((after, _names(after, new)))
    scored: list[tuple[float, str, str, ApiOperation]] = []
    for before in gone:
        mine = {rename_words(name, words) for name in _names(before, old)}
        for after, theirs in candidates.get((before.method, _last(before.id)), ())[:_MAX_CANDIDATES]:
            scored.append((_resemblance(mine, theirs), before.id, after.id, after))
    scored.sort(key=lambda item: (-item[0], item[1], item[2]))
    found: dict[str, ApiOperation] = {}
    taken: set[str] = set()
    for score, name, other, after in scored:
        if score >= _SIMILAR_OPERATIONS and name not in found and other not in taken:
            found[name] = after
            taken.add(other)
    return found


def _last(id: str) -> str:
    return id.rpartition(".")[2]


def _resemblance(mine: Set[str], other: Set[str]) -> float:
    """Return the share of common names in parameters, body and response, from 0 to 1."""
    return len(mine & other) / len(mine | other) if len(mine & other) > 2 else 0.0


def _names(operation: ApiOperation, api: Api) -> set[str]:
    names = {
        f"?_{parameter.name.removesuffix('[]')}" for parameter in operation.parameters if parameter.where == "query"
    }
    if operation.body is not None:
        names |= {f">_{name}" for name in _fields(operation.body.shape, api)}
    for response in operation.answers.values():
        for shape in response.content.values():
            names |= {f"<_{name}" for name in _fields(shape, api)}
    # All lists have these in common.
    return names - {"<_page_info", "?_after", "?_before", "?_first", "?_last"}


def _fields(shape: Shape, api: Api) -> set[str]:
    """Return the names of an object's fields, of a list's items, and of the variants of a union."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [shape]
    while waiting:
        shape = waiting.pop()
        if shape.ref is not None and shape.ref in seen:
            continue  # a schema that contains itself
        if shape.ref is not None:
            seen.add(shape.ref)
        shape = api.resolve(shape)
        waiting += shape.variants
        for item in shape.properties or ():
            inner = api.resolve(item.shape).items if item.name == "data" else None
            if inner is not None:
                waiting.append(inner)
            else:
                found.add(item.name)
    return found


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
