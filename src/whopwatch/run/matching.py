"""Observe a target with the contract of the version that it answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from whopwatch.config import Target
from whopwatch.contract import Contract, editions, load
from whopwatch.contract.answered_version import AnsweredVersion
from whopwatch.contract.loader import version_at_or_before
from whopwatch.http import Transport
from whopwatch.run.api_version import OtherContracts
from whopwatch.run.observation import Observation
from whopwatch.run.session import observe

COMPARED = 6
"""Requests whose responses show the version of a key."""
MAX_CONTRACTS = 4
"""Contracts that a run tries: few responses may fit several versions that are near each other."""


def observe_version(
    contract: Contract, target: Target, transport: Transport | None = None, at_hand: OtherContracts | None = None
) -> Observation:
    """Observe which version answers `target` without a version header: `api_version` of the result.

    At most COMPARED requests of `contract` are sent; their responses are compared with the contracts `at_hand`.
    """
    plain = replace(target, api_version_date=None, writable=False)
    return observe(contract, plain, budget=COMPARED, others=at_hand or bundled_contracts, transport=transport)


def answering_contract(
    contract: Contract, target: Target, transport: Transport | None = None, at_hand: OtherContracts | None = None
) -> tuple[Contract, str | None]:
    """Return the contract of the version that answers `target`, or of the nearest older one, and that version.

    If nothing shows the version, return `contract` and None.
    """
    answer = observe_version(contract, target, transport, at_hand).api_version
    return _better(answer, at_hand or bundled_contracts) or contract, answer.version if answer else None


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
    at_hand: OtherContracts = bundled_contracts,
    **options: Any,
) -> tuple[Contract, Observation]:
    """Observe `target` and return the contract that was used and the observation; `options` are those of `observe`.

    With `auto`, a run that finds another version than that of `contract` starts again with the contract `at_hand` of
    that version, or of the nearest older one, and requests its version; `announce` is called with it. All attempts
    share `budget` and `max_seconds`. `select` returns the operations to observe of a contract.
    """
    left, seconds, sent, unsafe = budget, max_seconds, 0, 0
    tried: list[str | None] = []
    while True:
        tried.append(contract.version)
        found = observe(
            contract, target, budget=left, selected=select(contract), max_seconds=seconds, others=at_hand, **options
        )
        sent, unsafe, left = sent + found.sent, unsafe + found.unsafe, left - found.sent
        seconds = None if seconds is None else max(seconds - found.seconds, 1.0)
        better = _better(found.api_version, at_hand) if auto and len(tried) < MAX_CONTRACTS else None
        if better is None or better.version in tried or left <= 0:
            return contract, replace(found, budget=budget, sent=sent, unsafe=unsafe)
        contract, target = better, replace(target, api_version_date=better.version)
        if announce:
            announce(contract, target.name)


def _better(answer: AnsweredVersion | None, at_hand: OtherContracts) -> Contract | None:
    """Return the contract that is nearest to the version that answers, None if it is not known."""
    if answer is None or answer.matches or answer.version is None:
        return None
    known = {contract.version: contract for contract in at_hand() if contract.version}
    nearest = version_at_or_before(answer.version, known)
    return known[nearest] if nearest else None
