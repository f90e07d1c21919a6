"""What one run has seen, before anything is concluded from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding
from whopwatch.run.writing import Written


@dataclass(frozen=True)
class Observation:
    """The exchanges of a run, in their order, and what else its report needs.

    `selected` are the ids of the operations that were to be seen. `stopped` says why the run ended before its plan
    did, `unusable` whether that was because the target answers nothing an API would. `missing` gives, for operations
    that were never asked, what was missing, and `reached` says that each had its turn, so that nothing else was the
    reason. `started_at` is in UTC (ISO 8601), `seconds` the wall time.
    `findings` is what the checks made of just these exchanges; None where they were not asked yet.
    `written` is what came of the writes, None where none were to be made.
    """

    exchanges: tuple[Exchange, ...]
    selected: frozenset[str]
    budget: int
    sent: int
    unsafe: int
    started_at: str
    seconds: float
    exhausted: bool = False
    stopped: str | None = None
    unusable: bool = False
    reached: bool = True
    missing: Mapping[str, str] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=Counter)
    findings: tuple[Finding, ...] | None = field(default=None, repr=False)
    written: Written | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: operations seen out of those it is about, requests sent out of the budget."""

    done: int
    total: int
    sent: int
    budget: int
    operation: str
