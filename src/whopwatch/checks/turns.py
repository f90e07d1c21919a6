"""Which checks apply to an operation, and which of them had a request to judge.

A run sends only part of the requests that all checks need, so `verified` alone would hide what was not checked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from whopwatch.checks.registry import CHECK_GROUPS, CHECKS, Check, Judges
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Purpose


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
    if check.judges is Judges.READS_DURING_WRITES and not writes:
        return False
    if check.judges is not Judges.ALL and operation.is_read is (check.judges is Judges.WRITES):
        return False
    group = CHECK_GROUPS.get(check.group)  # a check of the whole target applies to all reads that need a key
    return (group is None or group.applies(contract, operation)) and (
        check.applies is None or check.applies(contract, operation)
    )


def _has_turn(check: Check, sent: Collection[Purpose], names: Collection[str]) -> bool:
    if check.parameter is not None and check.parameter not in names:
        return False
    return not check.purposes or any(purpose in sent for purpose in check.purposes)
