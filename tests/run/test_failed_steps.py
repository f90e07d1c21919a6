"""A planning step that fails is an internal incident of the report, and the run could not check everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.run.in_process import InProcess
from whopwatch.contract import Contract
from whopwatch.core.report import Verdict
from whopwatch.planning import schedule
from whopwatch.run import check
from whopwatch.simulator.backend import SimulatorOptions


def test_a_failed_step_is_reported_and_the_rest_is_checked(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Iterator[object]:
        raise OverflowError
        yield

    monkeypatch.setattr(schedule, "BY_PRIORITY", (fails, *schedule.BY_PRIORITY))
    api = InProcess(contract, SimulatorOptions(seed=1, rate_limit=10**9))
    report = check(contract, api.target(), only=["products.list"], budget=60, transport=api)
    row = {"place": "planning fails", "operation": "products.list", "error": "OverflowError", "count": 1}
    assert report.to_json()["incidents"] == [row]
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert "planning steps failed inside whopwatch: fails (OverflowError)" in (report.reason or "")
    assert next(one.samples for one in report.operations if one.id == "products.list") > 0
