"""Every probe once, and a verdict: what `--once` does."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.report import Report, timestamp
from whopwatch.prober.flow import MOST_LISTS
from whopwatch.prober.further import look_further
from whopwatch.prober.listing import Probe
from whopwatch.prober.prober import Prober
from whopwatch.prober.records import Run
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

    Lists come first: they show the ids that the others ask with. What showed nothing is looked for further.
    """
    started_at, begun = datetime.now(UTC), time.perf_counter()
    runs = [_patiently(prober, probe, sleep) for probe in sorted(probes, key=partial(_needs, contract))]
    seen = tuple(_exchanges(runs))
    exchanges = (*seen, *look_further(contract, prober, probes, seen, sleep))
    requests = Counter(exchange.operation for exchange in exchanges)
    observation = Observation(
        exchanges=exchanges,
        selected=frozenset(probe.id for probe in probes),
        budget=len(exchanges),
        sent=len(exchanges),
        unsafe=0,
        started_at=timestamp(started_at),
        seconds=time.perf_counter() - begun,
        missing={run.operation: run.lacking for run in runs if run.lacking and run.operation not in requests},
        requests=requests,
    )
    return judge(contract, observation, target_name)


def _patiently(prober: Prober, probe: Probe, sleep: Callable[[float], None]) -> Run:
    prober.budget.wait(MOST_LISTS + 2, sleep)
    return prober.look(probe)


def _needs(contract: Contract, probe: Probe) -> tuple[bool, int, str]:
    lacking = [parameter for parameter in probe.operation.needed if parameter.name not in probe.params]
    account = (contract.account.resource,)
    return not probe.operation.is_list, sum(parameter.resources != account for parameter in lacking), probe.id


def _exchanges(runs: Sequence[Run]) -> Iterator[Exchange]:
    for run in runs:
        yield from run.exchanges
