"""Whether a success answer is JSON, and says so."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.checks.evidence import MISTAKES, Evidence
from whopwatch.checks.tally import Tally
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import Finding, Severity
from whopwatch.core.strict_json import BodyProblem

PROBLEMS = {
    BodyProblem.EMPTY: ("D16", "an empty body"),
    BodyProblem.NOT_JSON: ("D16", "a body that is not JSON"),
    BodyProblem.NOT_UTF8: ("D12", "bytes that are not UTF-8"),
    BodyProblem.NOT_A_NUMBER: ("D12", "NaN or Infinity, which JSON does not have"),
    BodyProblem.DUPLICATE_KEY: ("D12", "an object that has a key twice"),
    BodyProblem.TOO_DEEP: ("D12", "arrays and objects nested deeper than anything documented"),
}

NO_CONTENT = 204


def content(contract: Contract, evidence: Evidence) -> Iterator[Finding]:
    """Media type, charset and readability of every success answer but 204, which has neither by definition."""
    tally = Tally("content")
    for operation, exchanges in evidence.by_operation.items():
        plain = [exchange for exchange in exchanges if exchange.purpose not in MISTAKES]
        answered = [e for e in plain if e.ok and e.credential == "key" and e.status != NO_CONTENT]
        for number, exchange in enumerate(answered):
            found = _media_type(exchange, contract.operations[operation].success.media_types) or _body(exchange)
            if found:
                drift_class, location, expected, observed, what = found
                tally.add(
                    drift_class,
                    Severity.HIGH,
                    operation,
                    location,
                    expected=expected,
                    observed=observed,
                    what=what,
                    witness=number,
                    samples=len(answered),
                )
    yield from tally.findings()


def _media_type(exchange: Exchange, documented: tuple[str, ...]) -> tuple[str, str, str, str, str] | None:
    expected = " or ".join(documented) or "no body"
    if documented and exchange.media_type not in documented:
        observed = "another media type" if exchange.media_type else "no media type"
        return "D16", "header:content-type", expected, observed, f"the answer's media type is not {expected}"
    parameters = (exchange.header("content-type") or "").lower().partition(";")[2]
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "')
    if charset not in ("", "utf-8", "utf8"):
        return "D12", "header:content-type", "UTF-8", "another charset", "the answer's charset is not UTF-8"
    return None


def _body(exchange: Exchange) -> tuple[str, str, str, str, str] | None:
    problem = exchange.parsed[1]
    if problem is None:
        return None
    drift_class, observed = PROBLEMS[problem]
    return drift_class, "", "a JSON document", observed, f"the answer has {observed}"
