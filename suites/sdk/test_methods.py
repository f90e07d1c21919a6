"""Check that the installed Python SDK reads the target's responses: one test per method, from one run of the SDK."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from suites.conftest import client_budget, finding_texts, is_simulated, weighed
from whopwatch.config import Target
from whopwatch.contract import load
from whopwatch.core.report import Report, State
from whopwatch.http import Client
from whopwatch.pytest_plugin import options
from whopwatch.relay import containment, run_relay
from whopwatch.run.target import open_target
from whopwatch.sdk import SDK_REQUEST_BUDGET, check_sdk
from whopwatch.sdk.releases import DRIVERS_FOLDER, run_program

pytest.importorskip("whop_sdk", reason="the Python SDK is not installed here")
READS = [operation.id for operation in load().reads if operation.api == "v1"]


@contextmanager
def target_of(config: pytest.Config) -> Iterator[Target]:
    """Yield the session's target, read-only."""
    with open_target(load(), options.plugin_options(config).target, os.environ) as target:
        yield replace(target, writable=False)


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> Report:
    """Run every method of the SDK once."""
    with (
        # There is no key to protect at the simulator.
        containment(trust=is_simulated(request.config)) as contained,
        target_of(request.config) as target,
        Client(target, load(), budget=client_budget(request.config, SDK_REQUEST_BUDGET)) as client,
        run_relay(client, load(), contained.socket if contained else None) as relay,
    ):
        command = [sys.executable, str(DRIVERS_FOLDER / "driver.py"), relay.url, relay.token]
        if contained:
            command = contained.wrap(command, relay.port)
        with run_program(command, {}) as program:
            ids = {"companies": target.company_id} if target.company_id else {}
            return weighed(request.config, check_sdk(load(), program, relay, name="the Python SDK", ids=ids))


@pytest.mark.parametrize("id", READS)
def test_a_method_reads_its_response(report: Report, id: str) -> None:
    row = next(row for row in report.operations if row.id == id)
    found = [finding for finding in report.findings if finding.operation == id and finding.breaks]
    assert not found, finding_texts(found)
    if row.state is not State.VERIFIED:
        pytest.skip(str(row.reason))


def test_no_finding_concerns_all_methods(report: Report) -> None:
    assert [finding.message for finding in report.findings if finding.operation == "all" and finding.breaks] == []
