"""Move each integration of tests/usage/corpus from the first to the newest version, as a user of `upgrade` does.

Each integration has tests of its own in corpus/runs. They run with the SDK release of each version, at a simulator of
it: before the move, without any change, and after it. The move applies the suggested edits with `git apply`, then the
work by hand in corpus/by_hand. Each hunk of that patch names the entries of the worklist that it answers. One without
an entry counts as not listed. So does one away from the places of its entries, unless it imports something, or the
entry is one of the move itself: shared headers, and what an SDK names in another way, are used anywhere in a file.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whopwatch.contract import load
from whopwatch.contract_build.releases import fetch_release
from whopwatch.usage.command_run import run_at_simulator

CORPUS = Path(__file__).parent.parent / "tests" / "usage" / "corpus"
RUNS, BY_HAND = CORPUS / "runs", CORPUS / "by_hand"
OLD, NEW = "2025-01-01", "2026-10-15-1"
RELEASES = {"pypi": {OLD: "0.0.23", NEW: "2.6.0"}, "npm": {OLD: "0.0.23", NEW: "0.0.42"}}
"""The SDK release that the tests use at each version. On npm 0.0.42 is the newest: an option names the version."""
WORKLIST = "worklist.json"
HELPERS = ("api.py", "api.ts", "client.py", "deliveries.py")
MAX_DISTANCE = 2
"""Lines between a place of the worklist and what a person changes for it, such as the rest of its statement."""
_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+\d+(?:,\d+)? @@ ?(.*)$")
_IMPORT = re.compile(r"^\s*(?:import\b|from\b|$)")


@dataclass(frozen=True)
class Hunk:
    """One change that a person makes: the entries that it answers, and the lines of the edited file that it changes."""

    entries: tuple[str, ...]
    lines: tuple[int, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Moved:
    """The move of one integration: `hits` entries hit it, `mechanical` of them are done by edits."""

    runs: tuple[bool, bool, bool]
    hits: int
    mechanical: int
    hunks: int
    lines: int
    not_listed: tuple[str, ...]


class Workshop:
    """Folders with the libraries and SDK releases that the integrations need."""

    def __init__(self, cache: Path) -> None:
        self.libraries = cache / "integrations" / "python"
        if not self.libraries.is_dir():
            options = ["-q", "--target", str(self.libraries), "-r", str(RUNS / "requirements.txt")]
            _run([sys.executable, "-m", "pip", "install", *options])
        self.python: dict[str, Path] = {}
        self.node: dict[str, Path] = {}
        for version in (OLD, NEW):
            release = RELEASES["pypi"][version]
            self.python[version] = cache / "integrations" / f"python-{release}"
            if not self.python[version].is_dir():
                package = fetch_release("pypi", "whop-sdk", release, cache)
                zipfile.ZipFile(cache / package.file).extractall(self.python[version])
            release = RELEASES["npm"][version]
            folder = cache / "integrations" / f"npm-{release}"
            self.node[version] = folder / "node_modules"
            if not (self.node[version] / "@whop" / "sdk").is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy2(RUNS / "package.json", folder)
                options = ["--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"]
                _run(["npm", "install", *options, f"@whop/sdk@{release}"], folder)

    def python_path(self, version: str) -> list[Path]:
        """Return where the tests in Python find the SDK of a version and other libraries."""
        return [self.python[version], self.libraries]

    def open(self, name: str, folder: Path, version: str) -> list[str]:
        """Write an integration and its tests into a folder. Return the command of the tests."""
        folder.mkdir(parents=True)
        for file in (CORPUS / name, file_of_tests(name), *(RUNS / helper for helper in HELPERS)):
            shutil.copy2(file, folder)
        self.use_sdk(folder, version)
        if name.endswith(".py"):
            return [sys.executable, file_of_tests(name).name]
        tsconfig = {"compilerOptions": {"jsx": "react-jsx"}}
        (folder / "tsconfig.json").write_text(json.dumps(tsconfig), encoding="utf-8")
        return ["node", "--import", "tsx", "--test", file_of_tests(name).name]

    def use_sdk(self, folder: Path, version: str) -> None:
        """Make the SDK of a version the one that is installed in a folder."""
        link = folder / "node_modules"
        link.unlink(missing_ok=True)
        link.symlink_to(self.node[version])


def file_of_tests(name: str) -> Path:
    """Return the file of an integration's tests."""
    return RUNS / (f"run_{name}" if name.endswith(".py") else f"{Path(name).stem}.test.ts")


def patch_of(name: str) -> Path:
    """Return the patch with the work by hand; an integration that needs none has no file."""
    return BY_HAND / f"{name}.patch"


def move(name: str, workshop: Workshop, scratch: Path) -> Moved:
    """Run the tests of one integration before the move, without it, and after it."""
    folder = scratch / Path(name).name.replace(".", "_")
    words = workshop.open(name, folder, OLD)
    before = passes(words, OLD, folder, workshop)
    workshop.use_sdk(folder, NEW)
    unchanged = passes(words, NEW, folder, workshop)
    worklist = plan(name, folder)
    apply(worklist["edits"], folder)
    patch = patch_of(name).read_text(encoding="utf-8") if patch_of(name).is_file() else ""
    hunks = list(read_hunks(patch))
    apply(patch, folder)
    after = passes(words, NEW, folder, workshop)
    hits = [task for task in worklist["tasks"] if task["impact"] == "hits you"]
    return Moved(
        (before, unchanged, after),
        len(hits),
        sum(bool(task["edited"]) and not task["by_hand"] for task in hits),
        len(hunks),
        sum(len(hunk.lines) for hunk in hunks),
        tuple(problem for hunk in hunks if (problem := not_listed(hunk, places_of(worklist)))),
    )


def passes(words: list[str], version: str, folder: Path, workshop: Workshop) -> bool:
    """Return whether the tests of a folder pass at a simulator of a version."""
    os.environ["PYTHON"] = sys.executable
    with (folder / "tests.log").open("wb") as log:
        path = [*workshop.python_path(version), folder]
        return run_at_simulator(words, load(version), python_path=path, folder=folder, output=log).is_passed


def upgrade_words(name: str) -> list[str]:
    """Return the words after `whopwatch` that write the worklist of an integration."""
    return ["upgrade", "--from", OLD, "--to", NEW, "--code", name, "--format", "json", "-o", WORKLIST]


def plan(name: str, folder: Path, *more: str, environ: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Return the worklist that `whopwatch upgrade` writes for an integration."""
    words = [sys.executable, "-m", "whopwatch", *upgrade_words(name), *more]
    subprocess.run(words, cwd=folder, capture_output=True, env={**os.environ, **(environ or {})})  # noqa: S603
    found: Mapping[str, Any] = json.loads((folder / WORKLIST).read_text(encoding="utf-8"))
    return found


def apply(patch: str, folder: Path) -> None:
    """Apply a unified diff to the files of a folder."""
    if patch:
        (folder / "next.diff").write_text(patch, encoding="utf-8", newline="")
        _run(["git", "apply", "--unidiff-zero", "next.diff"], folder)


def places_of(worklist: Mapping[str, Any]) -> dict[str, set[int]]:
    """Return the lines of each entry of a worklist: `payments.list /data/*/total`, or the part of a move itself."""
    entries = [(f"{one['operation']} {one['location']}".strip(), one["impact_places"]) for one in worklist["tasks"]]
    entries += [(one["part"], one["places"]) for one in worklist["sdk"]]
    found: dict[str, set[int]] = {}
    for entry, places in entries:
        found.setdefault(entry, set()).update(int(place.rpartition(":")[2]) for place in places)
    return found


def read_hunks(patch: str) -> Iterator[Hunk]:
    """Yield the hunks of a patch; the text after `@@` is the list of entries, with `;` between them."""
    for part in re.split(r"(?m)^(?=@@ )", patch)[1:]:
        header, *rest = part.splitlines()
        found = _HUNK.match(header)
        assert found, header
        number, lines, texts = int(found[1]) - 1, [], []
        for row in rest:
            number += not row.startswith("+")
            if row.startswith(("-", "+")):
                lines.append(number)
                texts.append(row[1:])
        entries = tuple(entry.strip() for entry in found[2].split(";") if entry.strip())
        yield Hunk(entries, tuple(dict.fromkeys(lines)), tuple(texts))


def not_listed(hunk: Hunk, places: Mapping[str, Iterable[int]]) -> str:
    """Return why a hunk is not work that the worklist lists; an empty text if it is."""
    if not hunk.entries:
        return f"line {hunk.lines[0]}: no entry"
    unknown = [entry for entry in hunk.entries if entry not in places]
    if unknown:
        return f"line {hunk.lines[0]}: not in the worklist: {', '.join(unknown)}"
    if any(" " not in entry for entry in hunk.entries):
        return ""  # a part of the move itself
    near = {line for entry in hunk.entries for line in places[entry]}
    is_near = all(any(abs(line - other) <= MAX_DISTANCE for other in near) for line in hunk.lines)
    return "" if is_near or all(map(_IMPORT.match, hunk.texts)) else f"line {hunk.lines[0]}: no place of {hunk.entries}"


def print_upgrades(names: list[str], cache: Path) -> bool:
    """Print the table of moves. Return whether each passes before and after, with nothing that was not listed."""
    workshop = Workshop(cache)
    print("| integration | old | new, unchanged | new, moved | hits | by edit | hunks by hand | lines | not listed |")
    print("|---|---|---|---|---:|---:|---:|---:|---:|")
    is_met = True
    totals = [0] * 5
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            one = move(name, workshop, Path(scratch))
            counts = [one.hits, one.mechanical, one.hunks, one.lines, len(one.not_listed)]
            totals = [sum(pair) for pair in zip(totals, counts, strict=True)]
            runs = ("passes" if is_passed else "fails" for is_passed in one.runs)
            print(f"| {name} | {' | '.join([*runs, *map(str, counts)])} |", flush=True)
            problems += [f"- {name} {problem}" for problem in one.not_listed]
            is_met = is_met and one.runs[0] and one.runs[2] and not one.not_listed
    print(f"| all | | | | {' | '.join(map(str, totals))} |")
    print(*problems, sep="\n")
    return is_met


def print_user_runs(names: list[str], cache: Path) -> bool:
    """Print what `upgrade --run` says of each integration, with the SDK of the newer version. Return if all ran."""
    workshop = Workshop(cache)
    print("| integration | at the old version | at the new one | with the suggested edits |\n|---|---|---|---|")
    is_met = True
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            folder = Path(scratch) / name.replace(".", "_")
            command = shlex.join(workshop.open(name, folder, OLD))
            path = os.pathsep.join(map(str, workshop.python_path(OLD)))
            runs = plan(name, folder, "--run", command, environ={"PYTHONPATH": path})["runs"]
            results = [run["problem"] or _result_words(run["result"]) for run in runs]
            print(f"| {name} | {' | '.join([*results, *['-'] * (3 - len(results))])} |", flush=True)
            is_met = is_met and not any(run["problem"] for run in runs) and runs[0]["result"]["exit_code"] == 0
    return is_met


def _result_words(result: Mapping[str, Any]) -> str:
    return f"{'fails' if result['exit_code'] else 'passes'}, {result['requests']} requests"


def _run(words: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{' '.join(words[:3])} failed: {done.stderr[-2000:]}")
