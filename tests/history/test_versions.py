"""Versions that a baseline has seen, and a baseline that was made with the contract of another version."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from tests.history.factories import finding, report, row
from tests.history.nights import Nights
from whopwatch.contract import Contract, load
from whopwatch.contract.answered_version import AnsweredVersion, VersionEvidence
from whopwatch.core.finding import Severity
from whopwatch.core.report import State, Verdict
from whopwatch.history import Records, compare_with_history
from whopwatch.history.records import FindingRecord, OperationRecord, TraitRecord, VersionRecord
from whopwatch.history.store import baseline_from_json, baseline_to_json
from whopwatch.history.versions import MAX_VERSION_FINDINGS, find_version_changes, restart_for_contract
from whopwatch.reports.text import change_line

DAY = "2026-01-0{}T03:00:00Z"
OLD, NEW, NEWER = "2025-01-01", "2026-10-15-1", "2026-10-20"


def answer(*supported: str, requested: str | None = OLD) -> AnsweredVersion:
    return AnsweredVersion(requested, OLD, VersionEvidence.RESPONSES, supported)


def kinds(records: Records, supported: AnsweredVersion | None, day: int) -> list[tuple[str, str, str, str]]:
    found = find_version_changes(records, supported, DAY.format(day))
    return [(one.class_slug, one.location, str(one.severity), str(one.state)) for one in found]


def test_a_version_is_published_and_retired_once() -> None:
    records = Records(salt=b"salt")
    assert kinds(records, answer(OLD, NEW), 1) == []
    assert kinds(records, None, 2) == kinds(records, answer(), 2) == []
    assert kinds(records, answer(OLD, NEW, NEWER), 3) == [
        ("version-published", f"version:{NEWER}", "info", "new"),
    ]
    assert kinds(records, answer(OLD, NEWER), 4) == [("version-retired", f"version:{NEW}", "info", "new")]
    assert kinds(records, answer(OLD, NEWER), 5) == []
    assert kinds(records, answer(OLD, NEW, NEWER), 6) == [("version-published", f"version:{NEW}", "info", "new")]
    assert {version: record.first_seen for version, record in records.versions.items()} == {
        OLD: DAY.format(1),
        NEW: DAY.format(1),
        NEWER: DAY.format(3),
    }


def test_a_retired_version_that_is_in_use_is_high_until_the_run_moves() -> None:
    records = Records(salt=b"salt")
    kinds(records, answer(OLD, NEW), 1)
    assert kinds(records, answer(NEW), 2) == [("version-retired", f"version:{OLD}", "high", "new")]
    assert kinds(records, answer(NEW), 3) == [("version-retired", f"version:{OLD}", "high", "known")]
    assert kinds(records, answer(NEW, requested=NEW), 4) == []


def test_what_responses_alone_suggest_is_not_the_version_in_use() -> None:
    records = Records(salt=b"salt")
    kinds(records, answer(OLD, NEW, requested=None), 1)
    assert kinds(records, answer(NEW, requested=None), 2) == [("version-retired", f"version:{OLD}", "info", "new")]


def test_a_flood_of_versions_is_bounded() -> None:
    records = Records(salt=b"salt")
    find_version_changes(records, answer(OLD), DAY.format(1))
    many = [f"2026-{month:02}-{day:02}-{number}" for month in range(1, 13) for day in range(1, 29) for number in (1, 2)]
    for start in range(0, 600, 300):
        found = find_version_changes(records, answer(OLD, *many[start : start + 300]), DAY.format(2))
        assert len(found) <= 2 * MAX_VERSION_FINDINGS
    for number in range(3):
        find_version_changes(records, answer(OLD, *(f"20{number}0-01-01-{one}" for one in range(500))), DAY.format(3))
    assert len(records.versions) <= 1000


def test_a_night_that_verified_nothing_still_records_versions() -> None:
    records = Records(salt=b"salt", contract=OLD, versions={OLD: VersionRecord(DAY.format(1))})
    dead = report(rows=(row(State.COULD_NOT_CHECK),), verdict=Verdict.COULD_NOT_CHECK, reason="rejected")
    compared = compare_with_history(load(), (), dead, records, api_version=answer(NEW, NEWER))
    assert compared.verdict is Verdict.COULD_NOT_CHECK
    assert {one.class_slug for one in compared.findings} == {"version-published"}
    assert set(records.versions) == {OLD, NEW, NEWER}


def test_versions_and_contract_survive_an_export() -> None:
    records = Records(salt=b"salt", contract=NEW, versions={OLD: VersionRecord(DAY.format(1), is_listed=False)})
    assert baseline_from_json(baseline_to_json(records), "here") == records


def records_of(*operations: str) -> Records:
    records = Records(salt=b"salt", contract=OLD)
    for number, id in enumerate(operations, 1):
        records.operations[id] = OperationRecord()
        records.traits[id, "", "/data", "value"] = TraitRecord(number)
        records.objects[id, "", "digest"] = 1, b""
        records.findings[id] = FindingRecord(finding(operation=id), DAY.format(1))
    return records


def test_the_history_restarts_for_operations_that_differ_alone(contract: Contract) -> None:
    records = records_of("products.list", "payments.list", "no.longer")
    documents = deepcopy(contract.documents)
    parameter = {"name": "added", "in": "query", "required": True, "schema": {"type": "string"}}
    documents["v1"]["paths"]["/payments"]["get"]["parameters"].append(parameter)
    later = Contract(documents, replace(contract.edition, version="2025-06-01"))
    sentence = restart_for_contract(records, later, {"products.list", "payments.list"})
    assert sentence is not None
    assert sentence.startswith(f"Earlier nights used the contract {OLD}, this one uses 2025-06-01: the comparison")
    assert "for 2 operations that" in sentence
    for kept in (records.operations, {key[0] for key in records.traits}, {key[0] for key in records.objects}):
        assert set(kept) == {"products.list"}
    assert set(records.findings) == {"products.list"}
    assert records.next_trait_number() == 2
    assert restart_for_contract(records, later, {"products.list", "payments.list"}) is None


def test_a_contract_without_differences_keeps_the_history(contract: Contract) -> None:
    records = records_of("products.list")
    later = Contract(contract.documents, replace(contract.edition, version="2025-06-01"))
    assert "no operation differs" in (restart_for_contract(records, later, {"products.list", "payments.list"}) or "")
    assert set(records.operations) == {"products.list"}


def test_a_contract_that_is_not_at_hand_restarts_everything(contract: Contract) -> None:
    records = Records(salt=b"salt", contract="2026-01-01", operations={"products.list": OperationRecord()})
    sentence = restart_for_contract(records, contract, {"products.list"})
    assert sentence is not None
    assert "for 1 operation that" in sentence
    assert records.operations == {}


def test_a_history_waits_until_a_night_verifies_its_operation_with_the_new_contract() -> None:
    records = records_of("payments.list", "payments.retrieve")
    kept = deepcopy(records)
    newest, oldest = load("newest"), load()
    assert restart_for_contract(records, newest, ()) is None
    assert records == kept
    assert "for 1 operation that" in (restart_for_contract(records, newest, {"payments.list"}) or "")
    assert (records.contract, set(records.operations), set(records.findings)) == (
        NEW,
        {"payments.retrieve"},
        {"payments.retrieve"},
    )
    assert baseline_from_json(baseline_to_json(records), "here") == records
    back = deepcopy(records)
    assert "goes on" in (restart_for_contract(back, oldest, {"payments.retrieve"}) or "")
    assert back.findings["payments.retrieve"] == kept.findings["payments.retrieve"]
    assert back.operations["payments.retrieve"].contract == ""
    assert restart_for_contract(records, newest, {"payments.list"}) is None
    sentence = restart_for_contract(records, newest, {"payments.retrieve"}) or ""
    assert f"used the contract {OLD}, this one uses {NEW}: the comparison restarts for 1 operation" in sentence
    assert [len(kept) for kept in (records.findings, records.traits, records.objects)] == [0, 0, 0]


def test_a_night_that_verifies_nothing_keeps_the_history(contract: Contract) -> None:
    fault = "field-missing@products.list"
    nights = Nights(contract, ("products.list",))
    for _ in range(2):
        nights.run([fault])
    before = deepcopy(nights.records)
    dead = report(rows=(row(State.COULD_NOT_CHECK),), verdict=Verdict.COULD_NOT_CHECK, reason="rejected (401)")
    compare_with_history(load("newest"), (), dead, nights.records)
    for name in ("contract", "traits", "objects", "tallies", "findings"):
        assert getattr(nights.records, name) == getattr(before, name)
    later = nights.run([fault])
    assert later.memory is not None
    assert later.memory.restarted is None
    assert {str(one.state) for one in later.findings if one.breaks} == {"known"}


@pytest.mark.thorough
@pytest.mark.parametrize("operation", ["products.list", "payments.list"])
def test_nights_with_another_contract_are_quiet_and_say_so_once(contract: Contract, operation: str) -> None:
    nights = Nights(contract, (operation,))
    nights.quiet(3)
    moved = replace(nights, contract=load("newest"))
    first, second = moved.run(), moved.run()
    assert [one for one in (*first.findings, *second.findings) if one.severity is not Severity.INFO] == []
    assert f"Earlier nights used the contract {OLD}" in (change_line(first) or "")
    assert "Earlier nights" not in (change_line(second) or "")
    assert first.to_json()["memory"]["restarted"].endswith("differently.")
