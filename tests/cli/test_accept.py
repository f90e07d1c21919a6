"""`whopwatch accept`, and the commands that obey the file that it writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from whopwatch.cli import main
from whopwatch.config.accepted import read_accepted
from whopwatch.contract import load
from whopwatch.simulator import Simulator, embedded

FAULT = "field-missing@products.list"
ONLY = ("--only", "products.list,plans.list")
FILE = Path("accepted.yaml")


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with embedded(load()) as simulator:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        monkeypatch.setenv("WHOP_BASE_URL", simulator.base_url)
        monkeypatch.chdir(tmp_path)
        simulator.faults.switch([FAULT])
        yield simulator


def check(*options: str, only: tuple[str, ...] = ONLY) -> tuple[int, dict[str, Any]]:
    code = main(["check", *only, "--rate", "1000", "--json", "check.json", *options])
    return code, json.loads(Path("check.json").read_text())


def drift() -> tuple[int, dict[str, Any]]:
    code = main(["drift", *ONLY, "--rate", "1000", "--json", "drift.json"])
    return code, json.loads(Path("drift.json").read_text())


def accept(*options: str, reason: str = "agreed") -> int:
    return main(["accept", "--reason", reason, *options])


def test_an_accepted_finding_does_not_affect_any_exit_code(api: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = check()
    assert code == 1
    (finding,) = report["findings"]
    options = ("--issue", "https://t.example/1", "--until", "2999-12-31", "--report", "check.json")
    assert accept(finding["fingerprint"], *options) == 0
    assert f"products.list {finding['location']}, until 2999-12-31" in capsys.readouterr().out
    (entry,) = read_accepted(FILE)
    assert (entry.operation, entry.drift_class, entry.issue) == ("products.list", "D5", "https://t.example/1")
    code, report = check("--record", "check.har")
    assert (code, report["verdict"]) == (0, "clean")
    assert [row["state"] for row in report["operations"] if row["id"] == "products.list"] == ["drift"]
    assert "CLEAN   1 operation matches the contract; 1 accepted finding\n" in capsys.readouterr().out
    assert check("-q")[0] == 0
    assert capsys.readouterr().out.endswith("CLEAN   1 operation matches the contract; 1 accepted finding\n")
    assert [(one["state"], one["accepted"]) for one in report["findings"]] == [
        ("accepted", "agreed (https://t.example/1)")
    ]
    assert drift()[0] == 0
    assert main(["report", "check.json"]) == 0
    assert main(["check", "--replay", "check.har"]) == 0


def test_an_entry_that_matches_nothing_is_a_warning(api: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    _, report = check()
    accept(report["findings"][0]["fingerprint"], "--report", "check.json")
    api.faults.switch([])
    capsys.readouterr()
    code, report = check()
    assert code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "match the contract. Warning: 1 accepted entry to update" in shown
    assert "no longer occurs. Remove it from accepted.yaml." in shown
    assert [(one["class_slug"], one["severity"]) for one in report["findings"]] == [("accepted-entry-outdated", "info")]
    assert check(only=("--only", "plans.list"))[1]["findings"] == []


def test_an_accepted_operation_is_not_among_those_that_do_not_match(
    api: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    _, report = check()
    accept(report["findings"][0]["fingerprint"], "--report", "check.json")
    api.faults.switch([FAULT, "enum-value-upper-case@plans.list"])
    capsys.readouterr()
    assert check("-q")[0] == 1
    assert "DRIFT   1 operation does not match the contract; 1 accepted finding\n" in capsys.readouterr().out
    assert check("-q", only=("--only", "products.list"))[0] == 0
    assert "CLEAN   1 operation differs as accepted; 1 accepted finding\n" in capsys.readouterr().out


def test_an_expired_entry_no_longer_covers_its_finding(api: Simulator) -> None:
    _, report = check()
    fingerprint = report["findings"][0]["fingerprint"]
    FILE.write_text(f"accepted:\n- {{fingerprint: '{fingerprint}', reason: r, expires: 2026-01-01}}\n")
    code, report = check()
    assert code == 1
    assert {one["class_slug"] for one in report["findings"]} == {"required-field-removed", "accepted-entry-outdated"}


def test_every_finding_of_the_last_night_is_accepted_at_once(api: Simulator) -> None:
    api.faults.switch([FAULT, "enum-value-upper-case@plans.list"])
    assert drift()[0] == 1
    assert accept("--all-current", reason="known on day one") == 0
    assert len(read_accepted(FILE)) == 2
    assert drift()[0] == check()[0] == 0


def test_the_file_is_beside_the_configuration(api: Simulator) -> None:
    Path("conf").mkdir()
    Path("conf/whopwatch.toml").write_text("")
    _, report = check()
    fingerprint = report["findings"][0]["fingerprint"]
    assert accept(fingerprint, "--report", "check.json", "--config", "conf/whopwatch.toml") == 0
    assert check()[0] == 1
    assert check("--config", "conf/whopwatch.toml")[0] == 0
    assert check("--accepted", "conf/accepted.yaml")[0] == 0


def test_probe_once_obeys_the_file(api: Simulator) -> None:
    Path("probes.toml").write_text('[[probes]]\noperations = ["products.list"]\n')
    once = ["probe", "--once", "--json", "probe.json", "--config", "probes.toml"]
    assert main(once) == 1
    assert accept("--all-current", "--report", "probe.json") == 0
    assert main(once) == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "--all-current"),
        (("0123456789ab", "--all-current"), "one of the two"),
        (("0123",), "12 hex digits"),
        (("0123456789ab", "--until", "2020-01-01"), "in the past"),
        (("0123456789ab", "--reason", " "), "reason is empty"),
        (("--all-current",), "no report with current findings"),
        (("0123456789ab", "--report", "none.json"), "does not exist"),
    ],
)
def test_wrong_usage_is_refused(
    options: tuple[str, ...],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert accept(*options) == 2
    assert expected in capsys.readouterr().err
    assert not FILE.exists()


@pytest.mark.parametrize("kind", ["without a report", "beside another report", "of a report that is named"])
def test_a_fingerprint_that_no_report_shows_is_accepted_with_a_warning(
    kind: str, api: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    if kind.startswith("beside"):
        assert drift()[0] == 1
    api.faults.switch(["enum-value-upper-case@plans.list"])
    code, report = check()
    (finding,) = report["findings"]
    assert code == 1
    options = ("--report", "check.json") if kind.startswith("of") else ()
    capsys.readouterr()
    assert accept(finding["fingerprint"], *options) == 0
    shown = capsys.readouterr()
    (entry,) = read_accepted(FILE)
    assert (entry.operation != "") is bool(options)
    assert (f"no report here shows {finding['fingerprint']}" in shown.err) is not bool(options)
    assert check()[0] == 0
