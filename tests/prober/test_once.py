"""Every probe once: how long data is searched for."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.prober.support import CONTRACT, Reply, page, probe, prober
from whopwatch.cli import main
from whopwatch.cli.probe import check_once
from whopwatch.config import Target
from whopwatch.contract import load
from whopwatch.core.exchange import Failure
from whopwatch.core.report import Report, State, Verdict
from whopwatch.http.call import Call
from whopwatch.planning.ids import MAX_TRIES
from whopwatch.prober.probe_run import ProbeRunner
from whopwatch.prober.service import ProberService
from whopwatch.simulator import embedded

EVERY_READ = """
[budget]
requests_per_minute = 6000
[defaults]
page_size = 10
[[probes]]
gets = true
[[probes]]
operations = ["v2.plans.retrieve"]
"""

TARGET = Target("t", "https://api.example/v1", "https://api.example/v2")


def once(runner: ProbeRunner, *operations: str) -> Report:
    return check_once(CONTRACT, runner, [probe(each) for each in operations], TARGET, sleep=lambda _: None)[0]


def asked_with(name: str, calls: list[Call]) -> list[str | None]:
    return [dict(call.query).get(name) for call in calls]


@pytest.mark.parametrize(("full", "most"), [("exp_25", 12), ("exp_99", MAX_TRIES)])
def test_parents_are_tried_until_one_has_items_or_as_many_as_a_check_tries(full: str, most: int) -> None:
    def answer(call: Call) -> Reply:
        if call.operation.id == "experiences.list":
            return page(*({"id": f"exp_{number}"} for number in range(30)))
        return page({"id": "post_1"}) if dict(call.query).get("experience_id") == full else page()

    runner, sender = prober(answer, probe("forum_posts.list"))
    once(runner, "experiences.list", "forum_posts.list")
    parents = asked_with("experience_id", [call for call in sender.calls if call.operation.id == "forum_posts.list"])
    assert len(set(parents)) == len(parents) <= most
    assert (full in parents) == (most < MAX_TRIES)
    assert most < MAX_TRIES or len(parents) == most


def test_a_probe_with_a_fixed_parameter_uses_no_other_value() -> None:
    runner, sender = prober(lambda _: page(), probe("forum_posts.list"))
    given = probe("forum_posts.list", {"experience_id": "exp_mine"})
    check_once(CONTRACT, runner, [probe("experiences.list"), given], TARGET, sleep=lambda _: None)
    parents = asked_with("experience_id", [call for call in sender.calls if call.operation.id == "forum_posts.list"])
    assert parents == ["exp_mine"]


@pytest.mark.parametrize("failure", [Failure.RESET, Failure.READ_TIMEOUT, Failure.INCOMPLETE, 429, 500, 502, 503, 522])
@pytest.mark.parametrize("repeats", [False, True])
def test_a_failed_request_is_repeated_once_before_it_is_a_finding(failure: Failure | int, repeats: bool) -> None:
    failures: list[Reply] = [
        (failure, {}) if isinstance(failure, int) and not isinstance(failure, Failure) else failure
    ]
    pauses: list[float] = []
    items = page({"id": "prod_1"})

    def answer(call: Call) -> Reply:
        if repeats:
            return failures[0] if call.operation.id == "products.list" else items
        return failures.pop() if failures else items

    runner, sender = prober(answer, probe("products.list"))
    report, _ = check_once(CONTRACT, runner, [probe("products.list"), probe("plans.list")], TARGET, sleep=pauses.append)
    is_about_status = {finding.check for finding in report.findings if finding.operation == "products.list"}
    assert bool(is_about_status & {"status", "wire"}) is repeats
    assert len(report.extra.get("incidents", ())) == (not repeats)
    assert 1.0 in pauses
    assert sender.asked.count("products.list") <= 4


def test_a_longer_retry_after_is_not_waited_for() -> None:
    runner, sender = prober(lambda _: (429, {}), probe("products.list"))
    sender.headers = (*sender.headers, ("retry-after", "61"))
    once(runner, "products.list")
    assert sender.asked == ["products.list"]


def test_an_api_without_a_usable_response_gets_no_further_requests() -> None:
    runner, sender = prober(lambda _: (404, {"error": {"type": "not_found"}}), probe("products.list"))
    once(runner, "products.list", "plans.list")
    assert sorted(sender.asked) == ["plans.list", "products.list"]


@pytest.mark.parametrize("seed", [0, 1, 3, 9])
def test_every_read_of_the_simulator_is_verified(seed: int, tmp_path: Path) -> None:
    """With these seeds a first round misses a list with few parents, or an id that one object of many shows."""
    config = tmp_path / "probes.toml"
    config.write_text(EVERY_READ, encoding="utf-8")
    with embedded(CONTRACT, seed=seed) as simulator:
        service = ProberService(CONTRACT, simulator.target(), config)
        report, _ = check_once(CONTRACT, service.runner, list(service.probes.values()), simulator.target())
        service.stop()
        assert set(simulator.requests) == {"GET"}
        assert report.sent == simulator.requests.total() <= 120
    assert report.count()[State.VERIFIED] == len(service.probes) == 80
    assert report.findings == ()


def test_a_round_at_an_api_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    config = tmp_path / "probes.toml"
    config.write_text(EVERY_READ, encoding="utf-8")
    with embedded(load("newest")) as simulator:
        target = replace(simulator.target(), api_version_date=None)
        service = ProberService(CONTRACT, target, config)
        report, _ = check_once(CONTRACT, service.runner, list(service.probes.values()), target)
        service.stop()
        assert simulator.requests.total() <= 5
    assert (report.findings, report.verdict) == ((), Verdict.COULD_NOT_CHECK)
    assert str(report.reason).startswith("The API answers version 2026-10-15-1; the contract is of 2025-01-01. Use `--")


@pytest.mark.parametrize(
    ("options", "expected"), [(["--contract", "auto"], "2026-10-15-1"), ([], "2025-01-01")], ids=["auto", "file"]
)
def test_the_version_of_the_key_decides_unless_a_file_names_operations(
    options: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = tmp_path / "probes.toml"
    config.write_text(EVERY_READ.partition("[[probes]]")[0] + '[[probes]]\noperations = ["products.list"]\n')
    monkeypatch.chdir(tmp_path)
    for name in ("WHOP_API_VERSION_DATE", "WHOP_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with embedded(load("newest")) as simulator:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        arguments = ["--once", "--config", str(config), "--target", simulator.base_url, *options, "--json", "-"]
        code = main(["probe", *arguments])
    report = json.loads(capsys.readouterr().out)
    assert report["contract"]["version"] == report["api_version"]["requested"] == expected
    assert code == (0 if options else 3)


def test_a_list_without_parents_ends() -> None:
    runner, sender = prober(lambda _: page(), probe("invoices.list"))
    once(runner, "invoices.list", "forum_posts.list")
    assert "invoices.list" in sender.asked
    assert max(Counter(sender.asked).values()) <= 3


def test_ids_of_several_resources_take_turns() -> None:
    def answer(call: Call) -> Reply:
        shown = {"messages.list": [{"id": "msg_1"}], "forum_posts.list": [{"id": f"post_{n}"} for n in range(9)]}
        return page(*shown.get(call.operation.id, [{"id": "exp_1"}]))

    runner, sender = prober(
        lambda call: page() if call.operation.id == "reactions.list" else answer(call), probe("reactions.list")
    )
    once(runner, "experiences.list", "messages.list", "forum_posts.list", "reactions.list")
    asked = asked_with("resource_id", [call for call in sender.calls if call.operation.id == "reactions.list"])
    assert {"msg_1", *(f"post_{number}" for number in range(9))} == set(asked)
