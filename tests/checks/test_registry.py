"""The registry: complete rows, which load a check's code only when it runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from whopwatch.checks.registry import CHECK_GROUPS, CHECKS, PROBE_CHECKS, WHOLE_TARGET, Check
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


def test_the_prober_compares_the_headers_that_its_checks_read() -> None:
    assert {"content-type", "deprecation", "link"} <= READ_HEADERS
    assert "date" not in READ_HEADERS


def test_the_history_reads_the_purposes_and_sources_of_a_check() -> None:
    assert history_rules().rechecked_by["authentication"] == {"no-key", "wrong-key", "no-scope"}
    assert "schema" not in history_rules().rechecked_by
    assert history_rules().promised_by["refused"] == ("reference", "sdk")
    assert history_rules().promised_by["latency"] == ()
