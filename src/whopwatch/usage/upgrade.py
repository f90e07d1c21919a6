"""Plan the move of code to another version of the API: which changes hit it, where, and which edits are mechanical."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from whopwatch.contract import Contract
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.loader import is_version, version_order
from whopwatch.core.documents import packaged_toml
from whopwatch.core.finding import Finding, Impact, Severity
from whopwatch.diff.result import Comparison, PlacedFinding
from whopwatch.usage.edits import SCRIPTS, Edits, Rename, last_name, renamed_segment
from whopwatch.usage.impact import MAX_SHOWN_PLACES, weigh_finding
from whopwatch.usage.profile import Profile, place_order
from whopwatch.usage.upgrade_fields import UsedFields
from whopwatch.usage.upgrade_run import UpgradeRun

_SUFFIXES = {"Python": (".py", ".pyw"), "TypeScript": SCRIPTS, "any": ("",)}
"""The files of the languages in sdk_moves.toml."""
_WIDE_RENAME = "api-wide-rename"
_OPERATION_REMOVED = "D1"


@dataclass(frozen=True, slots=True)
class Task:
    """One change that hits the code, or may hit it.

    `finding` has its impact and places. `rename` is the old and the new name, if the change is a rename. `edited` are
    the places that the suggested edit changes; the others need a person.
    """

    finding: Finding
    rename: tuple[str, str] | None = None
    edited: tuple[str, ...] = ()

    @property
    def by_hand(self) -> tuple[str, ...]:
        """Return the places that no suggested edit changes."""
        return tuple(place for place in self.finding.impact_places if place not in self.edited)


@dataclass(frozen=True, slots=True)
class SdkMove:
    """What changes in code because of the move itself. `release` is the SDK release from which on it is so, if any."""

    part: str
    release: str | None
    text: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Worklist:
    """What the move from `old` to `new` needs. `unused` counts the changes that do not hit the code.

    `sdk` is what the SDK itself changes. `edits` is a unified diff, `edited` has the whole text of each file that it
    changes. `runs` are those of the user's own tests.
    """

    old: str
    new: str
    tasks: tuple[Task, ...]
    unused: int
    edits: str
    profile: Profile
    edited: Mapping[str, str] = field(default_factory=dict)
    sdk: tuple[SdkMove, ...] = ()
    runs: tuple[UpgradeRun, ...] = ()

    @cached_property
    def hits(self) -> tuple[Task, ...]:
        """Return the changes that hit the code."""
        return tuple(task for task in self.tasks if task.finding.impact is Impact.HITS)

    @cached_property
    def possible(self) -> tuple[Task, ...]:
        """Return the changes that may hit the code."""
        return tuple(task for task in self.tasks if task.finding.impact is Impact.MAY)

    @cached_property
    def to_test(self) -> tuple[str, ...]:
        """Return the operations that a change hits or may hit: test what uses them after the move."""
        return tuple(sorted({task.finding.operation for task in self.tasks} - {""}))


def plan_upgrade(
    comparison: Comparison, profile: Profile, contracts: tuple[Contract, Contract] | None = None
) -> Worklist:
    """Return the worklist of a comparison for the code that `profile` was made of. Files are read, never written.

    With the contracts of both versions, the list also has what the comparison does not show of the fields that the code
    uses, and no rename to a name that the newer version does not have at this place.
    """
    renames = dict(_renames(comparison))
    used = UsedFields(profile, *contracts) if contracts else None
    if used:
        renames = {key: rename for key, rename in renames.items() if used.has_renamed(*key, rename)}
    tasks: list[tuple[Finding, tuple[str, str] | None]] = []
    unused = 0
    for placed in comparison.places:
        finding = weigh_finding(placed.finding, profile)
        if finding.severity is Severity.INFO or finding.location in (f"header:{VERSION_HEADER}", "version"):
            continue  # the move itself: every request names the new version
        if finding.impact is Impact.UNUSED:
            unused += 1
        else:
            rename = renames.get(_key(finding))
            gone = finding.drift_class == _OPERATION_REMOVED and rename is None
            tasks.append((_with_all_places(finding, profile) if gone else finding, rename))
    moved = {id: rename[1] for (id, location), rename in renames.items() if location == "path"}
    tasks += ((finding, None) for finding in (used.not_compared(moved) if used else ()))
    edits = Edits(profile, renames, _segments(comparison, renames))
    planned = [_planned(finding, rename, edits) for finding, rename in tasks]
    planned.sort(key=_order)
    return Worklist(
        comparison.old,
        comparison.new,
        tuple(planned),
        unused,
        edits.diff(),
        profile,
        edits.texts(),
        sdk_moves(comparison, profile, used.sdk_calls() if used else {}),
    )


def _with_all_places(finding: Finding, profile: Profile) -> Finding:
    """Return the finding of a removed operation with the places that use what it takes and returns, too."""
    fields = profile.operations[finding.operation].fields if finding.operation in profile.operations else {}
    places = {*finding.impact_places, *(place for use in fields.values() for place in use.places)}
    return replace(finding, impact_places=tuple(sorted(places, key=place_order)[:MAX_SHOWN_PLACES]))


def sdk_moves(
    comparison: Comparison, profile: Profile, calls: Mapping[str, list[str]] | None = None
) -> tuple[SdkMove, ...]:
    """Return what the code has to change for the SDK releases of the new version, as sdk_moves.toml lists it.

    `calls` are the places of calls that the SDK takes in another way, by part.
    """
    if not (is_version(comparison.old) and is_version(comparison.new)):
        return ()
    old, new = version_order(comparison.old), version_order(comparison.new)
    parts = {name: use.places for name, use in profile.sdk_parts.items()} | dict(calls or {})
    moves = packaged_toml(__package__, "sdk_moves.toml")["moves"]
    return tuple(
        SdkMove(part, move.get("release"), text.replace("{version}", comparison.new), places)
        for move in moves
        if old < version_order(move["since"]) <= new
        for part, text in move["parts"].items()
        if (places := _places_in(parts.get(part, []), _SUFFIXES[move["language"]]))
    )


def _places_in(places: list[str], suffixes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted((one for one in places if one.rpartition(":")[0].endswith(suffixes)), key=place_order))


def _order(task: Task) -> tuple[bool, int, tuple[str, int], str, str]:
    finding = task.finding
    first = place_order(finding.impact_places[0]) if finding.impact_places else ("", 0)
    return (finding.impact is not Impact.HITS, finding.severity.rank, first, finding.operation, finding.location)


def _planned(finding: Finding, rename: Rename | None, edits: Edits) -> Task:
    edited: Iterable[str] = ()
    if rename is not None and finding.impact is Impact.HITS:
        edited = edits.add(finding.operation, finding.location, finding.impact_places, rename)
    return Task(finding, rename, tuple(edited))


def _segments(comparison: Comparison, renames: Mapping[tuple[str, str], Rename]) -> dict[str, Rename]:
    """Return the part of the path that changes, by renamed operation."""
    new = {one.finding.operation: one.finding.observed for one in comparison.places if one.finding.location == "path"}
    found = {}
    for one in comparison.places:
        rename = renames.get(_key(one.finding))
        if one.finding.location == "path" and rename and rename[1] in new:
            segment = renamed_segment(one.finding.expected, new[rename[1]])
            if segment:
                found[one.finding.operation] = segment
    return found


def _key(finding: Finding) -> tuple[str, str]:
    return finding.operation, finding.location


def _renames(comparison: Comparison) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Yield operation and location of each removed name, with the old and the new name."""
    for one in comparison.places:
        yield from _own_rename(one)
    for change in comparison.changes:
        if change.cause.kind != _WIDE_RENAME:
            continue
        old, _, new = change.cause.subject.partition(" → ")
        for item in change.cause.items:
            if item.change.movement == "removed" and last_name(item.location) == old:
                yield (item.operation, item.location), (old, new)


def _own_rename(one: PlacedFinding) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    change, finding = one.placed.change, one.finding
    if change.relation is None:
        return
    if finding.location == "path":
        if change.relation.other != finding.operation and "." in change.relation.other:
            yield _key(finding), (finding.operation, change.relation.other)
    elif change.relation.kind == "renamed" and change.movement == "removed":
        yield _key(finding), (last_name(finding.location), last_name(change.relation.other))
