"""A valid response with one thing broken is flagged there and so; a change that is allowed is not flagged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract, Operation, load
from whopwatch.contract.schema import Violation, pointer_of
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding, Severity
from whopwatch.generate import AllowedChange, Breakage, Strategies, allowed, broken

CONTRACT = load()
STRATEGIES = {api: Strategies(CONTRACT, api) for api in CONTRACT.documents}
READS = st.sampled_from([operation for operation in CONTRACT.reads if operation.success.schema])
THOROUGH = settings(max_examples=150, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def _answer(operation: Operation) -> SearchStrategy[tuple[Operation, Any]]:
    return st.tuples(st.just(operation), STRATEGIES[operation.api].of(operation.success.schema or {}))


def _broken(operation: Operation) -> SearchStrategy[tuple[Operation, Breakage]]:
    return st.tuples(st.just(operation), broken(STRATEGIES[operation.api], operation.success.schema or {}))


def _allowed(operation: Operation) -> SearchStrategy[tuple[Operation, AllowedChange]]:
    return st.tuples(st.just(operation), allowed(STRATEGIES[operation.api], operation.success.schema or {}))


def _violations(operation: Operation, value: Any) -> Iterator[Violation]:
    return CONTRACT.validator(operation.success.pointer, operation.api).violations(value)


def _checked(operation: Operation, value: Any, contract: Contract = CONTRACT) -> list[Finding]:
    """Return the findings of the checks of one body for `value` as the response of `operation`."""
    body = json.dumps(value).encode()
    purpose = Purpose.LIST if operation.is_list else Purpose.RETRIEVE
    headers = (("content-type", "application/json"),)
    exchange = Exchange(operation.id, purpose, "GET", "http://t/x", status=200, headers=headers, body=body)
    evidence = Evidence(contract, [exchange])
    return list(run_checks(contract, evidence, [check for check in CHECKS if check.id in ("schema", "fields")]))


@THOROUGH
@given(READS.flatmap(_broken))
def test_what_is_broken_is_found_at_its_place_and_for_what_it_is(case: tuple[Operation, Breakage]) -> None:
    operation, breakage = case
    if breakage.kind == "prefix":
        oddities = list(schemas_of(CONTRACT).of(operation).undocumented(breakage.value))
        assert [path for path, prefixes in oddities if prefixes] == [breakage.path]
    else:
        found = [(violation.path, violation.kind) for violation in _violations(operation, breakage.value)]
        assert found == [(breakage.path, breakage.kind)]


@THOROUGH
@given(READS.flatmap(_broken))
def test_what_is_broken_becomes_one_finding_of_the_right_class(case: tuple[Operation, Breakage]) -> None:
    operation, breakage = case
    breaking = [finding for finding in _checked(operation, breakage.value) if finding.breaks]
    assert [(finding.drift_class, finding.operation, finding.location) for finding in breaking] == [
        (breakage.drift_class, operation.id, pointer_of(breakage.path))
    ]


@THOROUGH
@given(READS.flatmap(_allowed))
def test_what_is_allowed_breaks_nothing(case: tuple[Operation, AllowedChange]) -> None:
    operation, allowance = case
    assert list(_violations(operation, allowance.value)) == []
    extra = [pointer_of(allowance.path)] if allowance.kind == "extra" else []
    found = _checked(operation, allowance.value)
    assert [(finding.location, finding.drift_class, finding.severity) for finding in found] == [
        (location, "D19", Severity.INFO) for location in extra
    ]


SECRET = "s3cret-value-of-a-customer"  # noqa: S105 - any value of a response


def _tainted(value: Any) -> Any:
    """`value` with every text in it, but for property names, made to hold the secret."""
    if isinstance(value, dict):
        return {name: _tainted(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_tainted(part) for part in value]
    return value + SECRET if isinstance(value, str) else value


@THOROUGH
@given(READS.flatmap(_answer))
def test_no_value_is_ever_quoted(case: tuple[Operation, Any]) -> None:
    operation, value = case
    value = _tainted(value)
    assert all(SECRET not in repr(violation) for violation in _violations(operation, value))
    assert all(SECRET not in repr(finding) for finding in _checked(operation, value))


@pytest.mark.parametrize("event", CONTRACT.events.values(), ids=lambda event: event.name)
def test_a_webhook_is_held_against_its_schema_in_the_same_way(event: Any) -> None:
    validator = CONTRACT.validator(event.pointer)

    @settings(THOROUGH, max_examples=4)
    @given(broken(STRATEGIES["v1"], event.schema), allowed(STRATEGIES["v1"], event.schema))
    def held(breakage: Breakage, allowance: AllowedChange) -> None:
        assert validator.is_valid(allowance.value)
        if breakage.kind != "prefix":
            found = [(violation.path, violation.kind) for violation in validator.violations(breakage.value)]
            assert found == [(breakage.path, breakage.kind)]

    held()
