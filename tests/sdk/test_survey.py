"""Checks of an SDK: no finding at a faithful API, and what the SDK accepts of a faulty one."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from whopwatch.cli import main
from whopwatch.contract import Contract
from whopwatch.contract_build import releases
from whopwatch.contract_build.releases import Release
from whopwatch.core.errors import SourceError, TargetError, UsageError
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding, Severity
from whopwatch.core.report import Report, State, Verdict
from whopwatch.http import Client
from whopwatch.metrics import runs
from whopwatch.relay import run_relay
from whopwatch.sdk import check_sdk
from whopwatch.sdk.findings import pagination_findings
from whopwatch.sdk.releases import (
    DRIVERS_FOLDER,
    SdkProgram,
    driver_command,
    parse_release,
    requested_version,
    require_release,
    run_program,
)
from whopwatch.sdk.survey import _rejected_version
from whopwatch.simulator import Simulator, embedded

pytestmark = pytest.mark.thorough

CACHE = Path(__file__).parents[2] / ".cache" / "sdk"


@contextmanager
def driven(contract: Contract, *faults: str, seed: int = 0) -> Iterator[tuple[Report, Simulator]]:
    """The report on a simulator, by the release that the tests are installed with."""
    with embedded(contract, faults=faults, seed=seed) as simulator:
        target = replace(simulator.target(), writable=False)
        with (
            Client(target, contract, budget=150) as client,
            run_relay(client, contract) as relay,
            run_program([sys.executable, str(DRIVERS_FOLDER / "driver.py"), relay.url, relay.token], {}) as program,
        ):
            ids = {"companies": simulator.company_id}
            yield check_sdk(contract, program, relay, name="the SDK", ids=ids, seed=seed), simulator


def breaking(report: Report) -> set[tuple[str, str, str]]:
    return {(one.operation, one.drift_class, one.location) for one in report.findings if one.breaks}


@pytest.mark.parametrize("seed", [0, 7])
def test_a_faithful_api_is_parsed_as_it_is(contract: Contract, seed: int) -> None:
    with driven(contract, seed=seed) as (report, simulator):
        assert set(simulator.requests) == {"GET"}
        assert simulator.requests["GET"] == report.sent <= 150
    assert report.verdict is Verdict.CLEAN
    assert report.count() == {State.VERIFIED: 79, State.NOT_COVERED: 70}
    assert breaking(report) == set()
    # Its pages declare one field of four, and its walk asks for one page more than there are.
    assert [(one.operation, one.location, len(one.places)) for one in report.findings] == [
        ("all", f"/page_info/{name}", 38) for name in ("has_next_page", "has_previous_page", "start_cursor")
    ]
    walks = report.extra["sdk"]["walks"]
    assert [walk["requests"] - walk["needed"] for walk in walks] == [1, 1, 1]
    assert all(walk["ended"] for walk in walks)


FAULTS = {
    "text-as-number": ("products.retrieve", "D7"),
    "null-field": ("plans.retrieve", "D9"),
    "enum-value-new": ("payments.retrieve", "D10"),
    "object-in-array": ("members.retrieve", "D7"),
    "object-null": ("memberships.retrieve", "D9"),
    "field-missing": ("invoices.retrieve", "D5"),
}


def test_responses_that_the_sdk_accepts_silently_are_reported(contract: Contract) -> None:
    with driven(contract, *(f"{fault}@{operation}" for fault, (operation, _) in FAULTS.items())) as (report, _):
        found = breaking(report)
    assert sorted((operation, drift) for operation, drift, _ in found) == sorted(FAULTS.values())
    messages = {one.operation: one.message for one in report.findings if one.breaks}
    assert "is not in the response" in messages.pop("invoices.retrieve")
    assert all("raises no error" in message for message in messages.values())


def test_a_traversal_without_end_is_reported(contract: Contract) -> None:
    with driven(contract, "page-repeats@products.list") as (report, _):
        assert ("products.list", "D20", "param:after") in breaking(report)


@pytest.mark.parametrize(
    ("told", "location"),
    [
        ({"ended": True, "items": 30}, None),
        ({"ended": False, "items": 50}, "param:after"),
        ({"ended": False, "items": 25}, None),
        ({"ended": True, "items": 25}, "/data"),
        ({"ended": True, "items": 35}, "/data"),
    ],
)
def test_a_walk(told: dict[str, object], location: str | None) -> None:
    found: list[Finding] = list(pagination_findings("products.list", told, 30))
    assert [one.location for one in found] == ([location] if location else [])
    assert all(one.severity is Severity.CRITICAL for one in found)


def test_a_release_with_other_names_is_reported_with_them(
    contract: Contract, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    code = main(["sdk", "sdk:0.0.41", "--cache-dir", str(CACHE), "--json", str(file)])
    report = json.loads(file.read_text())
    assert code == 1
    assert report["sdk"]["release"] == "0.0.41"
    found = {(one["operation"], one["class"], one["location"]) for one in report["findings"]}
    assert ("plans.list", "D2", "param:company_id") in found
    assert "payout_methods.list" in {row["id"] for row in report["operations"] if row["state"] == "not-covered"}
    assert report["sdk"]["errors"]["no such method"] == 2


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_other_language_goes_the_same_way(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    assert main(["sdk", "npm:0.0.23", "--cache-dir", str(CACHE), "--json", str(file)]) == 0
    report = json.loads(file.read_text())
    assert sum(row["state"] == "verified" for row in report["operations"]) == 79
    assert report["findings"] == []
    assert len(report["sdk"]["walks"]) == 3


def test_a_rejected_version_ends_the_run_with_its_reason() -> None:
    error = {"type": "invalid_request_error", "message": "Supported: 2026-10-20", "param": "Api-Version-Date"}
    body = json.dumps({"error": error}).encode()
    rejected = Exchange("products.list", Purpose.LIST, "GET", "/products", status=400, body=body)
    assert _rejected_version([rejected]) == (
        "The API rejects the version that the SDK requests (400). It supports 2026-10-20. "
        "Test a release that requests one of these versions."
    )
    other = json.dumps({"error": {**error, "param": "first"}}).encode()
    assert _rejected_version([replace(rejected, body=other)]) is None
    assert _rejected_version([]) is None


def test_a_spent_budget_is_not_green_and_no_success(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "sdk.prom"
    assert main(["sdk", "--budget", "3", "--cache-dir", str(CACHE), "--textfile", str(file)]) == 3
    text = file.read_text()
    assert 'whop_sdk_requests{release="sdk:0.0.23"} 3.0' in text
    assert "last_success" not in text


def test_the_newest_is_one_series_whichever_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The label and the group at a Pushgateway are those of `newest`: nothing is left of the version before."""
    monkeypatch.setattr(releases, "published_versions", lambda registry, name: ["0.0.9", "0.0.23"])
    groups: list[tuple[str, Mapping[str, str]]] = []
    monkeypatch.setattr(
        runs, "push_metrics", lambda registry, url, job, grouping, replace_all: groups.append((job, grouping))
    )
    file = tmp_path / "sdk.prom"
    places = ["--textfile", str(file), "--pushgateway", "http://127.0.0.1:1"]
    assert main(["sdk", "sdk:latest", "--budget", "3", "--cache-dir", str(CACHE), *places]) == 3
    series = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert 'whop_sdk_info{release="sdk:newest",version="0.0.23"} 1.0' in series
    of_the_contract = [line for line in series if line.startswith("whop_contract_info{")]
    assert len(of_the_contract) == 1
    assert all('release="sdk:newest"' in line for line in series if line not in of_the_contract)
    assert groups == [("whopwatch-sdk", {"release": "sdk:newest"})]


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("0.0", Release("sdk", "0.0")),
        ("npm:0.0.23", Release("npm", "0.0.23")),
        ("newest", Release("sdk", "newest")),
        ("npm:latest", Release("npm", "newest")),
    ],
)
def test_what_names_a_release(text: str, release: Release) -> None:
    assert parse_release(text) == release


@pytest.mark.parametrize("text", ["gem:0.0.23", "sdk:", "sdk:soon", "sdk:1; rm", "../x"])
def test_what_names_no_release(text: str) -> None:
    with pytest.raises(UsageError, match="names no release"):
        parse_release(text)


def test_a_driver_that_starts_another_release_is_an_error() -> None:
    with pytest.raises(SourceError, match="another release"):
        require_release(Release("sdk", "0.0.1"), "0.0.23")


@pytest.mark.parametrize("program", ["pass", "import time; time.sleep(0.1)"])
def test_a_driver_that_ends_is_reported(program: str) -> None:
    with pytest.raises(TargetError, match="ended"), run_program([sys.executable, "-c", program], {}):
        pytest.fail("no driver is ready")


def test_a_driver_that_ends_later_is_reported_too() -> None:
    with run_program([sys.executable, "-c", 'print(\'{"ready": "1"}\', flush=True)'], {}) as program:
        assert isinstance(program, SdkProgram)
        assert program.release == "1"
        with pytest.raises(TargetError, match="ended"):
            program.ask(operation="products.list")


def test_a_driver_gets_no_key_and_little_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHOP_API_KEY", "secret")
    told = "import json, os; print(json.dumps({'ready': ','.join(os.environ)}), flush=True)"
    command, environ = driver_command(Release("sdk", "0.0.23"), Path("folder"), "http://127.0.0.1:1", "token")
    with run_program([command[0], "-c", told], environ) as program:
        names = set(program.release.split(","))
    assert "WHOP_API_KEY" not in names
    assert {"PYTHONPATH", "WHOP_APP_ID"} <= names


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ('        api_version_date: typing.Optional[str] = "2026-10-15-1",\n', "2026-10-15-1"),
        ('        api_version_date: typing.Optional[str] = "not a version",\n', None),
        ("        api_version_date: typing.Optional[str] = None,\n", None),
        (None, None),
    ],
)
def test_the_version_that_a_release_requests(tmp_path: Path, client: str | None, expected: str | None) -> None:
    (tmp_path / "whop_sdk").mkdir()
    if client is not None:
        (tmp_path / "whop_sdk" / "client.py").write_text(client, encoding="utf-8")
    assert requested_version(tmp_path) == expected


SILENT = "import time; time.sleep(100)"
HANGING = """
import json, sys
print(json.dumps({"ready": "1"}), flush=True)
for line in sys.stdin:
    %s
"""


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        (SILENT, "the time limit was reached"),
        ("print('[]', flush=True)", "The SDK's program printed something other than a JSON object."),
        ("print('[' * 100000, flush=True)", "The SDK's program printed something other than a JSON object."),
        ("break", "The SDK's program ended."),
    ],
)
def test_a_hostile_driver_ends_in_a_report(contract: Contract, does: str, reason: str) -> None:
    command = [sys.executable, "-c", HANGING % does]
    with (
        embedded(contract) as simulator,
        Client(replace(simulator.target(), writable=False), contract, budget=150) as client,
        run_relay(client, contract) as relay,
        run_program(command, {}) as program,
    ):
        if does == SILENT:  # from here on: a busy machine takes seconds to start a program
            program._ends_at = time.monotonic() + 0.5
        report = check_sdk(contract, program, relay, name="the SDK", ids={})
    assert report.verdict is Verdict.COULD_NOT_CHECK
    assert report.reason == reason
