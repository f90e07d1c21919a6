"""One run of one probe: send its requests, check the responses, export the metrics, store the record."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from whopwatch.checks import Evidence, FailedCheck, run_checks
from whopwatch.checks.acceptance import mark_accepted
from whopwatch.checks.registry import PROBE_CHECKS
from whopwatch.config.accepted import AcceptedEntry
from whopwatch.contract import Contract
from whopwatch.contract.answered_version import VersionEvidence, supported_versions
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.contract.loader import is_version
from whopwatch.core.exchange import TIMEOUTS, Exchange, Failure
from whopwatch.core.finding import INACTIVE, Finding, Severity
from whopwatch.core.wording import plural
from whopwatch.http.call import Call
from whopwatch.metrics import ProbeMetrics, ProbeOutcome
from whopwatch.prober.client import Budget, RequestBudget
from whopwatch.prober.history import ProbeRun, RunHistory, RunRecord
from whopwatch.prober.probe_requests import MissingIdError, RecentIds, RequestSequence
from whopwatch.prober.settings import Probe
from whopwatch.telemetry import TracedRun

READ_HEADERS = frozenset(header for check in PROBE_CHECKS for header in check.headers) - {
    "ratelimit-remaining",
    "x-ratelimit-remaining",
}
"""Response headers that a check of a probe reads. The others may differ from response to response.

Not what remains of the rate limit: every response has another number, and a probe sends too few requests to compare it.
"""

_NO_CONNECTION = frozenset({Failure.DNS, Failure.CONNECT, Failure.PROXY, Failure.TLS})

CacheKey = tuple[object, ...]
_LOG = logging.getLogger("whopwatch.prober")
AcceptedEntries = Callable[[], tuple[AcceptedEntry, ...]]
"""Returns the current entries of the file of accepted findings."""
Weigh = Callable[[Finding], Finding]
"""Returns a finding with its impact on the user's code."""


def outcome_of(exchange: Exchange, findings: Sequence[Finding], fails_on: Severity) -> ProbeOutcome:
    """Return the outcome of a run whose last request is `exchange`.

    Findings milder than `fails_on` and accepted ones do not fail it.
    """
    if exchange.failure in TIMEOUTS:
        return ProbeOutcome.TIMEOUT
    if exchange.failure in _NO_CONNECTION:
        return ProbeOutcome.CONNECT
    if exchange.status == 429:
        return ProbeOutcome.RATE_LIMITED
    if not exchange.ok:
        return ProbeOutcome.HTTP_ERROR
    broken = any(finding.severity.rank <= fails_on.rank and finding.state not in INACTIVE for finding in findings)
    return ProbeOutcome.CONTRACT if broken else ProbeOutcome.SUCCESS


def shows_contract(exchange: Exchange) -> bool:
    """Return whether the response can be checked against the contract: server errors, refused keys and 429 cannot."""
    status = exchange.status
    return status is not None and status < 500 and status not in (401, 403, 429)


class RunChecker:
    """Check the exchanges of runs, and reuse the findings of an operation's last run if nothing changed.

    Checks are pure functions of requests and responses, and most lists do not change between two runs. Only the
    checks that can find something in a single run are used; the others compare several responses of one operation.
    `weigh` gives each finding its impact. `on_failure` is called for each check that raised an error; the others are
    used all the same.
    """

    def __init__(
        self,
        contract: Contract,
        accepted: AcceptedEntries = tuple,
        weigh: Weigh | None = None,
        *,
        on_failure: Callable[[FailedCheck], None],
    ) -> None:
        self._contract = contract
        self._on_failure = on_failure
        self._accepted = accepted
        self._weigh = weigh
        self._last: dict[str, tuple[CacheKey, tuple[Finding, ...]]] = {}
        self.reused = 0

    def findings(self, operation: str, exchanges: Sequence[Exchange]) -> tuple[Finding, ...]:
        """Return the findings about `operation` in the exchanges of one run, the worst first, accepted ones marked."""
        found = self._findings(operation, exchanges)
        entries = self._accepted() if found else ()  # to see whether their file changed costs two calls of the system
        if not entries:
            return found
        return tuple(mark_accepted(self._contract, found, entries, datetime.now(UTC).date()))

    def _findings(self, operation: str, exchanges: Sequence[Exchange]) -> tuple[Finding, ...]:
        key = tuple(map(_cache_key, exchanges))
        last = self._last.get(operation)
        if last and last[0] == key:
            self.reused += 1
            return last[1]
        failed: list[FailedCheck] = []
        findings = run_checks(self._contract, Evidence(self._contract, exchanges), PROBE_CHECKS, failed)
        own = tuple(finding for finding in findings if finding.operation == operation)
        if self._weigh:
            own = tuple(map(self._weigh, own))
        if failed:
            for check in failed:
                self._on_failure(check)
        else:
            self._last[operation] = key, own
        return own


def _cache_key(exchange: Exchange) -> CacheKey:
    """Return every part of an exchange that a check may read, with a digest for the body."""
    return (
        exchange.operation,
        exchange.purpose,
        exchange.url,
        exchange.credential,
        exchange.status,
        exchange.failure,
        tuple([header for header in exchange.headers if header[0] in READ_HEADERS]),
        exchange.body_digest,
    )


class CallSender(Protocol):
    """Sends one request within a number of seconds (see ProbeClient)."""

    def send(self, call: Call, seconds: float) -> Exchange:
        """Make one attempt at `call` and return the exchange."""
        ...


@dataclass(frozen=True, slots=True)
class _Ending:
    """How the requests of a run ended: the reason for an early end, and whether the run counts as skipped."""

    reason: str | None = None
    is_skip: bool = False
    missing_id_of: str | None = None


@dataclass
class ProbeRunner:
    """Run probes, and export and store their results. `clock` is monotonic, `wall` since the epoch, in seconds.

    `requested_version` is the API version that requests name, None for the version of the key. `trace` exports the
    trace of a run and returns the labels of an exemplar that leads to it.
    """

    contract: Contract
    client: CallSender
    ids: RecentIds
    budget: RequestBudget
    metrics: ProbeMetrics
    history: RunHistory = field(default_factory=RunHistory)
    clock: Callable[[], float] = time.perf_counter
    wall: Callable[[], float] = time.time
    accepted: AcceptedEntries = tuple
    weigh: Weigh | None = None
    requested_version: str | None = None
    trace: Callable[[TracedRun], Mapping[str, str]] | None = None
    checker: RunChecker = field(init=False)
    _without_id: set[str] = field(default_factory=set)
    _seen_version: str | None = None
    _failing: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.checker = RunChecker(self.contract, self.accepted, self.weigh, on_failure=self._note_failed_check)
        for check in PROBE_CHECKS:
            self.metrics.failed_checks.labels(check.id)
        self._export_version(None)

    def run(self, probe: Probe) -> ProbeRun:
        """Run `probe` once, export its metrics and store its record."""
        run = self.observe(probe)
        self._export(probe, run)
        if run.outcome is not ProbeOutcome.SKIPPED:
            self.history.add(self.record(run))
        return run

    def observe(self, probe: Probe, budget: Budget | None = None) -> ProbeRun:
        """Run `probe` once without exporting or storing anything, within `budget` or that of scheduled runs."""
        begun = self.clock()
        exchanges: list[Exchange] = []
        ending = self._send_requests(probe, budget or self.budget, exchanges, begun + probe.options.timeout)
        reason, seconds = ending.reason, self.clock() - begun
        if ending.is_skip:
            sent = tuple(exchanges)
            return ProbeRun(
                probe.id, ProbeOutcome.SKIPPED, self.wall(), seconds, reason, sent, missing_id_of=ending.missing_id_of
            )
        findings = self.checker.findings(probe.id, exchanges)
        outcome = outcome_of(exchanges[-1], findings, probe.options.fails_on)
        reason = reason or _failure_reason(exchanges[-1], findings, outcome)
        return ProbeRun(probe.id, outcome, self.wall(), seconds, reason, tuple(exchanges), findings)

    def lacks_id(self, operation: str) -> bool:
        """Return whether the last run of `operation` found no id to request."""
        return operation in self._without_id

    def record(self, run: ProbeRun) -> RunRecord:
        """Return `run` as the history stores it."""
        return RunRecord.of(run, [self.contract.operations[exchange.operation].path for exchange in run.exchanges])

    def _send_requests(self, probe: Probe, budget: Budget, exchanges: list[Exchange], deadline: float) -> _Ending:
        """Send the probe's requests and append the exchanges to `exchanges`."""
        calls = RequestSequence(probe, self.contract, self.ids).calls()
        try:
            call = next(calls)
            while True:
                refusal = budget.take(call.operation.id)
                if refusal:
                    return _Ending(refusal, is_skip=True)
                exchange = self.client.send(call, max(deadline - self.clock(), 0.0))
                exchanges.append(exchange)
                self._note_version(exchange)
                self.metrics.throttled.inc(budget.hold_after_429(exchange))
                call = calls.send(exchange)
        except StopIteration:
            return _Ending()
        except MissingIdError as error:
            if error.failed is None:
                return _Ending(f"no id of {error.resource} was found", is_skip=True, missing_id_of=error.resource)
            # outcome_of() reads the last exchange
            exchanges.remove(error.failed)
            exchanges.append(error.failed)
            return _Ending(f"{error.failed.operation} failed, and no id was found without it")
        finally:
            calls.close()

    def _log_change(self, run: ProbeRun) -> None:
        """Log that an operation began to fail, or succeeds again: one line for each change."""
        fails = run.outcome is not ProbeOutcome.SUCCESS
        if fails == (run.operation in self._failing):
            return
        (self._failing.add if fails else self._failing.discard)(run.operation)
        fields = {"operation": run.operation, "outcome": str(run.outcome), "reason": run.reason}
        if fails:
            _LOG.warning("%s fails (%s): %s", run.operation, run.outcome, run.reason, extra={"fields": fields})
        else:
            _LOG.info("%s succeeds again", run.operation, extra={"fields": fields})

    def _export(self, probe: Probe, run: ProbeRun) -> None:
        self._note_missing_id(probe.id, run.missing_id_of is not None)
        if run.outcome is ProbeOutcome.SKIPPED:
            self.metrics.runs.labels(probe.id, run.outcome).inc()
            return
        self._log_change(run)
        last = run.exchanges[-1]
        self.metrics.record_run(
            probe.id,
            run.outcome,
            at=run.at,
            phases=[exchange.phases for exchange in run.exchanges],
            status=last.status,
            findings=run.findings if last.operation == probe.id and shows_contract(last) else None,
            exemplar={"run_id": run.id, **(self.trace(_traced(run)) if self.trace else {})},
        )

    def _note_version(self, exchange: Exchange) -> None:
        """Export the API version that a response names, or that it rejects the version, if that is a change."""
        named = exchange.header(VERSION_HEADER.lower())
        seen = named if named and is_version(named) else None  # nothing else from a response may become a label
        if supported_versions(exchange) is not None:
            seen = VersionEvidence.REJECTED
        is_accepted_again = exchange.ok and self._seen_version == VersionEvidence.REJECTED
        if seen != self._seen_version and (seen or is_accepted_again):
            self._export_version(seen)

    def _note_failed_check(self, failed: FailedCheck) -> None:
        """Count and log a check that raised an error. Its message may quote a response, so only its type is logged."""
        self.metrics.failed_checks.labels(failed.check).inc()
        _LOG.error("The check %s failed inside whopwatch with an unexpected %s.", failed.check, failed.error)

    def _export_version(self, seen: str | None) -> None:
        self._seen_version = seen
        self.metrics.set_api_version(self.requested_version or "key", seen, self.contract.version)

    def _note_missing_id(self, operation: str, missing: bool) -> None:
        if missing != (operation in self._without_id):
            (self._without_id.add if missing else self._without_id.discard)(operation)
            self.metrics.set_without_id(operation, missing)


def _traced(run: ProbeRun) -> TracedRun:
    is_success = run.outcome is ProbeOutcome.SUCCESS
    attributes = {
        "whopwatch.operation": run.operation,
        "whopwatch.outcome": str(run.outcome),
        "whopwatch.run_id": run.id,
    }
    return TracedRun(
        f"probe {run.operation}",
        run.at - run.seconds,
        run.seconds,
        run.exchanges,
        attributes,
        None if is_success else run.reason or str(run.outcome),
        run.findings,
    )


def _failure_reason(exchange: Exchange, findings: Sequence[Finding], outcome: ProbeOutcome) -> str | None:
    if exchange.failure is not None:
        return f"no response: {exchange.failure.value}"
    if outcome is ProbeOutcome.CONTRACT:
        found = [finding for finding in findings if finding.state not in INACTIVE]
        return f"{plural(len(found), 'finding')}, the worst: {found[0].message}"
    return None if exchange.ok else f"status {exchange.status}"
