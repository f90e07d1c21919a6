"""Run Schemathesis's own engine through the guarded client, over sequences of requests. Simulator only."""

from __future__ import annotations

from collections import Counter

import pytest
from schemathesis.engine import Status, events, from_schema

from suites.conftest import is_simulated
from suites.generated.checks import CHECKS
from suites.generated.document import load_schema
from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.generate.adapter import GuardedAdapter

CHAIN = (
    "companies.list",
    "companies.retrieve",
    "products.list",
    "products.retrieve",
    "reviews.list",
    "reviews.retrieve",
    "courses.list",
    "courses.retrieve",
)
"""Lists and the operations that take their ids. The whole contract would take minutes.

Schemathesis starts with a list only if another operation returns its required parameters: hence the companies."""


@pytest.mark.parametrize("phase", ["coverage", "stateful"])
def test_the_engine_finds_nothing(
    request: pytest.FixtureRequest, contract: Contract, target: Target, adapter: GuardedAdapter, phase: str
) -> None:
    if not is_simulated(request.config):
        pytest.skip("sends hundreds of generated requests: simulator only")
    before, refused = adapter.client.sent, adapter.refused
    failed, checked = _run(load_schema(contract, target, CHAIN, [phase]))
    assert failed == []
    assert {check.__name__ for check in CHECKS} <= checked.keys()
    assert adapter.client.sent - before >= len(CHAIN)
    assert adapter.refused - refused < adapter.client.sent - before
    if phase == "stateful":
        assert checked["products.retrieve"] > 0


def _run(schema: object) -> tuple[list[str], Counter[str]]:
    """Return what failed, and the counts of checks by name and of successful responses by operation."""
    failed: list[str] = []
    counted: Counter[str] = Counter()
    for event in from_schema(schema).execute():  # type: ignore[arg-type]
        assert not isinstance(event, events.FatalError), event
        if isinstance(event, events.ScenarioFinished):
            for nodes in event.recorder.checks.values():
                counted.update(node.name for node in nodes)
                failed += [f"{node.name}: {node.failure_info}" for node in nodes if node.status is Status.FAILURE]
            for case_id, interaction in event.recorder.interactions.items():
                if interaction.response is not None and interaction.response.status_code == 200:
                    counted[event.recorder.cases[case_id].value.operation.definition.raw["operationId"]] += 1
    return failed, counted
