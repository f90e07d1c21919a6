"""The simulator of a release that lacks resources which the edition's declarations are about."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from whopwatch.contract import edition_dir, load
from whopwatch.contract_build.assemble import annotate
from whopwatch.contract_build.sources import read_prefixes
from whopwatch.run.options import RunOptions, observe_target

GONE = {"members", "course_lessons", "plans"}
LISTS = ("course_lesson_interactions.list", "payments.list", "companies.retrieve", "entries.list")


def without_resources(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without the operations of resources, and without ids of them."""
    paths = {
        path: kept
        for path, item in document["paths"].items()
        if (kept := {method: one for method, one in item.items() if one["tags"][0] not in GONE})
    }
    left = copy.deepcopy({**document, "paths": paths})
    annotate(left, read_prefixes(edition_dir()), GONE)
    return left


def test_reads_are_clean_although_declared_resources_are_gone(tmp_path: Path) -> None:
    """An object that is no resource is filtered by its id and searched by what it shows; paths to nothing are empty."""
    document = without_resources(load().documents["v1"])
    query = {"name": "query", "in": "query", "required": False, "schema": {"type": "string"}}
    document["paths"]["/payments"]["get"]["parameters"].append(query)
    file = tmp_path / "release.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    run = observe_target(RunOptions(contract_name=str(file), only=LISTS, budget=200), "simulator", {})
    report = run.report()
    assert [finding.message for finding in report.findings] == []
    assert {row.id for row in report.operations if row.state == "verified"} >= set(LISTS)
    assert not report.extra.get("incidents")
