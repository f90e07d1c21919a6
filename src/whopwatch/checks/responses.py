"""Check responses: complete, in time, a documented status, JSON announced as such, errors in the documented form.

An unreachable host is no drift; the verdict reports it. A slow machine or a slow line slows everything down, so only
an operation that is slow in every response, beside others that are not, is reported, and only as info.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import INVALID_REQUESTS, Evidence
from whopwatch.checks.rejections import INVALID_REQUEST_KINDS
from whopwatch.contract import Contract, Operation
from whopwatch.contract.schema import Violation, is_enum_value
from whopwatch.core.exchange import Exchange, Failure, rate_policies
from whopwatch.core.finding import Rule, Severity, Source, shown_value
from whopwatch.core.strict_json import MAX_BODY_VALUES, BodyProblem

MIN_SLOW_SECONDS = 0.5
"""Seconds that any response may take."""
SLOW_FACTOR = 10
"""Times the median of the other operations that a response may take."""
MIN_RESPONSES, MIN_OPERATIONS = 3, 10
"""Responses of the operation, and operations in all, without which nothing is concluded."""
MAX_SLOW_SHARE = 0.1
"""Share of operations that may be slow before the whole target, or the line to it, is slow."""
SLOW = Rule(
    "latency/slow",
    "D22",
    Severity.INFO,
    "responses about as fast as those of {others} other operations",
    "none within {seconds} s",
    "every response takes more than {factor} times the median of the other operations",
    Source.LIVE_LIVE,
)


def _rule(failure: Failure, sentence: str, drift_class: str = "D22", severity: Severity = Severity.MEDIUM) -> Rule:
    return Rule(f"wire/{failure.value}", drift_class, severity, "a complete response", failure.value, sentence)


FAILURES: Mapping[Failure, tuple[Rule, str]] = {
    Failure.WRITE_TIMEOUT: (_rule(Failure.WRITE_TIMEOUT, "the request was not accepted in time"), "status"),
    Failure.READ_TIMEOUT: (_rule(Failure.READ_TIMEOUT, "no response arrived in time"), "status"),
    Failure.DEADLINE: (_rule(Failure.DEADLINE, "the response was not complete in time"), "status"),
    Failure.RESET: (_rule(Failure.RESET, "the connection was closed before the response"), "status"),
    Failure.INCOMPLETE: (_rule(Failure.INCOMPLETE, "the body ended before its announced length"), ""),
    Failure.PROTOCOL: (_rule(Failure.PROTOCOL, "the response is not HTTP"), "status"),
    Failure.TOO_LARGE: (_rule(Failure.TOO_LARGE, "the body is larger than a client should accept"), ""),
    Failure.HEADERS_TOO_LARGE: (
        _rule(Failure.HEADERS_TOO_LARGE, "the headers are larger than a client should accept"),
        "status",
    ),
    Failure.ENCODING: (
        _rule(Failure.ENCODING, "the body does not have the encoding it announces", "D16", Severity.HIGH),
        "header:content-encoding",
    ),
}
"""The rule that each failure of a transfer breaks, and the location. A failure to connect breaks none."""


def transport_errors(_: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report each kind of failed transfer once for each operation."""
    for operation, exchanges in evidence.by_operation.items():
        for number, exchange in enumerate(exchanges):
            if exchange.failure and exchange.failure in FAILURES:
                rule, location = FAILURES[exchange.failure]
                findings.report(
                    rule, operation, location, sample=number, exchange=exchange, samples=len(exchanges), unit="request"
                )


def latency(_: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report operations whose fastest response is slow beside the median of the others."""
    from statistics import median  # probes have no check of the latency

    times = {
        id: sorted(success.exchange.phases.total for success in responses)
        for id, responses in evidence.responses.items()
    }
    usual = {id: median(seconds) for id, seconds in times.items()}
    slow = {
        id
        for id, seconds in times.items()
        # The fastest response counts: a single slow one is an accident.
        if len(seconds) >= MIN_RESPONSES
        and seconds[0] > MIN_SLOW_SECONDS
        and seconds[0] > SLOW_FACTOR * median([other for name, other in usual.items() if name != id] or [seconds[0]])
    }
    if len(times) < MIN_OPERATIONS or len(slow) > MAX_SLOW_SHARE * len(times):
        return
    for id in slow:
        findings.report(
            SLOW,
            id,
            "status",
            sample=0,
            samples=len(times[id]),
            others=len(times) - 1,
            seconds=MIN_SLOW_SECONDS,
            factor=SLOW_FACTOR,
        )


GONE_STATUSES = (405, 410, 501)
"""Statuses of an operation that does not exist. 501 is no failure of the server, although it is a 5xx."""

SERVER_ERROR = Rule(
    "status/server-error", "D14", Severity.HIGH, "{success}", "{status}", "the server fails with status {status}"
)
SERVER_ERROR_ON_INVALID = Rule(
    "status/server-error-on-invalid",
    "D15",
    Severity.HIGH,
    "a documented error",
    "{status}",
    "it fails with status {status} instead of rejecting an invalid request",
)
UNDOCUMENTED_SUCCESS = Rule(
    "status/undocumented-success",
    "D14",
    Severity.MEDIUM,
    "{success}",
    "{status}",
    "success status {status} is not documented",
)
REDIRECT = Rule(
    "status/redirect",
    "D22",
    Severity.MEDIUM,
    "{success}",
    "{status}",
    "status {status} redirects the client; whopwatch did not follow it",
)
OPERATION_GONE = Rule(
    "status/operation-gone",
    "D1",
    Severity.CRITICAL,
    "{success}",
    "{status}",
    "status {status} says that the operation does not exist",
)
UNDOCUMENTED_STATUS = Rule(
    "status/undocumented-error",
    "D15",
    Severity.HIGH,
    "a documented status",
    "{status}",
    "status {status} is not documented",
)
RATE_LIMITED_EARLY = Rule(
    "status/rate-limited-early",
    "D22",
    Severity.MEDIUM,
    "no 429 below the documented limit",
    "{status}",
    "it returns 429 below the documented rate limit",
)


def documented_status(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Report undocumented statuses, server errors, redirects, and a rate limit below the documented one."""
    for id, exchanges in evidence.by_operation.items():
        operation = contract.operations[id]
        # Without a documented limit, no 429 is early.
        documented = contract.documents[operation.api].get("x-rate-limit", {})
        limit = documented.get("requests", 0)
        _report_lower_limit(operation, exchanges, documented, findings)
        spent = len(exchanges) + spent_by_others(exchanges)
        for number, exchange in enumerate(exchanges):
            rule = _broken_rule(contract, operation, exchange)
            if rule is None and exchange.status == 429 and spent < limit:
                rule = RATE_LIMITED_EARLY
            if rule:
                findings.report(
                    rule,
                    id,
                    "status",
                    sample=number,
                    exchange=exchange,
                    samples=len(exchanges),
                    unit="request",
                    status=exchange.status,
                    success=operation.success.status,
                )


def _report_lower_limit(
    operation: Operation, exchanges: Sequence[Exchange], documented: Mapping[str, int], findings: FindingCollector
) -> None:
    """Report a RateLimit-Policy of fewer requests in a time than documented. Other headers do not say in which time."""
    expected = 60 * documented.get("requests", 0) / documented.get("seconds", 60)
    with_key = [one for one in exchanges if one.credential == "key"]
    for number, exchange in enumerate(with_key):
        announced = announced_rate(exchange)
        if announced is not None and announced < expected:
            findings.report(
                RATE_LIMIT_LOWERED,
                operation.id,
                "header:ratelimit-policy",
                sample=number,
                exchange=exchange,
                samples=len(with_key),
                unit="response",
                expected=f"{expected:g}",
                observed=f"{announced:.4g}",
            )


def announced_rate(exchange: Exchange) -> float | None:
    """Return the requests a minute that the header RateLimit-Policy allows, the lowest of several; None without one."""
    policies = rate_policies(exchange.header("ratelimit-policy") or "")
    return min((60 * requests / seconds for requests, seconds in policies if seconds), default=None)


def spent_by_others(exchanges: Sequence[Exchange]) -> int:
    """Return how many requests others sent with the same key, as far as the rate-limit headers of a run show it.

    That is what was spent before the first response, and each fall of `remaining` by more than the one request.
    """
    spent, before = 0.0, None
    for exchange in exchanges:
        remaining = exchange.rate_limit("remaining")
        if remaining is None:
            continue
        if before is None:
            before = exchange.rate_limit("limit") or remaining
        spent += max(before - remaining - 1, 0.0)
        before = remaining
    return int(spent)


def _broken_rule(contract: Contract, operation: Operation, exchange: Exchange) -> Rule | None:
    status = exchange.status
    if status is None or (status in operation.responses and status < 500):
        return None
    if status >= 500 and status not in GONE_STATUSES:
        is_valid = exchange.purpose not in INVALID_REQUESTS and exchange.credential == "key"
        return SERVER_ERROR if is_valid else SERVER_ERROR_ON_INVALID
    if exchange.credential != "key":
        return None  # the check of authentication judges these
    if 200 <= status < 300:
        # The check of invalid requests reports any success response to one of them.
        return None if exchange.purpose in INVALID_REQUEST_KINDS else UNDOCUMENTED_SUCCESS
    if 300 <= status < 400:
        return REDIRECT
    if status in GONE_STATUSES:
        return OPERATION_GONE
    # The edition may declare rejections that the documents of the operation leave out.
    return None if str(status) in contract.behaviour.errors else UNDOCUMENTED_STATUS


RATE_LIMIT_LOWERED = Rule(
    "status/rate-limit-lowered",
    "D22",
    Severity.MEDIUM,
    "{expected} requests a minute",
    "{observed} requests a minute",
    "the rate limit that it announces is below the documented one",
)
NO_CONTENT = 204
_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}", re.ASCII)
_CHARSET = re.compile(r"[a-z0-9_-]{1,20}", re.ASCII)
OTHER_MEDIA_TYPE = Rule(
    "content/media-type", "D16", Severity.HIGH, "{expected}", "{observed}", "the media type is not {expected}"
)
OTHER_CHARSET = Rule("content/charset", "D12", Severity.HIGH, "UTF-8", "{charset}", "the charset is not UTF-8")


def _body_rule(problem: BodyProblem, drift_class: str, observed: str) -> Rule:
    sentence = f"the response has {observed}"
    return Rule(f"content/{problem.value}", drift_class, Severity.HIGH, "a JSON document", observed, sentence)


BODY_PROBLEMS: Mapping[BodyProblem, Rule] = {
    BodyProblem.EMPTY: _body_rule(BodyProblem.EMPTY, "D16", "an empty body"),
    BodyProblem.NOT_JSON: _body_rule(BodyProblem.NOT_JSON, "D16", "a body that is not JSON"),
    BodyProblem.NOT_UTF8: _body_rule(BodyProblem.NOT_UTF8, "D12", "bytes that are not UTF-8"),
    BodyProblem.NOT_A_NUMBER: _body_rule(BodyProblem.NOT_A_NUMBER, "D12", "NaN or Infinity, which JSON does not have"),
    BodyProblem.DUPLICATE_KEY: _body_rule(BodyProblem.DUPLICATE_KEY, "D12", "an object with a key twice"),
    BodyProblem.TOO_DEEP: _body_rule(
        BodyProblem.TOO_DEEP, "D12", "arrays and objects nested deeper than anything documented"
    ),
    BodyProblem.TOO_MANY_VALUES: _body_rule(
        BodyProblem.TOO_MANY_VALUES, "D12", f"more than {MAX_BODY_VALUES:,} values, so it was not checked"
    ),
}
"""The rule that each problem of a body breaks."""


def content(contract: Contract, evidence: Evidence, findings: FindingCollector) -> None:
    """Check media type, charset and JSON of every success response; a 204 has no body."""
    for id, exchanges in evidence.by_operation.items():
        documented = contract.operations[id].success.media_types
        valid = [exchange for exchange in exchanges if exchange.purpose not in INVALID_REQUESTS]
        successes = [one for one in valid if one.ok and one.credential == "key" and one.status != NO_CONTENT]
        for number, exchange in enumerate(successes):
            problem = exchange.parsed[1]
            if problem is BodyProblem.EMPTY and not documented:
                problem = None  # no body is documented
            rule = _broken_header_rule(exchange, documented) or (BODY_PROBLEMS[problem] if problem else None)
            if rule:
                findings.report(
                    rule,
                    id,
                    "header:content-type" if rule in (OTHER_MEDIA_TYPE, OTHER_CHARSET) else "",
                    sample=number,
                    exchange=exchange,
                    samples=len(successes),
                    expected=" or ".join(documented) or "no body",
                    observed=shown_media_type(exchange),
                    charset=shown_value(_charset(exchange), _CHARSET, "another charset"),
                )


def shown_media_type(exchange: Exchange) -> str:
    """Return the media type of a response for a finding."""
    return (
        shown_value(exchange.media_type, _MEDIA_TYPE, "another media type") if exchange.media_type else "no media type"
    )


def _charset(exchange: Exchange) -> str:
    parameters = (exchange.header("content-type") or "").lower().partition(";")[2]
    return parameters.partition("charset=")[2].partition(";")[0].strip(' "')


def _broken_header_rule(exchange: Exchange, documented: tuple[str, ...]) -> Rule | None:
    if documented and exchange.media_type not in documented:
        return OTHER_MEDIA_TYPE
    return None if _charset(exchange) in ("", "utf-8", "utf8") else OTHER_CHARSET


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
    kind = exchange.error.get("type")
    return kind if isinstance(kind, str) else None


def _schema_violations(contract: Contract, operation: Operation, exchange: Exchange) -> Iterator[Violation]:
    documented = operation.responses
    # The errors of an operation share one envelope, also at a status that is not documented.
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
