"""The registry: complete rows, which load a check's code only when it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from whopwatch.checks.registry import CHECK_GROUPS, CHECKS, PROBE_CHECKS, WHOLE_TARGET, Check
from whopwatch.core.drift_classes import class_slug
from whopwatch.har.write import KEPT_HEADERS, shown_header
from whopwatch.history.rules import history_rules
from whopwatch.prober.probe_run import READ_HEADERS

LOADED = "import sys, whopwatch.checks.registry; print(*(name for name in sys.modules if name.startswith('whopwatch')))"


def test_each_id_is_there_once() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_row_names_an_existing_function_and_group(check: Check) -> None:
    assert callable(check.function)
    assert check.group in {*CHECK_GROUPS, *WHOLE_TARGET}
    assert set(check.promised_by) <= {"reference", "sdk"}


def test_importing_the_registry_loads_no_check_no_http_and_no_planning() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout.split()

    assert "whopwatch.checks.registry" in loaded
    assert not [name for name in loaded if name.startswith(("whopwatch.http", "whopwatch.planning"))]
    assert not [name for name in loaded if name in {f"whopwatch.checks.{check.run.split(':')[0]}" for check in CHECKS}]


def test_a_probe_runs_no_check_of_writes_and_invalid_requests() -> None:
    assert {"schema", "status", "twins"} <= {check.id for check in PROBE_CHECKS}
    assert not {"latency", "authentication", "refusals", "read-back"} & {check.id for check in PROBE_CHECKS}


def test_recordings_keep_the_headers_that_checks_read_but_no_date() -> None:
    read = {header for check in CHECKS for header in check.headers}

    assert {"date", "link"} <= read
    assert read - KEPT_HEADERS == {"date"}
    assert shown_header("link", '</v2/alice>; rel="successor-version"') == 'rel="successor-version"'
    assert shown_header("link", "</alice>; rel=next") is None
    assert shown_header("ratelimit-policy", '"alice";q=100;w=60;pk=:eA==:, 5;w=1') == "100;w=60, 5;w=1"
    assert shown_header("ratelimit-remaining", "alice") == "unknown"


def test_the_prober_compares_the_headers_that_its_checks_read() -> None:
    assert {"content-type", "deprecation", "link"} <= READ_HEADERS
    assert not {"date", "ratelimit-remaining", "x-ratelimit-remaining"} & READ_HEADERS


def test_the_history_reads_the_purposes_and_sources_of_a_check() -> None:
    assert history_rules().rechecked_by["authentication"] == {"no-key", "wrong-key", "no-scope"}
    assert "schema" not in history_rules().rechecked_by
    assert history_rules().promised_by["refused"] == ("reference", "sdk")
    assert history_rules().promised_by["latency"] == ()


REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "checks.md"


def test_checks_and_rules_are_those_of_the_reference() -> None:
    """Every row of the page, with class and severity; a rule without a promise is `info` until it was met."""
    rows = [line.strip("| ").split(" | ") for line in REFERENCE.read_text().splitlines() if line.startswith("| `")]
    checks = {cells[0].strip("`"): cells[3] for cells in rows if "/" not in cells[0]}
    assert {check.id: "yes" if check.in_prober else "no" for check in CHECKS} == checks
    rules = {cells[0].strip("`"): (cells[1], cells[2]) for cells in rows if "/" in cells[0]}
    for rule in (rule for check in CHECKS for rule in check.rules):
        then = "info, then " if not rule.documented and rule.severity != "info" else ""
        label = f"`{class_slug(rule.drift_class, rule.id)}` ({rule.drift_class})"
        assert rules[rule.id] == (label, f"{then}{rule.severity}"), rule.id


def test_a_check_names_each_of_its_classes_once() -> None:
    by_id = {check.id: check for check in CHECKS}
    assert by_id["removal"].classes == ("D6",)
    assert by_id["walking"].classes == ("D20",)
    assert by_id["deprecation"].classes == ("D21",)
    assert WHOLE_TARGET == {"authentication": ("authentication",)}
    assert CHECK_GROUPS["twins"].checks == ("twins",)
    assert CHECK_GROUPS["schema"].checks == ("schema", "fields", "removal")
