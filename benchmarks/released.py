"""What benchmarks of SDK releases keep in one folder: the contract of each release, built once, and their results.

A result is made again only if the code that it depends on has changed since, so an interrupted run continues.
"""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from whopwatch.contract import edition_dir
from whopwatch.contract_build.releases import published_versions, version_key
from whopwatch.contract_build.sources import Sources

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "development" / "api-history.md"
BUILDING = ("src/whopwatch/contract", "src/whopwatch/contract_build", "src/whopwatch/sync", "contracts")
"""The code and data that a contract depends on."""
CHECKING = ("src/whopwatch", "contracts")
"""The code and data that the result of a check depends on."""
PROCESSES = 2

Result = dict[str, Any]


@dataclass(frozen=True)
class Workplace:
    """The folder of a benchmark, and the one of the downloaded packages."""

    folder: Path
    cache: Path

    def contract(self, version: str) -> Path:
        """Return the folder of the contract of a release."""
        return self.folder / version

    def build(self, versions: Sequence[str]) -> dict[str, Result]:
        """Build the contracts that are missing. Return the exit code and CPU seconds of each `contract sync`."""
        build = partial(_sync, self)
        return dict(self.results("sync", versions, build, BUILDING))

    def results(
        self, kind: str, names: Sequence[str], make: Callable[[str], Result], code: Sequence[str] = CHECKING
    ) -> Iterator[tuple[str, Result]]:
        """Yield the result of each name in their order: the kept one, or else `make(name)` in one of two processes."""
        place = self.folder / kind
        place.mkdir(parents=True, exist_ok=True)
        keep = partial(_keep, place, make, code_version(*code))
        with ProcessPoolExecutor(PROCESSES) as pool:
            yield from zip(names, pool.map(keep, names), strict=True)


def releases() -> list[str]:
    """Return every published release of the Python SDK, the oldest first."""
    package = Sources.read(edition_dir()).python
    return sorted(published_versions(package.registry, package.name), key=version_key)


def run_whopwatch(*arguments: str) -> tuple[int, str, float]:
    """Run whopwatch in a process of its own. Return its exit code, what it printed, and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "whopwatch", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.returncode, (done.stderr or done.stdout).strip().replace("\n", " "), seconds


def write_table(name: str, lines: Sequence[str]) -> None:
    """Replace the table of a benchmark in docs/development/api-history.md."""
    begin, end = f"<!-- table of benchmarks.{name} -->", f"<!-- end of the table of benchmarks.{name} -->"
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    PAGE.write_text("\n".join([f"{before}{begin}", "", *lines, "", f"{end}{after}"]), encoding="utf-8")


@cache
def code_version(*places: str) -> str:
    """Return a digest of files and folders of this repository."""
    digest = hashlib.sha256()
    for place in places:
        for path in sorted([ROOT / place, *(ROOT / place).rglob("*")]):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _keep(place: Path, make: Callable[[str], Result], code: str, name: str) -> Result:
    file = place / f"{name}.json"
    if file.exists():
        kept: Result = json.loads(file.read_text(encoding="utf-8"))
        if kept["code"] == code:
            return kept
    made = {"code": code, **make(name)}
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(made, indent=1), encoding="utf-8")
    unfinished.replace(file)
    return made


def _sync(workplace: Workplace, version: str) -> Result:
    folder = workplace.contract(version)
    shutil.rmtree(folder, ignore_errors=True)
    command = ("contract", "sync", f"sdk:{version}", "--contract", str(edition_dir()), "--output", str(folder))
    code, text, seconds = run_whopwatch(*command, "--cache-dir", str(workplace.cache))
    return {"exit_code": code, "seconds": seconds, "text": text[-500:] if code else ""}
