"""Whether a newer release than the contract's is on the registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whopwatch.contract_build.fetch import published_versions, version_key
from whopwatch.contract_build.sources import Sources
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import read_side


@dataclass(frozen=True)
class ReleaseStatus:
    """The contract's release and the newer ones, the oldest first; `comparison` is with the newest, if any."""

    current: str
    newer: tuple[str, ...]
    comparison: Comparison | None

    def to_json(self, tool_version: str) -> dict[str, Any]:
        """The comparison's report, if there is one, and the releases."""
        report = self.comparison.to_json(tool_version) if self.comparison else {"schema": 1, "tool": "whopwatch"}
        return {**report, "release": self.current, "newer": list(self.newer)}


def newest_release(contracts: Path) -> str:
    """The newest release of the SDK that the contract is made of, or its own where there is none newer."""
    package = Sources.read(contracts).packages["python"]
    return max([*published_versions(package.registry, package.name), package.version], key=version_key)


def release_status(contracts: Path, cache_dir: Path) -> ReleaseStatus:
    """Ask the registry for newer releases, and compare the contract with the newest.

    Raises `SourceError` if the registry cannot be asked or the release cannot be read.
    """
    package = Sources.read(contracts).packages["python"]
    known = published_versions(package.registry, package.name)
    newer = tuple(version for version in known if version_key(version) > version_key(package.version))
    comparison = None
    if newer:
        comparison = compare_sides(read_side(str(contracts), cache_dir), read_side(f"sdk:{newer[-1]}", cache_dir))
    return ReleaseStatus(package.version, newer, comparison)
