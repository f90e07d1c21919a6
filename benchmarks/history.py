"""Compare every published release of the Python SDK with the previous one: the drift history of the API.

Write the table in docs/development/api-history.md. Download the releases with pip and npm into the given folder, once:
53 wheels, 60 MB in total. If npm has the same version, also compare the two languages and report where only one of them
changed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.usage import command_line
from whopwatch.contract import edition_dir
from whopwatch.contract_build.releases import published_versions, version_key
from whopwatch.contract_build.sources import Sources
from whopwatch.core.finding import Severity
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import Side, read_side

PAGE = Path(__file__).parents[1] / "docs" / "development" / "api-history.md"
SECTION = "## Every step\n\n"
"""The page up to here is written by hand."""
COLUMNS = ("D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D9", "D10", "D12", "D15", "D17", "D18", "D19", "D21", "D24")


@dataclass(frozen=True)
class Step:
    """One release compared with the previous one."""

    comparison: Comparison
    new: Side
    seconds: float
    in_typescript: str


def main(folder: Path) -> None:
    """Compare the releases, print progress, and write the page."""
    packages = Sources.read(edition_dir()).packages
    released = published_versions(packages["python"].registry, packages["python"].name)
    on_npm = set(published_versions(packages["typescript"].registry, packages["typescript"].name))
    steps = list(_steps(released, on_npm, folder))
    by_hand = PAGE.read_text(encoding="utf-8").partition(SECTION)[0]
    PAGE.write_text(by_hand + SECTION + "\n".join(_table(steps)) + "\n", encoding="utf-8")
    print(f"{len(released)} releases, {len(steps)} pairs, {sum(step.seconds for step in steps):.0f} s of comparing")


def _steps(released: list[str], on_npm: set[str], folder: Path) -> Iterator[Step]:
    old: Side | None = None
    for version in sorted(released, key=version_key):
        new = read_side(f"sdk:{version}", folder)
        if old is not None:
            started = time.perf_counter()
            comparison = compare_sides(old, new)
            seconds = time.perf_counter() - started
            other = f"npm:{version}"
            differing = str(len(compare_sides(new, read_side(other, folder)).places)) if version in on_npm else "-"
            print(f"{old.name} → {new.name}: {len(comparison.places)} places, {seconds:.1f} s", flush=True)
            yield Step(comparison, new, seconds, differing)
        old = new


def _table(steps: list[Step]) -> Iterator[str]:
    words = ("release", "operations", "events", "changes", "places", "critical", *COLUMNS, "TypeScript")
    yield f"| {' | '.join(words)} |"
    yield "|---|" + "---:|" * (len(words) - 1)
    for step in steps:
        api, found = step.new.apis["v1"], step.comparison.places
        classes = Counter(item.finding.drift_class for item in found)
        critical = sum(item.finding.severity is Severity.CRITICAL for item in found)
        numbers = (len(api.operations), len(api.events), len(step.comparison.changes), len(found), critical)
        cells = [*map(str, numbers), *(str(classes[name] or "") for name in COLUMNS), step.in_typescript]
        yield f"| {step.new.name.removeprefix('sdk:')} | {' | '.join(cells)} |"


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the fetched releases are kept")
    main(parser.parse_args().folder)
