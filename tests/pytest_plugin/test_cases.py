"""What a contract test concludes from an observation."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.reports import samples
from whopwatch.checks.registry import CHECK_GROUPS, CHECKS, WHOLE_TARGET
from whopwatch.core.exchange import Purpose
from whopwatch.core.report import OperationResult, State
from whopwatch.pytest_plugin.cases import Case, SessionRun

REQUESTED = frozenset({("users.list", str(Purpose.LIST)), ("users.list", str(Purpose.NO_KEY))})
RUN = SessionRun(samples.report(), REQUESTED)
SCHEMA = CHECK_GROUPS["schema"].checks


def test_every_check_is_in_exactly_one_group() -> None:
    grouped = [name for group in CHECK_GROUPS.values() for name in group.checks]
    grouped += [name for checks in WHOLE_TARGET.values() for name in checks]
    assert Counter(grouped) == Counter(check.id for check in CHECKS)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case("schema", SCHEMA, "courses.list"), "the list is empty"),
        (Case("answer", (), "products.create"), "read-only"),
        (Case("schema", SCHEMA, "plans.list"), "not observed"),
        (Case("twins", ("twins",), "users.retrieve", (("plans.list", str(Purpose.LIST)),)), "was not sent"),
        (Case("authentication", ("authentication",), None, (("", str(Purpose.WRONG_KEY)),)), "was not sent"),
    ],
    ids=lambda value: value.id if isinstance(value, Case) else None,
)
def test_what_was_not_seen_is_skipped_with_its_reason(case: Case, reason: str) -> None:
    with pytest.raises(pytest.skip.Exception, match=reason):
        case.bind(RUN, print).check()


@pytest.mark.parametrize(
    "case",
    [
        Case("schema", SCHEMA, "users.retrieve"),
        Case("answer", ("status",), "products.list"),
        Case("twins", ("twins",), "users.retrieve", (("users.list", str(Purpose.LIST)),)),
        Case("authentication", ("authentication",), None, (("", str(Purpose.NO_KEY)),)),
    ],
    ids=lambda case: case.id,
)
def test_what_was_seen_and_is_right_passes(case: Case) -> None:
    case.bind(RUN, print).check()


def test_a_finding_fails_the_group_of_its_check_and_is_described() -> None:
    case = Case("schema", ("response-schema",), "products.list")
    with pytest.raises(pytest.fail.Exception) as caught:
        case.bind(RUN, print).check()
    said = str(caught.value)
    assert said.startswith("products.list: 2 findings\n")
    assert "critical: required-field-removed (D5) at /data/*/title" in said
    assert samples.FINDINGS[0].fingerprint in said


def test_a_drifting_operation_without_any_sample_verifies_nothing_else() -> None:
    row = OperationResult("plans.list", "GET", "/plans", State.DRIFT, None, 2, 0)
    record = SessionRun(samples.report(operations=(row,)), REQUESTED)
    with pytest.raises(pytest.skip.Exception, match="no response to check"):
        Case("schema", SCHEMA, "plans.list").bind(record, print).check()
