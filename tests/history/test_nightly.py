"""The nightly run as a library call: what it records, what it does not, and what several companies share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.history import factories
from whopwatch.config.targets_file import Company
from whopwatch.contract import Contract, load
from whopwatch.core.errors import UsageError, WhopwatchError
from whopwatch.core.report import Verdict
from whopwatch.history import open_baseline, read_baseline
from whopwatch.history.nightly import (
    NightOutcome,
    NightSettings,
    RunClock,
    last_common_success,
    run_night,
    run_nights,
)
from whopwatch.history.records import Night, VersionRecord
from whopwatch.reports.text import incidents_line
from whopwatch.run import Progress
from whopwatch.run.options import RunOptions
from whopwatch.simulator import Simulator, embedded


@pytest.fixture
def api() -> Iterator[Simulator]:
    with embedded(load(), items=3) as simulator:
        yield simulator


def settings(progress: Callable[[Progress], None] | None = None) -> NightSettings:
    return NightSettings(RunOptions(only=("products.list", "companies.retrieve"), budget=20, progress=progress))


def environ(api: Simulator) -> dict[str, str]:
    return {"WHOP_API_KEY": api.api_key, "WHOP_COMPANY_ID": api.company_id}


def test_a_night_is_recorded_and_the_next_one_knows_it(contract: Contract, api: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "b.sqlite"
    first = run_night(settings(), api.base_url, environ(api), file)
    second = run_night(settings(), api.base_url, environ(api), file)
    assert first.report.verdict is second.report.verdict is Verdict.CLEAN
    assert [night.number for night in read_baseline(file).nights] == [1, 2]
    assert second.report.memory is not None
    assert second.report.memory.nights == 1
    assert second.last_success is not None
    assert first.last_success is not None
    assert second.last_success >= first.last_success


def test_versions_that_appear_and_disappear_are_no_drift(api: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "b.sqlite"
    first = run_night(settings(), api.base_url, environ(api), file)
    assert first.report.findings == ()
    assert first.report.extra["api_version"]["supported"] == ["2025-01-01"]
    with open_baseline(file) as held:
        records = held.load()
        assert list(records.versions) == ["2025-01-01"]
        records.versions = {"2024-12-01": VersionRecord("2026-01-01T03:00:00Z")}
        held.save(records)
    second = run_night(settings(), api.base_url, environ(api), file)
    assert second.report.verdict is Verdict.CLEAN
    assert [(one.class_slug, one.location, one.severity) for one in second.report.findings] == [
        ("version-published", "version:2025-01-01", "info"),
        ("version-retired", "version:2024-12-01", "info"),
    ]
    third = run_night(settings(), api.base_url, environ(api), file)
    assert third.report.findings == ()
    assert third.report.sent <= third.report.budget


def test_an_interrupted_night_is_not_recorded(contract: Contract, api: Simulator, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.sent == 2:
            raise KeyboardInterrupt

    file = tmp_path / "b.sqlite"
    outcome = run_night(settings(progress=interrupt), api.base_url, environ(api), file)
    assert outcome.interrupted
    assert outcome.report.verdict is Verdict.COULD_NOT_CHECK
    assert outcome.last_success is None
    assert not file.exists() or read_baseline(file).nights == []


def test_a_night_that_cannot_be_saved_is_reported_all_the_same(
    contract: Contract, api: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise UsageError("disk full")

    with open_baseline(tmp_path / "other.sqlite") as held:
        monkeypatch.setattr(type(held), "save", fail)
    outcome = run_night(settings(), api.base_url, environ(api), tmp_path / "b.sqlite")
    assert outcome.report.verdict is Verdict.CLEAN
    assert isinstance(outcome.save_error, WhopwatchError)


def test_a_company_that_fails_does_not_stop_the_others(contract: Contract, api: Simulator, tmp_path: Path) -> None:
    companies = [
        Company("broken", tmp_path / "broken.sqlite", "no-such-target"),
        Company("acme", tmp_path / "acme.sqlite", api.base_url, "WHOP_API_KEY", api.company_id),
    ]
    failures: list[str] = []
    report, outcomes = run_nights(
        settings(), companies, environ(api), lambda name, error: failures.append(f"{name}: {error.what}")
    )
    assert len(failures) == 1
    assert failures[0].startswith("broken: ")
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert {target.name: target.verdict for target in report.targets} == {
        "acme": Verdict.CLEAN,
        "broken": Verdict.COULD_NOT_CHECK,
    }
    assert outcomes.keys() == {"acme", "broken"}
    assert last_common_success(outcomes.values()) is None


def test_the_last_common_success_is_the_oldest_and_none_if_one_never_had_one() -> None:
    report = factories.report()
    assert last_common_success([NightOutcome(report, 20.0), NightOutcome(report, 10.0)]) == 10.0
    assert last_common_success([NightOutcome(report, 20.0), NightOutcome(report)]) is None
    assert last_common_success([]) is None


@pytest.mark.parametrize("fault", ["nulls-highest@invoices.list", "size-odd-ignored@invoices.list"])
def test_what_no_source_states_counts_once_a_night_has_seen_it_hold(tmp_path: Path, fault: str) -> None:
    options = NightSettings(RunOptions(only=("invoices.list",), budget=120))
    with embedded(load()) as api:

        def night(file: str, *faults: str) -> tuple[Verdict, dict[str, str]]:
            api.faults.switch(list(faults))
            report = run_night(options, api.base_url, environ(api), tmp_path / file).report
            return report.verdict, {str(finding.rule): str(finding.severity) for finding in report.findings}

        # An API that never did it: shown, and no drift on any night.
        for _ in range(2):
            verdict, severities = night("never.sqlite", fault)
            assert verdict is Verdict.CLEAN
            assert severities
            assert set(severities.values()) == {"info"}
        # An API that did it before: it changed.
        assert night("changed.sqlite") == (Verdict.CLEAN, {})
        verdict, severities = night("changed.sqlite", fault)
        assert verdict is Verdict.DRIFT
        assert "high" in severities.values()


def night_at(started_at: str) -> Night:
    return Night(1, started_at, 10.0, "fake", "clean", 1, True)


def test_a_night_in_the_future_is_an_incident() -> None:
    now = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
    clock = RunClock(lambda: now, lambda: 0.0)
    assert clock.incidents([night_at("2026-11-29T03:00:00Z")]) == []
    (incident,) = clock.incidents([night_at("2026-11-29T03:00:00Z"), night_at("2099-01-01T03:00:00Z")])
    assert incident["operation"] == "clock"
    assert incident["what"].startswith("1 earlier night has a later date than now (up to 2099-01-01)")


@pytest.mark.parametrize("jump", [-7200.0, 86_400.0])
def test_a_clock_that_jumps_during_the_run_is_an_incident(jump: float) -> None:
    walls = iter([1_800_000_000.0, 1_800_000_000.0 + 30 + jump])
    ticks = iter([0.0, 30.0])
    clock = RunClock(lambda: next(walls), lambda: next(ticks))
    (incident,) = clock.incidents([])
    assert f"jumped by {jump:+.0f} s" in incident["what"]


def test_the_report_of_a_night_shows_what_is_wrong_with_the_clock(
    contract: Contract, api: Simulator, tmp_path: Path
) -> None:
    file = tmp_path / "b.sqlite"
    run_night(settings(), api.base_url, environ(api), file)
    with open_baseline(file) as held:
        records = held.load()
        records.nights[0] = replace(records.nights[0], started_at="2099-01-01T03:00:00Z")
        held.save(records)
    outcome = run_night(settings(), api.base_url, environ(api), file)
    assert "a later date than now" in json.dumps(outcome.report.extra["incidents"])
    assert "2099" in incidents_line(outcome.report)
    assert outcome.last_success is not None
    assert outcome.last_success < time.time() + 60
