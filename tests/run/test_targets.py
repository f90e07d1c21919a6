"""Targets that are no API, refuse, or have nothing to show: each has a clear verdict and costs few requests."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.http.mock import MockTransport
from tests.run.fake_api import Answer, FakeApi, error, html
from whopwatch.config import Secret
from whopwatch.contract import Contract, Operation, load
from whopwatch.core.report import Report, State, Verdict
from whopwatch.run import check
from whopwatch.run.driving import ROUND_SIZE

REACHES_ALL = 160
"""Requests that reach every read, with some to spare for repeats."""


def refuse(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def time_out(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("slow", request=request)


def redirect(_: httpx.Request) -> httpx.Response:
    return httpx.Response(302, headers={"location": "https://elsewhere.example/secret-place"})


def page(_: httpx.Request) -> httpx.Response:
    return html()


def plain_text(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text="ok", headers={"content-type": "text/plain"})


def not_found(_: httpx.Request) -> httpx.Response:
    return httpx.Response(404, json=error(404, "not_found")[1])


def fail(_: httpx.Request) -> httpx.Response:
    return httpx.Response(500, json=error(500, "internal_server_error")[1])


@pytest.mark.parametrize(
    ("handler", "most", "said"),
    [
        (refuse, 2, "cannot be reached"),
        (redirect, 2, "redirects elsewhere"),
        (page, 2, "HTML"),
        (plain_text, 3, "other than JSON"),
        (time_out, 3, "No request got a response"),
        (not_found, 5, "404"),
        (fail, 5, "server error (500)"),
    ],
)
def test_a_target_that_is_no_api_is_given_up_early(
    contract: Contract, handler: Callable[[httpx.Request], httpx.Response], most: int, said: str
) -> None:
    report = check(contract, FakeApi(contract).target(), transport=MockTransport(handler))
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert said in (report.reason or "")
    assert report.sent <= most
    assert report.findings == ()
    assert report.count() == {State.COULD_NOT_CHECK: 79, State.NOT_COVERED: 70}
    assert "secret-place" not in str(report.to_json())


def test_a_wrong_key_is_noticed_after_two_requests(contract: Contract) -> None:
    api = FakeApi(contract)
    target = api.target(api_key=Secret("wrong_key_000000"))
    report = check(contract, target, transport=api.transport)
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert "rejected the key (401)" in (report.reason or "")
    assert report.sent == 2
    assert "wrong_key" not in str(report.to_json())


def test_no_key_at_all_is_called_that(contract: Contract) -> None:
    api = FakeApi(contract)
    report = check(contract, api.target(api_key=None), transport=api.transport)
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert "Set WHOP_API_KEY" in (report.reason or "")


def test_an_empty_company_shows_nothing(contract: Contract) -> None:
    api = FakeApi(contract, items=0)
    report = check(contract, api.target(), transport=api.transport)
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert "empty" in (report.reason or "")
    assert report.findings == ()
    rows = {row.id: row for row in report.operations}
    assert rows["products.list"].state is State.COULD_NOT_CHECK
    assert "empty" in (rows["products.list"].reason or "")
    assert rows["companies.retrieve"].state is State.VERIFIED
    assert "no list returned an id of products" in (rows["products.retrieve"].reason or "")


def test_a_host_that_dies_on_the_way_leaves_the_rest_unchecked(contract: Contract) -> None:
    api = FakeApi(contract)

    def handle(request: httpx.Request) -> httpx.Response:
        if sum(api.requests.values()) >= 20:
            raise httpx.ConnectError("gone")
        return api.handle(request)

    report = check(contract, api.target(), transport=MockTransport(handle))
    assert 24 <= report.sent < 24 + ROUND_SIZE, "a round is sent whole"
    assert report.count()[State.VERIFIED] == 20
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert "no longer be reached" in (report.reason or "")


def only_at(id: str, answer: Callable[[], Answer | httpx.Response]) -> FakeApi:
    def fault(operation: Operation, _: httpx.Request, truth: Answer) -> Answer | httpx.Response:
        return answer() if operation.id == id else truth

    return FakeApi(load(), fault=fault)


def row(report: Report, id: str) -> tuple[State, str]:
    found = next(row for row in report.operations if row.id == id)
    return found.state, found.reason or ""


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, "unauthorized", "401: the API rejected the key"),
        (403, "forbidden", "required permission: "),
        (400, "bad_request", "permission"),
        (404, "not_found", "not found"),
        (422, "verification_required", "must be verified first"),
    ],
)
def test_one_operation_that_refuses_is_not_verified_and_no_drift(
    contract: Contract, status: int, kind: str, said: str
) -> None:
    api = only_at("verifications.retrieve", lambda: error(status, kind))
    report = check(contract, api.target(), budget=REACHES_ALL, transport=api.transport)
    state, reason = row(report, "verifications.retrieve")
    assert state is State.COULD_NOT_CHECK
    assert said in reason
    assert report.count()[State.VERIFIED] == 78
    # An unknown id says nothing about the key; every other refusal leaves an operation unchecked that could be.
    assert report.verdict is (Verdict.CLEAN if status == 404 else Verdict.COULD_NOT_CHECK)


def refuse_payments(operation: Operation, _: httpx.Request, truth: Answer) -> Answer:
    return error(403, "forbidden") if operation.resource == "payments" else truth


def test_refused_operations_are_named_once_and_never_green(contract: Contract) -> None:
    api = FakeApi(contract, fault=refuse_payments)
    report = check(contract, api.target(), budget=REACHES_ALL, transport=api.transport)
    assert report.verdict is Verdict.COULD_NOT_CHECK
    denied = [row["id"] for row in report.to_json()["operations"] if row.get("denied")]
    # The ids of payments come from other lists, so that their objects are requested, too.
    assert denied == ["payments.list", "payments.retrieve", "payments.list_fees"]
    assert report.reason == (
        f"the API refuses 3 operations to this key: {', '.join(denied)}. "
        "Grant the permissions, or allow it with --allow-unchecked"
    )


@pytest.mark.parametrize("allowed", [("*",), ("payments.*",), ("payments.list*", "payments.retrieve")])
def test_refused_operations_that_the_user_allows_are_no_failure(contract: Contract, allowed: tuple[str, ...]) -> None:
    api = FakeApi(contract, fault=refuse_payments)
    report = check(contract, api.target(allow_unchecked=allowed), budget=REACHES_ALL, transport=api.transport)
    assert (report.verdict, report.reason) == (Verdict.CLEAN, None)
    assert row(report, "payments.list")[0] is State.COULD_NOT_CHECK
    assert not any(one.denied for one in report.operations)


def test_other_operations_may_not_be_refused(contract: Contract) -> None:
    api = FakeApi(contract, fault=refuse_payments)
    report = check(contract, api.target(allow_unchecked=("members.*",)), budget=REACHES_ALL, transport=api.transport)
    assert report.verdict is Verdict.COULD_NOT_CHECK


@pytest.mark.parametrize("answer", [html, lambda: html(500), lambda: httpx.Response(302, headers={"location": "/x"})])
def test_one_operation_that_is_broken_is_drift_there_and_nowhere_else(
    contract: Contract, answer: Callable[[], httpx.Response]
) -> None:
    api = only_at("refunds.retrieve", answer)
    report = check(contract, api.target(), budget=REACHES_ALL, transport=api.transport)
    assert row(report, "refunds.retrieve")[0] is State.DRIFT
    assert report.count()[State.DRIFT] == 1
    assert report.count()[State.VERIFIED] == 78
    assert report.verdict is Verdict.DRIFT


@pytest.mark.parametrize(
    ("error_class", "said"),
    [(httpx.ReadTimeout, "in time"), (httpx.WriteTimeout, "in time"), (httpx.RemoteProtocolError, "")],
)
def test_one_operation_that_never_answers_is_drift_and_no_crash(
    contract: Contract, error_class: type[httpx.TransportError], said: str
) -> None:
    def answer() -> Answer:
        raise error_class("on the wire")

    api = only_at("refunds.retrieve", answer)
    report = check(contract, api.target(), resources=["refunds"], transport=api.transport)
    (finding,) = report.findings
    assert (finding.drift_class, finding.operation, finding.violations) == ("D22", "refunds.retrieve", 2)
    assert said in finding.message
    assert row(report, "refunds.list")[0] is State.VERIFIED
    assert row(report, "refunds.retrieve")[0] is State.DRIFT


@pytest.mark.parametrize("failing", [1, 2])
def test_the_pause_before_a_repeated_read_is_kept(
    contract: Contract, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("whopwatch.run.session.REPEAT_PAUSE", 0.25)
    monkeypatch.setattr("whopwatch.run.session.time.sleep", pauses.append)
    api, sent = FakeApi(contract, items=3), list[str]()

    def handle(request: httpx.Request) -> httpx.Response:
        sent.append(str(request.url))
        if len(sent) == failing:
            raise httpx.ReadError("reset", request=request)
        return api.handle(request)

    report = check(contract, api.target(), only=["products.list", "plans.list"], transport=MockTransport(handle))
    assert report.verdict is Verdict.CLEAN
    assert sent.count(sent[failing - 1]) > 1
    assert 0.25 in pauses
