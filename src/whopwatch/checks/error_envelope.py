"""Check that errors come in the documented envelope."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.content import shown_media_type
from whopwatch.checks.evidence import Evidence
from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema import Violation, is_enum_value
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule

ERROR_SCHEMA = Rule(
    "envelope/error-schema",
    "D15",
    Severity.HIGH,
    "{expected}",
    "{observed}",
    "{place} of an error does not match the documented error schema",
)
ERROR_MEDIA_TYPE = Rule(
    "envelope/error-media-type",
    "D15",
    Severity.MEDIUM,
    "application/json",
    "{observed}",
    "an error has a JSON body but another media type",
)
ERROR_TYPE = Rule(
    "envelope/error-type",
    "D15",
    Severity.MEDIUM,
    "{expected}",
    "{observed}",
    "the type of an error is not the documented one for status {status}",
)


def error_envelope(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Check every 4xx response, whatever the request, against the error schema of its status."""
    for id, exchanges in evidence.by_operation.items():
        errors = [exchange for exchange in exchanges if 400 <= (exchange.status or 0) < 500]
        for number, exchange in enumerate(errors):
            for rule, location, details in _violations(contract, contract.operations[id], exchange):
                findings.report(
                    rule,
                    id,
                    location,
                    sample=number,
                    exchange=exchange,
                    samples=len(errors),
                    unit="error response",
                    **details,
                )


def _violations(
    contract: Contract, operation: Operation, exchange: Exchange
) -> Iterator[tuple[Rule, str, dict[str, object]]]:
    """Yield each rule that an error breaks, the location, and the details for its words."""
    for violation in _schema_violations(contract, operation, exchange):
        place = violation.location or "the body"
        details: dict[str, object] = {"place": place, "expected": violation.expected, "observed": violation.observed}
        yield ERROR_SCHEMA, violation.location, details
    if exchange.json is not None and exchange.media_type != "application/json":
        yield ERROR_MEDIA_TYPE, "header:content-type", {"observed": shown_media_type(exchange)}
    known = contract.behaviour.errors.get(str(exchange.status))
    kind = _error_type(exchange)
    if known is not None and kind is not None and kind not in known:
        observed = f'"{kind}"' if is_enum_value(kind) else "another type"
        details = {"expected": " or ".join(known), "observed": observed, "status": exchange.status}
        yield ERROR_TYPE, "/error/type", details


def _error_type(exchange: Exchange) -> str | None:
    """Return the type of an error, None if it has none or one that is no string."""
    body = exchange.json
    error = body.get("error") if isinstance(body, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) else None


def _schema_violations(contract: Contract, operation: Operation, exchange: Exchange) -> Iterator[Violation]:
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
