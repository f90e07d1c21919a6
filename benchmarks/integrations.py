"""Measure `usage` and impacts on the integrations in tests/usage/corpus: `python -m benchmarks.integrations [PART]`.

What each integration uses is listed by hand in expected.yaml. Part `recognition` prints precision and recall of the
scan by language and source. Part `versions` compares the contract of 2025-01-01 with that of every version that an SDK
release requests, and prints for each integration how many of the critical and high findings are shown as `hits you`,
how many of those do by the list written by hand, and how many pages are left. Exit code 1 if an aim is missed.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from benchmarks.usage import command_line
from whopwatch.cli._support.options import cache_folder
from whopwatch.contract import edition_dir, load
from whopwatch.core.finding import Finding, Impact, Severity
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import read_side
from whopwatch.usage.impact import weigh_comparison
from whopwatch.usage.profile import Profile
from whopwatch.usage.scan import scan

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


def main() -> int:
    """Print the tables."""
    parser = command_line(__doc__)
    parser.add_argument("part", nargs="?", choices=["recognition", "versions"], default="recognition")
    parser.add_argument("--cache-dir", type=Path, metavar="DIR", help="folder of the downloaded packages")
    arguments = parser.parse_args()
    if arguments.part == "recognition":
        return 0 if print_recognition() else 1
    return 0 if print_versions(cache_folder(arguments.cache_dir)) else 1


if __name__ == "__main__":
    sys.exit(main())
