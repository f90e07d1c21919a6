"""For each check the faults that make it fire: the right class, operation and place, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.run.fake_api import Answer, FakeApi, error, mutate
from whopwatch.contract import Contract, Operation
from whopwatch.core.finding import Confidence, Finding, Severity
from whopwatch.core.report import Report, State, Verdict
from whopwatch.run import check

LIST, RETRIEVE = "reviews.list", "reviews.retrieve"
Change = Callable[[Any], None]
Rule = Callable[[httpx.Request, Answer], Answer | httpx.Response]


def run(contract: Contract, operation: str, rule: Rule, refused: bool = False) -> Report:
    """A check of the reviews, at an API that answers one operation by `rule` where it lets it or `refused` it."""

    def fault(asked: Operation, request: httpx.Request, truth: Answer) -> Answer | httpx.Response:
        is_meant = asked.id == operation and truth[0] == (401 if refused else 200)
        return rule(request, truth) if is_meant else truth

    api = FakeApi(contract, fault=fault)
    return check(contract, api.target(), resources=["reviews"], transport=api.transport)


def changed(change: Change) -> Rule:
    """The body with `change` made to it."""
    return lambda _, truth: (truth[0], mutate(truth[1], change), truth[2])


def in_items(change: Change) -> Rule:
    def change_all(body: Any) -> None:
        for item in body["data"]:
            change(item)

    return changed(change_all)


def put(name: str, value: Any) -> Change:
    return lambda target: target.update({name: value})


def drop(name: str) -> Change:
    return lambda target: target.pop(name)


def status(code: int, body: Any = None, **headers: str) -> Rule:
    return lambda request, truth: (code, body, headers)


def with_header(name: str, value: str) -> Rule:
    return lambda _, truth: (truth[0], truth[1], truth[2] | {name: value})


def raw(content: bytes) -> Rule:
    return lambda *_: httpx.Response(200, content=content, headers={"content-type": "application/json"})


def page_info(**changes: Any) -> Rule:
    return changed(lambda body: body["page_info"].update(changes))


def on(parameter: str, rule: Rule) -> Rule:
    """`rule` for requests with `parameter` in their query alone."""
    return lambda request, truth: rule(request, truth) if parameter in request.url.params else truth


SHAPE = [
    ("required", in_items(drop("title")), "D5", "/data/*/title", Severity.CRITICAL),
    ("nested", in_items(lambda item: item["user"].pop("id")), "D5", "/data/*/user/id", Severity.CRITICAL),
    ("null", in_items(put("stars", None)), "D9", "/data/*/stars", Severity.HIGH),
    ("type", in_items(put("stars", "five")), "D7", "/data/*/stars", Severity.CRITICAL),
    ("widened", in_items(put("stars", 4.5)), "D8", "/data/*/stars", Severity.HIGH),
    ("enum", in_items(put("status", "brand_new")), "D10", "/data/*/status", Severity.MEDIUM),
    ("format", in_items(put("created_at", "yesterday")), "D12", "/data/*/created_at", Severity.HIGH),
    ("unix time", in_items(put("created_at", 1767322000)), "D7", "/data/*/created_at", Severity.CRITICAL),
    ("prefix", in_items(lambda item: item["user"].update(id="usr_1")), "D12", "/data/*/user/id", Severity.HIGH),
    ("no page_info", changed(drop("page_info")), "D5", "/page_info", Severity.CRITICAL),
]


@pytest.mark.parametrize(("name", "rule", "drift_class", "location", "severity"), SHAPE, ids=[s[0] for s in SHAPE])
def test_a_changed_shape_is_found_where_it_is(
    contract: Contract, name: str, rule: Rule, drift_class: str, location: str, severity: Severity
) -> None:
    report = run(contract, LIST, rule)
    at_list = [finding for finding in breaking(report) if finding.operation == LIST]
    assert [(f.drift_class, f.location, f.severity) for f in at_list] == [(drift_class, location, severity)], name
    finding = at_list[0]
    assert finding.confidence is Confidence.CONFIRMED
    assert finding.violations == finding.samples > 1
    assert LIST in finding.message
    assert report.verdict is Verdict.DRIFT


ONE_OBJECT = [
    ("required", changed(drop("title")), "D5", "/title"),
    ("another id", changed(put("id", "rev_other")), "D20", "/id"),
    ("differs from the list", changed(put("title", "another title")), "D20", "/title"),
    ("wrong media type", with_header("content-type", "text/plain"), "D16", "header:content-type"),
    ("wrong charset", with_header("content-type", "application/json; charset=latin-1"), "D12", "header:content-type"),
    ("cut off", raw(b'{"id": "rev_'), "D16", ""),
    ("empty body", raw(b""), "D16", ""),
    ("not UTF-8", raw(b'{"id": "\xff"}'), "D12", ""),
    ("NaN", raw(b'{"id": NaN}'), "D12", ""),
    ("a key twice", raw(b'{"id": "a", "id": "b"}'), "D12", ""),
    ("fails", status(500, error(500, "internal_server_error")[1]), "D14", "status"),
    ("new success status", lambda _, truth: (203, *truth[1:]), "D14", "status"),
    ("moved", status(308, None, location="/elsewhere"), "D22", "status"),
    ("gone", status(410, error(410, "gone")[1]), "D1", "status"),
    ("method not allowed", status(405, error(405, "not_allowed")[1]), "D1", "status"),
    ("teapot", status(418, error(418, "teapot")[1]), "D15", "status"),
    ("listed but not found", status(404, error(404, "not_found")[1]), "D20", "status"),
    ("refused as invalid", lambda *_: error(400, "invalid_request_error", code="parameter_invalid"), "D14", "status"),
    ("error without a message", status(403, {"error": {"type": "forbidden"}}), "D15", "/error"),
    ("error of another envelope", status(403, {"message": "no"}), "D15", "/error"),
    ("error as a page", lambda *_: httpx.Response(403, text="<html>"), "D15", ""),
    ("deprecated", with_header("deprecation", "true"), "D21", "header:deprecation"),
    ("ends soon", with_header("sunset", "Wed, 11 Nov 2026 23:59:59 GMT"), "D21", "header:sunset"),
]


@pytest.mark.parametrize(("name", "rule", "drift_class", "location"), ONE_OBJECT, ids=[o[0] for o in ONE_OBJECT])
def test_a_broken_retrieve_is_asked_for_twice_before_it_is_confirmed(
    contract: Contract, name: str, rule: Rule, drift_class: str, location: str
) -> None:
    report = run(contract, RETRIEVE, rule)
    found = {(f.drift_class, f.operation, f.location): f for f in breaking(report)}
    assert set(found) == {(drift_class, RETRIEVE, location)}, name
    assert found[drift_class, RETRIEVE, location].confidence is Confidence.CONFIRMED


PAGING = [
    ("no end cursor", page_info(end_cursor=None), "/page_info/end_cursor", Severity.CRITICAL),
    ("no start cursor", page_info(start_cursor=""), "/page_info/start_cursor", Severity.HIGH),
    (
        "twice on a page",
        changed(lambda body: body["data"].extend(body["data"][:1])),
        "/data/*/id",
        Severity.CRITICAL,
    ),
    ("something before the first", page_info(has_previous_page=True), "/page_info/has_previous_page", Severity.HIGH),
    (
        "backwards in reverse",
        on("before", changed(lambda body: body["data"].reverse())),
        "param:before",
        Severity.HIGH,
    ),
]


@pytest.mark.parametrize(("name", "rule", "location", "severity"), PAGING, ids=[p[0] for p in PAGING])
def test_broken_paging_is_found(contract: Contract, name: str, rule: Rule, location: str, severity: Severity) -> None:
    report = run(contract, LIST, rule)
    found = [(f.drift_class, f.operation, f.location, f.severity) for f in breaking(report)]
    assert ("D20", LIST, location, severity) in found, name
    assert {(operation, drift_class) for drift_class, operation, *_ in found} == {(LIST, "D20")}


def test_an_answer_without_a_key_is_critical(contract: Contract) -> None:
    truth = FakeApi(contract)
    page = truth.page(contract.operation(LIST), {"first": "10"})
    report = run(contract, LIST, lambda *_: (200, page, {}), refused=True)
    assert [(f.drift_class, f.operation, f.location) for f in breaking(report)] == [
        ("D17", LIST, "header:authorization")
    ]


def test_a_missing_key_that_is_not_called_so_breaks_the_documented_errors(contract: Contract) -> None:
    report = run(contract, LIST, lambda *_: error(404, "not_found"), refused=True)
    assert [(f.drift_class, f.location, f.observed) for f in breaking(report)] == [("D15", "status", "404")]


def test_a_parameter_that_became_required_is_found_and_asked_around(contract: Contract) -> None:
    def rule(request: httpx.Request, truth: Answer) -> Answer | httpx.Response:
        wanted = error(400, "invalid_request_error", code="parameter_missing", param="course_id")
        return truth if "course_id" in request.url.params else wanted

    def fault(asked: Operation, request: httpx.Request, truth: Answer) -> Answer | httpx.Response:
        return rule(request, truth) if asked.id == "course_lessons.list" and truth[0] != 401 else truth

    api = FakeApi(contract, fault=fault)
    report = check(contract, api.target(), transport=api.transport)
    found = [(f.drift_class, f.operation, f.location) for f in breaking(report)]
    assert found == [("D3", "course_lessons.list", "param:course_id")]
    row = next(row for row in report.operations if row.id == "course_lessons.list")
    assert row.state is State.DRIFT
    assert row.samples > 0


def test_a_list_that_is_not_there_any_more_is_a_removed_operation(contract: Contract) -> None:
    report = run(contract, LIST, status(404, error(404, "not_found")[1]))
    assert [(f.drift_class, f.operation, f.severity) for f in breaking(report)] == [("D1", LIST, Severity.CRITICAL)]


def test_an_undocumented_field_is_worth_knowing_and_breaks_nothing(contract: Contract) -> None:
    report = run(contract, LIST, in_items(lambda item: item["user"].update(shoe_size=43)))
    assert [(f.drift_class, f.severity, f.location) for f in report.findings] == [
        ("D19", Severity.INFO, "/data/*/user/shoe_size")
    ]
    assert report.verdict is Verdict.CLEAN


def test_a_fault_of_one_response_alone_is_an_incident(contract: Contract) -> None:
    answers = iter([True])

    def once(request: httpx.Request, truth: Answer) -> Answer | httpx.Response:
        return error(500, "internal_server_error") if next(answers, False) else truth

    report = run(contract, RETRIEVE, once)
    assert not breaking(report)
    assert [incident["operation"] for incident in report.extra["incidents"]] == [RETRIEVE]


def test_a_change_between_list_and_retrieve_is_no_difference(contract: Contract) -> None:
    """The title changes once, after the first list: both show the new one when they are asked again."""
    asked: list[str] = []

    def fault(operation: Operation, request: httpx.Request, truth: Answer) -> Answer | httpx.Response:
        if operation.id == RETRIEVE:
            asked.append(operation.id)
        if operation.id in (LIST, RETRIEVE) and truth[0] == 200 and asked:
            change = put("title", "new")
            rule = in_items(change) if operation.id == LIST else changed(change)
            return rule(request, truth)
        return truth

    api = FakeApi(contract, fault=fault)
    report = check(contract, api.target(), resources=["reviews"], transport=api.transport)
    assert len(asked) > 1
    assert report.findings == ()


def test_the_other_documented_path_of_an_operation_counts_too(contract: Contract) -> None:
    def rule(request: httpx.Request, truth: Answer) -> Answer | httpx.Response:
        return truth if request.url.path.endswith("/check_access") else error(404, "not_found")

    def fault(operation: Operation, request: httpx.Request, truth: Answer) -> Answer | httpx.Response:
        return rule(request, truth) if operation.id == "users.check_access" and truth[0] != 401 else truth

    api = FakeApi(contract, fault=fault)
    report = check(contract, api.target(), transport=api.transport)
    assert [(f.drift_class, f.operation, f.severity, str(f.source)) for f in report.findings] == [
        ("D24", "users.check_access", Severity.INFO, "docs-docs")
    ]
    row = next(row for row in report.operations if row.id == "users.check_access")
    assert row.state is State.VERIFIED


def test_no_value_of_an_answer_is_in_the_report(contract: Contract) -> None:
    told = "s3cr3t-value"
    rules: list[Rule] = [
        in_items(put("title", {told: told})),
        in_items(put("status", told)),
        in_items(put("created_at", told)),
        in_items(put("id", told)),
        page_info(has_next_page=told),
        lambda *_: error(400, told, code="parameter_missing", param=told, message=told),
        status(308, None, location=f"https://{told}.example"),
    ]
    for rule in rules:
        report = run(contract, LIST, rule)
        assert breaking(report)
        assert told not in json.dumps(report.to_json())


def breaking(report: Report) -> list[Finding]:
    return [finding for finding in report.findings if finding.breaks]
