from __future__ import annotations

import copy
from typing import Any

import pytest

from whopwatch.contract import Contract, load
from whopwatch.contract_build.coverage import CoverageRow, coverage


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
