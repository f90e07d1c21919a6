"""Conclude a run: turn evidence and findings into states, a verdict, a reason and a report.

Every command that reports ends in `conclude`: check, drift, replay, probe --once, mcp, sdk and the webhook tools.
Nothing that was not seen counts as verified.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from whopwatch.checks import Evidence, FailedCheck, run_checks
from whopwatch.checks.registry import CHECKS, Turns, checks_with_turns
from whopwatch.checks.rejections import is_about_parameter
from whopwatch.checks.reproduce import example_request
from whopwatch.contract import Contract, Operation
from whopwatch.contract.loader import describe_contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding
from whopwatch.core.report import MAX_INCIDENT_ROWS, OperationResult, Report, State
from whopwatch.core.wording import first_few, plural
from whopwatch.planning.schedule import AUTHENTICATION, OTHER_CHECKS, REFUSALS
from whopwatch.planning.state import StepFailure, items
from whopwatch.reports.text import NO_TURN
from whopwatch.run.abort import UNREACHABLE, cloudflare_reason
from whopwatch.run.incidents import Incident, without_incidents
from whopwatch.run.observation import Observation

READ_ONLY = "write operation, skipped in read-only mode"
NOT_SELECTED = "not selected"
EXPECTED_TO_SUCCEED = (Purpose.LIST, Purpose.RETRIEVE, Purpose.WRITE)
"""The purposes of requests that follow the documentation, so that only success verifies the operation."""
EMPTY_LIST_REASON = "the list is empty, so there is no item to check"
ALL_EMPTY = "every list is empty, so there is nothing to check"
NO_COMPANY = (
    "not requested: the company id is unknown. Set WHOP_COMPANY_ID=biz_..., or company_id of the target in "
    "whopwatch.toml"
)
DENIED = (400, 401, 403, 422)
"""Statuses with which the API refuses a request that follows the documentation to this key.

Whop documents 403 for a missing permission, but live reports often saw 400. 422 means that the account must be
verified first.
"""
NEEDS = "; required permission: "
NO_ID = "not requested: no list returned an id for it"
NOTHING_TO_REQUEST = "these responses allow no such request"
NOT_REQUESTED = "not requested"
"""Why a check had no request to judge."""
MAX_NAMED = 5
"""Failed checks, and planning steps, that the sentence names."""
MAX_DENIED = 6
"""Operations that the sentence about denied ones names; the rows name them all."""


@dataclass(frozen=True, slots=True)
class RowEvidence:
    """What a run saw of one operation, tool or event.

    `excluded` is why it is outside the run's scope, None if it is inside. `unverified` is why `samples` is 0, and
    `unverified_group` the same without names that belong to this operation alone. `denied` says that the API refuses
    the operation to this key, which the user has not allowed. `latency` is a median in seconds. `checks` are the checks
    that had a request to judge and the others; `open_checks` says why the others had none.
    """

    id: str
    method: str
    path: str
    excluded: str | None = None
    unverified: str | None = None
    unverified_group: str | None = None
    denied: bool = False
    checks: Turns | None = None
    open_checks: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    samples: int = 0
    latency: float | None = None
    request: str | None = None

    def _checks(self, state: State) -> dict[str, Any]:
        if self.checks is None or state is State.NOT_COVERED:
            return {}
        done, open = self.checks.done, self.checks.open
        reasons = {check: self.open_checks.get(check, NOT_REQUESTED) for check in open}
        return {
            "checks_run": done,
            "checks_done": len(done),
            "checks_total": len(done) + len(open),
            "checks_open": reasons,
        }

    def result(self, *, is_broken: bool) -> OperationResult:
        """Return the row of the report. A breaking finding outweighs everything, and a scope outweighs samples."""
        state, reason = State.COULD_NOT_CHECK, self.unverified
        if is_broken:
            state, reason = State.DRIFT, None
        elif self.excluded:
            state, reason = State.NOT_COVERED, self.excluded
        elif self.samples:
            state, reason = State.VERIFIED, None
        return OperationResult(
            id=self.id,
            method=self.method,
            path=self.path,
            state=state,
            reason=reason,
            reason_group=self.unverified_group if state is State.COULD_NOT_CHECK else None,
            requests=self.requests,
            samples=self.samples,
            latency=self.latency,
            request=self.request,
            # A refusal may have a finding of its own, for example about its error body.
            denied=self.denied and not self.samples and state in (State.COULD_NOT_CHECK, State.DRIFT),
            **self._checks(state),
        )


def conclude(
    rows: Iterable[RowEvidence],
    findings: Iterable[Finding],
    *,
    target: str,
    started_at: datetime | str,
    seconds: float,
    sent: int = 0,
    budget: int = 0,
    unsafe: int = 0,
    incomplete: str | None = None,
    nothing: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Report:
    """Return the report of a run that saw `rows` and made `findings`.

    `started_at` is in UTC, `seconds` the wall time. `incomplete` is why the run did not see all that it was to see;
    such a run is never clean, and neither is one with denied operations. `nothing` replaces the reason of a run that
    verified nothing.
    """
    found = tuple(findings)
    broken = {finding.operation for finding in found if finding.breaks}
    results = tuple(row.result(is_broken=row.id in broken) for row in rows)
    is_seen = any(result.state in (State.VERIFIED, State.DRIFT) for result in results)
    reason = incomplete or (None if is_seen or broken else nothing or most_common_reason(results))
    reason = reason or denied_reason(results)
    return Report.build(
        results,
        found,
        target=target,
        started_at=started_at,
        seconds=seconds,
        sent=sent,
        budget=budget,
        unsafe=unsafe,
        reason=reason,
        extra=extra,
    )


def denied_reason(results: Iterable[OperationResult]) -> str | None:
    """Return the sentence about the operations that the API refuses to this key, or None if there are none."""
    denied = [result.id for result in results if result.denied]
    if not denied:
        return None
    return (
        f"the API refuses {plural(len(denied), 'operation')} to this key: {first_few(denied, MAX_DENIED)}. "
        "Grant the permissions, or allow it with --allow-unchecked"
    )


def most_common_reason(results: Iterable[OperationResult]) -> str:
    """Return the reason that most of the unchecked operations share."""
    reasons = Counter(result.reason for result in results if result.state is State.COULD_NOT_CHECK)
    if not reasons:
        return "no operation that can be checked was selected. Check --only, --resource, --operation and --exclude"
    reason, count = reasons.most_common(1)[0]
    if reason == EMPTY_LIST_REASON and count == reasons.total():
        return ALL_EMPTY
    return f"nothing was verified; {count} of {plural(sum(reasons.values()), 'operation')}: {reason}"


def median_latency(exchanges: Iterable[Exchange]) -> float | None:
    """Return the median duration of `exchanges` in seconds, or None if there are none."""
    times = [exchange.phases.total for exchange in exchanges]
    return round(median(times), 6) if times else None


def sample_count(exchange: Exchange) -> int:
    """Return how much a response holds: the items of a page, 1 for an object, 0 for an error or an empty body."""
    value = exchange.json if exchange.ok else None
    is_page = isinstance(value, dict) and "page_info" in value and "data" in value
    return len(items(exchange)) if is_page else int(bool(value))


def judge(
    contract: Contract,
    observation: Observation,
    target_name: str,
    *,
    excluded: Callable[[Operation], str | None] | None = None,
) -> Report:
    """Return the report of `observation`: a state for each operation of `contract`, and the verdict.

    `excluded` says why an operation is outside the scope, None if it is inside; by default the selection decides.
    """
    judged, incidents = without_incidents(observation.exchanges)
    sent: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in observation.exchanges:
        sent[exchange.operation].append(exchange)
    evidence = Evidence(contract, judged)
    found, failed_checks = observation.findings, list(observation.failed_checks)
    if found is None:
        found = run_checks(contract, evidence, CHECKS, failed_checks)
    if observation.unusable:
        found = ()
    # v2 is the older API: it is in a report only if the user selects it.
    in_report = [one for one in contract.operations.values() if one.api == "v1" or one.id in observation.selected]
    why_excluded = excluded or (lambda operation: _excluded(operation, observation, evidence))
    rows = [_row(contract, one, observation, evidence, why_excluded(one), sent[one.id]) for one in in_report]
    return conclude(
        rows,
        # The other operations were only requested to learn ids from them.
        [finding for finding in found if finding.operation in observation.selected],
        target=target_name,
        started_at=observation.started_at,
        seconds=observation.seconds,
        sent=observation.sent,
        budget=observation.budget,
        unsafe=observation.unsafe,
        incomplete=observation.stopped
        or failed_inside(failed_checks, observation.failed_steps)
        or _other_version(rows, observation)
        or _blocked(rows, observation)
        or _left_out(rows, observation)
        or _all_empty(rows, evidence, contract),
        extra=_facts(contract, observation, [] if observation.unusable else incidents, failed_checks),
    )


def _facts(
    contract: Contract, observation: Observation, incidents: Sequence[Incident], failed_checks: Sequence[FailedCheck]
) -> dict[str, Any]:
    """Return what a report has beside states and findings: only the facts that there are."""
    version = observation.api_version
    facts = {
        # Operations of other contracts are requested to find out the version, not for ids.
        "requests_for_ids": {
            id: count
            for id, count in observation.requests.items()
            if count and id in contract.operations and id not in observation.selected
        },
        "spent": dict(Counter(str(exchange.purpose) for exchange in observation.exchanges)),
        "waited_seconds": round(observation.waited, 1),
        "left": dict(observation.written.left) if observation.written else None,
        "incidents": [
            *(one.to_json() for one in incidents),
            *(one.to_json() for one in failed_checks),
            *_step_incidents(observation.failed_steps),
        ],
        "contract": describe_contract(contract, version.supported if version else ()),
        "api_version": version.to_json() if version else None,
    }
    always = ("spent", "left", "contract")
    return {name: fact for name, fact in facts.items() if fact or (name in always and fact is not None)}


def failed_inside(checks: Sequence[FailedCheck], steps: Sequence[StepFailure] = ()) -> str | None:
    """Return which checks and planning steps raised an error, or None."""
    parts = []
    for kind, rows in (
        ("checks", [f"{one.check} ({one.error})" for one in checks]),
        ("planning steps", [f"{one.step} ({one.error})" for one in steps]),
    ):
        names = list(dict.fromkeys(rows))
        if names:
            parts.append(f"{kind} failed inside whopwatch: {first_few(names, MAX_NAMED)}")
    return f"{'; '.join(parts)}. This is a bug in whopwatch; everything else was checked" if parts else None


def _step_incidents(steps: Sequence[StepFailure]) -> list[dict[str, Any]]:
    """Return the incidents of planning steps as the JSON report has them."""
    rows = [
        {"place": f"planning {one.step}", "operation": one.operation, "error": one.error, "count": count}
        for one, count in Counter(steps).items()
    ]
    return rows[:MAX_INCIDENT_ROWS]


def _row(
    contract: Contract,
    operation: Operation,
    observation: Observation,
    evidence: Evidence,
    excluded: str | None,
    sent: Sequence[Exchange],
) -> RowEvidence:
    exchanges = evidence.by_operation.get(operation.id, ())
    unverified = None if excluded else _unverified(contract, operation, observation, sent)
    turns = checks_with_turns(contract, operation, exchanges, writes=observation.written is not None)
    return RowEvidence(
        id=operation.id,
        method=operation.method,
        path=operation.shown_path,
        excluded=excluded,
        unverified=unverified,
        unverified_group=_group(operation, observation, unverified),
        checks=turns,
        open_checks={check: _why_open(operation, check, observation) for check in turns.open},
        denied=operation.id not in observation.allow_unchecked and _is_denied(exchanges),
        requests=observation.requests.get(operation.id, len(exchanges)),
        samples=0 if observation.unusable else evidence.samples(operation.id),
        latency=median_latency(answer.exchange for answer in evidence.responses.get(operation.id, ())),
        request=example_request(contract, operation, exchanges) if operation.is_read else None,
    )


def _why_open(operation: Operation, check: str, observation: Observation) -> str:
    """Return why a check of `operation` had no request to judge."""
    kind = check if check in (AUTHENTICATION, REFUSALS) else OTHER_CHECKS
    if (operation.id, kind) in observation.had_turn:
        return NOTHING_TO_REQUEST
    return NO_TURN if observation.exhausted else NOT_REQUESTED


def _excluded(operation: Operation, observation: Observation, evidence: Evidence) -> str | None:
    """Return why `operation` is outside the scope of the run, or None."""
    if not operation.is_read and observation.written is None:
        return READ_ONLY
    if operation.id not in observation.selected:
        return NOT_SELECTED
    untried = observation.written.why_not(operation) if observation.written else None
    return untried if untried and not evidence.samples(operation.id) else None


def _unverified(
    contract: Contract, operation: Operation, observation: Observation, exchanges: Sequence[Exchange]
) -> str:
    """Return why nothing of `operation` was verified, with the next step where there is one."""
    if observation.unusable and observation.stopped:
        return observation.stopped
    if operation.id in observation.other_version:
        return f"the API answers version {observation.other_version[operation.id]}, not {contract.version}"
    sent = [exchange for exchange in exchanges if exchange.purpose in EXPECTED_TO_SUCCEED]
    if sent:
        return _why_no_sample(operation, sent)
    if exchanges:
        return "no request got a successful response"
    if observation.stopped:
        return f"not requested: {observation.stopped}"
    if not observation.reached:
        return f"not requested: the budget of {plural(observation.budget, 'request')} is too small"
    if contract.account.resource in observation.missing.get(operation.id, "").split(", "):
        return NO_COMPANY
    return _no_id(operation, observation) or "not requested"


def _is_denied(exchanges: Sequence[Exchange]) -> bool:
    """Return whether the API refused the latest request that follows the documentation."""
    sent = [exchange for exchange in exchanges if exchange.purpose in EXPECTED_TO_SUCCEED]
    return bool(sent) and sent[-1].status in DENIED and sent[-1].credential == "key"


def _no_id(operation: Operation, observation: Observation) -> str | None:
    resources = observation.missing.get(operation.id)
    return f"not requested: no list returned an id of {resources}" if resources else None


def _group(operation: Operation, observation: Observation, reason: str | None) -> str | None:
    """Return `reason` without the names that belong to this operation, or None if it has none."""
    if reason is None:
        return None
    if reason == _no_id(operation, observation):
        return NO_ID
    return reason.partition(NEEDS)[0] if NEEDS in reason else None


def _why_no_sample(operation: Operation, exchanges: Sequence[Exchange]) -> str:
    """Return what the last of the operation's requests ended in."""
    exchange = exchanges[-1]
    scopes = f"{NEEDS}{', '.join(operation.scopes)}" if operation.scopes else ""
    reasons = {
        400: "400: the API rejected the request; it may do so for a missing permission, too",
        401: f"401: the API rejected the key for this operation{scopes}",
        403: f"403: the key lacks a permission{scopes}",
        404: "404: not found, with every id that was tried" if len(exchanges) > 1 else "404: not found",
        422: "422: the API rejected the request"
        if is_about_parameter(exchange)
        else "422: the account must be verified first",
        429: "429: rate limited",
    }
    if blocked := cloudflare_reason(exchange):
        return blocked.removesuffix(".")
    if exchange.failure:
        return f"no response: {UNREACHABLE.get(exchange.failure, str(exchange.failure))}"
    if exchange.ok and operation.is_list:
        return EMPTY_LIST_REASON
    if exchange.parsed[1] is not None:
        return f"{exchange.status}: the response is not JSON"
    return reasons.get(exchange.status or 0, f"{exchange.status}: the response has nothing to check")


def _blocked(rows: Sequence[RowEvidence], observation: Observation) -> str | None:
    """Return which operations only Cloudflare itself responded to, or None: nothing is known of them."""
    reasons = {one.operation: reason for one in observation.exchanges if (reason := cloudflare_reason(one))}
    names = [row.id for row in rows if row.unverified and not row.samples and row.id in reasons]
    if not names:
        return None
    reason = reasons[names[0]].removesuffix(".")
    return f"{plural(len(names), 'operation')} got no response of the API: {first_few(names, MAX_NAMED)}. {reason}"


def _left_out(rows: Sequence[RowEvidence], observation: Observation) -> str | None:
    """Return why operations that could have been requested were not: the rest says nothing about them."""
    unsent = [row for row in rows if row.unverified and not row.samples and not row.requests]
    if unsent and not observation.reached:
        return (
            f"the budget of {plural(observation.budget, 'request')} is too small: "
            f"{plural(len(unsent), 'operation')} could not be requested. Raise --budget, or select fewer operations"
        )
    return NO_COMPANY.removeprefix("not requested: ") if any(row.unverified == NO_COMPANY for row in unsent) else None


def _other_version(rows: Sequence[RowEvidence], observation: Observation) -> str | None:
    """Return which operations another version answered although the contract's was requested, or None."""
    names = [row.id for row in rows if row.unverified and row.id in observation.other_version]
    if not names:
        return None
    versions = ", ".join(sorted({observation.other_version[name] for name in names}))
    return f"{plural(len(names), 'operation')} responded with API version {versions}: {first_few(names, 3)}"


def _all_empty(rows: Sequence[RowEvidence], evidence: Evidence, contract: Contract) -> str | None:
    """Return `ALL_EMPTY` if lists were answered and none had an item: an empty company shows nothing."""
    lists = [row for row in rows if not row.excluded and row.id in evidence.responses]
    lists = [row for row in lists if contract.operations[row.id].is_list]
    writes = [row for row in rows if not contract.operations[row.id].is_read]
    return ALL_EMPTY if lists and not any(row.samples for row in (*lists, *writes)) else None
