"""One run of one probe: ask, check, count, remember."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding
from whopwatch.http.call import Call
from whopwatch.metrics import Outcome, ProbeMetrics
from whopwatch.prober.budget import Budget
from whopwatch.prober.flow import Flow, NothingToAskError
from whopwatch.prober.judgement import Judgement
from whopwatch.prober.listing import Probe
from whopwatch.prober.outcome import outcome_of, tells_of_contract
from whopwatch.prober.records import History, Record, Run
from whopwatch.prober.seen import Seen


@dataclass(frozen=True, slots=True)
class _End:
    """How the requests of a run ended: why before their time, and whether that leaves nothing to be said."""

    reason: str | None = None
    is_skip: bool = False
    lacking: str | None = None


class Sender(Protocol):
    """What makes one attempt at a call within so many seconds (see Door)."""

    def send(self, call: Call, seconds: float) -> Exchange:
        """The exchange that came of `call`."""
        ...


@dataclass
class Prober:
    """Runs probes and tells metrics and history of it. `clock` is monotonic, `wall` since the epoch, in seconds."""

    contract: Contract
    door: Sender
    seen: Seen
    budget: Budget
    metrics: ProbeMetrics
    history: History = field(default_factory=History)
    clock: Callable[[], float] = time.perf_counter
    wall: Callable[[], float] = time.time
    judgement: Judgement = field(init=False)
    _waiting: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.judgement = Judgement(self.contract)

    def run(self, probe: Probe) -> Run:
        """Run `probe` once and export what came of it."""
        run = self.look(probe)
        self._count(probe, run)
        if run.outcome is not Outcome.SKIPPED:
            self.history.add(self.record(run))
        return run

    def look(self, probe: Probe) -> Run:
        """Run `probe` once without exporting it; its requests come out of the same budget."""
        begun = self.clock()
        exchanges: list[Exchange] = []
        ended = self._converse(probe, exchanges, begun + probe.terms.timeout)
        reason, seconds = ended.reason, self.clock() - begun
        if ended.is_skip:
            asked = tuple(exchanges)
            return Run(probe.id, Outcome.SKIPPED, self.wall(), seconds, reason, asked, lacking=ended.lacking)
        findings = self.judgement.of(probe.id, exchanges)
        outcome = outcome_of(exchanges[-1], findings, probe.terms.fails_on)
        reason = reason or _reason(exchanges[-1], findings, outcome)
        return Run(probe.id, outcome, self.wall(), seconds, reason, tuple(exchanges), findings)

    def is_waiting(self, operation: str) -> bool:
        """Whether the last run of `operation` found nothing to ask with."""
        return operation in self._waiting

    def record(self, run: Run) -> Record:
        """`run` as it stands in the history."""
        return Record.of(run, [self.contract.operations[exchange.operation].path for exchange in run.exchanges])

    def _converse(self, probe: Probe, exchanges: list[Exchange], deadline: float) -> _End:
        """Go through the probe's requests and add what came back to `exchanges`."""
        steps = Flow(probe, self.contract, self.seen).steps()
        try:
            call = next(steps)
            while True:
                refusal = self.budget.take(call.operation.id)
                if refusal:
                    return _End(refusal, is_skip=True)
                exchange = self.door.send(call, max(deadline - self.clock(), 0.0))
                exchanges.append(exchange)
                self.metrics.throttled.inc(self.budget.heed(exchange))
                call = steps.send(exchange)
        except StopIteration:
            return _End()
        except NothingToAskError as lacking:
            if lacking.failed is None:
                resource = lacking.resource
                return _End(f"no id of {resource} was seen to ask with", is_skip=True, lacking=resource)
            exchanges.remove(lacking.failed)
            exchanges.append(lacking.failed)  # the request that decides what the run came to stands last
            return _End(f"{lacking.failed.operation}, which shows its ids, failed")
        finally:
            steps.close()

    def _count(self, probe: Probe, run: Run) -> None:
        metrics = self.metrics
        self._note_waiting(probe.id, run.lacking is not None)
        if run.outcome is Outcome.SKIPPED:
            metrics.runs.labels(probe.id, run.outcome).inc()
            return
        last = run.exchanges[-1]
        metrics.ran(
            probe.id,
            run.outcome,
            at=run.at,
            phases=[exchange.phases for exchange in run.exchanges],
            status=last.status,
            findings=run.findings if last.operation == probe.id and tells_of_contract(last) else None,
        )

    def _note_waiting(self, operation: str, waiting: bool) -> None:
        if waiting != (operation in self._waiting):
            (self._waiting.add if waiting else self._waiting.discard)(operation)
            self.metrics.set_waiting(operation, waiting)


def _reason(exchange: Exchange, findings: Sequence[Finding], outcome: Outcome) -> str | None:
    if exchange.failure is not None:
        return f"no answer: {exchange.failure.value}"
    if outcome is Outcome.CONTRACT:
        return f"{len(findings)} finding(s), the worst: {findings[0].message}"
    return None if exchange.ok else f"status {exchange.status}"
