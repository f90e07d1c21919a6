"""Suggest edits: rename a field, a parameter or an operation where the code names it and nothing else."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from whopwatch.usage.profile import Certainty, Profile
from whopwatch.usage.scan import MAX_SOURCE_BYTES

MAX_EDITED_FILES = 2_000
MAX_CALL_LINES = 40
"""Lines of one call in which a name that it sends is searched."""
Rename = tuple[str, str]
_LAST_NAME = re.compile(r"[\w-]+(?=(?:\[\])?(?:/\*)*$)")
_QUOTED = r"(?<=[\"'`])NAME(?=(?:\[\])?[\"'`])"
_SHORTHAND = r"(?<=[{,]|\s)NAME(?=\s*[,}])"
"""A name in braces that is the key and the variable, in TypeScript."""
_SENT = (_QUOTED, r"(?<=[(,{?&\s])NAME(?=(?:\[\])?\s*=(?![=>]))", r"(?<=[(,{\s])NAME(?=\s*:)")
_READ = (_QUOTED, r"(?<=\.)NAME(?!\w)")
_READ_SCRIPT = (*_READ, r"(?<=[{,\s])NAME(?=\s*:)")
_CALLED = (r"(?<![\w])NAME(?!\w)",)
_SEGMENT = (r"(?<=/)NAME(?=[/?\"'`]|$)",)
_OPEN = ("(", "[", "{", ",")
"""Ends of a line after which the next one is inside a call or record."""
SCRIPTS = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")


def last_name(location: str) -> str:
    """Return the name at the end of a location: `company_id` of `body:/plan/company_id`."""
    found = _LAST_NAME.search(location)
    return found[0] if found else ""


def renamed_segment(old: str, new: str) -> Rename | None:
    """Return the only part that differs between two paths: `companies` and `accounts`. None if more differs."""
    parts = [text.rpartition(" ")[2].split("/") for text in (old, new)]
    if len(parts[0]) != len(parts[1]):
        return None
    other = [pair for pair in zip(*parts, strict=True) if pair[0] != pair[1]]
    return other[0] if len(other) == 1 and "{" not in "".join(other[0]) else None


class Edits:
    """Edit the lines at which the code of `profile` names something that is renamed.

    A place is edited only if every use of the name there has the same rename, and the text names it as often as the
    code uses it. `segments` maps renamed operations to the part of their path that changes.
    """

    def __init__(
        self, profile: Profile, renames: Mapping[tuple[str, str], Rename], segments: Mapping[str, Rename]
    ) -> None:
        self._renames = renames
        self._segments = segments
        self._files: dict[str, tuple[list[str], list[str]] | None] = {}
        self._done: set[tuple[str, str, Rename]] = set()
        self._named: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        self._guessed: set[tuple[str, str]] = set()
        for operation, use in profile.operations.items():
            for location, read in use.fields.items():
                for place in read.places:
                    self._named[(place, last_name(location))].add((operation, location))
                    if read.certainty is not Certainty.SEEN:
                        self._guessed.add((place, last_name(location)))

    def add(self, operation: str, location: str, places: Iterable[str], rename: Rename) -> Iterator[str]:
        """Edit the places that a rename hits, and yield the edited ones."""
        for place in places:
            key = (place, location, rename)
            if key in self._done or self._edit(place, operation, location, rename):
                self._done.add(key)
                yield place

    def _edit(self, place: str, operation: str, location: str, rename: Rename) -> bool:
        path, _, number = place.rpartition(":")
        lines = self._lines(path)
        if lines is None or not number.isdecimal() or not 0 < int(number) <= len(lines[1]):
            return False
        first = int(number) - 1
        last = first if location.startswith("/") else _end_of_call(lines[1], first)
        text = "".join(lines[1][first : last + 1])
        inside = first > 0 and lines[1][first - 1].rstrip().endswith(_OPEN)
        if location == "path":
            edited = _replace(text, rename, _CALLED, 1)
            if edited is None and operation in self._segments:
                edited = _replace(text, self._segments[operation], _SEGMENT, 1)
        else:
            edited = self._edit_name(
                text, [f"{path}:{line + 1}" for line in range(first, last + 1)], location, rename, inside
            )
        if edited is None:
            return False
        lines[1][first : last + 1] = _split(edited)
        return True

    def _edit_name(self, text: str, places: list[str], location: str, rename: Rename, is_inside: bool) -> str | None:
        old = rename[0]
        used = [key for place in places for key in self._named.get((place, old), ())]
        if any((place, old) in self._guessed for place in places):
            return None
        if any(self._renames.get(key) != rename for key in used):
            return None  # something of this name stays
        is_script = places[0].rpartition(":")[0].endswith(SCRIPTS)
        patterns = _SENT if not location.startswith("/") else _READ_SCRIPT if is_script else _READ
        count = len({key[1] for key in used})
        for before, after in ((old, rename[1]), (_camel(old), _camel(rename[1]))):
            edited = _replace(text, (before, after), patterns, count, is_inside)
            if edited is None and is_script:
                edited = _replace(text, (before, f"{after}: {before}"), (_SHORTHAND,), count, is_inside, "{,")
            if edited is not None:
                return edited
        return None

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


def _end_of_call(lines: list[str], first: int) -> int:
    """Return the last line of the call that begins in line `first`: the one that closes its brackets."""
    depth = 0
    for number in range(first, min(len(lines), first + MAX_CALL_LINES)):
        depth += sum(lines[number].count(one) for one in "([{") - sum(lines[number].count(one) for one in ")]}")
        is_continued = number + 1 < len(lines) and lines[number + 1].lstrip().startswith((".", "?."))
        if depth <= 0 and not is_continued:
            return number
    return first


def _replace(
    text: str, rename: Rename, patterns: Iterable[str], count: int, is_inside: bool = False, after: str = ""
) -> str | None:
    """Return the text with the name replaced, None if it does not have it `count` times.

    The first word of a statement is a variable that is set: it stays, unless the text is inside a call or record. With
    `after`, only a name that follows one of these characters counts.
    """
    pattern = "|".join(patterns).replace("NAME", re.escape(rename[0]))
    found = [match for match in re.finditer(pattern, text) if _counts(text[: match.start()], is_inside, after)]
    if not count or len(found) != count:
        return None
    for match in reversed(found):
        text = text[: match.start()] + rename[1] + text[match.end() :]
    return text


def _counts(before: str, is_inside: bool, after: str) -> bool:
    before = before.rstrip()
    return before[-1] in after if before and after else bool(before) or is_inside


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def _read_lines(path: Path) -> tuple[list[str], list[str]] | None:
    try:
        if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_SOURCE_BYTES:
            return None
        whole = _split(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError):
        return None
    return whole, list(whole)


def _split(text: str) -> list[str]:
    """Return the lines with their ends. Only a line feed ends a line, unlike in `str.splitlines`."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
