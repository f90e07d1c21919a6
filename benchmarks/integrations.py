"""Measure `usage` and impacts on the integrations in tests/usage/corpus: `python -m benchmarks.integrations [PART]`.

What each integration uses is listed by hand in expected.yaml. Part `recognition` prints precision and recall of the
scan by language and source. Part `versions` compares the contract of 2025-01-01 with that of every version that an SDK
release requests, and prints for each integration how many of the critical and high findings are shown as `hits you`,
how many of those do by the list written by hand, and how many pages are left. Part `upgrade` runs each integration in
Python that has a run in corpus/runs at simulators of the first and the newest version, before the move, after it, and
with the suggested edits and the work by hand in corpus/upgraded. Part `size` scans 200,000 lines, with files that are
broken, generated, linked or in another encoding. Exit code 1 if an aim is missed.
"""

from __future__ import annotations

import difflib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx
import yaml

from benchmarks.usage import command_line
from whopwatch.cli._support.options import cache_folder
from whopwatch.contract import edition_dir, load
from whopwatch.contract_build.fetch import fetch_release
from whopwatch.core.finding import Finding, Impact, Severity
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import Side, read_side
from whopwatch.simulator import Simulator, embedded
from whopwatch.usage.command_run import run_at_simulator
from whopwatch.usage.impact import weigh_comparison
from whopwatch.usage.profile import Profile
from whopwatch.usage.scan import scan
from whopwatch.usage.upgrade import plan_upgrade

CORPUS = Path(__file__).parent.parent / "tests" / "usage" / "corpus"
VIA_HTTP = "http"
"""The entry of a used operation that the code requests without the SDK."""
PYTHON = ".py"
AIMS = {("Python", "SDK"): (0.95, 0.90), ("TypeScript", "SDK"): (0.90, 0.85)}
"""Precision and recall by language and source."""
RELEASES = {
    "2026-07-08-1": "0.0.41",
    "2026-08-21": "1.0.13",
    "2026-08-21-1": "1.0.14",
    "2026-09-02-1": "1.1.0",
    "2026-09-02-2": "1.1.1",
    "2026-09-15": "1.1.5",
    "2026-09-23": "2.0.0",
    "2026-09-29": "2.2.0",
    "2026-10-08": "2.3.0",
    "2026-10-09-2": "2.4.0",
    "2026-10-13-1": "2.5.0",
    "2026-10-15-1": "2.6.0",
}
"""The newest SDK release that requests each version, apart from the first, 2025-01-01."""
PAGING = (Severity.CRITICAL, Severity.HIGH)
HIT_AIM, FEWER_AIM = 0.95, 0.80

Uses = set[tuple[str, str]]


@cache
def listed() -> dict[str, dict[str, list[str]]]:
    """Return what is listed by hand: for each file the used operations with their fields."""
    rows: dict[str, dict[str, list[str]]] = yaml.safe_load((CORPUS / "expected.yaml").read_text(encoding="utf-8"))
    return rows


def uses_of(name: str) -> Uses:
    """Return the listed uses of a file: a field that is used makes the fields above it used."""
    return {use for id, fields in listed()[name].items() for use in _with_above(id, fields)}


def _with_above(id: str, fields: Iterable[str]) -> Uses:
    found = {(id, "")}
    for field_name in fields:
        kind, _, path = field_name.rpartition(":")
        steps = path.split("/") if kind != "param" else ["", path]
        if field_name == VIA_HTTP:
            continue
        for length in range(2, len(steps) + 1):
            found.add((id, field_name if kind == "param" else f"{kind}:".lstrip(":") + "/".join(steps[:length])))
    return {(id, location) for id, location in found if not location.endswith(("*", "/data"))}


@cache
def profile_of(name: str) -> Profile:
    """Return the profile of one integration."""
    return scan([CORPUS / name], load("2025-01-01"))


def scanned(name: str) -> Uses:
    """Return the uses that the scan finds."""
    profile = profile_of(name)
    found = {(id, "") for id in profile.operations}
    found |= {(id, location) for id, use in profile.operations.items() for location in use.fields}
    return {(id, location) for id, location in found if not location.endswith("/data")}


def language(name: str) -> str:
    """Return the language of a file."""
    return "Python" if name.endswith(PYTHON) else "TypeScript"


def source(name: str, id: str) -> str:
    """Return how a file uses an operation: with the SDK, by HTTP, or as the event of a webhook."""
    if id.startswith("webhook:"):
        return "webhooks"
    return "HTTP" if VIA_HTTP in listed()[name].get(id, ()) else "SDK"


@dataclass
class Score:
    """Counts of uses: found and listed, found, listed."""

    right: int = 0
    found: int = 0
    listed: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Return the share of found uses that are listed."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Return the share of listed uses that are found."""
        return self.right / self.listed if self.listed else 1.0


def recognition() -> dict[tuple[str, str], Score]:
    """Return the scores by language and source."""
    scores: dict[tuple[str, str], Score] = {}
    for name in listed():
        expected, found = uses_of(name), scanned(name)
        for use in expected | found:
            score = scores.setdefault((language(name), source(name, use[0])), Score())
            score.right += use in expected and use in found
            score.found += use in found
            score.listed += use in expected
            if (use in expected) != (use in found):
                score.problems.append(f"{'-' if use in expected else '+'} {name} {' '.join(use)}")
    return scores


def print_recognition() -> bool:
    """Print the table of recognition. Return whether the aims are met."""
    print("| language | source | uses listed | found | precision | recall |\n|---|---|---:|---:|---:|---:|")
    is_met = True
    scores = recognition()
    for (name, kind), score in sorted(scores.items()):
        print(f"| {name} | {kind} | {score.listed} | {score.found} | {score.precision:.1%} | {score.recall:.1%} |")
        precision, recall = AIMS.get((name, kind), (0.0, 0.0))
        is_met = is_met and score.precision >= precision and score.recall >= recall
    print(*(f"\n{problem}" for score in scores.values() for problem in score.problems), sep="")
    return is_met


# Versions


@dataclass
class Row:
    """The critical and high findings of one integration over all versions."""

    findings: int = 0
    shown: int = 0
    right: int = 0
    may: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def comparisons(cache_dir: Path) -> Iterator[tuple[str, Comparison]]:
    """Yield each version, and what changes until it since 2025-01-01."""
    old = read_side(str(edition_dir("2025-01-01")), cache_dir)
    for version, release in RELEASES.items():
        yield version, compare_sides(old, read_side(f"sdk:{release}", cache_dir))


def hits_by_hand(name: str, finding: Finding) -> bool:
    """Return whether the list written by hand says that a finding hits an integration."""
    places = [(one.operation, one.location) for one in finding.places] or [(finding.operation, finding.location)]
    is_new = finding.expected == "absent" and finding.observed.startswith("required")
    return any(_hit(uses_of(name), operation, location, is_new) for operation, location in places)


def _hit(uses: Uses, operation: str, location: str, is_new: bool) -> bool:
    if (operation, "") not in uses:
        return False
    if not location.startswith(("/", "param:", "body:/")):
        return True
    if is_new and not location.startswith("/"):
        return True
    return any(id == operation and (use == location or use.startswith(f"{location}/")) for id, use in uses)


def print_versions(cache_dir: Path) -> bool:
    """Print the table of impacts. Return whether the aims are met."""
    rows = {name: Row() for name in listed()}
    for version, comparison in comparisons(cache_dir):
        for name, row in rows.items():
            for change in weigh_comparison(comparison, profile_of(name)).changes:
                if change.finding.severity in PAGING:
                    _count(row, name, version, change.finding)
    print("| integration | critical and high | hits you | of them right | may hit you | missed | fewer pages |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    total: Counter[str] = Counter()
    for name, row in rows.items():
        fewer = 1 - row.shown / row.findings if row.findings else 1.0
        right = f"{row.right / row.shown:.1%}" if row.shown else "-"
        print(f"| {name} | {row.findings} | {row.shown} | {right} | {row.may} | {len(row.missed)} | {fewer:.1%} |")
        total.update(findings=row.findings, shown=row.shown, right=row.right, may=row.may, missed=len(row.missed))
    precision = total["right"] / max(total["shown"], 1)
    fewer = 1 - total["shown"] / max(total["findings"], 1)
    counts = f"{total['findings']} | {total['shown']} | {precision:.1%} | {total['may']} | {total['missed']}"
    print(f"| all | {counts} | {fewer:.1%} |")
    print(*(f"\n- {text}" for row in rows.values() for text in row.missed), sep="")
    print(*(f"\n+ {text}" for row in rows.values() for text in row.wrong), sep="")
    return precision >= HIT_AIM and fewer >= FEWER_AIM and not total["missed"]


def _count(row: Row, name: str, version: str, finding: Finding) -> None:
    is_hit = hits_by_hand(name, finding)
    text = f"{name} {version} {finding.drift_class} {finding.operation} {finding.location}: {finding.impact}"
    row.findings += 1
    row.may += finding.impact is Impact.MAY
    if finding.impact is Impact.HITS:
        row.shown += 1
        row.right += is_hit
        if not is_hit:
            row.wrong.append(text)
    elif is_hit:
        row.missed.append(text)


# Upgrades

OLD, NEW = "2025-01-01", "newest"
SDK_OF = {OLD: "0.0.23", NEW: "2.6.0"}


@dataclass(frozen=True)
class Upgrade:
    """The move of one integration: the runs, the changes that hit it, and the lines that a person has to change."""

    name: str
    runs: tuple[bool, ...]
    hits: int
    renames: int
    mechanical: int
    hand_lines: int
    hand_lines_listed: int


def print_upgrades(cache_dir: Path) -> bool:
    """Print the table of upgrades. Return whether each integration passes before the move and after the work."""
    names = sorted(path.name for path in (CORPUS / "upgraded").glob("*.py"))
    print("| integration | old | new, unchanged | new, upgraded | hits | renames | by edit | lines by hand | listed |")
    print("|---|---|---|---|---:|---:|---:|---:|---:|")
    is_met = True
    with tempfile.TemporaryDirectory() as scratch:
        for release in SDK_OF.values():
            package = fetch_release("pypi", "whop-sdk", release, cache_dir)
            zipfile.ZipFile(cache_dir / package.file).extractall(Path(scratch) / release)
        libraries = Path(scratch) / "libraries"
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(libraries), "aiohttp"]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        for name in names:
            one = _upgrade(name, Path(scratch), libraries)
            old, unchanged, upgraded = ("passes" if is_passed else "fails" for is_passed in one.runs)
            counts = f"{one.hits} | {one.renames} | {one.mechanical} | {one.hand_lines} | {one.hand_lines_listed}"
            print(f"| {name} | {old} | {unchanged} | {upgraded} | {counts} |", flush=True)
            is_met = is_met and one.runs[0] and one.runs[2]
    return is_met


def _upgrade(name: str, scratch: Path, libraries: Path) -> Upgrade:
    old, new = (read_side(str(edition_dir(version)), scratch) for version in (OLD, NEW))
    old, new = (Side(load(version).version or version, side.apis) for version, side in ((OLD, old), (NEW, new)))
    worklist = plan_upgrade(compare_sides(old, new), profile_of(name))
    edited = next(iter(worklist.edited.values()), (CORPUS / name).read_text(encoding="utf-8"))
    upgraded = (CORPUS / "upgraded" / name).read_text(encoding="utf-8")
    by_hand = _changed_lines(edited, upgraded)
    listed_lines = {int(place.rpartition(":")[2]) for task in worklist.tasks for place in task.finding.impact_places}
    listed_lines |= {int(place.rpartition(":")[2]) for move in worklist.sdk for place in move.places}
    runs = tuple(
        run_integration(name, version, [folder, libraries, scratch / SDK_OF[version]])
        for version, folder in ((OLD, CORPUS), (NEW, CORPUS), (NEW, CORPUS / "upgraded"))
    )
    renames = [task for task in worklist.hits if task.rename]
    mechanical = sum(bool(task.edited) and not task.by_hand for task in renames)
    is_listed = sum(any(abs(line - other) <= NEAR for other in listed_lines) for line in by_hand)
    return Upgrade(name, runs, len(worklist.hits), len(renames), mechanical, len(by_hand), is_listed)


NEAR = 1
"""A statement that a person changes may begin a line before or after the listed place."""


def _changed_lines(before: str, after: str) -> set[int]:
    """Return the lines of `before` that change; what is inserted counts for the line before it."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    changed: set[int] = set()
    for kind, first, last, _, _ in matcher.get_opcodes():
        if kind != "equal":
            changed |= set(range(first + 1, max(last, first + 1) + 1))
    return changed


def run_integration(name: str, version: str, path: list[Path]) -> bool:
    """Run an integration at a simulator. Return whether its run ends with 0."""
    contract = load(version)
    with embedded(contract) as simulator:
        ids = [id for resource in ("products", "plans", "payments") for id in _ids(simulator, resource)]
    os.environ |= {"CORPUS_IDS": ",".join(ids), "CORPUS_VERSION": version}
    words = [sys.executable, str(CORPUS / "runs" / f"run_{name}")]
    result = run_at_simulator(words, contract, python_path=path, output=subprocess.DEVNULL)
    return result.is_passed


def _ids(simulator: Simulator, resource: str) -> list[str]:
    account = simulator.backend.contract.account.id_field
    address = f"{simulator.base_url}/{resource}"
    headers = {"Authorization": f"Bearer {simulator.api_key}"}
    rows = httpx.get(address, params={account: simulator.company_id}, headers=headers, timeout=60).json()["data"]
    return [row["id"] for row in rows]


# Size

LINES, MAX_SECONDS, MAX_MIB = 200_000, 20.0, 500
HOSTILE = {
    "broken.py": b"def broken(:\n",
    "latin.py": b"# coding: latin-1\nname = '\xe9'\n",
    "wide.py": "name = 1\n".encode("utf-16"),
    "binary.py": bytes(range(256)) * 20,
    "long.js": b"x = '" + b"a" * 10 * 2**20 + b"'\n",
    "minified.js": b"var a=1;" * 10_000,
    "deep.py": b"(" * 5_000 + b")" * 5_000,
    "types.generated.ts": b"export type T = { id: string };\n" * 10_000,
}
"""Files that are reported or read, and never stop the scan."""


def print_size() -> bool:
    """Scan 200,000 lines in a process of its own and print what it took. Return whether the aims are met.

    The seconds of the aim are those of the CPU: other programs on the machine do not count.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "code"
        lines = _write_code(folder)
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "whopwatch", "usage", str(folder), "-o", str(Path(scratch) / "usage.json")]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        coverage = json.loads((Path(scratch) / "usage.json").read_text(encoding="utf-8"))["coverage"]
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    mib = after.ru_maxrss / 1024
    print(f"{lines} lines in {coverage['files']} files: {seconds:.1f} s ({used:.1f} s of CPU), {mib:.0f} MiB")
    print(*(f"  not read: {Path(one['file']).name}: {one['reason']}" for one in coverage["skipped_files"]), sep="\n")
    return used < MAX_SECONDS and mib < MAX_MIB and coverage["lines"] >= LINES


def _write_code(folder: Path) -> int:
    """Write copies of the corpus with names of their own until there are enough lines, and the hostile files."""
    folder.mkdir()
    texts = {name: (CORPUS / name).read_text(encoding="utf-8") for name in listed()}
    lines = number = 0
    while lines < LINES:
        number += 1
        for name, text in texts.items():
            (folder / f"module{number}_{name}").write_text(text, encoding="utf-8")
            lines += text.count("\n")
    for name, data in HOSTILE.items():
        (folder / name).write_bytes(data)
    (folder / "link.py").symlink_to(folder / "broken.py")
    return lines


PARTS = ("recognition", "versions", "upgrade", "size")


def main() -> int:
    """Print the tables."""
    parser = command_line(__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS, default=PARTS[0])
    parser.add_argument("--cache-dir", type=Path, metavar="DIR", help="folder of the downloaded packages")
    arguments = parser.parse_args()
    if arguments.part == "recognition":
        return 0 if print_recognition() else 1
    if arguments.part == "size":
        return 0 if print_size() else 1
    if arguments.part == "upgrade":
        return 0 if print_upgrades(cache_folder(arguments.cache_dir)) else 1
    return 0 if print_versions(cache_folder(arguments.cache_dir)) else 1


if __name__ == "__main__":
    sys.exit(main())
