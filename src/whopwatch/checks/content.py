"""Check that a success response is JSON, and says so."""

from __future__ import annotations

import re
from collections.abc import Mapping

from whopwatch.checks.collector import FindingCollector
from whopwatch.checks.evidence import INVALID_REQUESTS, Evidence
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Severity
from whopwatch.core.rule import Rule, shown_value
from whopwatch.core.strict_json import MAX_BODY_VALUES, BodyProblem

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
