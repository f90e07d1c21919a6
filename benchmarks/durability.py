"""What a baseline survives: kills, two writers, a full disk and a wrong clock.

    python -m benchmarks.durability              100 kills

Each case runs `whopwatch drift` as a program against one simulator. Nothing that a run finished may be lost: a night
counts as finished if the run ended by itself and said so with its exit code.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.processes import AS_DEPLOYED
from whopwatch.history import open_baseline, read_baseline
from whopwatch.simulator import Simulator, embedded

DRIFT = [sys.executable, "-m", "whopwatch", "drift", "--only", "products.list,companies.retrieve", "--budget", "12"]
FINISHED = frozenset({0, 1, 3})
"""Exit codes of a run that recorded its night."""
FULL_DISK = 40_960
"""Bytes to which no file may grow in the case of a full disk: less than a baseline needs."""


@dataclass(frozen=True)
class DurabilityResult:
    """One case: the nights that its runs finished, and the nights that the baseline holds."""

    name: str
    finished: int
    held: int
    holds: bool


class Nights:
    """Runs `whopwatch drift` in `folder` against `api`."""

    def __init__(self, api: Simulator, folder: Path) -> None:
        self._api, self.folder = api, folder
        self.baseline = folder / "baseline.sqlite"

    def start(self, baseline: Path | None = None, limit: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        """Start a night with `baseline`, in the way that a timer does."""
        key = {"WHOP_API_KEY": self._api.api_key, "WHOP_COMPANY_ID": self._api.company_id}
        return subprocess.Popen(  # noqa: S603 (our own program)
            [*DRIFT, "--target", self._api.base_url, "--baseline", str(baseline or self.baseline)],
            cwd=self.folder,
            env={**os.environ, **AS_DEPLOYED, **key},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
        )

    def finish(self, *runs: subprocess.Popen[str]) -> int:
        """Wait for `runs` and return how many of them finished their night."""
        for run in runs:
            run.communicate(timeout=120)
        return sum(run.returncode in FINISHED for run in runs)

    @property
    def held(self) -> int:
        """The nights that the baseline holds. Raises ConfigError if it is damaged."""
        return len(read_baseline(self.baseline).nights) if self.baseline.exists() else 0


def kills(nights: Nights, count: int) -> DurabilityResult:
    """Kill `count` runs at random moments. A killed run may have recorded its night, and never damages others."""
    chance, finished, holds = random.Random(1), nights.finish(nights.start()), True  # noqa: S311
    began = time.monotonic()
    finished += nights.finish(nights.start())
    longest = time.monotonic() - began
    for _ in range(count):
        run = nights.start()
        time.sleep(chance.random() * longest)
        run.kill()
        run.communicate()
        held = nights.held
        holds = holds and finished <= held <= finished + 1
        finished = held
    return DurabilityResult(f"{count} kills", finished, nights.held, holds)


def two_writers(nights: Nights) -> Iterator[DurabilityResult]:
    """Run two nights at once through paths that name one file."""
    first = nights.finish(nights.start())
    (nights.folder / "sub").mkdir()
    symbolic, hard = nights.folder / "symbolic.sqlite", nights.folder / "hard.sqlite"
    symbolic.symlink_to(nights.baseline)
    hard.hardlink_to(nights.baseline)
    (nights.folder / "folder").symlink_to(nights.folder)
    paths = {
        "the same path": nights.baseline,
        "a relative path": Path("sub/../baseline.sqlite"),
        "a symbolic link": symbolic,
        "a hard link": hard,
        "a linked folder": nights.folder / "folder" / "baseline.sqlite",
    }
    for name, path in paths.items():
        before = nights.held
        finished = nights.finish(nights.start(), nights.start(path))
        held = nights.held - before
        yield DurabilityResult(f"two writers, {name}", finished, held, finished == held >= 1 and first == 1)


def full_disk(nights: Nights) -> DurabilityResult:
    """Run a night for which there is no room: it says so, and the nights before stay."""
    finished = nights.finish(nights.start())
    room = min(FULL_DISK, nights.baseline.stat().st_size // 2)
    run = nights.start(limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    _, error = run.communicate(timeout=120)
    says = run.returncode == 2 and ("Cannot write" in error or "cannot be written" in error)
    return DurabilityResult("a full disk", finished, nights.held, nights.held == finished == 1 and says)


def wrong_clock(nights: Nights) -> DurabilityResult:
    """Run a night after one that is dated 2099: the report tells it, and both are held."""
    finished = nights.finish(nights.start())
    with open_baseline(nights.baseline) as held:
        records = held.load()
        records.nights[0] = replace(records.nights[0], started_at="2099-01-01T03:00:00Z")
        held.save(records)
    run = nights.start()
    printed, _ = run.communicate(timeout=120)
    finished += run.returncode in FINISHED
    return DurabilityResult(
        "a clock in 2099", finished, nights.held, nights.held == finished == 2 and "2099" in printed
    )


def cases(api: Simulator, folder: Path, kill_count: int) -> Iterator[DurabilityResult]:
    """Run every case, each in a folder of its own."""

    def fresh(name: str) -> Nights:
        (folder / name).mkdir()
        return Nights(api, folder / name)

    yield kills(fresh("kills"), kill_count)
    yield from two_writers(fresh("writers"))
    yield full_disk(fresh("disk"))
    yield wrong_clock(fresh("clock"))


def main() -> None:
    """Print a line for each case. The exit code is 1 if one lost something."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=100)
    with embedded() as api, tempfile.TemporaryDirectory() as folder:
        found = []
        for one in cases(api, Path(folder), options.parse_args().kills):
            found.append(one)
            print(f"{'held' if one.holds else 'LOST'}  {one.name}: {one.finished} finished, {one.held} in the baseline")
    raise SystemExit(not all(one.holds for one in found))


if __name__ == "__main__":
    main()
