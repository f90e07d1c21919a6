"""Each bundled version against each bundled contract, and APIs that answer several versions.

The simulators are silent: they accept every version and name none, so that only their responses show it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from tests.run.in_process import InProcess
from whopwatch.contract import Contract, load
from whopwatch.core.report import Report, State, Verdict
from whopwatch.http.timing import AttemptTimer
from whopwatch.http.wire import HttpRequest, RawResponse
from whopwatch.run import judge, observe
from whopwatch.run.options import bundled_contracts, observe_matching
from whopwatch.run.session import default_selection
from whopwatch.simulator import SimulatorOptions

pytestmark = pytest.mark.thorough

OLD, NEW = "2025-01-01", "2026-10-15-1"
PAIRS = [(OLD, NEW), (NEW, OLD)]


@cache
def nameless(version: str) -> Contract:
    """The contract of a version, without its name: what is derived from it is kept with it."""
    contract = load(version)
    return Contract(contract.documents, replace(contract.edition, version=None))


def silent(version: str, *faults: str) -> InProcess:
    return InProcess(nameless(version), SimulatorOptions(faults=faults, rate_limit=10**9))


class Switched:
    """Sends each request to one of two simulators; `is_other` decides by the path and the number of the request."""

    def __init__(self, version: str, other: str, is_other: Callable[[str, int], bool]) -> None:
        self.first, self._second, self._is_other = silent(version), silent(other), is_other
        self._count = 0

    def send(self, request: HttpRequest, timer: AttemptTimer) -> RawResponse:
        self._count += 1
        to = self._second if self._is_other(request.url, self._count) else self.first
        headers = {**dict(request.headers), "Authorization": f"Bearer {to.backend.api_key}"}
        return to.send(replace(request, headers=tuple(headers.items())), timer)

    def close(self) -> None:
        """Close nothing."""


def report_of(version: str, api: InProcess | Switched, budget: int = 80) -> tuple[Report, int]:
    contract = load(version)
    simulator = api if isinstance(api, InProcess) else api.first
    observation = observe(contract, simulator.target(), budget=budget, transport=api, others=bundled_contracts)
    return judge(contract, observation, "simulator"), observation.sent


@pytest.mark.parametrize(("served", "used"), PAIRS)
def test_another_version_is_one_sentence_within_a_few_requests(served: str, used: str) -> None:
    report, sent = report_of(used, silent(served))
    assert (report.verdict, report.findings) == (Verdict.COULD_NOT_CHECK, ())
    assert (report.reason or "").startswith(f"The API answers version {served}, judged by its responses")
    assert f"--contract {served}" in (report.reason or "")
    assert f"--api-version {used}" in (report.reason or "")
    assert sent <= 5
    assert not report.count()[State.VERIFIED]


@pytest.mark.parametrize("version", [OLD, NEW])
def test_the_own_version_is_clean(version: str) -> None:
    report, _ = report_of(version, silent(version))
    assert report.findings == ()
    assert report.extra["api_version"]["answered"] == version


@pytest.mark.parametrize("version", [OLD, NEW])
def test_auto_chooses_the_contract_when_only_the_responses_show_the_version(version: str) -> None:
    api = silent(version)
    used, observation = observe_matching(
        load(), api.target(), auto=True, select=default_selection, budget=60, transport=api
    )
    assert used.version == version
    assert observation.sent <= 60
    assert judge(used, observation, "x").findings == ()


@pytest.mark.parametrize(("version", "other"), PAIRS)
def test_a_version_that_changes_in_the_middle_is_reported(version: str, other: str) -> None:
    report, _ = report_of(version, Switched(version, other, lambda _, count: count > 40))
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert report.findings == ()
    assert other in (report.reason or "")


def test_one_operation_that_ignores_the_version_is_named() -> None:
    report, _ = report_of(OLD, Switched(OLD, NEW, lambda url, _: "/payments" in url))
    assert report.findings == ()
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert "payments.list" in (report.reason or "")
    assert NEW in (report.reason or "")
    assert report.count()[State.VERIFIED] > 20


@pytest.mark.parametrize("fault", ["field-missing", "field-renamed", "nested-object-flattened"])
@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_fault_everywhere_is_not_another_version(version: str, fault: str) -> None:
    report, _ = report_of(version, silent(version, fault), budget=30)
    assert "The API answers" not in (report.reason or "")
