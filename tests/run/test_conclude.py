"""From evidence to states, a verdict and a reason: every state, every verdict, every reason once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from whopwatch.checks import FailedCheck
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Failure, Phases, Purpose
from whopwatch.core.finding import Confidence, Finding, FindingState, Severity
from whopwatch.core.report import OperationResult, Report, State, Verdict
from whopwatch.planning.state import StepFailure
from whopwatch.reports.text import checks_line, requests_line
from whopwatch.run import INTERRUPTED, judge
from whopwatch.run.conclude import (
    ALL_EMPTY,
    EMPTY_LIST_REASON,
    NO_COMPANY,
    NO_ID,
    NOT_SELECTED,
    READ_ONLY,
    RowEvidence,
    conclude,
    failed_inside,
    median_latency,
    sample_count,
)
from whopwatch.run.observation import Observation, Written

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
JSON = (("content-type", "application/json"),)
EMPTY_PAGE = {
    "data": [],
    "page_info": {"has_next_page": False, "has_previous_page": False, "start_cursor": None, "end_cursor": None},
}


def finding(operation: str, severity: Severity = Severity.HIGH, state: FindingState | None = None) -> Finding:
    return Finding("D5", "schema", severity, operation, "/x", "a", "b", "c", 3, 3, Confidence.CONFIRMED, state=state)


def seen(id: str, **facts: Any) -> RowEvidence:
    return RowEvidence(id, "GET", f"/{id}", **{"samples": 1, "requests": 1, **facts})


def report(*rows: RowEvidence, findings: tuple[Finding, ...] = (), **facts: Any) -> Report:
    return conclude(rows, findings, target="t", started_at=NOON, seconds=1.0, **facts)


def row(made: Report, id: str) -> OperationResult:
    return next(row for row in made.operations if row.id == id)


def exchange(id: str, status: int | None = 200, body: object = None, **facts: Any) -> Exchange:
    purpose = facts.pop("purpose", Purpose.LIST if id.endswith(".list") else Purpose.RETRIEVE)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    values = {"status": status, "headers": JSON, "body": raw, **facts}
    return Exchange(id, purpose, "GET", f"https://api.example/{id}", **values)


def observation(*exchanges: Exchange, selected: tuple[str, ...], **facts: Any) -> Observation:
    values: Mapping[str, Any] = {"budget": 600, "sent": len(exchanges), "unsafe": 0, "seconds": 1.0, **facts}
    return Observation(exchanges, frozenset(selected), started_at="2026-01-31T12:00:00Z", findings=(), **values)


def test_a_breaking_finding_outweighs_the_scope_and_the_samples() -> None:
    made = report(seen("a", excluded="out of scope"), seen("b"), findings=(finding("a"), finding("b")))
    assert [(row.state, row.reason) for row in made.operations] == [(State.DRIFT, None), (State.DRIFT, None)]


def test_what_is_out_of_scope_is_not_covered_even_if_it_was_seen() -> None:
    made = report(seen("a", excluded="out of scope"), seen("b"))
    assert (row(made, "a").state, row(made, "a").reason) == (State.NOT_COVERED, "out of scope")
    assert row(made, "a").samples == 1


def test_without_a_sample_nothing_is_verified() -> None:
    made = report(seen("a", samples=0, unverified="403: no", unverified_group="403"), seen("b"))
    unseen = row(made, "a")
    assert (unseen.state, unseen.reason, unseen.reason_group) == (State.COULD_NOT_CHECK, "403: no", "403")
    assert (row(made, "b").state, row(made, "b").reason) == (State.VERIFIED, None)


def test_a_reason_is_only_shown_where_it_applies() -> None:
    made = report(seen("a", unverified="403: no", unverified_group="403"))
    assert (row(made, "a").reason, row(made, "a").reason_group) == (None, None)


@pytest.mark.parametrize(
    ("findings", "facts", "verdict", "reason"),
    [
        ((), {}, Verdict.CLEAN, None),
        ((finding("a", Severity.INFO),), {}, Verdict.CLEAN, None),
        ((finding("a", state=FindingState.ACCEPTED),), {}, Verdict.CLEAN, None),
        ((finding("a", Severity.LOW),), {}, Verdict.DRIFT, None),
        ((finding("elsewhere"),), {}, Verdict.DRIFT, None),
        ((), {"incomplete": "interrupted"}, Verdict.COULD_NOT_CHECK, "interrupted"),
        ((finding("a"),), {"incomplete": "interrupted"}, Verdict.DRIFT, "interrupted"),
    ],
)
def test_the_verdict_on_a_run_with_responses(
    findings: tuple[Finding, ...], facts: dict[str, str], verdict: Verdict, reason: str | None
) -> None:
    made = report(seen("a"), findings=findings, **facts)
    assert (made.verdict, made.reason) == (verdict, reason)


def test_a_run_that_verified_nothing_says_what_most_operations_share() -> None:
    rows = [seen(f"r{n}", samples=0, unverified="403: no") for n in range(3)]
    made = report(*rows, seen("s", samples=0, unverified="404: no"))
    assert made.verdict is Verdict.COULD_NOT_CHECK
    assert made.reason == "nothing was verified; 3 of 4 operations: 403: no"


def test_a_run_that_verified_nothing_may_bring_its_own_reason() -> None:
    made = report(seen("a", samples=0), nothing="no delivery arrived")
    assert (made.verdict, made.reason) == (Verdict.COULD_NOT_CHECK, "no delivery arrived")


def test_a_run_of_empty_lists_alone_says_so() -> None:
    made = report(*(seen(id, samples=0, unverified=EMPTY_LIST_REASON) for id in "ab"))
    assert (made.verdict, made.reason) == (Verdict.COULD_NOT_CHECK, ALL_EMPTY)


def test_a_run_about_nothing_verified_nothing() -> None:
    made = report(seen("a", excluded="out of scope", samples=0))
    assert (made.verdict, made.reason) == (
        Verdict.COULD_NOT_CHECK,
        "no operation that can be checked was selected. Check --only, --resource, --operation and --exclude",
    )


def test_all_reports_write_the_time_the_same_way() -> None:
    made = report(seen("a"))
    assert made.to_json()["started_at"] == "2026-01-31T12:00:00Z"
    assert made.version


def test_latency_is_a_median_and_none_without_a_request() -> None:
    timed = [replace(exchange("a"), phases=Phases(total=seconds)) for seconds in (0.5, 0.1, 0.3)]
    assert median_latency(timed) == 0.3
    assert median_latency([]) is None


@pytest.mark.parametrize(
    ("status", "body", "count"),
    [
        (200, {"data": [{}, {}], "page_info": {}}, 2),
        (200, EMPTY_PAGE, 0),
        (200, {"id": "x", "data": [1, 2]}, 1),
        (200, {}, 0),
        (403, {"error": {}}, 0),
    ],
)
def test_samples_of_a_response(status: int, body: object, count: int) -> None:
    assert sample_count(exchange("products.list", status, body)) == count


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (exchange("products.retrieve", 400, {}), "400: the API rejected the request"),
        (exchange("products.retrieve", 401, {}), "401: the API rejected the key for this operation; required perm"),
        (exchange("products.retrieve", 403, {}), "403: the key lacks a permission; required permission: "),
        (exchange("products.retrieve", 404, {}), "404: not found"),
        (exchange("products.retrieve", 422, {}), "422: the account must be verified first"),
        (exchange("products.retrieve", 422, {"error": {"param": "zip"}}), "422: the API rejected the request"),
        (exchange("products.retrieve", 429, {}), "429: rate limited"),
        (exchange("products.retrieve", 409, {}), "409: the response has nothing to check"),
        (exchange("products.retrieve", 403, b"<html>"), "403: the response is not JSON"),
        (exchange("products.list", 200, EMPTY_PAGE), EMPTY_LIST_REASON),
        (exchange("products.list", None, failure=Failure.CONNECT), "no response: connection refused"),
        (exchange("products.list", None, failure=Failure.RESET), "no response: reset"),
        (exchange("products.list", 404, {}, purpose=Purpose.UNKNOWN_ID), "no request got a successful response"),
    ],
)
def test_why_an_operation_that_was_requested_is_not_verified(contract: Contract, sent: Exchange, reason: str) -> None:
    made = judge(contract, observation(sent, selected=(sent.operation,)), "t")
    found = row(made, sent.operation)
    assert found.state is State.COULD_NOT_CHECK
    assert (found.reason or "").startswith(reason)


def test_every_id_that_was_tried_is_in_the_reason_for_404(contract: Contract) -> None:
    twice = [exchange("products.retrieve", 404, {})] * 2
    made = judge(contract, observation(*twice, selected=("products.retrieve",)), "t")
    assert row(made, "products.retrieve").reason == "404: not found, with every id that was tried"


@pytest.mark.parametrize(
    ("facts", "reason", "group"),
    [
        ({"stopped": INTERRUPTED}, f"not requested: {INTERRUPTED}", None),
        ({"stopped": "No request got a response.", "unusable": True}, "No request got a response.", None),
        ({"reached": False}, "not requested: the budget of 600 requests is too small", None),
        ({"missing": {"products.retrieve": "companies"}}, NO_COMPANY, None),
        ({"missing": {"products.retrieve": "products"}}, "not requested: no list returned an id of products", NO_ID),
        ({}, "not requested", None),
    ],
)
def test_why_an_operation_was_not_requested(
    contract: Contract, facts: dict[str, Any], reason: str, group: str | None
) -> None:
    found = row(judge(contract, observation(selected=("products.retrieve",), **facts), "t"), "products.retrieve")
    assert (found.state, found.reason, found.reason_group) == (State.COULD_NOT_CHECK, reason, group)


def test_scopes_are_no_part_of_a_groups_reason(contract: Contract) -> None:
    made = judge(contract, observation(exchange("products.retrieve", 403, {}), selected=("products.retrieve",)), "t")
    assert row(made, "products.retrieve").reason_group == "403: the key lacks a permission"


def test_writes_and_what_was_not_selected_are_out_of_scope(contract: Contract) -> None:
    made = judge(contract, observation(selected=("products.list", "products.create")), "t")
    assert row(made, "products.create").reason == READ_ONLY
    assert row(made, "products.retrieve").reason == NOT_SELECTED


def test_a_write_that_was_left_out_of_a_writing_run_says_why(contract: Contract) -> None:
    written = Written({"products.create": "it charges money"}, {"products": 1})
    made = judge(contract, observation(selected=("products.create",), written=written), "t")
    assert (row(made, "products.create").state, row(made, "products.create").reason) == (
        State.NOT_COVERED,
        "it charges money",
    )
    assert made.to_json()["left"] == {"products": 1}


def test_a_budget_that_left_operations_out_is_not_clean(contract: Contract) -> None:
    one = exchange("products.list", 200, {**EMPTY_PAGE, "data": [{"id": "prod_x"}]})
    made = judge(contract, observation(one, selected=("products.list", "products.retrieve"), reached=False), "t")
    assert made.verdict is Verdict.COULD_NOT_CHECK
    assert made.reason == (
        "the budget of 600 requests is too small: 1 operation could not be requested. "
        "Raise --budget, or select fewer operations"
    )
    enough = judge(contract, observation(one, selected=("products.list", "products.retrieve")), "t")
    assert "budget" not in (enough.reason or "")


def test_a_missing_company_id_is_not_clean(contract: Contract) -> None:
    one = exchange("products.list", 200, {**EMPTY_PAGE, "data": [{"id": "prod_x"}]})
    made = judge(
        contract,
        observation(one, selected=("products.list", "plans.list"), missing={"plans.list": "companies"}),
        "t",
    )
    assert made.verdict is Verdict.COULD_NOT_CHECK
    assert "WHOP_COMPANY_ID" in (made.reason or "")


def test_empty_lists_beside_an_object_are_not_clean(contract: Contract) -> None:
    exchanges = (exchange("products.list", 200, EMPTY_PAGE), exchange("companies.retrieve", 200, {"id": "biz_x"}))
    made = judge(contract, observation(*exchanges, selected=("products.list", "companies.retrieve")), "t")
    assert row(made, "companies.retrieve").state is State.VERIFIED
    assert (made.verdict, made.reason) == (Verdict.COULD_NOT_CHECK, ALL_EMPTY)


@pytest.mark.parametrize(
    ("count", "named", "more"), [(1, 1, ""), (5, 5, ""), (6, 5, " and 1 more"), (9, 5, " and 4 more")]
)
def test_of_many_failures_inside_five_are_named_once(count: int, named: int, more: str) -> None:
    checks = [FailedCheck(f"c{number}", "KeyError") for number in range(count)]
    steps = [StepFailure(f"s{number}", f"{place}.list", "ValueError") for number in range(count) for place in "ab"]
    names = [
        ", ".join(f"{letter}{n} ({error})" for n in range(named))
        for letter, error in (("c", "KeyError"), ("s", "ValueError"))
    ]
    assert failed_inside(checks, steps) == (
        f"checks failed inside whopwatch: {names[0]}{more}; planning steps failed inside whopwatch: {names[1]}{more}. "
        "This is a bug in whopwatch; everything else was checked"
    )
    assert failed_inside([], []) is None


@pytest.mark.parametrize(("count", "named", "more"), [(1, 1, ""), (6, 6, ""), (7, 6, " and 1 more")])
def test_of_many_denied_operations_six_are_named(count: int, named: int, more: str) -> None:
    made = report(seen("a"), *[seen(f"o{number}.list", samples=0, denied=True) for number in range(count)])
    names = ", ".join(f"o{number}.list" for number in range(named)) + more
    assert f"to this key: {names}. Grant the permissions" in (made.reason or "")


def test_findings_of_operations_that_only_lent_their_ids_do_not_count(contract: Contract) -> None:
    two = observation(exchange("companies.retrieve", 200, {"id": "biz_x"}), selected=("companies.retrieve",))
    made = judge(contract, replace(two, findings=(finding("products.list"),)), "t")
    assert (made.findings, made.verdict) == ((), Verdict.CLEAN)


def test_findings_at_a_target_that_is_no_api_do_not_count(contract: Contract) -> None:
    broken = observation(exchange("products.list", 200, b"<html>"), selected=("products.list",))
    broken = replace(broken, findings=(finding("products.list"),), stopped="It is a web page.", unusable=True)
    made = judge(contract, broken, "t")
    assert (made.findings, made.verdict, made.reason) == ((), Verdict.COULD_NOT_CHECK, "It is a web page.")


def test_a_scope_of_ones_own_replaces_the_selection(contract: Contract) -> None:
    one = observation(exchange("companies.retrieve", 200, {"id": "biz_x"}), selected=("companies.retrieve",))
    made = judge(contract, one, "t", excluded=lambda operation: f"no {operation.id}")
    assert {row.reason for row in made.operations} == {f"no {row.id}" for row in made.operations}


def test_a_verified_row_says_how_many_of_its_checks_had_a_request(contract: Contract) -> None:
    one = exchange("products.list", 200, {**EMPTY_PAGE, "data": [{"id": "prod_x"}]})
    found = row(judge(contract, observation(one, selected=("products.list",)), "t"), "products.list").to_json()
    assert 0 < found["checks_done"] < found["checks_total"]
    assert found["checks_total"] - found["checks_done"] == len(found["checks_open"])
    assert {"authentication", "queries", "walking", "refusals"} <= set(found["checks_open"])


def test_what_is_out_of_scope_has_no_checks(contract: Contract) -> None:
    made = judge(contract, observation(selected=("products.list",)), "t")
    assert "checks_total" not in row(made, "products.create").to_json()
    assert row(made, "products.list").to_json()["checks_done"] == 0


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"exhausted": True}, "not planned at this budget"),
        (
            {"exhausted": True, "had_turn": frozenset({("products.list", "others")})},
            "these responses allow no such request",
        ),
        ({}, "not requested"),
    ],
)
def test_a_check_without_a_request_says_why(contract: Contract, facts: dict[str, Any], reason: str) -> None:
    one = exchange("products.list", 200, {**EMPTY_PAGE, "data": [{"id": "prod_x"}]})
    made = judge(contract, replace(observation(one, selected=("products.list",)), **facts), "t")
    found = row(made, "products.list").to_json()
    assert found["checks_open_reasons"]["walking"] == reason
    hint = "Part of the budget is kept for repeating requests. --thorough runs all"
    assert (hint in checks_line(made)) is bool(facts)


def test_a_report_says_which_requests_were_only_for_ids(contract: Contract) -> None:
    one = exchange("payments.list_fees", 200, {**EMPTY_PAGE, "data": [{"name": "x"}]})
    seen = replace(
        observation(one, selected=("payments.list_fees",)),
        requests={"payments.list": 2, "payments.list_fees": 1, "accounts.list": 1},
    )
    made = judge(contract, seen, "t")
    assert made.to_json()["requests_for_ids"] == {"payments.list": 2}
    assert requests_line(made).endswith("; 2 to operations that were not selected, for ids: payments.list")
    assert "for ids" not in requests_line(judge(contract, observation(one, selected=("payments.list_fees",)), "t"))


@pytest.mark.parametrize(("waited", "words"), [(0.0, ""), (9.0, ""), (74.6, "used-up rate limit: 75 s in all")])
def test_a_report_says_how_long_the_run_paused(contract: Contract, waited: float, words: str) -> None:
    one = exchange("payments.list_fees", 200, EMPTY_PAGE)
    made = judge(contract, replace(observation(one, selected=("payments.list_fees",)), waited=waited), "t")
    assert made.to_json().get("waited_seconds", 0.0) == waited
    line = requests_line(made)
    assert line.endswith(words)
    assert ("pauses" in line) is bool(words)
