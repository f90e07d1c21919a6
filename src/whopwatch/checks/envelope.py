"""Whether errors come in the documented envelope."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema import Violation
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding, Severity


def envelope(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Hold every 4xx answer, whoever asked for it, against the error schema of its status."""
    tally = Tally("envelope")
    for id, exchanges in evidence.by_operation.items():
        errors = [exchange for exchange in exchanges if 400 <= (exchange.status or 0) < 500]
        for number, exchange in enumerate(errors):
            for violation in _violations(contract, contract.operations[id], exchange):
                tally.add(
                    "D15",
                    Severity.HIGH,
                    id,
                    violation.location,
                    expected=violation.expected,
                    observed=violation.observed,
                    what=f"{violation.location or 'the body'} of an error is not as documented",
                    witness=number,
                    samples=len(errors),
                )
            if exchange.json is not None and exchange.media_type != "application/json":
                tally.add(
                    "D15",
                    Severity.MEDIUM,
                    id,
                    "header:content-type",
                    expected="application/json",
                    observed="another media type",
                    what="the media type of an error is not that of its body",
                    witness=number,
                    samples=len(errors),
                )
            if not _is_typed(contract, exchange):
                tally.add(
                    "D15",
                    Severity.MEDIUM,
                    id,
                    "/error/type",
                    expected=" or ".join(contract.behaviour.errors[str(exchange.status)]),
                    observed="another type",
                    what=f"the type of an error is not the one of its status {exchange.status}",
                    witness=number,
                    samples=len(errors),
                )
    yield from tally.findings()


def _is_typed(contract: Contract, exchange: Exchange) -> bool:
    """Whether an error has the documented type of its status, or none at all."""
    known = contract.behaviour.errors.get(str(exchange.status))
    body = exchange.json
    error = body.get("error") if isinstance(body, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return known is None or not isinstance(kind, str) or kind in known


def _violations(contract: Contract, operation: Operation, exchange: Exchange) -> Iterator[Violation]:
    documented = operation.responses
    response = documented.get(exchange.status or 0) or documented.get(400) or documented.get(404)
    if response is None or response.schema is None:
        return
    value, problem = exchange.parsed
    if problem:
        yield Violation((), "other", "the error envelope, as JSON", f"a body that is {problem.value}")
        return
    validator = contract.validator(response.pointer, operation.api)
    if not validator.is_valid(value):
        yield from validator.violations(value)
