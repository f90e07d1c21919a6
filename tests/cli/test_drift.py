"""`whopwatch drift` and `whopwatch baseline`, as a person runs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from whopwatch.cli import main
from whopwatch.simulator import Simulator, embedded

ONLY = ["--only", "products.list,companies.retrieve", "--budget", "20"]


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulator whose faults a test switches, and a folder to work in."""
    monkeypatch.chdir(tmp_path)
    with embedded() as simulator:
        monkeypatch.setenv("WHOP_API_KEY", simulator.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", simulator.company_id)
        yield simulator


def night(api: Simulator, *options: str, faults: tuple[str, ...] = ()) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON report of a night with `faults`."""
    api.faults.switch(faults)
    code = main(["drift", "--target", api.base_url, *ONLY, "--json", "night.json", *options])
    return code, json.loads(Path("night.json").read_text())


def test_a_night_is_compared_with_those_before_and_exits_accordingly(api: Simulator) -> None:
    code, first = night(api)
    within = first["memory"].pop("checks_within_nights")
    assert within in (1, 2)  # two if a check had no turn on the first night
    assert (code, first["verdict"], first["memory"]) == (0, "clean", {"nights": 0, "previous": None})
    fault = ("field-missing@products.list",)
    code, second = night(api, faults=fault)
    assert (code, {one["state"] for one in second["findings"]}) == (1, {"new"})
    assert {one["first_seen"] for one in second["findings"]} == {second["started_at"]}
    code, third = night(api, faults=fault)
    assert (code, {one["state"] for one in third["findings"]}) == (1, {"known"})
    assert {one["first_seen"] for one in third["findings"]} == {second["started_at"]}
    code, fourth = night(api)
    assert (code, {one["state"] for one in fourth["findings"]}) == (0, {"fixed"})
    assert fourth["memory"]["nights"] == 3
    row = next(row for row in fourth["operations"] if row["id"] == "products.list")
    assert row["history"] == ["verified", "drift", "drift", "verified"]
    assert set(api.requests) == {"GET"}
    (folder,) = Path("reports/drift").iterdir()
    assert {"report.json", "junit.xml", "report.md", "report.txt"} <= {file.name for file in folder.iterdir()}


def test_the_metrics_are_replaced_in_one_step(api: Simulator) -> None:
    Path("night.prom").write_text("old")
    Path("link").hardlink_to("night.prom")
    night(api, "--textfile", "night.prom")
    assert "whop_contract_drift_last_success_timestamp_seconds" in Path("night.prom").read_text()
    assert Path("link").read_text() == "old"
    Path("null").symlink_to("/dev/null")
    night(api, "--textfile", "null")
    assert Path("null").is_char_device()


def test_an_accepted_finding_ends_a_night_well(api: Simulator) -> None:
    fault = ("field-missing@products.list",)
    _, report = night(api, faults=fault)
    entries = "".join(
        f"- {{fingerprint: '{one['fingerprint']}', reason: known, issue: T-1, expires: '2999-01-01'}}\n"
        for one in report["findings"]
    )
    Path("accepted.yaml").write_text(f"accepted:\n{entries}")
    code, report = night(api, "--accepted", "accepted.yaml", faults=fault)
    assert (code, {one["state"] for one in report["findings"]}) == (0, {"accepted"})
    code, report = night(api, "--accepted", "accepted.yaml")
    assert code == 0
    assert {(one["state"], one["severity"]) for one in report["findings"] if one["class"] == "D24"} == {("new", "info")}


def test_metrics_keep_the_last_success_of_a_night_that_has_none(
    api: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    night(api, "--textfile", "m.prom")
    kept = [line for line in Path("m.prom").read_text().splitlines() if "last_success" in line]
    api.faults.switch(())
    code = main(["drift", "--target", "http://127.0.0.1:1/api/v1", *ONLY, "--textfile", "m.prom"])
    assert code == 3
    assert [line for line in Path("m.prom").read_text().splitlines() if "last_success" in line] == kept
    assert api.api_key not in capsys.readouterr().out + Path("m.prom").read_text()


def test_many_companies_are_one_report(api: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", api.api_key)
    monkeypatch.delenv("WHOP_API_KEY")
    tables = "".join(
        f'[[companies]]\nname = "{name}"\ntarget = "{api.base_url}"\napi_key_env = "{variable}"\n'
        f'company_id = "{api.company_id}"\n'
        for name, variable in (("acme", "ONE"), ("dead", "NONE"), ("other", "ONE"))
    )
    Path("companies.toml").write_text(tables)
    api.faults.switch(["field-missing@products.list"])
    assert main(["drift", "--targets", "companies.toml", *ONLY, "--json", "all.json"]) == 1
    report = json.loads(Path("all.json").read_text())
    assert {tuple(one["targets"]) for one in report["findings"]} == {("acme", "other")}
    verdicts = {target["name"]: target["verdict"] for target in report["targets"]}
    assert verdicts == {"acme": "drift", "dead": "could-not-check", "other": "drift"}
    assert {file.name for file in Path("reports/baselines").glob("*.sqlite")} == {
        "acme.sqlite",
        "dead.sqlite",
        "other.sqlite",
    }
    assert main(["drift", "--targets", "companies.toml", *ONLY, "--shard", "2/3", "--json", "all.json"]) == 1
    assert [target["name"] for target in json.loads(Path("all.json").read_text())["targets"]] == ["other"]


def test_a_run_of_which_no_company_can_be_looked_at_could_not_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WHOP_API_KEY", raising=False)
    Path("companies.toml").write_text('[[companies]]\nname = "acme"\napi_key_env = "NONE"\n')
    assert main(["drift", "--targets", "companies.toml", *ONLY, "--json", "all.json"]) == 3
    report = json.loads(Path("all.json").read_text())
    assert report["verdict"] == "could-not-check"
    assert "acme" in report["reason"]


def test_a_baseline_is_carried_as_json(api: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    night(api)
    assert main(["baseline", "export", "-o", "export.json"]) == 0
    assert main(["baseline", "import", "export.json", "--baseline", "other.sqlite"]) == 0
    assert main(["baseline", "import", "export.json", "--baseline", "other.sqlite"]) == 2
    assert main(["baseline", "import", "export.json", "--baseline", "other.sqlite", "--force"]) == 0
    capsys.readouterr()
    assert main(["baseline", "export", "--baseline", "other.sqlite"]) == 0
    assert capsys.readouterr().out == Path("export.json").read_text()
    _, report = night(api, "--baseline", "other.sqlite")
    assert report["memory"]["nights"] == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--shard", "0/2"], "--shard requires --targets."),
        (["--targets", "none.toml"], "does not exist"),
        (["--targets", "none.toml", "--target", "sandbox"], "--target cannot be combined with --targets."),
        (["--pushgateway", "nowhere"], "Invalid Pushgateway URL."),
        (["--pushgateway", "http://host:99999"], "Invalid Pushgateway URL."),
        (["--textfile", "none/m.prom"], "metrics cannot be written"),
        (["--accepted", "none.yaml"], "does not exist"),
        (["--baseline", "/proc/none/b.sqlite"], "Cannot write the baseline"),
        (["--baseline", "no/such/folder/b.sqlite"], "create the folder 'no/such/folder'"),
        (["--only", "products.create"], "is a write operation"),
        (["--only", "product.list"], "where: option --only"),
        (["--resource", "produkts"], "where: option --resource"),
        (["--target", "nowhere"], "Unknown target"),
    ],
)
def test_invalid_options_are_reported_before_any_request(
    options: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["drift", *options]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "reports" / "baseline.sqlite").exists()
    assert not (tmp_path / "no").exists()


def test_an_export_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "export", "--baseline", str(tmp_path / "none.sqlite")]) == 2
    assert main(["baseline", "import", str(tmp_path / "none.json")]) == 2
    assert "no baseline to export" in capsys.readouterr().err


def test_versions_shows_when_each_was_first_seen(api: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    night(api, "--baseline", "b.sqlite")
    capsys.readouterr()
    assert main(["versions", "--target", api.base_url, "--baseline", "b.sqlite", "--json", "v.json"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    facts = json.loads(Path("v.json").read_text())
    assert facts["supported"] == list(facts["first_seen"]) == ["2025-01-01"]
    assert f"2025-01-01 by {facts['first_seen']['2025-01-01'][:10]}" in shown
    assert facts["move"]["from"] == "2025-01-01"
    assert f"To list the changes: {facts['move']['command']}" in shown
    assert "operation-removed" in shown
    assert main(["versions", "--target", api.base_url, "--baseline", "none.sqlite"]) == 2
