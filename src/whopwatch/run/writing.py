"""The writing part of a run: after the reads, within what they leave of the budget."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from whopwatch.config import SIMULATOR, Target
from whopwatch.contract import Operation
from whopwatch.planning.state import RunState
from whopwatch.planning.writes import WriteState

WRITING_BUDGET = 1600
"""The default budget of a run that may write."""
SHARE = 0.625
"""The part of the budget that such a run keeps for its writes and what they show."""
KEPT_FOR_TIDYING = 80
"""More requests than the life of one object takes: what is begun is brought to its end."""


@dataclass(frozen=True, slots=True)
class Written:
    """What came of the writes. `untried` says by operation why one was not made.

    `left` counts, by resource, what was created and could not be deleted.
    """

    untried: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)

    def why_not(self, operation: Operation) -> str | None:
        """Why a write was left alone, None where it was made or nothing is known of it."""
        return None if operation.is_read else self.untried.get(operation.id)


def kept(budget: int, writes: bool) -> int:
    """How much of a budget is kept for writes."""
    return int(budget * SHARE) if writes else 0


def begun(state: RunState, target: Target) -> WriteState:
    """The state of a run that begins to write. Its texts are of this moment, so that no two runs write the same."""
    return WriteState(state, f"{time.time_ns():x}-", is_simulated=target.name == SIMULATOR)
