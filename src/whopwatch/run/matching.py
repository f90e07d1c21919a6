"""Observe a target with the contract of the version that it answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whopwatch.config import SIMULATOR, Target, resolve_target, target_name
from whopwatch.config.target import VERSION_OF_KEY
from whopwatch.contract import Contract, load
from whopwatch.contract.loader import editions, is_version
from whopwatch.core.errors import UsageError
from whopwatch.run.api_version import AnsweredVersion, nearest_edition
from whopwatch.run.observation import Observation
from whopwatch.run.session import observe

AUTO = "auto"
"""In place of the name of a contract: use the one of the version that answers."""


@dataclass(frozen=True, slots=True)
class ContractChoice:
    """The contract to begin a run with.

    `api_version` is the version to request, None for the contract's own. `is_auto` says that the run may change to the
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
    """Return the contract for the target called `target`; `name` and `api_version` are what the user asked for.

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
    return ContractChoice(load(nearest_edition(version, _bundled_versions())), version)


def _bundled_versions() -> list[str]:
    return [edition.version for edition in editions() if edition.version]


def bundled_contracts() -> Sequence[Contract]:
    """Load the contracts of all bundled editions, the oldest version first."""
    return [load(edition.folder) for edition in editions()]


def observe_matching(
    contract: Contract,
    target: Target,
    *,
    auto: bool,
    select: Callable[[Contract], Collection[str]],
    budget: int,
    **options: Any,
) -> tuple[Contract, Observation]:
    """Observe `target` and return the contract that was used and the observation; `options` are those of `observe`.

    With `auto`, a run that finds another version than that of `contract` starts again with the bundled contract of that
    version, or of the nearest older one, and requests its version. Both runs share `budget`. `select` returns the
    operations to observe of a contract.
    """
    first = observe(contract, target, budget=budget, selected=select(contract), others=bundled_contracts, **options)
    better = _better(contract, first.api_version) if auto else None
    if better is None or first.sent >= budget:
        return contract, first
    pinned = replace(target, api_version_date=better.version)
    left = budget - first.sent
    second = observe(better, pinned, budget=left, selected=select(better), others=bundled_contracts, **options)
    return better, replace(second, budget=budget, sent=first.sent + second.sent, unsafe=first.unsafe + second.unsafe)


def _better(contract: Contract, answer: AnsweredVersion | None) -> Contract | None:
    """Return the bundled contract that is nearest to the version that answers, None if it is `contract` or unknown."""
    if answer is None or answer.matches or answer.version is None:
        return None
    version = nearest_edition(answer.version, _bundled_versions())
    return load(version) if version is not None and version != contract.version else None
