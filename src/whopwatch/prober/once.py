"""`probe --once`: run every probe once, and add the result of the MCP check to the report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from whopwatch.contract import Contract
from whopwatch.core.errors import INTERRUPTED, TargetError, TimeLimitReachedError, UnsafeRequestError
from whopwatch.core.exchange import Exchange
from whopwatch.core.report import OperationResult, Report, State
from whopwatch.http.call import Call
from whopwatch.http.limits import REPEAT_PAUSE, RETRIED, Repeats, retry_after
from whopwatch.prober.client import RequestBudget
from whopwatch.prober.history import ProbeRun
from whopwatch.prober.probe_requests import MAX_LISTS_PER_RUN
from whopwatch.prober.probe_run import CallSender, ProbeRunner
from whopwatch.prober.settings import Probe, ProbeOptions

MAX_PAUSE = 60.0
"""Seconds: a longer Retry-After is not waited for."""
MCP_SERVER = "mcp:*"
"""The operation id of an MCP server as a whole, as `webhook:*` is for deliveries."""


class RoundCompleter(Protocol):
    """Requests what a first round showed no data of (`run.complete_round`).

    It is passed in because it uses the request planner, which the scheduled prober must not load.
    """

    def __call__(
        self,
        contract: Contract,
        selected: Collection[str],
        configured_ids: Mapping[str, str],
        exchanges: Sequence[Exchange],
        send: Callable[[Call], Exchange | None],
    ) -> None:
        """Send further requests through `send`, which returns None for a request that was not sent."""
        ...


@dataclass
class OnceRound:
    """The exchanges of one round, the resource whose id was missing by operation id, and why it ended early."""

    exchanges: list[Exchange] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    stopped: str | None = None


def run_each_once(
    contract: Contract,
    runner: ProbeRunner,
    probes: Sequence[Probe],
    complete: RoundCompleter,
    sleep: Callable[[float], None],
    why_stop: Callable[[Sequence[Exchange]], str | None] = lambda _: None,
) -> OnceRound:
    """Run each of `probes` once, waiting for the budget if necessary.

    Lists run first, because they show the ids that other operations need. `complete` then requests what had no data:
    scheduled probes have a next round for that, a single round has not. A failed request is repeated once, for the
    same reason. `why_stop` returns why the round ends early, given its exchanges, or None; a TimeLimitReachedError of
    `sleep` and Ctrl-C end it, too.
    """
    made = OnceRound()
    runner.client = _Repeating(runner.client, runner.budget, sleep, made)
    # A probe with a configured parameter must not be sent with another value.
    free = [probe.id for probe in probes if not any(one.name in probe.params for one in probe.operation.needed)]
    try:
        for probe in sorted(probes, key=partial(_ids_needed_first, contract)):
            run = _run_within_budget(runner, probe, sleep)
            made.exchanges += run.exchanges
            if run.missing_id_of:
                made.missing[run.operation] = run.missing_id_of
            made.stopped = why_stop(made.exchanges)
            if made.stopped:
                break
        else:
            send = _patient_sender(runner, probes, sleep, made, why_stop)
            complete(contract, free, runner.ids.configured, tuple(made.exchanges), send)
    except TimeLimitReachedError as error:
        made.stopped = error.what
    except KeyboardInterrupt:
        made.stopped = INTERRUPTED
    requested = {exchange.operation for exchange in made.exchanges}
    made.missing = {id: resource for id, resource in made.missing.items() if id not in requested}
    return made


class _Repeating:
    """Send through `client`, and repeat failed requests after a pause. Add all attempts but the last to `made`."""

    def __init__(
        self, client: CallSender, budget: RequestBudget, sleep: Callable[[float], None], made: OnceRound
    ) -> None:
        self._repeats, self._made = Repeats(), made
        self._client, self._budget, self._sleep = client, budget, sleep

    def send(self, call: Call, seconds: float) -> Exchange:
        """Send `call`, again as long as `Repeats` allows it, and return the last exchange."""
        attempts = [self._client.send(call, seconds)]
        while self._repeats.allow(attempts) and self._waited(attempts[-1]):
            attempts.append(self._client.send(call, seconds))
        self._made.exchanges += attempts[:-1]
        return attempts[-1]

    def _waited(self, failed: Exchange) -> bool:
        """Wait until the request may be sent again. Return False if the wait is too long or no request is left."""
        pause = retry_after(failed) if failed.status in RETRIED else None
        pause = REPEAT_PAUSE if pause is None else pause
        if pause > MAX_PAUSE:
            return False
        self._sleep(pause)
        self._budget.wait(1, self._sleep)
        return not self._budget.take(failed.operation)


def _run_within_budget(runner: ProbeRunner, probe: Probe, sleep: Callable[[float], None]) -> ProbeRun:
    runner.budget.wait(MAX_LISTS_PER_RUN + 2, sleep)
    return runner.observe(probe)


def _ids_needed_first(contract: Contract, probe: Probe) -> tuple[bool, int, str]:
    """Sort lists before other operations, and among them the ones that need fewer ids."""
    missing = [parameter for parameter in probe.operation.needed if parameter.name not in probe.params]
    account = (contract.account.resource,)
    return not probe.operation.is_list, sum(parameter.resources != account for parameter in missing), probe.id


def _patient_sender(
    runner: ProbeRunner,
    probes: Sequence[Probe],
    sleep: Callable[[float], None],
    made: OnceRound,
    why_stop: Callable[[Sequence[Exchange]], str | None],
) -> Callable[[Call], Exchange | None]:
    """Return a function that sends calls within the budget, adds the exchanges to `made`, and stops as that does."""
    options = {probe.id: probe.options for probe in probes}

    def send(call: Call) -> Exchange | None:
        if made.stopped:
            return None
        runner.budget.wait(1, sleep)
        if runner.budget.take(call.operation.id):
            return None  # the operation is paused after a 429
        try:
            exchange = runner.client.send(call, options.get(call.operation.id, ProbeOptions()).timeout)
        except UnsafeRequestError:
            return None  # the target sent an id that must not be put into a URL
        runner.budget.hold_after_429(exchange)
        made.exchanges.append(exchange)
        made.stopped = why_stop(made.exchanges)
        return exchange

    return send


def merge_mcp_report(report: Report, mcp: Report) -> Report:
    """Return `report` with the MCP tools that were called or have a finding."""
    with_findings = {finding.operation for finding in mcp.findings}
    rows = tuple(row for row in mcp.operations if row.requests or row.id in with_findings)
    return report.revised(
        (*report.operations, *rows),
        (*report.findings, *mcp.findings),
        reason=report.reason,
        sent=report.sent + mcp.sent,
        budget=report.budget + mcp.sent,
        seconds=report.seconds + mcp.seconds,
    )


def add_mcp_failure(report: Report, error: TargetError) -> Report:
    """Return `report` with a row for an MCP server that opened no session: it could not be checked."""
    reason = f"the MCP server opened no session: {error.got or error.what}"
    row = OperationResult(MCP_SERVER, "", "", State.COULD_NOT_CHECK, reason)
    return report.revised((*report.operations, row), report.findings, reason=report.reason or reason)
