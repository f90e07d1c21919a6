"""From what was seen to a verdict. Nothing that was not seen counts as verified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from whopwatch import __version__
from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding
from whopwatch.core.report import OperationResult, Report, State, Verdict
from whopwatch.reports.text import number
from whopwatch.run.asked import request_of
from whopwatch.run.observation import Observation
from whopwatch.run.rows import latency
from whopwatch.run.stop import UNREACHABLE

WRITES = "changes data: a read-only run sends no such request"
PLAIN = (Purpose.LIST, Purpose.RETRIEVE, Purpose.WRITE)
"""The purposes of requests that are to be answered with success."""
EMPTY = "the list is empty: there is no item to hold against the contract"
ALL_EMPTY = "every list is empty: there is nothing to hold against the contract"
NO_COMPANY = (
    "not asked: the company's id is not known; set WHOP_COMPANY_ID=biz_..., or company_id of the target in "
    "whopwatch.toml"
)
NEEDS = "; the operation needs "
NO_ID = "not asked: no list showed an id to ask with"


def judge(contract: Contract, observation: Observation, target_name: str) -> Report:
    """What `observation` says of each operation of the contract, and in all."""
    evidence = Evidence(contract, observation.exchanges)
    drawn = observation.findings if observation.findings is not None else run_checks(contract, evidence, CHECKS)
    findings = () if observation.unusable else _relevant(drawn, observation)
    broken = {finding.operation for finding in findings if finding.breaks}
    results = tuple(
        _result(contract, operation, observation, evidence, operation.id in broken)
        for operation in contract.operations.values()
        if operation.api == "v1" or operation.id in observation.selected
    )
    verdict, reason = _verdict(results, observation, evidence, contract)
    return Report(
        target=target_name,
        started_at=observation.started_at,
        seconds=observation.seconds,
        verdict=verdict,
        operations=results,
        findings=findings,
        sent=observation.sent,
        budget=observation.budget,
        unsafe=observation.unsafe,
        reason=reason,
        version=__version__,
        extra={
            "spent": dict(Counter(str(exchange.purpose) for exchange in observation.exchanges)),
            **({"left": dict(observation.written.left)} if observation.written else {}),
        },
    )


def _relevant(findings: Sequence[Finding], observation: Observation) -> tuple[Finding, ...]:
    """Those about selected operations; others were only asked on the way."""
    return tuple(finding for finding in findings if finding.operation in observation.selected)


def _result(
    contract: Contract, operation: Operation, observation: Observation, evidence: Evidence, broken: bool
) -> OperationResult:
    state, reason = _state(operation, observation, evidence, broken)
    asked = evidence.by_operation.get(operation.id, ())
    return OperationResult(
        id=operation.id,
        method=operation.method,
        path=operation.shown_path,
        state=state,
        reason=reason,
        reason_group=_group(operation, observation, reason),
        requests=observation.requests.get(operation.id, len(asked)),
        samples=evidence.samples(operation.id),
        latency=latency(answer.exchange for answer in evidence.answers.get(operation.id, ())),
        request=request_of(contract, operation, asked) if operation.is_read else None,
    )


def _state(
    operation: Operation, observation: Observation, evidence: Evidence, broken: bool
) -> tuple[State, str | None]:
    if not operation.is_read and observation.written is None:
        return State.NOT_COVERED, WRITES
    if operation.id not in observation.selected:
        return State.NOT_COVERED, "not selected"
    if broken:
        return State.DRIFT, None
    if evidence.samples(operation.id):
        return State.VERIFIED, None
    if observation.written and (reason := observation.written.why_not(operation)):
        return State.NOT_COVERED, reason
    return State.COULD_NOT_CHECK, _why_not(operation, observation, evidence)


def _why_not(operation: Operation, observation: Observation, evidence: Evidence) -> str:
    """Why an operation without findings is not verified either, in words a person can act on."""
    if observation.unusable and observation.stopped:
        return observation.stopped
    asked = evidence.by_operation.get(operation.id, ())
    exchanges = [exchange for exchange in asked if exchange.purpose in PLAIN]
    if exchanges:
        return _refusal(operation, exchanges)
    if observation.stopped:
        return f"not asked: {observation.stopped}"
    if not observation.reached:
        return f"not asked: the budget of {observation.budget} requests was spent before"
    if "companies" in observation.missing.get(operation.id, ""):
        return NO_COMPANY
    return _no_id(operation, observation) or "not asked"


def _no_id(operation: Operation, observation: Observation) -> str | None:
    lacking = observation.missing.get(operation.id)
    return f"not asked: no id of {lacking} was seen to ask with" if lacking else None


def _group(operation: Operation, observation: Observation, reason: str | None) -> str | None:
    """`reason` without the names that are this operation's own; None where it has none."""
    if reason is None:
        return None
    if reason == _no_id(operation, observation):
        return NO_ID
    return reason.partition(NEEDS)[0] if NEEDS in reason else None


def _refusal(operation: Operation, exchanges: Sequence[Exchange]) -> str:
    """What the last request came to."""
    exchange = exchanges[-1]
    scopes = f"{NEEDS}{', '.join(operation.scopes)}" if operation.scopes else ""
    reasons = {
        400: "the request was refused as bad (400); where a permission is missing the API may say so, too",
        401: f"the key was refused here (401), or there was none{scopes}",
        403: f"the key lacks a permission (403){scopes}",
        404: "not found (404), whichever id was tried" if len(exchanges) > 1 else "not found (404)",
        422: "the account has to be verified first (422)",
        429: "rate limited (429)",
    }
    if exchange.failure in UNREACHABLE:
        return f"unreachable: {UNREACHABLE[exchange.failure]}"
    if exchange.ok and operation.is_list:
        return EMPTY
    if exchange.status is not None and exchange.parsed[1] is not None:
        return f"the answer is no JSON (status {exchange.status})"
    return reasons.get(exchange.status or 0, f"no answer to hold against the contract (status {exchange.status})")


def _verdict(
    results: Sequence[OperationResult], observation: Observation, evidence: Evidence, contract: Contract
) -> tuple[Verdict, str | None]:
    states = Counter(result.state for result in results)
    if states[State.DRIFT]:
        return Verdict.DRIFT, observation.stopped
    incomplete = observation.stopped or _incomplete(results, observation)
    if not states[State.VERIFIED]:
        return Verdict.COULD_NOT_CHECK, incomplete or _nothing(results)
    if _all_empty(observation, evidence, contract):
        return Verdict.COULD_NOT_CHECK, observation.stopped or ALL_EMPTY
    return (Verdict.COULD_NOT_CHECK, incomplete) if incomplete else (Verdict.CLEAN, None)


def _incomplete(results: Sequence[OperationResult], observation: Observation) -> str | None:
    """Why operations were left out that could have been asked: what was verified then says nothing of the whole."""
    unasked = [result for result in results if result.state is State.COULD_NOT_CHECK and not result.requests]
    if unasked and not observation.reached:
        left = number(len(unasked), "operation")
        return (
            f"the budget of {number(observation.budget, 'request')} was spent before {left} could be asked: "
            "give more, or select fewer operations"
        )
    return NO_COMPANY.removeprefix("not asked: ") if any(result.reason == NO_COMPANY for result in unasked) else None


def _nothing(results: Sequence[OperationResult]) -> str:
    """The reason that most of the operations have in common."""
    reasons = Counter(result.reason for result in results if result.state is State.COULD_NOT_CHECK)
    if not reasons:
        return "no operation that can be read was selected"
    reason, count = reasons.most_common(1)[0]
    if reason == EMPTY and count == len(reasons):
        return ALL_EMPTY
    return f"nothing could be verified; {count} of {number(sum(reasons.values()), 'operation')}: {reason}"


def _all_empty(observation: Observation, evidence: Evidence, contract: Contract) -> bool:
    """Whether lists were answered and not one had an item: an empty company shows nothing."""
    answered = [id for id in evidence.answers if contract.operations[id].is_list and id in observation.selected]
    return bool(answered) and not any(evidence.samples(id) for id in answered)
