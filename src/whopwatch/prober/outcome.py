"""What one run came to."""

from __future__ import annotations

from collections.abc import Sequence

from whopwatch.core.exchange import Exchange, Failure
from whopwatch.core.finding import Finding, Severity
from whopwatch.metrics import Outcome

_TIMEOUTS = frozenset({Failure.CONNECT_TIMEOUT, Failure.WRITE_TIMEOUT, Failure.READ_TIMEOUT, Failure.DEADLINE})
_NO_CONNECTION = frozenset({Failure.DNS, Failure.CONNECT, Failure.PROXY, Failure.TLS})


def outcome_of(exchange: Exchange, findings: Sequence[Finding], fails_on: Severity) -> Outcome:
    """What the run that ended with `exchange` came to; findings milder than `fails_on` let it succeed."""
    if exchange.failure in _TIMEOUTS:
        return Outcome.TIMEOUT
    if exchange.failure in _NO_CONNECTION:
        return Outcome.CONNECT
    if exchange.status == 429:
        return Outcome.RATE_LIMITED
    if not exchange.ok:
        return Outcome.HTTP_ERROR
    broken = any(finding.severity.rank <= fails_on.rank for finding in findings)
    return Outcome.CONTRACT if broken else Outcome.SUCCESS


def tells_of_contract(exchange: Exchange) -> bool:
    """Whether an answer shows what the API's shapes are: failures of the moment and refused keys do not."""
    status = exchange.status
    return status is not None and status < 500 and status not in (401, 403, 429)
