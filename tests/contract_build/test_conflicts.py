from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from whopwatch.contract import edition_dir, load
from whopwatch.contract_build.coverage import Conflict, conflicts


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
