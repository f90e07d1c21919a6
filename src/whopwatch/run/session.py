"""Observe a target: run the plan's experiments in rounds, until the budget is spent or the target is given up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from whopwatch.checks import Evidence, FailedCheck, run_checks
from whopwatch.checks.registry import CHECKS
from whopwatch.config import SIMULATOR, Secret, Target
from whopwatch.contract import Contract
from whopwatch.contract.answered_version import supported_versions
from whopwatch.core.errors import (
    INTERRUPTED,
    BudgetExhaustedError,
    ResponsesTooLargeError,
    TimeLimitReachedError,
    UnsafeRequestError,
)
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Confidence, Finding
from whopwatch.core.report import timestamp
from whopwatch.core.wording import plural
from whopwatch.http import Attempts, Call, Client, RunBudget, SharedBudget, Transport
from whopwatch.http.limits import REPEAT_PAUSE, Repeats
from whopwatch.planning.follow_ups import repeat_suspected
from whopwatch.planning.ids import without_candidates
from whopwatch.planning.schedule import plan
from whopwatch.planning.state import Experiment, OperationHistory, Plan, RunState
from whopwatch.planning.writes import WriteState, plan_cleanup, plan_writes
from whopwatch.run.abort import abort_reason, connection_lost_reason, is_api_response
from whopwatch.run.api_version import (
    ENOUGH_OPERATIONS,
    STRUCTURAL,
    OtherContracts,
    VersionDetector,
    answered_by_other_version,
    changed_in_the_middle,
    detected_version,
    mismatch_sentence,
    no_others,
    request_supported_versions,
)
from whopwatch.run.driving import ROUND_SIZE, drive, drive_in_rounds
from whopwatch.run.incidents import without_incidents
from whopwatch.run.observation import Observation, Progress, Written, match_operations

DEFAULT_BUDGET = 600
"""Requests of a read-only run."""
THOROUGH_BUDGET = 8000
"""Requests that are enough for every check of every operation of the largest contract."""
WRITING_BUDGET = 1600
"""Requests of a run that may write."""
REPEAT_SHARE = 0.05
"""The share of the reading budget that is reserved for repeating requests before a finding is reported."""
WRITE_SHARE = 0.625
"""The share of the budget that is reserved for writes and the reads that verify them.

Of WRITING_BUDGET it leaves the reads as many requests as a read-only run has.
"""
JUDGED_TOGETHER = 20
"""Requests after which a run with a maximum of failures counts its findings: all checks run each time."""
CLEANUP_SECONDS = 60.0
"""Time for cleanup, also after the time limit of a run."""
LISTED_OBJECT_FINDINGS = {("twins", "D20"), ("refused", "D20")}
"""Check and class of findings that compare a list with the objects that it shows: requests at different times."""
DETECTION_REQUESTS = 3
"""Requests that may find out the version if every request failed."""
CLEANUP_RESERVE = 80
"""Requests reserved for cleanup. One object needs fewer from creation to deletion, so none is left half-way."""


def observe(
    contract: Contract,
    target: Target,
    *,
    budget: int = DEFAULT_BUDGET,
    selected: Collection[str] | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
    transport: Transport | None = None,
    past: Mapping[str, OperationHistory] | None = None,
    unscoped_key: Secret | None = None,
    writes: bool = False,
    others: OtherContracts = no_others,
    max_seconds: float | None = None,
    shared: SharedBudget | None = None,
    max_failures: int | None = None,
    lists_versions: bool = False,
) -> Observation:
    """Observe `target` once with at most `budget` requests and return the observation.

    Whatever the target does ends in the observation, never in an exception, and Ctrl-C ends it early. `selected` are
    operation ids, by default all reads of v1. `seed` decides between ids and operations that are equally useful.
    `transport` replaces the network. `past` is what earlier runs know of the operations. `unscoped_key` is a valid key
    without permissions. With `writes` the selected writes are made, too, within a reserved part of the budget; the
    target must be writable. `others` returns the contracts of other versions, to detect their responses. `shared` is a
    budget that other runs use, too. After `max_seconds` only what the run created is deleted; after `max_failures`
    findings that count, the run ends. With `lists_versions` it also requests the versions that the API supports.
    """
    chosen = frozenset(selected if selected is not None else default_selection(contract))
    reading = budget - int(budget * WRITE_SHARE) if writes else budget
    state = RunState(contract, chosen, seed, reading, past or {}, unscoped_key is not None)
    limits = RunBudget(budget, max_seconds, shared)
    with Client(target, contract, budget=limits, transport=transport, unscoped_key=unscoped_key) as client:
        detector = VersionDetector(contract, others, requested=target.api_version_date)
        session = Session(client, state, progress, detector, max_failures)
        session.prepare(target)
        # `lists_versions` counts as the one request that it takes.
        session.run_plan(plan(state), keep=budget - reading + int(reading * REPEAT_SHARE) + lists_versions)
        if session.unusable and detector.answer.matches and client.remaining:
            session.detect_version(target, others(), transport)
        findings = session.confirm()
        written = session.write(_write_state(state, target)) if writes else None
        findings = session.findings() if written else findings  # those of the writes, too
        session.conclude_version()
        other_version = session.set_other_versions_aside(findings, others)
        if lists_versions:
            session.list_versions(target)
        observation = session.observation(session.findings() if other_version else findings)
    may_refuse = match_operations(contract, target.allow_unchecked, where="allow_unchecked")
    return replace(observation, written=written, other_version=other_version, allow_unchecked=may_refuse)


def default_selection(contract: Contract) -> frozenset[str]:
    """Return the ids of the reads of v1."""
    return frozenset(operation.id for operation in contract.reads if operation.api == "v1")


def _write_state(state: RunState, target: Target) -> WriteState:
    # The time makes the texts of this run unique, so that two runs never write the same object.
    return WriteState(state, f"{time.time_ns():x}-", is_simulated=target.name == SIMULATOR)


def _account_calls(contract: Contract, id: str | None) -> Iterator[Call]:
    """Yield the requests for the account that a key belongs to: the object itself, and the list of such objects."""
    resource = contract.account.resource
    retrieve, listed = (contract.operations.get(f"{resource}.{name}") for name in ("retrieve", "list"))
    places = list(retrieve.in_("path")) if retrieve else []
    if retrieve and id and len(places) == 1:
        yield Call(retrieve, Purpose.RETRIEVE, {places[0].name: id})
    if listed and not listed.required_query:
        yield Call(listed, Purpose.LIST)


class Session:
    """A run in progress.

    `exhausted` says that the budget was used up, `stopped` why the run ended early, and `unusable` that no
    response of the target was that of an API.
    """

    def __init__(
        self,
        client: Client,
        state: RunState,
        progress: Callable[[Progress], None] | None = None,
        detector: VersionDetector | None = None,
        max_failures: int | None = None,
    ) -> None:
        self.state = state
        self._started_at, self._start = datetime.now(UTC), time.perf_counter()
        self.exhausted = False
        self.stopped: str | None = None
        self.unusable = False
        self._answered = False
        self._max_failures = max_failures
        self._judged = 0
        self._repeats = Repeats()
        self._failed_first: list[Call] = []
        # The embedded simulator has no network failures.
        self._pause = 0.0 if client.target.name == SIMULATOR else REPEAT_PAUSE
        self._is_late = False
        self._client = client
        self._exchanges: list[Exchange] = []
        self._progress = progress
        self._detector = detector

    def prepare(self, target: Target) -> None:
        """Add the ids that are known before the first request to the pool."""
        for resource, id in target.known_ids.items():
            self.state.pool.prefer(resource, id)
        account = self.state.contract.account.resource
        if target.company_id:
            self.state.pool.pin(account, target.company_id)
        else:
            self.state.pool.take_first(account)

    def run_plan(self, experiments: Plan, keep: int) -> None:
        """Run the experiments of a plan in rounds until the budget is used up, the target is given up, or Ctrl-C.

        No experiment starts when at most `keep` requests are left; those in progress may use them. The first requests
        are sent one after the other: they show whether the target can be checked.
        """

        def size() -> int:
            is_known = self._answered and (self._detector is None or self._detector.has_enough)
            return ROUND_SIZE if is_known else 1

        def may_start(in_progress: int) -> bool:
            self._stop_at_max_failures()
            self.exhausted = self._client.remaining - in_progress <= keep
            return not self.exhausted and self.stopped is None

        with self._interruptible():
            drive_in_rounds(experiments, self.state, self._send_round, size, may_start)

    def run(self, experiments: Iterable[Experiment], keep: int = 0) -> None:
        """Run `experiments` one after the other, else as `run_plan`."""
        with self._interruptible():
            for experiment in experiments:
                if self.stopped:
                    return
                if self._client.remaining <= keep:
                    self.exhausted = True
                    return
                drive(experiment, lambda call: self._send_round([call])[0])

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Note why the block ended early."""
        try:
            yield
        except (ResponsesTooLargeError, TimeLimitReachedError) as error:
            self.stopped = error.what
            self._is_late = isinstance(error, TimeLimitReachedError)
        except BudgetExhaustedError:
            self.exhausted = True
        except KeyboardInterrupt:
            self.stopped = INTERRUPTED

    def _stop_at_max_failures(self) -> None:
        if self._max_failures is None or self.stopped or len(self._exchanges) < self._judged + JUDGED_TOGETHER:
            return
        self._judged = len(self._exchanges)
        if sum(finding.breaks for finding in self.findings()) >= self._max_failures:
            self.stopped = f"stopped after {plural(self._max_failures, 'finding')} (--max-failures)"

    def detect_version(self, target: Target, others: Sequence[Contract], transport: Transport | None = None) -> None:
        """Find out, after every request failed, whether the paths of another version respond.

        Requests the account by the other contracts' own paths, each path once and at most DETECTION_REQUESTS paths.
        """
        contract, detector = self.state.contract, self._detector
        calls: dict[str, tuple[Contract, Call]] = {}
        for other in reversed(others):
            for call in _account_calls(other, target.company_id):
                if contract.match("GET", call.operation.path) is None:
                    calls.setdefault(call.operation.path, (other, call))
        seen: list[Exchange] = []
        with self._interruptible(), suppress(BudgetExhaustedError):
            for other, call in list(calls.values())[:DETECTION_REQUESTS]:
                with Client(target, other, budget=self._client.run_budget, transport=transport) as client:
                    seen.append(client.send(call))
        answer = detected_version(contract, seen, others)
        if answer is not None and detector is not None:
            detector.answer = replace(answer, requested=detector.answer.requested)
            self.stopped = mismatch_sentence(detector.answer, contract)

    def conclude_version(self) -> None:
        """Give up the findings if all responses together are of another version than the contract."""
        if self._detector is None or self.unusable:
            return
        self._detector.conclude()
        if not self._detector.answer.matches:
            self.stopped = mismatch_sentence(self._detector.answer, self.state.contract)
            self.unusable = True

    def list_versions(self, target: Target) -> None:
        """Request the list of supported versions once, if the run was not given up. No check judges the response."""
        detector, call = self._detector, request_supported_versions(self.state.contract, target.company_id)
        if detector is None or call is None or self.stopped or self.unusable or not self._client.remaining:
            return
        with self._interruptible(), suppress(BudgetExhaustedError):
            supported = supported_versions(self._client.send(call)) or ()
            detector.answer = replace(detector.answer, supported=supported)

    def confirm(self) -> tuple[Finding, ...]:
        """Repeat the requests behind findings that one sample shows, or that compare a list with its objects.

        Return the findings after that. Objects that a list shows may have changed or been deleted since.
        """
        findings = self.findings()
        suspects = {
            finding.operation
            for finding in findings
            if finding.breaks
            and (
                finding.confidence is Confidence.SUSPECTED
                or (finding.check, finding.drift_class) in LISTED_OBJECT_FINDINGS
            )
        }
        before = len(self._exchanges)
        if suspects and not self.stopped:
            self.run(repeat_suspected(self.state, suspects))
        return self.findings() if len(self._exchanges) > before else findings

    def write(self, writing: WriteState) -> Written:
        """Make the selected writes, read them back, and delete what was created where the API allows it."""
        if not self.stopped:
            self.run(plan_writes(writing, self.state.selected), keep=CLEANUP_RESERVE)
            late, self.stopped = (self.stopped, None) if self._is_late else (None, self.stopped)
            self._client.run_budget.extend(CLEANUP_SECONDS)
            self.run(plan_cleanup(writing))
            self.stopped = self.stopped or late
        return Written(writing.skipped, writing.left())

    def observation(self, findings: Sequence[Finding]) -> Observation:
        """Return what the run has seen, with `findings`; the run ends now."""
        client, state = self._client, self.state
        return Observation(
            exchanges=tuple(self._exchanges),
            selected=frozenset(state.selected),
            budget=client.run_budget.budget,
            sent=client.sent,
            unsafe=client.unsafe,
            started_at=timestamp(self._started_at),
            seconds=time.perf_counter() - self._start,
            exhausted=self.exhausted,
            stopped=self.stopped,
            unusable=self.unusable,
            reached=state.reached,
            missing=self.missing(),
            requests=dict(client.sent_by_operation),
            findings=tuple(findings),
            api_version=self._detector.answer if self._detector else None,
            failed_checks=tuple(self.failed_checks),
            met=frozenset(self.met),
            had_turn=frozenset(state.had_turn),
            failed_steps=tuple(state.failures),
            waited=client.waited,
        )

    def missing(self) -> dict[str, str]:
        """Return for each selected operation without a request the resources whose id is missing."""
        not_requested = [operation for operation in self.state.reads() if operation.id not in self.state.traces]
        lacks = {
            operation.id: without_candidates(self.state.required[operation.id], self.state.pool)
            for operation in not_requested
        }
        return {
            id: ", ".join(need.resources[0] if need.resources else need.parameter.name for need in needs)
            for id, needs in lacks.items()
            if needs
        }

    def _send_round(self, calls: Sequence[Call]) -> list[Exchange | None]:
        """Send `calls` and return their responses; None for one that was not sent, and for all once the run is over.

        Requests that failed before the target gave its first response are sent again with the first round after it.
        """
        again: list[Call] = []
        if self._answered and self._failed_first:
            again, self._failed_first = self._failed_first, []
            time.sleep(self._pause)
        sent = self._client.send_all([*again, *calls])
        responses = [self._response(call, made) for call, made in zip((*again, *calls), sent, strict=True)]
        return [None] * len(calls) if self.stopped else responses[len(again) :]

    def _response(self, call: Call, attempts: Attempts) -> Exchange | None:
        """Return the response to `call`, which has these attempts so far; repeat a failed one. None if not sent."""
        exchange = self._note(attempts)
        made = list(attempts.exchanges)
        while exchange and self._is_repeated(call, made):
            time.sleep(self._pause)
            (attempts,) = self._client.send_all([call])
            exchange = self._note(attempts)
            made += attempts.exchanges
        if exchange:
            self.state.record(call, exchange)
            self._show_progress(exchange)
            exchange.forget_large_body()
        return exchange

    def _note(self, attempts: Attempts) -> Exchange | None:
        """Add the attempts of one request to the run and return the last one.

        Raise the error that ended the sending; a refused request is none: the target returned an id or a cursor that
        must not be put into a URL.
        """
        for exchange in attempts.exchanges:
            self._exchanges.append(exchange)
            self._watch(exchange)
        if attempts.exchanges:
            return attempts.exchanges[-1]
        if attempts.error and not isinstance(attempts.error, UnsafeRequestError):
            raise attempts.error
        return None

    def _is_repeated(self, call: Call, attempts: Sequence[Exchange]) -> bool:
        """Return whether a failed read is repeated: a transient failure is no finding. The client repeats 429, 503."""
        if self.stopped or attempts[-1].method != "GET" or not self._client.remaining:
            return False
        if not self._answered:  # the target may be down as a whole
            if attempts[-1].may_be_transient:
                self._failed_first.append(call)
            return False
        return self._repeats.allow(attempts)

    def set_other_versions_aside(self, findings: Sequence[Finding], others: OtherContracts) -> Mapping[str, str]:
        """Remove the responses of another version from the exchanges; return that version by operation id."""
        # Only a suspicion loads the other contracts: each takes as long as many requests.
        broken = Counter(finding.operation for finding in findings if finding.check == "schema")
        is_suspicious = any(count >= STRUCTURAL for count in broken.values())
        found = answered_by_other_version(self.state.contract, self._exchanges, others() if is_suspicious else ())
        is_widespread = len({finding.operation for finding in findings if finding.breaks}) >= ENOUGH_OPERATIONS
        at_hand = others() if is_widespread and not self.unusable else ()
        if version := changed_in_the_middle(self.state.contract, self._exchanges, at_hand):
            self.stopped = (
                f"The API changed to version {version} during the run. No findings are reported. Run it again."
            )
            self.unusable = True
            return {}
        versions = {self._exchanges[number].operation: version for number, version in found.items()}
        self._exchanges[:] = [one for number, one in enumerate(self._exchanges) if number not in found]
        return versions

    def _watch(self, exchange: Exchange) -> None:
        if self._detector and not self._detector.is_decided:
            self._detector.record(exchange)
            if not self._detector.answer.matches:
                self.stopped = mismatch_sentence(self._detector.answer, self.state.contract)
                self.unusable = True
                return
        self._answered = self._answered or is_api_response(exchange)
        if not self._answered:
            with_key = [exchange for exchange in self._exchanges if exchange.credential == "key"]
            self.stopped = abort_reason(with_key, has_key=self._client.target.api_key is not None)
            self.unusable = self.stopped is not None
        elif exchange.failure:
            self.stopped = connection_lost_reason(self._exchanges)

    def _show_progress(self, exchange: Exchange) -> None:
        if self._progress:
            wanted = [operation.id for operation in self.state.reads()]
            done = sum(id in self.state.traces for id in wanted)
            sent, left = self._client.sent, self._client.remaining
            self._progress(Progress(done, len(wanted), sent, sent + left, exchange.operation))

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings of all checks so far, without failures that did not repeat.

        Sets `failed_checks` and `met`.
        """
        judged, _ = without_incidents(self._exchanges)
        self.failed_checks: list[FailedCheck] = []
        self.met: set[tuple[str, str]] = set()
        evidence = Evidence(self.state.contract, judged)
        established = {(id, rule) for id, past in self.state.past.items() for rule in past.met}
        return run_checks(
            self.state.contract, evidence, CHECKS, self.failed_checks, established=established, met=self.met
        )
