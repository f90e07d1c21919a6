"""What a contract covers of the API reference, and where its sources disagree."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from whopwatch.contract import Contract, edition_dir, load
from whopwatch.contract_build.coverage import Conflict, CoverageRow, conflicts, coverage


def test_the_whole_reference_is_covered() -> None:
    rows = coverage(load())
    assert len(rows) == 45
    assert all(row.is_covered for row in rows)
    assert sum(row.operations for row in rows) == 149
    assert sum(row.lists for row in rows) == 38
    assert sum(row.events for row in rows) == 27


def test_a_row() -> None:
    (row,) = [row for row in coverage(load()) if row.resource == "payments"]
    assert row.methods == {"GET": 3, "POST": 4}
    assert (row.section, row.operations, row.lists, row.events) == ("Payins", 7, 2, 4)
    assert row.notes == ()


def test_every_zero_has_its_reason() -> None:
    for row in coverage(load()):
        zeros = [name for name in ("lists", "events") if getattr(row, name) == 0]
        assert len(row.notes) == len(zeros)


@pytest.fixture
def damaged(bundle: dict[str, Any]) -> dict[str, CoverageRow]:
    document = copy.deepcopy(bundle["v1"])
    del document["paths"]["/topups"]
    del document["webhooks"]["verification.succeeded"]
    document["paths"]["/leads"]["get"]["operationId"] = "leads.search"
    document["paths"]["/cats"] = {"get": {**document["paths"]["/leads"]["get"], "tags": ["cats"]}}
    document["paths"]["/cats"]["get"]["operationId"] = "cats.list"
    return {row.resource: row for row in coverage(Contract({"v1": document}, load().edition))}


def test_what_is_missing_or_extra_is_named(damaged: dict[str, CoverageRow]) -> None:
    assert damaged["topups"].missing == ("topups.create",)
    assert "no operation: the contract lacks the resource" in damaged["topups"].notes
    assert damaged["verifications"].missing == ("verification.succeeded",)
    assert "no event: the contract lacks them" in damaged["verifications"].notes
    assert (damaged["leads"].missing, damaged["leads"].extra) == (("leads.list",), ("leads.search",))
    assert list(damaged)[-1] == "cats"
    assert damaged["cats"].extra == ("cats.list",)
    assert not damaged["cats"].is_covered


@pytest.fixture(scope="module")
def found() -> dict[str, Conflict]:
    return {conflict.id: conflict for conflict in conflicts(edition_dir())}


def test_the_conflicts_that_must_be_listed(found: dict[str, Conflict]) -> None:
    assert [reading.says for reading in found["operation-count"].readings][:2] == ["143 endpoints", "149 operations"]
    assert found["operation-count"].takes == "149"
    assert found["check-access-path"].takes == load().operation("users.check_access").path
    assert found["check-access-path"].readings[0].says in load().operation("users.check_access").alternate_paths
    assert "document-date" in found


def test_scopes_are_computed_from_both_sources(found: dict[str, Conflict]) -> None:
    groups = Counter(conflict.group for conflict in found.values() if conflict.group)
    assert groups == {"scopes-differ": 112, "scopes-unconfirmed": 16, "parameter-names": 3}
    messages = found["scopes-differ:messages.list"]
    assert [(reading.source, reading.says) for reading in messages.readings] == [
        ("API reference", "message:basic:read"),
        ("both SDKs", "chat:read"),
    ]
    assert messages.operations == ("messages.list",)


def test_the_contract_takes_what_the_conflict_says(found: dict[str, Conflict]) -> None:
    contract = load()
    for conflict in found.values():
        if conflict.group == "scopes-differ":
            (name,) = conflict.operations
            assert ", ".join(contract.operation(name).scopes) == conflict.readings[1].says
        if conflict.group == "scopes-unconfirmed":
            (name,) = conflict.operations
            assert ", ".join(contract.operation(name).scopes) == conflict.readings[0].says


def test_agreement_is_no_conflict(found: dict[str, Conflict]) -> None:
    assert not [name for name in found if name.endswith(":products.list")]


def test_a_changed_reference_changes_the_conflicts(contracts: Path) -> None:
    path = contracts / "reference.yaml"
    path.write_text(path.read_text().replace('path: "/products/{id}"', 'path: "/products/{product_id}"'))
    names = [conflict.id for conflict in conflicts(contracts) if conflict.group == "parameter-names"]
    assert {"parameter-names:products.retrieve", "parameter-names:products.delete"} <= set(names)
