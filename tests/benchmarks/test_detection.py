"""The benchmark of detection counts what it says it counts."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmarks.detection.case_order import look, schemathesis_cases
from benchmarks.detection.cases import BUDGET, CLEAN, SCHEMATHESIS, UNLISTED, WHOPWATCH, Case, Placed, draw
from benchmarks.detection.run_whopwatch import judged, run_whopwatch
from benchmarks.detection.scheduler import Journal, Record, run_all
from benchmarks.detection.score import attribution, score, with_baseline
from benchmarks.detection.stage import Expected
from benchmarks.detection.unseen import UNSEEN
from tests.detection.observed import is_near
from whopwatch.contract import load
from whopwatch.core.finding import Finding, Severity

PLACE = Placed(UNLISTED, "endless", "products.list", 1)
EXPECTED = Expected(("D5",), {"products.list": ("/data/*/title",)})


def _finding(operation: str, drift_class: str, location: str, severity: Severity = Severity.HIGH) -> Finding:
    return Finding(drift_class, "schema", severity, operation, location, "", "", "")


def test_a_finding_with_operation_class_and_location_is_attributed() -> None:
    outcome = judged([_finding("products.list", "D5", "/data/*/title")], EXPECTED)

    assert (outcome["caught"], outcome["classed"], outcome["located"]) == (True, True, True)
    assert outcome["attribution"] == {"findings": 1, "operation": 1, "class": 1, "location": 1, "all": 1}


@pytest.mark.parametrize(
    ("finding", "caught", "classed", "located"),
    [
        (_finding("plans.list", "D5", "/data/*/title"), False, False, False),
        (_finding("products.list", "D7", "/data/*/title"), True, False, False),
        (_finding("products.list", "D5", "/data/*/route"), True, True, False),
        (_finding("products.list", "D5", "/data/*/title", Severity.INFO), True, True, True),
        (_finding("products.list", "D7", "/data/*/title", Severity.INFO), False, False, False),
    ],
)
def test_another_operation_class_or_location_is_distinguished(
    finding: Finding, caught: bool, classed: bool, located: bool
) -> None:
    outcome = judged([finding], EXPECTED)

    assert (outcome["caught"], outcome["classed"], outcome["located"]) == (caught, classed, located)


@pytest.mark.parametrize(
    ("place", "found", "near"),
    [
        ("/data/*/user/id", "/data/*/user/id", True),
        ("/data/*/user/id", "/user/id", True),
        ("/data/*/user/id", "/data/*/user", True),
        ("/data/*/user", "/data/*/user/id", True),
        ("/data/*/user", "/data/*/username", False),
        ("status", "status", True),
        ("header:sunset", "status", False),
    ],
)
def test_a_parent_or_part_of_a_location_counts(place: str, found: str, near: bool) -> None:
    assert is_near(place, found) is near


def test_complaints_without_a_fault_do_not_count() -> None:
    def record(origin: str, *complaints: str) -> Record:
        placed = Placed(origin, "" if origin == CLEAN else "endless", "products.list", 1)
        return {**Case(SCHEMATHESIS, BUDGET, placed).to_json(), "complaints": list(complaints)}

    usual = record(CLEAN, "ST401")

    assert "caught" not in with_baseline([usual])[0]
    assert with_baseline([usual, record(UNLISTED, "ST401")])[1]["caught"] is False
    assert with_baseline([usual, record(UNLISTED, "ST401", "ST101")])[1]["caught"] is True


def test_a_case_without_an_outcome_counts_as_missed() -> None:
    records: list[Record] = [
        {"caught": True, "requests": 10, "seconds": 1.0},
        {"error": "took too long"},
    ]

    assert (score(records).faults, score(records).caught, score(records).requests) == (2, 1, 10)


def test_a_frugal_run_does_not_search_for_caught_faults_again() -> None:
    other = Placed(UNLISTED, "nodes", "plans.list", 1)
    ran: list[str] = []

    def run(cases: Iterable[Case]) -> list[Record]:
        taken = list(cases)
        ran.extend(f"{case.setting} {case.placed.fault}" for case in taken)
        found = {"requests": 5, "seconds": 1.0, "attribution": {"findings": 1, "all": 1}}
        return [{**case.to_json(), "caught": case.placed is PLACE, **found} for case in taken]

    records = look([PLACE, other], [120, 600], run, frugal=True)

    assert ran == ["120 endless", "120 nodes", "600 nodes"]
    assert [(record["setting"], record["fault"], record["caught"]) for record in records] == [
        ("120", "endless", True),
        ("120", "nodes", False),
        ("600", "endless", True),
        ("600", "nodes", False),
    ]
    assert sum("carried" in record for record in records) == 1
    assert attribution(records)["all"] == 1.0


def test_each_case_ends_in_time_and_is_run_once(tmp_path: Path) -> None:
    def work(case: Case) -> Record:
        if case.setting == "1":
            raise ValueError("broken")
        if case.setting == "2":
            time.sleep(30)
        return {"requests": 1}

    cases = [Case(WHOPWATCH, str(number), PLACE) for number in range(4)]
    path = tmp_path / "reports" / "cases.jsonl"
    records = run_all(cases, work, Journal(path), jobs=2, seconds=1.0)
    with path.open("a") as lines:
        lines.write('{"key": "cut sho')

    assert [record.get("error") for record in records] == [None, "ValueError: broken", "took too long", None]
    again = run_all(cases, lambda case: {"error": "run twice"}, Journal(path), jobs=1, seconds=1.0)
    assert again == records


def test_every_fault_has_a_place_and_the_same_one_each_time() -> None:
    contract = load()
    placed = list(draw(contract, 1))

    assert placed == list(draw(contract, 1))
    assert {one.fault for one in placed if one.origin == UNLISTED} == UNSEEN.keys()
    assert all(contract.operation(one.operation).is_read for one in placed if one.origin == UNLISTED)
    assert {case.placed.origin for case in schemathesis_cases(placed)} >= {CLEAN, UNLISTED}


def test_a_fault_outside_the_catalogue_counts_requests_at_the_server() -> None:
    outcome = run_whopwatch(load(), Case(WHOPWATCH, "120", Placed(UNLISTED, "yes-and-no", "products.list", 1)))

    assert outcome["caught"]
    assert outcome["fired"] > 0
    assert 79 <= outcome["requests"] <= 120
    assert outcome["unsafe"] == 0
