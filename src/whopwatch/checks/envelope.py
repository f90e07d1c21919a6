"""Whether errors come in the documented envelope."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema import Violation
from whopwatch.exchange import Exchange
from whopwatch.finding import Finding, Severity


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
    yield from tally.findings()


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
