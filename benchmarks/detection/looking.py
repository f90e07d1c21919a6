"""Which cases are run, in which order, and what is concluded without a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.detection.cases import BUDGET, DEFAULT, RIVAL, WATCH, Case, Placed, baseline, is_for_writers
from benchmarks.detection.scheduler import Record

Run = Callable[[Iterable[Case]], list[Record]]


def look(placed: Sequence[Placed], budgets: Sequence[int], run: Run, *, frugal: bool) -> list[Record]:
    """The records of whopwatch at each of the ascending `budgets`.

    With `frugal` a fault that was caught is not looked for again with more requests; the record is carried over to
    the larger budgets. A fault for writers is looked for with the largest budget alone.
    """
    writers = [where for where in placed if is_for_writers(where)]
    open_ = [where for where in placed if not is_for_writers(where)]
    records: list[Record] = []
    carried: list[Record] = []
    for budget in budgets:
        records += [{**record, "setting": str(budget), "carried": True} for record in carried]
        new = run(Case(WATCH, str(budget), where) for where in open_)
        records += new
        if frugal:
            carried += [record for record in new if record.get("caught")]
            open_ = [where for where, record in zip(open_, new, strict=True) if not record.get("caught")]
    return records + run(Case(WATCH, str(budgets[-1]), where) for where in writers)


def rival_cases(placed: Iterable[Placed]) -> list[Case]:
    """The runs of schemathesis, which cannot write and is spared that: at each fault and at the same place without."""
    readable = [where for where in placed if not is_for_writers(where)]
    everywhere = dict.fromkeys(spot for where in readable for spot in (baseline(where), where))
    return [Case(RIVAL, setting, where) for where in everywhere for setting in (BUDGET, DEFAULT)]
