"""Which checks apply to an operation, and which of them had a request to judge.

A run sends only part of the requests that all checks need, so `verified` alone would hide what was not checked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from whopwatch.checks.registry import CHECK_GROUPS, CHECKS, Check
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.expansion import EXPAND

_OF_WRITES: Mapping[str, tuple[Purpose, ...]] = {
    "read-back": (Purpose.WRITE,),
    "side-effects": (Purpose.WRITE,),
    "write-refusals": (Purpose.INVALID_BODY, Purpose.OTHER_BODY, Purpose.DELETED_AGAIN),
    "untouched": (Purpose.INVALID_BODY, Purpose.OTHER_BODY),
}
"""The checks of write operations, with the purposes of the requests that they judge."""
_OF_READS = frozenset({"refusals", "latency", "deprecation", "alternate-path"})
"""Checks of the group `answer` that judge reads only."""


@dataclass(frozen=True, slots=True)
class Turns:
    """The checks of one operation: the ones that had a request to judge, and the others."""

    done: tuple[str, ...]
    open: tuple[str, ...]


def checks_with_turns(
    contract: Contract, operation: Operation, exchanges: Sequence[Exchange], *, writes: bool
) -> Turns:
    """Return the checks that apply to `operation`, parted by whether `exchanges` let them judge something.

    `writes` says that the run may write; checks that need a write do not apply to the reads of any other run.
    """
    sent = {exchange.purpose for exchange in exchanges}
    names = {name for exchange in exchanges for name, _ in exchange.query}
    applicable = [check for check in CHECKS if _applies(check, contract, operation, writes=writes)]
    done = tuple(check.id for check in applicable if exchanges and _has_turn(check, sent, names))
    return Turns(done, tuple(check.id for check in applicable if check.id not in done))


def _applies(check: Check, contract: Contract, operation: Operation, *, writes: bool) -> bool:
    if not operation.is_read:
        return check.group == "answer" and check.id not in _OF_READS
    if check.id in _OF_WRITES:
        return False
    if check.group == "authentication":
        return not operation.is_public
    if check.id == "moving":
        return operation.is_list and writes
    if check.id == "alternate-path":
        return bool(operation.alternate_paths)
    if check.id == "parents":
        return operation.is_list and bool(operation.needed)
    return CHECK_GROUPS[check.group].applies(contract, operation)


def _has_turn(check: Check, sent: Collection[Purpose], names: Collection[str]) -> bool:
    if check.id == "expansion":
        return EXPAND in names
    if check.id == "moving":
        return Purpose.MOVING_PAGE in sent
    purposes = _OF_WRITES.get(check.id, check.purposes)
    return not purposes or any(purpose in sent for purpose in purposes)
