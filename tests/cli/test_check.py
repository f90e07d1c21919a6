"""`whopwatch check` at the simulator: clean, drifting, and what it writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from whopwatch.cli import main
from whopwatch.contract import load
from whopwatch.reports import FILE_NAMES
from whopwatch.simulator import ApiCall, StepWrapper, embedded


def test_the_simulator_is_clean_and_every_operation_accounted_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "reports"
    assert main(["check", "--report-dir", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert "CLEAN" in out
    assert re.fullmatch(
        r"Checking simulator against the contract 2025-01-01, .*149 operations and 1 of v2, 69 newer .*known\.\n", err
    )
    assert {path.name for path in folder.iterdir()} == set(FILE_NAMES.values())
    report = json.loads((folder / "report.json").read_text())
    states = [row["state"] for row in report["operations"]]
    assert (len(states), states.count("verified"), states.count("not-covered")) == (149, 79, 70)
    assert (report["target"], report["verdict"], report["findings"]) == ("simulator", "clean", [])
    assert report["requests"]["sent"] <= report["requests"]["budget"] == 600
    assert report["requests"]["unsafe"] == 0
    suite = ET.parse(folder / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("skipped"), suite.get("failures")) == ("149", "70", "0")
    assert (folder / "report.txt").read_text().splitlines()[-1].startswith(" CLEAN")


def test_a_selection_covers_what_was_selected_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--resource", "products", "--only", "plans.list,plans.list", "--json", "-"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    verified = {row["id"] for row in report["operations"] if row["state"] == "verified"}
    assert verified == {"products.list", "products.retrieve", "plans.list"}
    assert "CLEAN" in err


def test_the_rate_is_kept() -> None:
    assert main(["check", "--only", "products.list", "--rate", "50", "--budget", "5"]) == 0


def test_drift_ends_with_1_and_is_located(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def title_is_a_number(call: ApiCall, proceed: Callable[[], None]) -> None:
        for item in call.payload.get("data", ()):
            item["title"] = 424242
        proceed()

    with embedded(wrappers=[StepWrapper("respond", title_is_a_number, "products.list")]) as broken:
        monkeypatch.setenv("WHOP_API_KEY", broken.api_key)
        monkeypatch.setenv("WHOP_COMPANY_ID", broken.company_id)
        code = main(["check", "--target", broken.base_url, "--resource", "products", "--markdown", "-"])
        assert set(broken.requests) == {"GET"}
    out, err = capsys.readouterr()
    assert code == 1
    assert "- **critical** [`type-changed`]" in out
    assert "(D7)<br>\n  `products.list` `/data/*/title`: " in out
    assert "DRIFT" in err
    assert "424242" not in out + err
    assert broken.api_key not in out + err


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text("old")
    other_name = tmp_path / "link.json"
    other_name.hardlink_to(file)
    assert main(["check", "--only", "products.list", "--json", str(file)]) == 0
    assert json.loads(file.read_text())["verdict"] == "clean"
    assert other_name.read_text() == "old"
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["link.json", "report.json"]


def test_values_are_shown_on_a_terminal_and_written_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["check", "--fault", "date-as-epoch@payments.list", "--only", "payments.list", "--show-values"]
    assert main(command) == 2
    assert "--show-values requires a terminal" in capsys.readouterr().err
    monkeypatch.setattr("whopwatch.cli.check.sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*command, "--json", "-"]) == 2
    capsys.readouterr()
    assert main([*command, "--report-dir", str(tmp_path), "--record", str(tmp_path / "run.har")]) == 1
    shown = re.search(r"values.*?(17[0-9]{8})\b", capsys.readouterr().out)
    assert shown
    written = [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()]
    assert len(written) > len(FILE_NAMES)
    assert not any(shown[1] in text for text in written)


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("field-missing@products.list", "/products?company_id=$WHOP_COMPANY_ID&first=100"),
        ("unknown-id-200@products.retrieve", "/products/prod_00000000000000"),
    ],
)
def test_a_finding_has_the_request_that_shows_it(fault: str, path: str, tmp_path: Path) -> None:
    options = ("--resource", "products", "--budget", "200", "--report-dir", str(tmp_path))
    assert main(["check", "--fault", fault, *options]) == 1
    report = json.loads((tmp_path / "report.json").read_text())
    (finding,) = report["findings"]
    assert finding["request"] == {"path": path, "method": "GET", "credential": "key", "id": None}
    for name in ("report.md", "report.txt", "junit.xml", "report.sarif", "report.html"):
        assert path.partition("?")[2][-9:] in (tmp_path / name).read_text(), name


def test_a_request_without_a_key_is_repeated_without_one(tmp_path: Path) -> None:
    options = ("--resource", "products", "--report-dir", str(tmp_path))
    assert main(["check", "--fault", "no-key-empty-list@products.list", *options]) == 1
    text = (tmp_path / "report.txt").read_text()
    assert 'repeat       curl -gsS -H "Api-Version-Date: 2025-01-01" \\' in text
    assert "$WHOP_API_KEY" not in text


def test_a_report_of_the_embedded_simulator_says_how_to_start_one(tmp_path: Path) -> None:
    options = ("--only", "products.list", "--report-dir", str(tmp_path))
    line = "set WHOP_BASE_URL, WHOP_API_KEY and WHOP_COMPANY_ID to what it prints"
    assert main(["check", *options]) == 0
    assert line not in (tmp_path / "report.txt").read_text()
    assert main(["check", "--fault", "field-missing@products.list", *options]) == 1
    for name in ("report.txt", "report.html"):
        assert line in " ".join((tmp_path / name).read_text().split()), name
    assert "start whopwatch simulate" in (tmp_path / "report.md").read_text()
    with embedded(load(), faults=("field-missing@products.list",)) as simulator:
        environment = {"WHOP_API_KEY": simulator.api_key, "WHOP_COMPANY_ID": simulator.company_id}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            assert main(["check", "--target", simulator.base_url, *options]) == 1
    assert line not in (tmp_path / "report.txt").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_full_disk_loses_neither_the_verdict_nor_the_other_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    options = ["--only", "products.list", "--fault", "field-missing@products.list", "--budget", "10"]

    assert main(["check", *options, "--json", "/dev/full", "--html", str(page)]) == 2
    shown = capsys.readouterr()
    assert "DRIFT   1 operation does not match the contract" in shown.out
    assert "No space left on device" in shown.err
    assert "free disk space" in shown.err
    assert "products.list" in page.read_text()
