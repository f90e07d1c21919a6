"""Plan the move of code to another version of the API: which changes hit it, where, and which edits are mechanical."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.core.finding import Finding, Impact, Severity
from whopwatch.diff.result import Comparison, PlacedFinding
from whopwatch.usage.impact import weigh_finding
from whopwatch.usage.profile import Certainty, Profile, place_order
from whopwatch.usage.scan import MAX_SOURCE_BYTES
from whopwatch.usage.upgrade_run import UpgradeRun

_LAST_NAME = re.compile(r"[\w-]+(?=(?:\[\])?(?:/\*)*$)")
_WIDE_RENAME = "api-wide-rename"
MAX_EDITED_FILES = 2_000


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


@dataclass(frozen=True)
class Worklist:
    """What the move from `old` to `new` needs. `unused` counts the changes that do not hit the code.

    `edits` is a unified diff, `edited` has the whole text of each file that it changes. `runs` are those of the user's
    own tests.
    """

    old: str
    new: str
    tasks: tuple[Task, ...]
    unused: int
    edits: str
    profile: Profile
    edited: Mapping[str, str] = field(default_factory=dict)
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


def plan_upgrade(comparison: Comparison, profile: Profile) -> Worklist:
    """Return the worklist of a comparison for the code that `profile` was made of. Files are read, never written."""
    renames = dict(_renames(comparison))
    tasks: list[tuple[Finding, tuple[str, str] | None]] = []
    unused = 0
    for placed in comparison.places:
        finding = weigh_finding(placed.finding, profile)
        if finding.severity is Severity.INFO or finding.location in (f"header:{VERSION_HEADER}", "version"):
            continue  # the move itself: every request names the new version
        if finding.impact is Impact.UNUSED:
            unused += 1
        else:
            tasks.append((finding, renames.get(_key(finding))))
    edits = _Edits(profile, renames)
    planned = [Task(finding, rename, tuple(edits.add(finding, rename))) for finding, rename in tasks]
    planned.sort(key=_order)
    return Worklist(comparison.old, comparison.new, tuple(planned), unused, edits.diff(), profile, edits.texts())


def _order(task: Task) -> tuple[bool, int, tuple[str, int], str, str]:
    finding = task.finding
    first = place_order(finding.impact_places[0]) if finding.impact_places else ("", 0)
    return (finding.impact is not Impact.HITS, finding.severity.rank, first, finding.operation, finding.location)


def _key(finding: Finding) -> tuple[str, str]:
    return finding.operation, finding.location


def last_name(location: str) -> str:
    """Return the name at the end of a location: `company_id` of `body:/plan/company_id`."""
    found = _LAST_NAME.search(location)
    return found[0] if found else ""


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


class _Edits:
    """Edits of lines that name what is renamed exactly once, and nothing of the same name that stays."""

    def __init__(self, profile: Profile, renames: dict[tuple[str, str], tuple[str, str]]) -> None:
        self._renames = renames
        self._files: dict[str, tuple[list[str], list[str]] | None] = {}
        self._done: set[tuple[str, str, str]] = set()
        self._named: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        self._guessed: set[tuple[str, str]] = set()
        for operation, use in profile.operations.items():
            for location, read in use.fields.items():
                for place in read.places:
                    self._named[(place, last_name(location))].add((operation, location))
                    if read.certainty is not Certainty.SEEN:
                        self._guessed.add((place, last_name(location)))

    def add(self, finding: Finding, rename: tuple[str, str] | None) -> Iterable[str]:
        """Edit the lines that a rename hits and return their places."""
        if rename is None or finding.impact is not Impact.HITS:
            return []
        return [place for place in finding.impact_places if self._edit(place, *rename)]

    def _edit(self, place: str, old: str, new: str) -> bool:
        if (place, old, new) in self._done:
            return True
        if (place, old) in self._guessed:
            return False
        if any(self._renames.get(key) != (old, new) for key in self._named.get((place, old), ())):
            return False  # the same line reads a field of this name that stays
        path, _, number = place.rpartition(":")
        lines = self._lines(path)
        if lines is None or not number.isdigit() or not 0 < int(number) <= len(lines[1]):
            return False
        line = lines[1][int(number) - 1]
        for before, after in ((old, new), (_camel(old), _camel(new))):
            pattern = rf"(?<![\w]){re.escape(before)}(?!\w)"
            if len(re.findall(pattern, line)) == 1:
                lines[1][int(number) - 1] = re.sub(pattern, after, line)
                self._done.add((place, old, new))
                return True
        return False

    def _lines(self, path: str) -> tuple[list[str], list[str]] | None:
        if path not in self._files and len(self._files) < MAX_EDITED_FILES:
            self._files[path] = _read_lines(Path(path))
        return self._files.get(path)

    def diff(self) -> str:
        """Return all edits as one unified diff."""
        parts: list[str] = []
        for path, lines in sorted(self._files.items()):
            if lines is not None and lines[0] != lines[1]:
                parts += difflib.unified_diff(*lines, f"a/{path}", f"b/{path}")
        return "".join(part if part.endswith("\n") else f"{part}\n\\ No newline at end of file\n" for part in parts)

    def texts(self) -> dict[str, str]:
        """Return the new text of each edited file."""
        return {path: "".join(lines[1]) for path, lines in self._files.items() if lines and lines[0] != lines[1]}


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def _read_lines(path: Path) -> tuple[list[str], list[str]] | None:
    try:
        if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_SOURCE_BYTES:
            return None
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, ValueError):
        return None
    whole = [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    return whole, list(whole)
