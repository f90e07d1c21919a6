"""Each event has what the coverage table lists."""

from __future__ import annotations

import ast
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from whopwatch.cli._support.systems import DELIVERY_CHECKS, EVENT_METRIC, EVENT_SUITE, event_coverage
from whopwatch.contract import load
from whopwatch.metrics.webhooks import WebhookMetrics
from whopwatch.simulator.faults import fault_catalogue
from whopwatch.webhooks.checker import DeliveryOutcome

CONTRACT = load()
ROWS = list(event_coverage(CONTRACT))
ROOT = Path(__file__).parents[2]


def test_there_is_a_row_for_each_event_and_nothing_is_lacking() -> None:
    assert [row.event for row in ROWS] == list(CONTRACT.events)
    assert all(row.simulator for row in ROWS)


def test_each_check_of_a_row_is_fired_by_a_fault_of_it() -> None:
    for row in ROWS:
        fired = {fault_catalogue()[name].check for name in row.faults}
        assert set(row.checks) <= fired, row.event


def test_only_deleted_objects_are_not_looked_up() -> None:
    assert [row.event for row in ROWS if row.checks == DELIVERY_CHECKS] == ["entry.deleted"]


def test_the_suite_has_a_test_for_each_event_of_the_contract() -> None:
    """Its tests are parametrised by the events of the contract, whichever there are."""
    modules = [ast.unparse(ast.parse(file.read_text())) for file in (ROOT / EVENT_SUITE).glob("test_*.py")]
    assert sum(text.count("parametrize('event', CONTRACT.events)") for text in modules) == 3


def test_the_metric_has_a_series_for_each_event() -> None:
    metrics = WebhookMetrics(CollectorRegistry(), CONTRACT.events, DeliveryOutcome, ())
    text = generate_latest(metrics.registry).decode()
    assert all(f'{EVENT_METRIC}{{event="{row.event}",outcome="ok"}} 0.0' in text for row in ROWS)
