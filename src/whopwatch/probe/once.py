"""Every probe once, and a verdict: what `--once` does."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from whopwatch.contract import Contract
from whopwatch.exchange import Exchange
from whopwatch.finding import Report, timestamp
from whopwatch.plan.pool import TRIES
from whopwatch.probe.flow import MOST_LISTS
from whopwatch.probe.listing import Probe
from whopwatch.probe.prober import Prober
from whopwatch.probe.records import Run
from whopwatch.probe.seen import ids_of
from whopwatch.run import Observation, judge


def probe_once(
    contract: Contract,
    prober: Prober,
    probes: Sequence[Probe],
    target_name: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Run each of `probes` once, waiting where the budget wants it, and judge what was seen.

    Lists come first: they show the ids that the others ask with. What showed nothing is asked again, with other ids.
    """
    started_at, begun = datetime.now(UTC), time.perf_counter()
    runs = list(_runs(probes, lambda probe: _patiently(prober, probe, sleep)))
    exchanges = tuple(_exchanges(runs))
    observation = Observation(
        exchanges=exchanges,
        selected=frozenset(probe.id for probe in probes),
        budget=len(exchanges),
        sent=len(exchanges),
        unsafe=0,
        started_at=timestamp(started_at),
        seconds=time.perf_counter() - begun,
        missing={run.operation: run.lacking for run in runs if run.lacking},
        requests=Counter(exchange.operation for exchange in exchanges),
    )
    return judge(contract, observation, target_name)


def _runs(probes: Sequence[Probe], run: Callable[[Probe], Run]) -> Iterator[Run]:
    """Each probe, and those that showed nothing again: with another id, or when others have shown something since."""
    left, waiting = sorted(probes, key=_needs), list[Probe]()
    asked: dict[str, list[str]] = defaultdict(list)
    while left:
        again = list[Probe]()
        has_news = False
        for probe in left:
            latest = run(probe)
            yield latest
            if not _showed_nothing(probe, latest):
                has_news = True
            elif not latest.exchanges or latest.lacking or _is_old(latest, asked[probe.id]):
                waiting.append(probe)
            else:
                asked[probe.id].append(latest.exchanges[-1].url)
                again.append(probe)
        left = again
        if has_news:
            left, waiting = sorted([*again, *waiting], key=_needs), []
            asked.clear()


def _is_old(run: Run, asked: list[str]) -> bool:
    """Whether enough was asked, or nothing new twice in a row: ids of several resources take turns."""
    latest = run.exchanges[-1].url
    return len(set(asked)) == TRIES or (latest in asked and (latest == asked[-1] or asked[-1] in asked[:-1]))


def _showed_nothing(probe: Probe, run: Run) -> bool:
    """Whether a run found nothing to ask with, or an empty list of something that others may have."""
    if not run.exchanges or run.lacking:
        return True
    last = run.exchanges[-1]
    return (
        last.ok
        and bool(last.path_params or len(last.query) > 1)
        and probe.operation.is_list
        and not any(ids_of(probe.operation, last))
    )


def _patiently(prober: Prober, probe: Probe, sleep: Callable[[float], None]) -> Run:
    while (wait := prober.budget.level().seconds_to(MOST_LISTS + 2)) > 0:
        sleep(wait)
    return prober.look(probe)


def _needs(probe: Probe) -> tuple[bool, int, str]:
    lacking = [parameter for parameter in probe.operation.needed if parameter.name not in probe.params]
    return not probe.operation.is_list, sum(parameter.resources != ("companies",) for parameter in lacking), probe.id


def _exchanges(runs: Sequence[Run]) -> Iterator[Exchange]:
    for run in runs:
        yield from run.exchanges
