"""The check of media types and bodies."""

from __future__ import annotations

import pytest

from tests.checks.support import exchange, found, rules
from whopwatch.checks.responses import BODY_PROBLEMS
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity

HEADER = "header:content-type"
TYPES = [
    ("application/json", None, ""),
    ('application/json; charset="UTF-8"', None, ""),
    ("application/json; charset=utf8; x=y", None, ""),
    ("application/json; charset=latin-1", "charset", "D12"),
    ("application/json; charset=utf-16; x=y", "charset", "D12"),
    ("text/html", "media-type", "D16"),
]


@pytest.mark.parametrize(("value", "rule", "drift_class"), TYPES)
def test_media_type_and_charset(contract: Contract, value: str, rule: str | None, drift_class: str) -> None:
    findings = found(contract, "content", exchange("plans.list", {}, headers=(("content-type", value),)))

    assert rules(findings) == ([(rule, HEADER)] if rule else [])
    assert [one.drift_class for one in findings] == ([drift_class] if rule else [])


@pytest.mark.parametrize(
    ("headers", "observed"),
    [
        ((), "no media type"),
        ((("content-type", "text/plain"),), '"text/plain"'),
        ((("content-type", "Jane Doe"),), "another media type"),
    ],
)
def test_a_missing_media_type_is_not_called_another_one(
    contract: Contract, headers: tuple[tuple[str, str], ...], observed: str
) -> None:
    (finding,) = found(contract, "content", exchange("plans.list", {}, headers=headers))

    assert (finding.expected, finding.observed) == ("application/json", observed)


BODIES = {
    "empty": (b" ", "D16"),
    "not-json": (b"{", "D16"),
    "not-utf8": (b'"\xff"', "D12"),
    "nan-or-infinity": (b"NaN", "D12"),
    "duplicate-key": (b'{"a": 1, "a": 1}', "D12"),
    "too-deep": (b"[" * 99 + b"]" * 99, "D12"),
    "too-many-values": (b"[" + b"0," * 100_000 + b"0]", "D12"),
}


@pytest.mark.parametrize(("rule", "body", "drift_class"), [(rule, *row) for rule, row in BODIES.items()])
def test_a_body_that_is_not_json_is_found(contract: Contract, rule: str, body: bytes, drift_class: str) -> None:
    (finding,) = found(contract, "content", exchange("plans.list", body=body), exchange("plans.list", {}))

    assert (finding.rule, finding.location, finding.drift_class) == (f"content/{rule}", "", drift_class)
    assert (finding.severity, finding.violations, finding.samples) == (Severity.HIGH, 1, 2)


def test_every_problem_of_a_body_has_a_rule() -> None:
    assert {problem.value for problem in BODY_PROBLEMS} == BODIES.keys()


@pytest.mark.parametrize(
    "made",
    [
        exchange("plans.delete", body=b"", status=204, headers=()),
        exchange("plans.list", body=b"", status=500),
        exchange("plans.list", body=b"", purpose=Purpose.UNKNOWN_ID),
        exchange("plans.list", body=b"", purpose=Purpose.NO_KEY, credential="none"),
    ],
    ids=["204", "no success", "invalid request", "no key"],
)
def test_other_responses_need_no_body(contract: Contract, made: Exchange) -> None:
    assert found(contract, "content", made) == []
