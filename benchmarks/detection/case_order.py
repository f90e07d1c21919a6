"""The cases to run, their order, and the results that follow without a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.detection.cases import BUDGET, DEFAULT, SCHEMATHESIS, WHOPWATCH, Case, Placed, baseline, is_for_writers
from benchmarks.detection.scheduler import Record

Run = Callable[[Iterable[Case]], list[Record]]


def look(placed: Sequence[Placed], budgets: Sequence[int], run: Run, *, frugal: bool) -> list[Record]:
    """Return the records of whopwatch at each of the ascending `budgets`.

    With `frugal` a caught fault is not searched for again with more requests; its record is copied to the larger
    budgets. A fault that only writes show is searched for with the largest budget only.
    """
    writers = [where for where in placed if is_for_writers(where)]
    open_ = [where for where in placed if not is_for_writers(where)]
    records: list[Record] = []
    carried: list[Record] = []
    for budget in budgets:
        records += [{**record, "setting": str(budget), "carried": True} for record in carried]
        new = run(Case(WHOPWATCH, str(budget), where) for where in open_)
        records += new
        if frugal:
            carried += [record for record in new if record.get("caught")]
            open_ = [where for where, record in zip(open_, new, strict=True) if not record.get("caught")]
    return records + run(Case(WHOPWATCH, str(budgets[-1]), where) for where in writers)


def schemathesis_cases(placed: Iterable[Placed]) -> list[Case]:
    """Return the runs of schemathesis, which sends no writes: at each fault, and at the same place without it."""
    readable = [where for where in placed if not is_for_writers(where)]
    everywhere = dict.fromkeys(spot for where in readable for spot in (baseline(where), where))
    return [Case(SCHEMATHESIS, setting, where) for where in everywhere for setting in (BUDGET, DEFAULT)]
