"""What was published after a contract: SDK releases and dated versions, each with its consequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from whopwatch.contract.loader import is_version, version_order
from whopwatch.contract_build.releases import published_versions, version_key
from whopwatch.contract_build.sources import Sources
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import Side, read_side

MAX_STEPS = 5
"""Newer releases that are read, the newest ones; of older ones only the number is reported."""


@dataclass(frozen=True)
class ReleaseStep:
    """One newer release, the dated version that it requests, and what it changes from the release before it."""

    release: str
    api_version: str | None
    comparison: Comparison

    def to_json(self) -> dict[str, Any]:
        """Return the step as JSON: the number of changes by severity."""
        counts = {str(severity): len(groups) for severity, groups in self.comparison.by_severity().items()}
        return {"release": self.release, "api_version": self.api_version, "changes": counts}


@dataclass(frozen=True)
class ReleaseStatus:
    """The contract's release and the newer ones, the oldest first; `comparison` is with the newest, if any.

    `steps` are the last of the newer releases, one by one. `versions` are the newer dated versions of a target's
    supported list; None if no target was requested.
    """

    current: str
    newer: tuple[str, ...]
    comparison: Comparison | None
    steps: tuple[ReleaseStep, ...] = ()
    versions: tuple[str, ...] | None = None

    @property
    def is_current(self) -> bool:
        """Whether there is nothing newer."""
        return not self.newer and not self.versions

    def release_of(self, version: str) -> str | None:
        """Return the first of the read releases that requests a dated version or a later one, None if none does."""
        found = (step for step in self.steps if step.api_version)
        order = version_order(version)
        return next((step.release for step in found if version_order(step.api_version or "") >= order), None)

    def to_json(self, tool_version: str) -> dict[str, Any]:
        """Return the comparison's report, if there is one, and the releases."""
        report = self.comparison.to_json(tool_version) if self.comparison else {"schema": 1, "tool": "whopwatch"}
        versions = [{"version": version, "release": self.release_of(version)} for version in self.versions or ()]
        return {
            **report,
            "release": self.current,
            "newer": list(self.newer),
            "steps": [step.to_json() for step in self.steps],
            "newer_versions": None if self.versions is None else versions,
        }


def newest_release(contracts: Path) -> str:
    """Return the newest release of the SDK that the contract is made from, or its own release if none is newer."""
    package = Sources.read(contracts).python
    return max([*published_versions(package.registry, package.name), package.version], key=version_key)


def release_status(contracts: Path, cache_dir: Path) -> ReleaseStatus:
    """Ask the registry for newer releases, compare the contract with the newest, and the last ones with each other.

    Raise `SourceError` if the registry cannot be asked or a release cannot be read.
    """
    package = Sources.read(contracts).python
    known = published_versions(package.registry, package.name)
    newer = tuple(version for version in known if version_key(version) > version_key(package.version))
    if not newer:
        return ReleaseStatus(package.version, newer, None)
    contract = read_side(str(contracts), cache_dir)
    sides = [read_side(f"sdk:{version}", cache_dir) for version in newer[-MAX_STEPS - 1 :]]
    before = sides if len(newer) > MAX_STEPS else [contract, *sides]
    steps = tuple(_steps(before))
    # The only step is the comparison with the contract itself.
    comparison = steps[0].comparison if len(newer) == 1 else compare_sides(contract, sides[-1])
    return ReleaseStatus(package.version, newer, comparison, steps)


def _steps(sides: list[Side]) -> Iterator[ReleaseStep]:
    for old, new in pairwise(sides):
        version = new.apis["v1"].default_version
        yield ReleaseStep(new.name.removeprefix("sdk:"), version, compare_sides(old, new))


def versions_after(supported: Iterable[str], version: str | None) -> tuple[str, ...]:
    """Return the dated versions after `version` in a target's list, the oldest first."""
    order = version_order(version or "")
    found = {one for one in supported if is_version(one) and version_order(one) > order}
    return tuple(sorted(found, key=version_order))
