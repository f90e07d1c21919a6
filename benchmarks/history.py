"""Compare every published release of the Python SDK with the previous one: the drift history of the API.

Write docs/development/api-history.md. Download the releases with pip and npm into the given folder, once: 53 wheels,
60 MB in total. If npm has the same version, also compare the two languages and report where only one of them changed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.usage import command_line
from whopwatch.contract import edition_dir
from whopwatch.contract_build.fetch import published_versions, version_key
from whopwatch.contract_build.sources import Sources
from whopwatch.core.finding import Severity
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import Side, read_side

PAGE = Path(__file__).parents[1] / "docs" / "development" / "api-history.md"
HEAD = """\
# How the API changed, release by release

Written by `python -m benchmarks.history FOLDER`, which compares every published release of the Python SDK with the
previous one. *Operations* and *events* are those of the newer release. *Changes* count each shared schema once,
*places* every location of a change. The columns of classes count places. *TypeScript* is the number of places in which
the TypeScript SDK of the same version differs. The two are not always published on the same day; `-` means that npm has
no such version.

0.0.41 is the last release that Stainless generated, 1.0.11 the first by Fern. The step between them shows differences
of the generators as well as changes of the API.

Accuracy of the classes: 247 changes of 13 pairs of neighbouring releases, of both generators, were read in the text of
the packages and classified before the comparison was run. It found 245 of them (99 %; aim: 97 %) at their place, with
the expected class and severity. For the other two, the list had the wrong place and the right class.
`tests/diff/history.yaml` is the list, `pytest -m history tests/diff` compares all of it.

## Found by `check`

`python -m benchmarks.live_history` checks a simulator of each release against the contract of the previous one with
2,000 requests, for the steps below. *Visible* are the changes that a response of a read can show: a removed
operation, a missing required field, a type, null, a new enum value, a new field, a new required parameter. *Shown* are
the ones that occur in the data of the simulator: a client that gets every listed object sees them. Of an enum with 100
currencies, an object has one value, so many places never show a new one. *Wrong* are findings where nothing changed.
Not visible are narrower types and enums, optional fields that disappear, permissions and deprecations: no response has
them.

| step | places | visible | shown | found | missed | reported | wrong |
|---|---:|---:|---:|---:|---:|---:|---:|
| 0.0.22-0.0.23 | 36 | 0 | 0 | 0 | 0 | 0 | 0 |
| 0.0.36-0.0.37 | 84 | 23 | 23 | 20 | 3 | 20 | 0 |
| 0.0.39-0.0.40 | 306 | 63 | 39 | 38 | 1 | 38 | 0 |
| 1.1.0-1.1.1 | 102 | 16 | 15 | 14 | 1 | 14 | 0 |
| 2.0.0-2.1.0 | 803 | 226 | 151 | 144 | 7 | 159 | 6 |
| 2.5.0-2.6.0 | 179 | 54 | 49 | 48 | 1 | 48 | 0 |

Found are 264 of 277 shown changes (95.3 %). Most of the missed ones are enum values of objects that are read by their
id: few objects have the value, and no list shows which. The 6 wrong ones did change: `accounts.fees.retrieve` has one
shared schema in more than 20 places, and the comparison lists 20 of them.

## Every step

"""
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
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(HEAD + "\n".join(_table(steps)) + "\n", encoding="utf-8")
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
