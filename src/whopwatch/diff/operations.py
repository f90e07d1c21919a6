"""Compare two operations: identity, security and callbacks, and with `payloads` what they carry."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import replace

from whopwatch.core.finding import Severity
from whopwatch.diff.change import Change, Gap, Movement, Placed, Relation
from whopwatch.diff.model import (
    ApiOperation,
    list_words,
)
from whopwatch.diff.nodes import DIGEST, MAX_SHORT_VALUE, canonical
from whopwatch.diff.payloads import (
    Found,
    OperationPlace,
    compare_bodies,
    compare_lifecycle,
    compare_parameters,
    compare_responses,
    gaps,
)
from whopwatch.diff.shapes import Comparer
from whopwatch.diff.values import deprecation


def compare_operations(
    old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace
) -> Iterator[Found]:
    """Yield every difference between two operations, events or callbacks."""
    yield from _identity(old, new, comparer, place)
    yield from _security(old, new, comparer, place)
    for change in compare_parameters(old, new, comparer):
        if isinstance(change, Gap):
            yield replace(change, operation=place.operation, location=place.prefix + change.location)
        else:
            yield place.sent(change.pointer, change)
    yield from compare_bodies(old.body, new.body, comparer, place)
    yield from compare_responses(old, new, comparer, place)
    yield from _callbacks(old, new, comparer, place)
    if not comparer.has_sdk:
        yield from gaps(old.unknown, new.unknown, place.operation, place.prefix.rstrip(":"))


def _identity(old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace) -> Iterator[Placed]:
    if old.id != new.id:
        before, after = ("none" if one.id.startswith(f"{one.method} ") else one.id for one in (old, new))
        if before != after:
            relation = Relation("renamed", new.id) if "none" not in (before, after) else None
            yield place.sent("path", Change("D24", "replaced", "", before, after, relation=relation))
    if old.path.endswith("/") != new.path.endswith("/"):
        change = Change("D22", "replaced", "", f"path {old.path}", f"path {new.path}", at_most=Severity.MEDIUM)
        yield place.sent("path", change)
    if "deprecations" in comparer.facets and old.deprecated != new.deprecated:
        yield place.sent("path", deprecation(new.deprecated))
    if not comparer.has_sdk:
        yield from (place.sent("path", change) for change in compare_lifecycle(old.lifecycle, new.lifecycle))
        yield from (place.sent("path", change) for change in compare_behaviour(old.behaviour, new.behaviour))
    has_servers = "servers" in comparer.facets or "hosts" in comparer.facets
    if has_servers and set(old.servers) != set(new.servers) and (old.servers or new.servers):
        facts = (
            list_words(old.servers) or "the servers of the API",
            list_words(new.servers) or "the servers of the API",
        )
        yield place.sent("server", Change("D22", "replaced", "", *facts))


def compare_behaviour(old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...]) -> Iterator[Change]:
    """Yield the annotations of behaviour that changed; one that only one side states proves nothing."""
    mine, other = dict(old), dict(new)
    for key in sorted(mine.keys() | other.keys()):
        if mine.get(key) != other.get(key):
            at_most = Severity.MEDIUM if key in mine and key in other else Severity.INFO
            facts = _behaviour_facts(key, mine.get(key, "none"), other.get(key, "none"))
            drift_class = "D22" if key == "x-rate-limit" else "D20"
            yield Change(drift_class, "replaced", "", *facts, at_most=at_most)


def _behaviour_facts(key: str, old: str, new: str) -> tuple[str, str]:
    """Return both values of an annotation in words: of long ones only the parts that differ."""
    if max(len(old), len(new)) <= MAX_SHORT_VALUE and DIGEST not in f"{old}{new}":
        return f"{key} {old}", f"{key} {new}"
    mine, other = _parts(old), _parts(new)
    names = [name for name in sorted(mine.keys() | other.keys()) if mine.get(name) != other.get(name)]
    before, after = (list_words(f"{name} {one.get(name, 'absent')}" for name in names) for one in (mine, other))
    return f"{key} with {before}", f"{key} with {after}"


def _parts(text: str) -> dict[str, str]:
    """Return the values of an annotation by path, down to the second level."""
    value = None if text == "none" else text if text.startswith(DIGEST) else json.loads(text)
    if not isinstance(value, dict):
        return {} if value is None else {"value": canonical(value)}
    found: dict[str, str] = {}
    for name, part in value.items():
        below = part if part and isinstance(part, dict) else {"": part}
        found.update({f"{name}/{one}".rstrip("/"): canonical(leaf) for one, leaf in below.items()})
    return found


def _security(old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace) -> Iterator[Found]:
    """Yield D17: schemes and permissions that a request needs, or no longer needs.

    Nothing is concluded from permissions that one side does not state.
    """
    if "security" in comparer.facets:
        given, needed = old.security, comparer.with_old_names(new.security)
        if (old.scopes is None and new.scopes) or (new.scopes is None and old.scopes):
            given, needed = _schemes(given), _schemes(needed)
            yield Gap(place.operation, place.prefix + "security", "permissions that one side does not state")
        if given != needed:
            is_same_scheme = len(_schemes(given) | _schemes(needed)) == 1
            facts = _scopes(old, new) if is_same_scheme else (_alternatives(old.security), _alternatives(new.security))
            movement: Movement = "added" if _is_stricter(given, needed) else "removed"
            yield place.sent("security", Change("D17", movement, "", *facts))
        return
    is_stated = old.scopes is not None and new.scopes is not None
    if comparer.old.is_sdk is not comparer.new.is_sdk:
        is_stated = bool(old.scopes and new.scopes)  # the documentation of an SDK may omit them
    if "scopes" in comparer.facets and is_stated:
        before, after = _scope_sets(old), _scope_sets(new)
        if before != after:
            is_stricter = _is_stricter(before, after)
            yield place.sent("security", Change("D17", "added" if is_stricter else "removed", "", *_scopes(old, new)))


def _schemes(security: Set[frozenset[str]]) -> frozenset[frozenset[str]]:
    """Return the alternative sets of schemes without their scopes."""
    return frozenset(frozenset(text.partition(": ")[0] for text in needed) for needed in security)


def _is_stricter(old: Set[frozenset[str]], new: Set[frozenset[str]]) -> bool:
    """Return whether one of the sets that were enough before is not enough now."""
    return any(not any(needed <= given for needed in new) for given in old)


def _alternatives(security: frozenset[frozenset[str]]) -> str:
    return " or ".join(sorted(", ".join(sorted(needed)) or "none" for needed in security)) or "none"


def _scope_sets(operation: ApiOperation) -> Set[frozenset[str]]:
    """Return the sets of permissions of which each is enough."""
    scopes = operation.scopes or frozenset()
    if operation.any_scope and scopes:
        return {frozenset({scope}) for scope in scopes}
    if len(operation.security) > 1:  # alternatives of an OpenAPI document: `scheme: scope`
        return {frozenset(text.partition(": ")[2] for text in one if ": " in text) for one in operation.security}
    return {scopes}


def _scopes(old: ApiOperation, new: ApiOperation) -> tuple[str, str]:
    """Return the permissions before, and what is different now: long lists differ in few of them."""
    mine, other = old.scopes or frozenset(), new.scopes or frozenset()
    if max(len(_scope_sets(old)), len(_scope_sets(new))) > 1 or not mine & other:
        return _permissions(old), _permissions(new)
    changes = (("also ", other - mine), ("no longer ", mine - other))
    return _permissions(old), " and ".join(f"{word}{list_words(sorted(names))}" for word, names in changes if names)


def _permissions(operation: ApiOperation) -> str:
    words = list_words(sorted(operation.scopes or ()))
    is_choice = len(_scope_sets(operation)) > 1
    return f"{'one of the permissions' if is_choice else 'permission'} {words}" if words else "no permission"


def _callbacks(old: ApiOperation, new: ApiOperation, comparer: Comparer, place: OperationPlace) -> Iterator[Found]:
    if comparer.has_sdk:
        return
    counts = [Counter(name for name, _, _ in one.callbacks) for one in (old, new)]
    is_plain = {name for name in counts[0] | counts[1] if counts[0][name] <= 1 and counts[1][name] <= 1}
    # A name with one callback on both sides is the same one, with another method or URL perhaps.
    before, after = (
        {key[:1] if key[0] in is_plain else key: callback for key, callback in one.callbacks.items()}
        for one in (old, new)
    )
    for key in before | after:
        label = f"callback:{' '.join(key)}"
        mine, other = before.get(key), after.get(key)
        if mine is None or other is None:
            facts = (_callback_line(mine), _callback_line(other))
            change = Change("D1", "removed", "", *facts) if mine else Change("D19", "added", "", *facts)
            yield place.received(label, change)
            continue
        if (mine.method, mine.path) != (other.method, other.path):
            yield place.sent(label, Change("D22", "replaced", "", _callback_line(mine), _callback_line(other)))
        yield from compare_operations(mine, replace(other, id=mine.id), comparer, place.callback(" ".join(key)))


def _callback_line(callback: ApiOperation | None) -> str:
    return f"{callback.method} {callback.path}" if callback else "absent"
