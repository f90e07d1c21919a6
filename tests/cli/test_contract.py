"""`whopwatch contract`: what is promised, at the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from whopwatch.cli import main
from whopwatch.contract import edition_dir, load

pytestmark = pytest.mark.thorough

Captured = pytest.CaptureFixture[str]


def test_export_is_one_document_without_outside_references(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "whop.yaml"
    assert main(["contract", "export", "-o", str(file)]) == 0
    assert main(["contract", "export"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == yaml.load(file.read_text(), Loader=yaml.CSafeLoader) == load().documents["v1"]
    assert document["openapi"].startswith("3.1")
    assert '"$ref": "#/' in json.dumps(document)
    assert ".yaml#" not in json.dumps(document)


def test_export_of_v2(capsys: Captured) -> None:
    assert main(["contract", "export", "--api", "v2"]) == 0
    assert list(json.loads(capsys.readouterr().out)["paths"]) == ["/plans/{id}"]


@pytest.mark.parametrize("id", [*load().operations, *(f"webhook:{name}" for name in load().events)])
def test_every_operation_and_event_can_be_shown(id: str, capsys: Captured) -> None:
    assert main(["contract", "show", id]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(id)
    assert len(lines) > 3
    assert not [line for line in lines if line.endswith(" ")]


def test_show_names_what_a_reader_looks_for(capsys: Captured) -> None:
    assert main(["contract", "show", "products.list"]) == 0
    shown = capsys.readouterr().out
    assert "products.list  GET /products" in shown
    assert "company_id        required  query, string (id of companies)" in shown
    assert "array of VisibilityFilter (visible, hidden, archived, quick_link, all, not_quick_link and 1 more)" in shown
    assert "a cursor-paginated list" in shown


def test_show_lists_every_operation_and_event(capsys: Captured) -> None:
    assert main(["contract", "show"]) == 0
    words = set(capsys.readouterr().out.split())
    contract = load()
    assert {*contract.operations, *contract.resources, *(f"webhook:{name}" for name in contract.events)} <= words
    assert "/v2/plans/{id}" in words
    assert main(["contract", "show", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {row["id"] for row in listed["operations"]} == contract.operations.keys()


def test_show_as_json_has_everything(capsys: Captured) -> None:
    assert main(["contract", "show", "products.list", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["method"], shown["path"], shown["operationId"]) == ("GET", "/products", "products.list")


def test_coverage_counts_all_of_the_reference(capsys: Captured) -> None:
    assert main(["contract", "coverage"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "45 resources: 149 of 149 documented operations, 27 of 27 documented events"
    assert main(["contract", "coverage", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert sum(row.get("operations", 0) for row in rows) == 149


def test_coverage_lists_what_the_simulator_does_in_a_generic_way(capsys: Captured) -> None:
    assert main(["contract", "coverage"]) == 0
    old = capsys.readouterr().out
    assert main(["contract", "coverage", "--contract", "newest"]) == 0
    newest = capsys.readouterr().out
    assert "Simulator: " in old
    assert "memberships.cancel," not in old
    assert "webhooks.replay_delivery" in newest
    assert "payments.void" not in newest
    assert main(["contract", "coverage", "--contract", "newest", "--json"]) == 0
    rows = {row["system"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["bounties.submissions"]["generic"] == {
        "bounties.submissions.list": "list",
        "bounties.submissions.retrieve": "read",
    }
    assert rows["webhooks"]["generic"]["webhooks.replay_delivery"] == "change"


def test_conflicts_give_both_readings_and_the_one_taken(capsys: Captured) -> None:
    assert main(["contract", "conflicts"]) == 0
    short = capsys.readouterr().out
    assert "143 endpoints" in short
    assert "the contract takes: 149" in short
    assert main(["contract", "conflicts", "--all"]) == 0
    everything = capsys.readouterr().out
    assert len(everything.splitlines()) > len(short.splitlines()) > 20
    assert main(["contract", "conflicts", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert f"{len(found)} conflicts" in short
    assert all(len(conflict["readings"]) > 1 and conflict["takes"] and conflict["why"] for conflict in found)


def test_verify_is_content_with_the_contract(capsys: Captured) -> None:
    assert main(["contract", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["contract", "verify"]) == 0
    assert "149 operations of 45 resources, 27 webhook events, and 1 in v2" in capsys.readouterr().out


def test_verify_notices_an_edit(tmp_path: Path, capsys: Captured) -> None:
    folder = tmp_path / "contracts"
    shutil.copytree(edition_dir(), folder)
    edited = folder / "v1" / "products.yaml"
    edited.write_text(edited.read_text().replace("type: integer", "type: string", 1))
    assert main(["contract", "verify", "--contracts", str(folder)]) == 1
    assert "v1/products.yaml" in capsys.readouterr().out


def test_build_refuses_another_package_than_the_pinned_one(tmp_path: Path, capsys: Captured) -> None:
    wheel = tmp_path / "whop_sdk-0.0.23-py3-none-any.whl"
    wheel.write_bytes(b"not the wheel")
    folder = tmp_path / "contracts"
    shutil.copytree(edition_dir(), folder)
    assert main(["contract", "build", "--contracts", str(folder), "--python-sdk", str(wheel)]) == 2
    assert "is not the pinned package" in capsys.readouterr().err


def test_an_event_is_found_by_its_name_as_by_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "show", "payment.succeeded"]) == 0
    by_name = capsys.readouterr().out
    assert main(["contract", "show", "webhook:payment.succeeded"]) == 0
    assert by_name == capsys.readouterr().out
