"""Which contract judges a recording: the one of the version that each request names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.har.conftest import BASE, archive, chrome, saved
from tests.run.fake_api import FakeApi
from whopwatch.cli import main
from whopwatch.contract import load
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.core.report import Report, State, Verdict
from whopwatch.har import parse
from whopwatch.run.replay import NOT_RECORDED, judge_archive, replay_file

OLD, NEW = "2025-01-01", "2026-10-15-1"
LISTS = ("payments.list", "products.list")
PAIRS = (("v1", BASE),)


def entry(operation: str, version: str, *, requested: str | None = None) -> dict[str, Any]:
    """A recorded page of `operation` in the shape of `version`, which the request names as `requested`."""
    contract = load(version)
    api = FakeApi(contract, items=3)
    made = chrome(f"{BASE}{contract.operation(operation).path}", api.page(contract.operation(operation), {}))
    if requested:
        made["request"]["headers"].append({"name": VERSION_HEADER.lower(), "value": requested})
    return made


def judged(*entries: dict[str, Any], contract: str | None = None) -> Report:
    fixed = load(contract) if contract else None
    return judge_archive(parse(json.dumps(archive(*entries)).encode(), "test"), PAIRS, "test", fixed)[0]


def states(report: Report) -> dict[str, State]:
    return {row.id: row.state for row in report.operations if row.reason != NOT_RECORDED}


@pytest.mark.parametrize("version", [OLD, NEW])
def test_a_recording_is_judged_by_the_version_that_it_requests(version: str) -> None:
    report = judged(*(entry(id, version, requested=version) for id in LISTS))
    assert (report.findings, report.verdict) == ((), Verdict.CLEAN)
    assert report.extra["contract"]["version"] == version
    assert states(report) == dict.fromkeys(LISTS, State.VERIFIED)


def test_a_mixed_recording_is_judged_entry_by_entry() -> None:
    report = judged(
        entry("payments.list", NEW, requested=NEW),
        entry("payments.list", OLD, requested=OLD),
        entry("companies.list", OLD),
        entry("accounts.list", NEW, requested="2026-10-20"),
    )
    assert (report.findings, report.verdict) == ((), Verdict.CLEAN)
    assert states(report) == dict.fromkeys(("payments.list", "companies.list", "accounts.list"), State.VERIFIED)
    used = {(part["requested"], part["contract"]) for part in report.extra["recorded_versions"]}
    assert used == {(NEW, NEW), (OLD, OLD), (None, OLD), ("2026-10-20", NEW)}


def test_entries_without_a_version_are_judged_by_the_contract_that_they_match() -> None:
    report = judged(*(entry(id, NEW) for id in LISTS))
    assert (report.findings, report.verdict) == ((), Verdict.CLEAN)
    assert report.extra["contract"]["version"] == NEW


@pytest.mark.parametrize("requested", [NEW, None])
def test_another_contract_than_the_recordings_is_one_sentence(requested: str | None) -> None:
    report = judged(*(entry(id, NEW, requested=requested) for id in LISTS), contract=OLD)
    assert (report.findings, report.verdict) == ((), Verdict.COULD_NOT_CHECK)
    subject = f"The recording requests version {NEW}. Its responses" if requested else "The recorded responses"
    assert f"{subject} are of version {NEW}; the contract is of {OLD}" in (report.reason or "")
    assert set(states(report).values()) == {State.COULD_NOT_CHECK}


def test_a_real_fault_in_a_pinned_recording_is_found() -> None:
    made = entry("payments.list", NEW, requested=NEW)
    content = made["response"]["content"]
    body = json.loads(content["text"])
    for item in body["data"]:
        item["status"] = 7
    content["text"] = json.dumps(body)
    report = judged(made)
    assert {finding.location for finding in report.findings if finding.breaks} == {"/data/*/status"}


def test_a_rejected_version_is_named_as_that() -> None:
    error = {"type": "invalid_request_error", "message": f"Supported versions: {OLD}, {NEW}", "param": VERSION_HEADER}
    made = chrome(f"{BASE}/payments", {"error": error}, status=400)
    made["request"]["headers"].append({"name": VERSION_HEADER, "value": "2026-01-01"})
    report = judged(made)
    assert (report.findings, report.verdict) == ((), Verdict.COULD_NOT_CHECK)
    assert "rejects version 2026-01-01" in (report.reason or "")
    assert NEW in (report.reason or "")


@pytest.mark.parametrize("headers", [None, 3, [None, {"name": VERSION_HEADER, "value": "latest\n"}, {"name": 1}]])
def test_headers_that_are_none_name_no_version(headers: Any) -> None:
    made = entry("products.list", OLD)
    made["request"]["headers"] = headers
    report = judged(made)
    assert report.verdict is Verdict.CLEAN
    assert [part["requested"] for part in report.extra["recorded_versions"]] == [None]


def test_a_run_at_the_newest_version_is_replayed_with_its_contract(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--contract", "newest", "--only", "accounts.list", "--record", "run.har"]) == 0
    contract, report = replay_file(None, Path("run.har"), None, None)
    assert (contract.version, report.verdict) == (NEW, Verdict.CLEAN)
    assert replay_file(NEW, Path("run.har"), None, None)[1].verdict is Verdict.CLEAN
    assert main(["check", "--replay", "run.har", "--contract", OLD]) == 2
    assert f"made with the contract of {NEW}" in capsys.readouterr().err


def test_the_command_names_the_version_of_each_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = saved(tmp_path, archive(entry("products.list", NEW, requested=NEW), entry("products.list", OLD)))
    assert main(["check", "--replay", str(file)]) == 0
    said = capsys.readouterr().err
    assert f"version {NEW}: 1 request, contract {NEW}" in said
    assert f"no version requested: 1 request, contract {OLD}" in said
