"""Checks run once for unchanged responses, and again for changed ones."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.prober.support import CONTRACT
from whopwatch.checks import Evidence, FailedCheck, FindingCollector, run_checks
from whopwatch.checks.registry import CHECKS, PROBE_CHECKS
from whopwatch.config.accepted import AcceptedEntry
from whopwatch.contract import Contract, Operation
from whopwatch.core.exchange import Exchange, Failure, Phases, Purpose
from whopwatch.core.finding import FindingState, Impact, Severity
from whopwatch.metrics import ProbeMetrics, ProbeOutcome, new_registry
from whopwatch.prober.client import ProbeClient, RequestBudget
from whopwatch.prober.probe_requests import RecentIds, resources_needed
from whopwatch.prober.probe_run import ProbeRunner, RunChecker, outcome_of
from whopwatch.prober.settings import Probe, ProbeOptions
from whopwatch.simulator import Simulator, embedded
from whopwatch.simulator.faults import fault_catalogue, first_place
from whopwatch.usage.impact import weigh_finding
from whopwatch.usage.profile import Certainty, Coverage, Profile

BROKEN = Exchange(
    "products.list",
    Purpose.LIST,
    "GET",
    "https://t/api/v1/products?first=10",
    query=(("first", "10"),),
    status=200,
    headers=(("content-type", "application/json"), ("date", "today")),
    body=b'{"data": []}',
)


def unexpected(failed: FailedCheck) -> None:
    pytest.fail(f"{failed.check}: {failed.error}")


def test_an_unchanged_response_is_checked_once_and_as_check_does() -> None:
    checker = RunChecker(CONTRACT, on_failure=unexpected)
    first = checker.findings("products.list", [BROKEN])
    again = replace(
        BROKEN, headers=(*BROKEN.headers[:1], ("date", "tomorrow")), phases=Phases(total=3.0), started_at=9.0
    )
    assert (
        checker.findings("products.list", [again])
        == first
        == run_checks(CONTRACT, Evidence(CONTRACT, [BROKEN]), CHECKS)
    )
    assert checker.reused == 1


def test_an_accepted_finding_fails_no_run_and_counts_in_no_metric() -> None:
    accepted: list[AcceptedEntry] = []
    checker = RunChecker(CONTRACT, lambda: tuple(accepted), on_failure=unexpected)
    found = checker.findings("products.list", [BROKEN])
    assert outcome_of(BROKEN, found, Severity.LOW) is ProbeOutcome.CONTRACT
    accepted += [AcceptedEntry(finding.fingerprint, "known") for finding in found]
    marked = checker.findings("products.list", [BROKEN])
    assert {finding.state for finding in marked} == {FindingState.ACCEPTED}
    assert outcome_of(BROKEN, marked, Severity.LOW) is ProbeOutcome.SUCCESS


def test_a_run_with_a_usage_profile_says_what_hits() -> None:
    profile = Profile("2025-01-01", coverage=Coverage(files=1))
    unused = RunChecker(CONTRACT, weigh=partial(weigh_finding, profile=profile), on_failure=unexpected)
    assert {one.impact for one in unused.findings("products.list", [BROKEN])} == {Impact.UNUSED}
    profile.use("products.list", "shop.py:3", Certainty.SEEN)
    profile.use_field("products.list", "/page_info/has_next_page", "shop.py:4", Certainty.SEEN)
    used = RunChecker(CONTRACT, weigh=partial(weigh_finding, profile=profile), on_failure=unexpected)
    found = used.findings("products.list", [BROKEN])
    assert ("shop.py:4",) in {one.impact_places for one in found if one.impact is Impact.HITS}
    assert used.findings("products.list", [BROKEN]) == found


@pytest.mark.parametrize(
    "change",
    [
        {"status": 201},
        {"body": b'{"data": [] }'},
        {"headers": (("content-type", "text/html"),)},
        {"headers": (*BROKEN.headers, ("deprecation", "true"))},
        {"url": "https://t/api/v1/products?first=5"},
        {"purpose": Purpose.NEXT_PAGE},
        {"status": None, "failure": Failure.RESET},
    ],
)
def test_a_change_that_a_check_may_read_is_checked_again(change: dict[str, Any]) -> None:
    checker = RunChecker(CONTRACT, on_failure=unexpected)
    checker.findings("products.list", [BROKEN])
    checker.findings("products.list", [replace(BROKEN, **change)])
    checker.findings("products.list", [replace(BROKEN, **change), BROKEN])
    assert checker.reused == 0


def test_a_header_that_no_check_reads_does_not_matter() -> None:
    checker = RunChecker(CONTRACT, on_failure=unexpected)
    checker.findings("products.list", [BROKEN])
    checker.findings("products.list", [replace(BROKEN, headers=(*BROKEN.headers, ("etag", "2"), ("cf-ray", "3")))])
    assert checker.reused == 1


def test_a_failing_check_is_reported_each_time_and_the_others_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        id = "broken"

        @staticmethod
        def function(_: Contract, __: Evidence, ___: FindingCollector) -> None:
            raise OverflowError

    monkeypatch.setattr("whopwatch.prober.probe_run.PROBE_CHECKS", (Broken(), *PROBE_CHECKS))
    failed: list[FailedCheck] = []
    checker = RunChecker(CONTRACT, on_failure=failed.append)
    for _ in range(2):
        assert checker.findings("products.list", [BROKEN]) == run_checks(CONTRACT, Evidence(CONTRACT, [BROKEN]), CHECKS)
    assert failed == [FailedCheck("broken", "OverflowError")] * 2


def test_a_failed_check_is_counted_and_logged(simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    each = Probe(CONTRACT.operations["products.list"], ProbeOptions(), {})
    metrics = ProbeMetrics(new_registry())
    sender = ProbeClient(simulator.target(), CONTRACT)
    budget = RequestBudget(10**6, time.monotonic)
    runner = ProbeRunner(
        CONTRACT, sender, RecentIds(CONTRACT, resources_needed([each]), time.monotonic), budget, metrics
    )
    sender.close()
    assert metrics.registry.get_sample_value("whop_prober_failed_checks_total", {"check": "schema"}) == 0

    runner._note_failed_check(FailedCheck("schema", "OverflowError"))

    assert metrics.registry.get_sample_value("whop_prober_failed_checks_total", {"check": "schema"}) == 1
    assert "The check schema failed inside whopwatch with an unexpected OverflowError." in caplog.text


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with embedded(CONTRACT, rate_limit=10**9) as running:
        yield running


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_the_other_checks_find_nothing_in_a_probe(simulator: Simulator, check: str) -> None:
    """At every operation where a fault for this check is visible."""
    faults = [fault for fault in fault_catalogue().values() if fault.check == check and fault.sees == "read"]
    for fault in faults[:3]:
        planted = first_place(CONTRACT, simulator.backend.world, fault)
        assert planted
        simulator.faults.switch([f"{fault.name}@{planted.operation.id}"])
        try:
            exchanges = flow(simulator, planted.operation)
        finally:
            simulator.faults.switch([])
        everything = run_checks(CONTRACT, Evidence(CONTRACT, exchanges), CHECKS)
        assert run_checks(CONTRACT, Evidence(CONTRACT, exchanges), PROBE_CHECKS) == everything


def flow(simulator: Simulator, operation: Operation) -> Sequence[Exchange]:
    """Return the exchanges of one run of a probe."""
    target = simulator.target()
    each = Probe(operation, ProbeOptions(), {})
    metrics = ProbeMetrics(new_registry())
    metrics.set_operations([each.series])
    ids = RecentIds(CONTRACT, resources_needed([each]), time.monotonic)
    ids.configure("companies", simulator.company_id)
    sender = ProbeClient(target, CONTRACT)
    try:
        return ProbeRunner(CONTRACT, sender, ids, RequestBudget(10**6, time.monotonic), metrics).observe(each).exchanges
    finally:
        sender.close()
