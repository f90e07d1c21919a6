"""The version that answers: shown by a rejection, by a header, or by the responses alone."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.run.fake_api import FakeApi
from whopwatch.contract import Contract, Operation, load
from whopwatch.contract.answered_version import AnsweredVersion, VersionEvidence, supported_versions
from whopwatch.contract.edition import Edition
from whopwatch.contract.loader import version_at_or_before
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.report import State, Verdict
from whopwatch.run import judge, observe
from whopwatch.run.api_version import (
    VersionDetector,
    _explains_better,
    answered_by_other_version,
    changed_in_the_middle,
    detected_version,
    mismatch_sentence,
    mismatches_with,
    request_first_page,
    request_supported_versions,
    schema_places,
    supported_sentence,
)
from whopwatch.run.observation import match_operations

LISTS = ("products.list", "plans.list", "payments.list", "memberships.list", "members.list")
OTHER = "2026-10-15-1"


@pytest.fixture(scope="module")
def other(contract: Contract) -> Contract:
    """A contract of another version: every string field of an object has another name."""
    documents = copy.deepcopy(dict(contract.documents))
    for schema in documents["v1"]["components"]["schemas"].values():
        if "properties" in schema and "id" in schema["properties"]:
            names = {name: f"new_{name}" if name != "id" else name for name in schema["properties"]}
            schema["properties"] = {names[name]: part for name, part in schema["properties"].items()}
            schema["required"] = [names[name] for name in schema.get("required", ())]
    return Contract(documents, Edition(contract.edition.folder, version=OTHER))


def exchange(operation: str, body: Any, *, status: int = 200, **headers: str) -> Exchange:
    path = operation.partition(".")[0]
    return Exchange(
        operation=operation,
        purpose=Purpose.LIST,
        method="GET",
        url=f"http://127.0.0.1:1/api/v1/{path}",
        status=status,
        headers=(("content-type", "application/json"), *((name.replace("_", "-"), v) for name, v in headers.items())),
        body=json.dumps(body).encode(),
    )


def pages(contract: Contract) -> list[Exchange]:
    """One page of each of LISTS, as the API of `contract` returns it."""
    api = FakeApi(contract)
    found = []
    for id in LISTS:
        schema = contract.resolve(contract.operations[id].success.schema or {})["properties"]["data"]["items"]
        items = [api.generate(schema, "v1", None, id, number) for number in range(2)]
        info = {"start_cursor": "a", "end_cursor": "b", "has_next_page": False, "has_previous_page": False}
        found.append(exchange(id, {"data": items, "page_info": info}))
    return found


def rejection(*versions: str, param: str = "Api-Version-Date") -> Exchange:
    message = "Unknown API version. Supported versions: " + ", ".join(versions)
    error = {"type": "invalid_request_error", "message": message, "code": "invalid_api_version", "param": param}
    return exchange("products.list", {"error": error}, status=400)


def detected(detector: VersionDetector, exchanges: list[Exchange]) -> AnsweredVersion:
    for one in exchanges:
        detector.record(one)
    return detector.answer


def test_a_400_about_the_header_lists_the_supported_versions() -> None:
    assert supported_versions(rejection(OTHER, "2025-01-01")) == ("2025-01-01", OTHER)
    assert supported_versions(rejection("2025-01-01", param="first")) is None
    assert supported_versions(exchange("products.list", {"data": []})) is None


def test_a_rejected_version_is_decided_by_one_response(contract: Contract) -> None:
    answer = detected(VersionDetector(contract, requested="2025-01-02"), [rejection("2025-01-01", OTHER)])
    assert (answer.evidence, answer.matches) == (VersionEvidence.REJECTED, False)
    sentence = mismatch_sentence(answer, contract)
    assert "rejects version 2025-01-02" in sentence
    assert f"--api-version {OTHER}" in sentence
    assert f"--contract {OTHER}" in sentence


def test_an_echo_of_the_own_version_decides(contract: Contract) -> None:
    answer = detected(VersionDetector(contract), [exchange("products.list", {}, api_version_date="2025-01-01")])
    assert (answer.version, answer.evidence, answer.matches) == ("2025-01-01", VersionEvidence.HEADER, True)


def test_an_echo_of_another_version_decides_if_the_body_agrees(contract: Contract, other: Contract) -> None:
    page = pages(other)[0]
    answer = detected(VersionDetector(contract), [exchange("products.list", page.json, api_version_date=OTHER)])
    assert (answer.version, answer.evidence, answer.matches) == (OTHER, VersionEvidence.HEADER, False)


def test_an_echo_of_another_version_decides_if_two_operations_agree(contract: Contract) -> None:
    detector = VersionDetector(contract)
    for page in pages(contract)[:2]:
        assert not detector.is_decided
        detector.record(exchange(page.operation, page.json, api_version_date=OTHER))
    assert (detector.answer.version, detector.answer.matches) == (OTHER, False)


def test_a_header_that_is_no_version_decides_nothing(contract: Contract) -> None:
    detector = VersionDetector(contract)
    detector.record(exchange("products.list", {}, api_version_date="latest"))
    assert not detector.is_decided


def test_responses_of_the_own_version_decide_for_it(contract: Contract, other: Contract) -> None:
    answer = detected(VersionDetector(contract, lambda: [other]), pages(contract))
    assert (answer.version, answer.evidence, answer.matches) == ("2025-01-01", VersionEvidence.RESPONSES, True)


def test_responses_of_another_version_at_hand_name_it(contract: Contract, other: Contract) -> None:
    answer = detected(VersionDetector(contract, lambda: [other]), pages(other))
    assert (answer.version, answer.evidence, answer.matches) == (OTHER, VersionEvidence.RESPONSES, False)
    sentence = mismatch_sentence(answer, contract)
    assert sentence.startswith(
        f"The API answers version {OTHER}, judged by its responses; the contract is of 2025-01-01."
    )


def test_responses_of_a_version_that_is_not_at_hand_are_another_version(contract: Contract, other: Contract) -> None:
    answer = detected(VersionDetector(contract), pages(other))
    assert (answer.version, answer.matches) == (None, False)
    assert "no contract at hand matches" in mismatch_sentence(answer, contract)


def test_one_broken_field_everywhere_is_no_other_version(contract: Contract, other: Contract) -> None:
    broken = []
    for page in pages(contract):
        body = copy.deepcopy(page.json)
        for item in body["data"]:
            item["created_at"] = None
        broken.append(exchange(page.operation, body))
    assert detected(VersionDetector(contract, lambda: [other]), broken).matches


def test_it_waits_for_two_operations(contract: Contract, other: Contract) -> None:
    detector = VersionDetector(contract, lambda: [other])
    first, second = pages(other)[:2]
    for page in (first, first, second):
        assert not detector.is_decided
        detector.record(page)
    assert (detector.is_decided, detector.answer.version) == (True, OTHER)


def test_without_another_contract_it_waits_for_enough_responses(contract: Contract, other: Contract) -> None:
    detector = VersionDetector(contract)
    for page in pages(other)[:4]:
        assert not detector.is_decided
        detector.record(page)
    assert (detector.is_decided, detector.answer.version) == (True, None)


def test_a_version_that_changes_in_the_middle_of_a_run_is_detected(contract: Contract, other: Contract) -> None:
    own, foreign = pages(contract)[0], pages(other)[0]
    echoed = exchange("products.list", foreign.json, api_version_date=OTHER)
    header_alone = exchange("products.list", own.json, api_version_date=OTHER)
    assert answered_by_other_version(contract, [own, foreign, echoed, header_alone], [other]) == {1: OTHER, 2: OTHER}
    assert answered_by_other_version(contract, [own, foreign, echoed, header_alone]) == {2: OTHER}


def test_the_other_contracts_are_not_loaded_for_an_api_that_matches(contract: Contract) -> None:
    def others() -> list[Contract]:
        raise AssertionError("loaded")

    assert detected(VersionDetector(contract, others), pages(contract)).matches


def test_rejections_of_parameters_that_only_another_version_has_decide_for_it(contract: Contract) -> None:
    newest = load("newest")
    rejections = [rejection(param=param) for param in ("company_id", "company_id")]
    rejections = [
        replace(one, operation=id, url=f"http://127.0.0.1:1/api/v1/{id.partition('.')[0]}")
        for one, id in zip(rejections, ("payments.list", "invoices.list"), strict=True)
    ]
    answer = detected(VersionDetector(newest, lambda: [contract, newest]), rejections)
    assert (answer.version, answer.evidence) == (contract.version, VersionEvidence.RESPONSES)
    assert detected(VersionDetector(newest, lambda: [contract, newest]), rejections[:1]).version is None
    # The own version rejects its own parameter, or one that no version has.
    assert detected(VersionDetector(contract, lambda: [contract, newest]), rejections).version is None
    unknown = [replace(one, body=one.body.replace(b"company_id", b"no_such_parameter")) for one in rejections]
    assert detected(VersionDetector(newest, lambda: [contract, newest]), unknown).matches


def test_the_nearest_older_edition_is_chosen() -> None:
    known = ("2025-01-01", "2026-10-09", "2026-10-15-1")
    assert version_at_or_before("2026-10-09-2", known) == "2026-10-09"
    assert version_at_or_before("2026-10-15-1", known) == "2026-10-15-1"
    assert version_at_or_before("2024-01-01", known) is None


def test_a_check_of_another_version_stops_with_one_sentence(contract: Contract, other: Contract) -> None:
    api = FakeApi(other)
    observation = observe(contract, api.target(), transport=api.transport, others=lambda: [contract, other])
    report = judge(contract, observation, "fake")
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert report.findings == ()
    assert report.reason is not None
    assert report.reason.startswith(f"The API answers version {OTHER}")
    assert report.sent <= 8
    assert report.to_json()["api_version"]["answered"] == OTHER
    assert report.to_json()["contract"]["version"] == "2025-01-01"


def test_an_operation_of_another_version_is_separated(contract: Contract, other: Contract) -> None:
    foreign = FakeApi(other)

    def fault(operation: Operation, request: httpx.Request, answer: Any) -> Any:
        return foreign.handle(request) if operation.id.startswith("products.") and answer[0] == 200 else answer

    api = FakeApi(contract, fault=fault)
    few = match_operations(contract, ["products.*", "plans.*", "members.*", "payments.*"], where="test")
    observation = observe(
        contract, api.target(), selected=few, transport=api.transport, others=lambda: [contract, other]
    )
    report = judge(contract, observation, "fake")
    rows = {row.id: row for row in report.operations}
    assert {finding.operation.partition(".")[0] for finding in report.findings} <= {"products"}
    assert rows["products.list"].state is State.COULD_NOT_CHECK
    assert rows["products.list"].reason == f"the API answers version {OTHER}, not 2025-01-01"
    assert rows["plans.list"].state is State.VERIFIED
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert report.reason is not None
    assert OTHER in report.reason


def test_a_page_of_many_items_is_compared_by_its_first(contract: Contract) -> None:
    body = {"data": [{"id": "x"}, *[{"id": number} for number in range(5_000)]], "page_info": {}}
    few = schema_places(contract, exchange("products.list", {**body, "data": body["data"][:100]}))  # type: ignore[index]
    assert schema_places(contract, exchange("products.list", body)) == few


def test_an_undocumented_field_counts_once_however_many_items_have_it(contract: Contract) -> None:
    api = FakeApi(contract, items=3)
    body = api.page(contract.operation("products.list"), {})
    for item in body["data"]:
        item["unheard_of"] = "x"
    exchange = Exchange(
        "products.list",
        Purpose.LIST,
        "GET",
        "https://api.example/api/v1/products",
        status=200,
        headers=(("content-type", "application/json"),),
        body=json.dumps(body).encode(),
    )
    assert mismatches_with(contract, exchange) == 1


def test_the_first_page_is_requested_for_the_account_and_a_version(contract: Contract) -> None:
    call = request_first_page(contract.operation("products.list"), contract, "biz_1", "2026-01-01")
    assert (call.query, call.headers) == ((("company_id", "biz_1"),), (("Api-Version-Date", "2026-01-01"),))
    plain = request_first_page(contract.operation("products.list"), contract, None, None)
    assert (plain.query, plain.headers, plain.purpose) == ((), (), Purpose.LIST)


def test_supported_versions_are_requested_at_a_path_that_both_contracts_have(contract: Contract) -> None:
    newest = load("newest")
    call = request_supported_versions(newest, None, contract)
    assert call is not None
    assert contract.match("GET", call.operation.path) is not None
    assert call.headers == (("Api-Version-Date", "0001-01-01"),)
    alone = request_supported_versions(newest, None)
    assert alone is not None
    assert alone.operation.id == "accounts.list"


@pytest.mark.parametrize(
    ("versions", "sentence"),
    [
        ((), ""),
        (("2025-01-01",), "It supports 2025-01-01."),
        (("2025-01-01", "2026-01-01"), "It supports 2 versions, the newest is 2026-01-01."),
    ],
)
def test_the_supported_versions_in_one_sentence(versions: tuple[str, ...], sentence: str) -> None:
    assert supported_sentence(versions) == sentence


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            AnsweredVersion("2024-01-01", None, VersionEvidence.REJECTED, ("2025-01-01", OTHER), matches=False),
            "The API rejects version 2024-01-01 (400). It supports 2 versions, the newest is 2026-10-15-1. "
            "Use `--api-version 2026-10-15-1` with `--contract 2026-10-15-1`, or `--contract auto`.",
        ),
        (
            AnsweredVersion("2024-01-01", None, VersionEvidence.REJECTED, matches=False),
            "The API rejects version 2024-01-01 (400). Use `--api-version newest` with `--contract newest`, or "
            "`--contract auto`.",
        ),
        (
            AnsweredVersion(None, OTHER, VersionEvidence.HEADER, matches=False),
            "The API answers version 2026-10-15-1; the contract is of 2025-01-01. Use `--contract 2026-10-15-1` to "
            "check it as it is, or `--api-version 2025-01-01` to request 2025-01-01.",
        ),
        (
            AnsweredVersion(None, None, VersionEvidence.RESPONSES, matches=False),
            "The API answers another version, which no contract at hand matches, judged by its responses; the contract "
            "is of 2025-01-01. Use `--api-version 2025-01-01` to request 2025-01-01, or `--contract auto` to use the "
            "nearest contract.",
        ),
    ],
)
def test_another_version_in_one_sentence(contract: Contract, answer: AnsweredVersion, sentence: str) -> None:
    assert mismatch_sentence(answer, contract) == sentence


def test_responses_of_other_contracts_show_the_version_if_every_request_failed(
    contract: Contract, other: Contract
) -> None:
    page = pages(other)[0]
    assert detected_version(contract, [], [other]) is None
    assert detected_version(contract, [replace(page, status=404)], [contract, other]) is None
    found = detected_version(contract, [page], [contract, other])
    assert found == AnsweredVersion(None, OTHER, VersionEvidence.RESPONSES, matches=False)
    named = exchange("products.list", {}, status=404, api_version_date="2026-02-02")
    assert detected_version(contract, [named], [other]) == AnsweredVersion(
        None, "2026-02-02", VersionEvidence.HEADER, matches=False
    )
    own = exchange("products.list", {}, status=404, api_version_date="2025-01-01")
    assert detected_version(contract, [own], [other]) is None


def test_a_version_that_answers_from_some_request_on(contract: Contract, other: Contract) -> None:
    mine, theirs = pages(contract), pages(other)
    both = [contract, other]
    assert changed_in_the_middle(contract, [*mine[:3], *theirs[3:]], both) == OTHER
    assert changed_in_the_middle(contract, [*mine[:3], *theirs[3:]], [contract]) is None
    assert changed_in_the_middle(contract, mine, both) is None
    assert changed_in_the_middle(contract, theirs, both) is None  # no response before it is of the own version
    assert changed_in_the_middle(contract, [*mine[:4], theirs[4]], both) is None  # one operation alone
    assert changed_in_the_middle(contract, [mine[0], *theirs[1:], mine[0]], both) == OTHER
    assert changed_in_the_middle(contract, [mine[0], *theirs[1:4], mine[0]], both) is None
    assert changed_in_the_middle(contract, [theirs[0], *mine, theirs[1]], both) is None


@pytest.mark.parametrize(
    ("fit", "own", "is_better"),
    [
        ([0, 0], [1, 1], True),
        ([0, 1], [1, 1], False),  # only one response is explained better
        ([0, 0, 0], [1, 1, 0], True),
        ([1, 1], [3, 3], True),
        ([1, 1], [3, 2], False),  # more than a third is left
        ([0, 0, 0, 0, 1], [3, 3, 3, 3, 0], True),
        ([0, 0, 0, 1], [3, 3, 3, 0], False),  # one response in four is explained worse
        ([2, 2], [2, 2], False),
        ([], [], False),
    ],
)
def test_when_another_contract_explains_responses_better(fit: list[int], own: list[int], is_better: bool) -> None:
    assert _explains_better(fit, own) is is_better
