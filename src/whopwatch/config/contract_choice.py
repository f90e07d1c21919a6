"""Choose the contract for a target: the one that is named, or the one of the version that is pinned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from whopwatch.config.resolve import resolve_target, target_name
from whopwatch.config.target import VERSION_OF_KEY
from whopwatch.config.targets_file import SIMULATOR
from whopwatch.contract import Contract, editions, load
from whopwatch.contract.loader import is_version, version_at_or_before
from whopwatch.core.errors import UsageError

AUTO = "auto"
"""In place of the name of a contract: use the one of the version that answers."""


@dataclass(frozen=True, slots=True)
class ContractChoice:
    """The contract to begin with.

    `api_version` is the version to request, None for the contract's own. `is_auto` says that a run may change to the
    contract of the version that answers.
    """

    contract: Contract
    api_version: str | None = None
    is_auto: bool = False


def choose_contract(
    name: str | None,
    api_version: str | None,
    target: str | None,
    environ: Mapping[str, str],
    config: Path | None = None,
) -> ContractChoice:
    """Return the contract for the target called `target`; `name` and `api_version` are what the user named.

    Without `name`, the version that the user pinned decides; without that, the simulator serves the default edition and
    any other target shows which version it answers. Raise UsageError for an unknown contract, version or target.
    """
    if api_version is not None and api_version != VERSION_OF_KEY and not is_version(api_version):
        raise UsageError(
            f"{api_version!r} is not an API version.",
            where="option --api-version",
            expected="a version such as 2025-01-01 or 2026-10-15-1, or `key`",
        )
    chosen_target = target_name(target, environ)
    ready = None if chosen_target == SIMULATOR else resolve_target(chosen_target, environ, config)
    version = api_version or (ready.api_version_date if ready else None)
    name = name or (ready.contract if ready else None)
    if name is not None and name != AUTO:
        return ContractChoice(load(name), version)
    if ready is None:
        return ContractChoice(load(), version)
    if version is None or version == VERSION_OF_KEY:
        return ContractChoice(load(), VERSION_OF_KEY, is_auto=True)
    return ContractChoice(load(version_at_or_before(version, bundled_versions())), version)


def named_contract(name: str | None) -> Contract:
    """Return the contract called `name`, the default one for None and `auto`. Raise UsageError for an unknown name."""
    return load(None if name == AUTO else name)


def bundled_versions() -> list[str]:
    """Return the versions of the bundled editions, the oldest first."""
    return [edition.version for edition in editions() if edition.version]
