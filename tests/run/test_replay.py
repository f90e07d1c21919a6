"""A recorded run that is checked again: the same report, and no personal data in the file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import httpx
import pytest

from tests.run.fake_api import Answer, FakeApi, mutate
from whopwatch.contract import Contract, Operation
from whopwatch.contract.answered_version import AnsweredVersion, VersionEvidence
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.report import Report
from whopwatch.har import Facts, Recording, parse, recover, write
from whopwatch.run import judge, observe, select_operations
from whopwatch.run.replay import _mismatch, facts_of, judge_foreign, replay
from whopwatch.simulator import embedded

Change = Callable[[Any], None]


def first_item(change: Change) -> Change:
    return lambda body: change(body["data"][0])


FAULTS: dict[str, Change] = {
    "a field is missing": first_item(lambda item: item.pop("created_at")),
    "a field is null": first_item(lambda item: item.update(id=None)),
    "a field is of another type": first_item(lambda item: item.update(created_at=1234567)),
    "a date is in another format": first_item(lambda item: item.update(created_at="21/11/2026")),
    "a value is not documented": first_item(lambda item: item.update(status="never_seen_before")),
    "a field is not documented": first_item(lambda item: item.update(brand_new_field="some text")),
    "an item comes twice": lambda body: body["data"].append(body["data"][0]),
    "a cursor is missing": lambda body: body["page_info"].update(end_cursor=None),
}


def both(contract: Contract, api: FakeApi) -> tuple[Report, Report, str]:
    """A check of the reviews, its recording checked again, and the recording."""
    target = replace(api.target(), writable=False)
    chosen = select_operations(contract, resources=["reviews"])
    observation = observe(contract, target, selected=chosen, transport=api.transport)
    report = judge(contract, observation, target.name)
    text = write(
        contract,
        observation.exchanges,
        Facts(target.base_url, target.v2_base_url, facts_of(observation)),
        report.findings,
    )
    pairs = [("v1", target.base_url), ("v2", target.v2_base_url)]
    return report, replay(contract, recover(contract, parse(text.encode(), "test"), pairs), target.name), text


def with_fault(contract: Contract, change: Change) -> FakeApi:
    def fault(operation: Operation, request: httpx.Request, truth: Answer) -> Answer:
        is_meant = operation.id == "reviews.list" and truth[0] == 200 and truth[1]["data"]
        return (200, mutate(truth[1], change), truth[2]) if is_meant else truth

    return FakeApi(contract, fault=fault)


def test_a_recorded_run_is_judged_as_the_run_was(contract: Contract) -> None:
    report, again, _ = both(contract, FakeApi(contract))
    assert (again.verdict, again.reason, again.findings) == (report.verdict, report.reason, report.findings)
    rows = [(row.id, row.state, row.reason, row.requests, row.samples) for row in report.operations]
    assert [(row.id, row.state, row.reason, row.requests, row.samples) for row in again.operations] == rows
    assert (again.sent, again.budget) == (0, 0)
    assert again.started_at == report.started_at


@pytest.mark.parametrize("name", FAULTS)
def test_the_placeholders_keep_every_finding(contract: Contract, name: str) -> None:
    report, again, _ = both(contract, with_fault(contract, FAULTS[name]))
    assert report.findings
    assert [finding.to_json() for finding in again.findings] == [finding.to_json() for finding in report.findings]


def test_a_run_that_wrote_is_judged_as_it_was(contract: Contract) -> None:
    with embedded(contract) as simulator:
        target = simulator.target()
        chosen = select_operations(contract, resources=["promo_codes"])
        observation = observe(contract, target, selected=chosen, writes=True, budget=150)
    report = judge(contract, observation, target.name)
    facts = Facts(target.base_url, target.v2_base_url, facts_of(observation))
    text = write(contract, observation.exchanges, facts)
    pairs = [("v1", target.base_url), ("v2", target.v2_base_url)]
    recording = recover(contract, parse(text.encode(), "test"), pairs)
    again = replay(contract, recording, target.name)
    assert (again.verdict, again.findings, again.extra) == (report.verdict, report.findings, report.extra)
    assert [(row.id, row.state, row.reason) for row in again.operations] == [
        (row.id, row.state, row.reason) for row in report.operations
    ]
    sent = [exchange for exchange in recording.exchanges if exchange.request_body is not None]
    assert {exchange.method for exchange in sent} >= {"POST"}


def test_no_value_of_a_response_and_no_key_is_written(contract: Contract) -> None:
    secrets = {"description": "Jane Doe, 4 Elm Street", "title": "jane@doe.example", "stars": 987654321}
    api = with_fault(contract, first_item(lambda item: item.update(secrets)))
    _, _, text = both(contract, api)
    assert not [word for word in ("Jane", "Elm", "doe.example", "987654321", "right_key") if word in text]
    assert "uthorization" not in text


def test_a_body_that_is_no_json_keeps_its_problem_and_nothing_else(contract: Contract) -> None:
    def fault(operation: Operation, request: httpx.Request, truth: Answer) -> Answer | httpx.Response:
        if operation.id != "reviews.retrieve" or truth[0] != 200:
            return truth
        return httpx.Response(
            200, content=b'{"name": "Jane", "name": "Doe"}', headers={"content-type": "application/json"}
        )

    report, again, text = both(contract, FakeApi(contract, fault=fault))
    assert {finding.drift_class for finding in report.findings} >= {"D12"}
    assert again.findings == report.findings
    assert "Jane" not in text


def test_a_rate_limit_below_the_documented_one_is_found_in_a_recording(contract: Contract) -> None:
    policy = {"ratelimit-policy": '"jane";q=5;w=60'}
    api = FakeApi(contract, fault=lambda operation, request, truth: (truth[0], truth[1], {**truth[2], **policy}))
    report, again, text = both(contract, api)
    assert "status/rate-limit-lowered" in {finding.rule for finding in report.findings}
    assert again.findings == report.findings
    assert "jane" not in text


def test_a_header_that_has_no_grammar_is_recorded_as_a_placeholder(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("whopwatch.har.write"), "KEPT_HEADERS", {"x-owner"})
    base = "http://127.0.0.1"
    sent = [
        Exchange("plans.list", Purpose.LIST, "GET", f"{base}/plans", status=200, headers=(("x-owner", owner),))
        for owner in ("jane", "doe", "jane")
    ]
    text = write(contract, sent, Facts(base, base, {}))
    headers = [entry["response"]["headers"][0] for entry in json.loads(text)["log"]["entries"]]
    assert headers[0] == headers[2] != headers[1]
    assert not [word for word in ("jane", "doe") if word in text]


def test_an_archive_is_what_har_says_it_is(contract: Contract) -> None:
    _, _, text = both(contract, FakeApi(contract))
    log = json.loads(text)["log"]
    assert log["version"] == "1.2"
    assert {"creator", "entries"} <= log.keys()
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        assert {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"} <= (
            entry["request"].keys()
        )
        assert {"status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL"} <= (
            entry["response"].keys()
        )
        assert all(name.startswith("_") for name in entry.keys() - HAR_ENTRY)
        times = entry["timings"]
        spent = sum(max(times[name], 0) for name in times if name != "ssl")
        assert spent == pytest.approx(entry["time"], abs=0.01)


HAR_ENTRY = {"startedDateTime", "time", "request", "response", "cache", "timings"}


@pytest.mark.parametrize(
    ("times", "seconds", "started"),
    [
        ([], 0.0, "1970-01-01T00:00:00Z"),
        ([0.0, 0.0], 0.0, "1970-01-01T00:00:00Z"),
        ([30.0, 0.0, 12.5], 17.5, "1970-01-01T00:00:12Z"),
    ],
)
def test_a_recording_takes_from_its_first_request_with_a_time_to_its_last(
    contract: Contract, times: list[float], seconds: float, started: str
) -> None:
    page = b'{"data": [], "page_info": {}}'
    exchanges = [
        Exchange("plans.list", Purpose.LIST, "GET", "https://api.example/plans", status=200, body=page, started_at=time)
        for time in times
    ]
    recording = Recording(tuple(exchanges), Counter(), Counter())
    report = judge_foreign(contract, recording, "recorded", AnsweredVersion(None))
    assert (report.seconds, report.started_at) == (seconds, started)


REJECTED = "The API rejects version {} (400, parameter Api-Version-Date)."


@pytest.mark.parametrize(
    ("version", "answer", "reason"),
    [
        ("2025-01-01", AnsweredVersion("2025-01-01"), None),
        (
            "2024-01-01",
            AnsweredVersion(None, None, VersionEvidence.REJECTED, ("2025-01-01", "2026-01-01"), matches=False),
            f"{REJECTED.format('2024-01-01')} It supports 2 versions, the newest is 2026-01-01.",
        ),
        (None, AnsweredVersion(None, None, VersionEvidence.REJECTED, matches=False), REJECTED.format("of the request")),
        (
            "2025-01-01",
            AnsweredVersion("2025-01-01", "2026-01-01", matches=False),
            "The recording requests version 2025-01-01. Its responses are of version 2026-01-01; "
            "the contract is of 2025-01-01",
        ),
        (
            None,
            AnsweredVersion(None, None, matches=False),
            "The recorded responses match no bundled contract; the contract is of 2025-01-01",
        ),
    ],
)
def test_why_a_recording_cannot_be_judged_by_a_contract(
    contract: Contract, version: str | None, answer: AnsweredVersion, reason: str | None
) -> None:
    assert _mismatch(contract, version, answer) == reason
