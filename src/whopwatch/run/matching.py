"""Observe a target with the contract of the version that it answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from whopwatch.config import Target
from whopwatch.config.contract_choice import bundled_versions
from whopwatch.contract import Contract, editions, load
from whopwatch.contract.loader import nearest_version
from whopwatch.run.api_version import AnsweredVersion
from whopwatch.run.observation import Observation
from whopwatch.run.session import observe


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
    announce: Callable[[Contract, str], None] | None = None,
    max_seconds: float | None = None,
    **options: Any,
) -> tuple[Contract, Observation]:
    """Observe `target` and return the contract that was used and the observation; `options` are those of `observe`.

    With `auto`, a run that finds another version than that of `contract` starts again with the bundled contract of that
    version, or of the nearest older one, and requests its version; `announce` is called with it. Both runs share
    `budget` and `max_seconds`. `select` returns the operations to observe of a contract.
    """
    options = {**options, "others": bundled_contracts}
    first = observe(contract, target, budget=budget, selected=select(contract), max_seconds=max_seconds, **options)
    better = _better(contract, first.api_version) if auto else None
    if better is None or first.sent >= budget:
        return contract, first
    if announce:
        announce(better, target.name)
    pinned = replace(target, api_version_date=better.version)
    left = budget - first.sent
    seconds = None if max_seconds is None else max(max_seconds - first.seconds, 1.0)
    second = observe(better, pinned, budget=left, selected=select(better), max_seconds=seconds, **options)
    return better, replace(second, budget=budget, sent=first.sent + second.sent, unsafe=first.unsafe + second.unsafe)


def _better(contract: Contract, answer: AnsweredVersion | None) -> Contract | None:
    """Return the bundled contract that is nearest to the version that answers, None if it is `contract` or unknown."""
    if answer is None or answer.matches or answer.version is None:
        return None
    version = nearest_version(answer.version, bundled_versions())
    return load(version) if version is not None and version != contract.version else None
