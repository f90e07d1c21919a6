"""One run: its requests, outcome, metrics and record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.prober.support import CONTRACT, JSON, PAGE_INFO, Reply, Time, count, page, probe, prober
from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import CHECKS
from whopwatch.core.exchange import Failure
from whopwatch.core.finding import Severity
from whopwatch.http.call import Call
from whopwatch.metrics import ProbeOutcome

ERROR = {"error": {"type": "internal_server_error", "message": "no"}}


def answering(**replies: Reply) -> Any:
    """Return a function that gives each operation (`products_list`) its reply, and others an empty page."""
    by_operation = {name.replace("__", "."): reply for name, reply in replies.items()}
    return lambda call: by_operation.get(call.operation.id, page())


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (page(), ProbeOutcome.SUCCESS),
        ((500, ERROR), ProbeOutcome.HTTP_ERROR),
        ((401, ERROR), ProbeOutcome.HTTP_ERROR),
        ((302, {}), ProbeOutcome.HTTP_ERROR),
        ((429, ERROR), ProbeOutcome.RATE_LIMITED),
        ((200, {"data": []}), ProbeOutcome.CONTRACT),
        (Failure.DEADLINE, ProbeOutcome.TIMEOUT),
        (Failure.READ_TIMEOUT, ProbeOutcome.TIMEOUT),
        (Failure.CONNECT_TIMEOUT, ProbeOutcome.TIMEOUT),
        (Failure.CONNECT, ProbeOutcome.CONNECT),
        (Failure.DNS, ProbeOutcome.CONNECT),
        (Failure.TLS, ProbeOutcome.CONNECT),
        (Failure.RESET, ProbeOutcome.HTTP_ERROR),
        (Failure.INCOMPLETE, ProbeOutcome.HTTP_ERROR),
        (Failure.TOO_LARGE, ProbeOutcome.HTTP_ERROR),
    ],
)
def test_the_outcome_of_a_run(reply: Reply, outcome: ProbeOutcome) -> None:
    listing = probe("products.list")
    runner, sender = prober(answering(products__list=reply), listing)
    run = runner.run(listing)
    assert run.outcome is outcome
    assert len(sender.calls) == 1, "one attempt a probe"
    assert count(runner.metrics, "products.list", outcome) == 1
    assert (run.reason is None) is (outcome is ProbeOutcome.SUCCESS)


def test_every_network_failure_has_an_outcome() -> None:
    listing = probe("products.list")
    for failure in Failure:
        runner, _ = prober(answering(products__list=failure), listing)
        assert runner.run(listing).outcome in (ProbeOutcome.TIMEOUT, ProbeOutcome.CONNECT, ProbeOutcome.HTTP_ERROR)


def test_findings_are_those_of_check_with_the_same_fingerprints() -> None:
    listing = probe("products.list")
    runner, _ = prober(answering(products__list=(200, {"data": []})), listing)
    run = runner.run(listing)
    of_check = run_checks(CONTRACT, Evidence(CONTRACT, run.exchanges), CHECKS)
    assert run.findings == of_check
    assert {finding.fingerprint for finding in run.findings} == {finding.fingerprint for finding in of_check}
    assert run.findings[0].location == "/page_info"


def test_findings_milder_than_asked_for_do_not_fail_a_run_and_are_exported() -> None:
    strict, mild = probe("products.list", fails_on=Severity.HIGH), probe("products.list", fails_on=Severity.INFO)
    empty = {**PAGE_INFO, "start_cursor": None, "end_cursor": None}
    runner, _ = prober(answering(products__list=(200, {"data": [], "page_info": empty, "surprise": 1})), strict)
    run = runner.run(strict)
    assert run.outcome is ProbeOutcome.SUCCESS
    count = sum(finding.severity is Severity.INFO for finding in run.findings)
    assert count > 0
    assert runner.run(mild).outcome is ProbeOutcome.CONTRACT
    labels = {"operation": "products.list", "severity": "info"}
    assert runner.metrics.registry.get_sample_value("whop_probe_findings", labels) == count


def test_an_id_comes_from_a_list_request_and_is_reused() -> None:
    retrieving = probe("products.retrieve")
    runner, sender = prober(
        answering(products__list=page({"id": "prod_1"}), products__retrieve=(500, ERROR)), retrieving
    )
    runner.run(retrieving)
    assert sender.asked == ["products.list", "products.retrieve"]
    assert sender.calls[1].path_params == {"id": "prod_1"}
    runner.run(retrieving)
    assert sender.asked[2:] == ["products.retrieve"]


def test_the_id_of_a_deleted_object_is_replaced_in_the_same_run() -> None:
    listed = ["prod_1"]

    def answer(call: Call) -> Reply:
        if call.operation.is_list:
            return page(*({"id": id} for id in listed))
        return (500, ERROR) if call.path_params["id"] in listed else (404, ERROR)

    retrieving = probe("products.retrieve")
    runner, sender = prober(answer, retrieving)
    runner.run(retrieving)
    listed[:] = ["prod_2"]
    run = runner.run(retrieving)
    assert sender.asked[2:] == ["products.retrieve", "products.list", "products.retrieve"]
    assert (run.exchanges[-1].path_params, run.exchanges[-1].status) == ({"id": "prod_2"}, 500)


def test_a_configured_id_is_requested_even_if_it_is_gone() -> None:
    retrieving = probe("products.retrieve", {"id": "prod_mine"})
    runner, sender = prober(answering(products__retrieve=(404, ERROR)), retrieving)
    assert runner.run(retrieving).outcome is ProbeOutcome.HTTP_ERROR
    assert [call.path_params for call in sender.calls] == [{"id": "prod_mine"}]


def test_a_child_object_is_requested_through_its_parent() -> None:
    def answer(call: Call) -> Reply:
        found = {"payments.list": "pay_1", "refunds.list": "rfnd_1"}.get(call.operation.id)
        return page({"id": found}) if found else (500, ERROR)

    retrieving = probe("refunds.retrieve")
    runner, sender = prober(answer, retrieving)
    runner.run(retrieving)
    assert sender.asked == ["payments.list", "refunds.list", "refunds.retrieve"]
    assert sender.calls[1].query[0] == ("payment_id", "pay_1")


def test_a_parent_without_children_is_replaced_by_another() -> None:
    listing = probe("refunds.list")
    runner, sender = prober(answering(payments__list=page({"id": "pay_1"}, {"id": "pay_2"})), listing)
    for _ in range(3):
        runner.run(listing)
    parents = [dict(call.query).get("payment_id") for call in sender.calls if call.operation.id == "refunds.list"]
    assert len(set(parents)) == 2


def test_a_failed_list_request_decides_the_outcome() -> None:
    retrieving = probe("products.retrieve")
    runner, sender = prober(answering(products__list=Failure.CONNECT), retrieving)
    run = runner.run(retrieving)
    assert run.outcome is ProbeOutcome.CONNECT
    assert run.reason == "products.list failed, and no id was found without it"
    assert sender.asked == ["products.list"]


def test_without_an_id_a_run_is_skipped_and_counted_and_never_late() -> None:
    retrieving = probe("products.retrieve")
    runner, _ = prober(answering(), retrieving)
    run = runner.run(retrieving)
    assert (run.outcome, run.missing_id_of) == (ProbeOutcome.SKIPPED, "products")
    assert count(runner.metrics, "products.retrieve", ProbeOutcome.SKIPPED) == 1
    assert runner.lacks_id("products.retrieve")
    sample = runner.metrics.registry.get_sample_value
    assert sample("whop_probe_interval_seconds", {"operation": "products.retrieve"}) is None
    assert sample("whop_probe_success", {"operation": "products.retrieve"}) is None


def test_an_operation_is_back_on_schedule_once_there_is_an_id() -> None:
    items: list[dict[str, Any]] = []
    retrieving = probe("products.retrieve")
    runner, _ = prober(lambda call: page(*items) if call.operation.is_list else (500, ERROR), retrieving)
    runner.run(retrieving)
    items.append({"id": "prod_1"})
    runner.run(retrieving)
    assert not runner.lacks_id("products.retrieve")
    labels = {"operation": "products.retrieve"}
    assert runner.metrics.registry.get_sample_value("whop_probe_interval_seconds", labels) == 60


def test_a_429_pauses_the_operation_and_the_seconds_are_counted() -> None:
    listing = probe("products.list")
    runner, sender = prober(answering(products__list=(429, ERROR)), listing)
    assert runner.run(listing).outcome is ProbeOutcome.RATE_LIMITED
    run = runner.run(listing)
    assert run.outcome is ProbeOutcome.SKIPPED
    assert "after a 429" in (run.reason or "")
    assert len(sender.calls) == 1
    assert (runner.metrics.registry.get_sample_value("whop_probe_throttled_seconds_total") or 0) > 0


def test_all_requests_of_a_run_share_one_deadline() -> None:
    time = Time()
    retrieving = probe("refunds.retrieve", timeout=0.12)
    runner, sender = prober(answering(payments__list=page({"id": "pay_1"})), retrieving, time=time)
    runner.run(retrieving)
    assert [round(seconds, 3) for seconds in sender.given] == [0.12, 0.07]


def test_the_history_holds_no_value_of_a_response() -> None:
    told = "prod_verysecret"
    retrieving = probe("products.retrieve")
    reply = {"id": told, "title": told, told: told}
    runner, _ = prober(answering(products__list=page({"id": told}), products__retrieve=(200, reply)), retrieving)
    run = runner.run(retrieving)
    assert run.outcome is ProbeOutcome.CONTRACT
    text = json.dumps([record.to_json() for record in runner.history.newest()])
    assert '"path": "/products/{id}"' in text
    assert told not in text.replace(f"/{told}", ""), "only the name of an undocumented field may show"


def test_records_of_failures_outlive_those_of_successes() -> None:
    replies: list[Reply] = [(500, ERROR)]
    listing = probe("products.list")
    runner, _ = prober(lambda _: replies[0], listing)
    runner.run(listing)
    replies[0] = page()
    for _ in range(300):
        runner.run(listing)
    assert [record.run.outcome for record in runner.history.newest(failed=True)] == [ProbeOutcome.HTTP_ERROR]
    assert len(runner.history.newest(limit=1000)) == 201
    assert runner.history.newest(limit=1)[0].run.outcome is ProbeOutcome.SUCCESS
    assert runner.history.newest(operation="plans.list") == []


def test_the_api_version_that_responses_name_is_exported() -> None:
    listing = probe("products.list")
    runner, client = prober(answering(products__list=page()), listing)

    def exported() -> tuple[dict[str, str], float | None]:
        (family,) = (one for one in runner.metrics.registry.collect() if one.name == "whop_api_version_info")
        (sample,) = family.samples
        return sample.labels, runner.metrics.registry.get_sample_value("whop_api_version_mismatch")

    assert exported() == ({"asked": "key", "seen": "unknown"}, 0)
    for version, seen, mismatch in (
        ("2025-01-01", "2025-01-01", 0),
        ("2026-10-15-1", "2026-10-15-1", 1),
        ("a secret value", "2026-10-15-1", 1),
    ):
        client.headers = (*JSON, ("api-version-date", version))
        runner.run(listing)
        assert exported() == ({"asked": "key", "seen": seen}, mismatch)


def test_a_rejected_api_version_is_exported_until_it_is_accepted_again() -> None:
    rejection = {"error": {"type": "x", "message": "Supported versions: 2026-10-20", "param": "Api-Version-Date"}}
    replies: list[Reply] = [(400, rejection), page()]
    listing = probe("products.list")
    runner, _ = prober(lambda _: replies.pop(0), listing)
    for seen, mismatch in (("rejected", 1), ("unknown", 0)):
        runner.run(listing)
        (family,) = (one for one in runner.metrics.registry.collect() if one.name == "whop_api_version_info")
        assert [sample.labels["seen"] for sample in family.samples] == [seen]
        assert runner.metrics.registry.get_sample_value("whop_api_version_mismatch") == mismatch


def test_each_change_of_state_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "whopwatch.prober")
    replies: list[Reply] = [page()]
    listing = probe("products.list")
    runner, _ = prober(lambda _: replies[0], listing)
    for reply in (page(), (500, ERROR), (500, ERROR), page(), page()):
        replies[0] = reply
        runner.run(listing)
    assert [record.getMessage() for record in caplog.records] == [
        "products.list fails (http_error): status 500",
        "products.list succeeds again",
    ]
    assert caplog.records[0].fields == {  # type: ignore[attr-defined]
        "operation": "products.list",
        "outcome": "http_error",
        "reason": "status 500",
    }
