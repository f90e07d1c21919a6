"""Measure `usage` and impacts on the integrations in tests/usage/corpus: `python -m benchmarks.integrations [PART]`.

What each integration uses is listed by hand in expected.yaml. Part `recognition` prints precision and recall of the
scan by language and source. Part `versions` compares the contract of 2025-01-01 with that of every version that an SDK
release requests, and prints for each integration how many of the critical and high findings are shown as `hits you`,
how many of those do by the list written by hand, and how many pages are left. Part `upgrade` moves each integration
from the first to the newest version (see benchmarks/upgrades.py), part `run` does the same with `upgrade --run`. Part
`size` scans 200,000 lines, with files that are
broken, generated, linked or in another encoding. Exit code 1 if an aim is missed.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from benchmarks.upgrades import CORPUS, print_upgrades, print_user_runs
from benchmarks.usage import command_line
from whopwatch.cli._support.options import cache_folder
from whopwatch.contract import edition_dir, load
from whopwatch.core.finding import Finding, Impact, Severity
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import read_side
from whopwatch.usage.impact import weigh_comparison
from whopwatch.usage.profile import Profile
from whopwatch.usage.scan import scan

VIA_HTTP = "http"
"""The entry of a used operation that the code requests without the SDK."""
ALL_PAGES = "pages"
"""The entry of a list through whose pages the code walks, with the SDK or without."""
WALKED = ("/page_info/end_cursor", "/page_info/has_next_page", "param:after")
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
        if field_name == ALL_PAGES:
            found.add((id, ALL_PAGES))
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
    found |= {(id, ALL_PAGES) for id, use in profile.operations.items() if use.walks.places}
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
    if (operation, ALL_PAGES) in uses and any(_is_at(one, location) or _is_at(location, one) for one in WALKED):
        return True
    return any(id == operation and (use == location or use.startswith(f"{location}/")) for id, use in uses)


def _is_at(location: str, above: str) -> bool:
    return location == above or location.startswith(f"{above}/")


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


PARTS = ("recognition", "versions", "upgrade", "run", "size")


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
        return 0 if print_upgrades(list(listed()), cache_folder(arguments.cache_dir)) else 1
    if arguments.part == "run":
        return 0 if print_user_runs(list(listed()), cache_folder(arguments.cache_dir)) else 1
    return 0 if print_versions(cache_folder(arguments.cache_dir)) else 1


if __name__ == "__main__":
    sys.exit(main())
