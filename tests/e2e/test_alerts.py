"""From a fault to the notification: simulator, prober, Prometheus and Alertmanager with the shipped files.

Only time runs faster, by `scaled.FACTOR`. Without the programs the tests are skipped; in CI that is an error.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.receiver import Notice, Receiver
from tests.e2e.scaled import FACTOR, faster, scaled
from tests.e2e.stack import OPERATIONS, PROGRAMS, Stack

pytestmark = pytest.mark.thorough

LASTING = {
    "WhopErrorBudgetBurnsFast",
    "WhopErrorBudgetBurnsSlowly",
    "WhopResourceBudgetBurnsFast",
    "WhopResourceBudgetBurnsSlowly",
}
"""Alerts that stay on after a fault for as long as their windows are: a used error budget stays used."""
OVERLOAD = {"WhopProbeStale", "WhopProberMissesRuns"}
"""Alerts that also fire when this machine is too busy to run the schedule at the scaled speed."""
# Generous bounds: they only end a test that would wait for ever, and a busy machine must not reach them.
FIRES_WITHIN = 240.0
RESOLVES_WITHIN = 240.0
SETTLES_WITHIN = 240.0


@dataclass(frozen=True)
class Scenario:
    """A fault, how it begins and ends, and the alert that it must raise."""

    name: str
    begin: Callable[[Stack], None]
    end: Callable[[Stack], None]
    alert: str
    severity: str
    operation: str | None = None
    summary: str = ""


def faults(*names: str) -> Callable[[Stack], None]:
    """Return a function that switches the simulator to these faults."""
    return lambda stack: stack.switch(names)


SCENARIOS = (
    Scenario(
        "responses are slow",
        faults("slow@memberships.list"),
        faults(),
        "WhopOperationSlow",
        "ticket",
        "memberships.list",
        "slower than its threshold",
    ),
    Scenario(
        "an operation fails with 500",
        faults("fails-500@payments.list"),
        faults(),
        "WhopOperationFailing",
        "ticket",
        "payments.list",
        "failed three times in a row",
    ),
    Scenario(
        "a field is missing",
        faults("field-missing@products.list"),
        faults(),
        "WhopContractBroken",
        "page",
        "products.list",
        "breaks its contract",
    ),
    Scenario(
        "the key is revoked",
        faults(*(f"key-refused@{operation}" for operation in OPERATIONS)),
        faults(),
        "WhopApiDown",
        "page",
        None,
        "More than half",
    ),
    Scenario(
        "the prober is killed",
        lambda stack: stack.kill("prober"),
        lambda stack: stack.start_prober(),
        "WhopProberDown",
        "page",
        None,
        "Prometheus cannot scrape",
    ),
    Scenario(
        "the target is unreachable",
        lambda stack: stack.kill("simulator"),
        lambda stack: stack.start_simulator(),
        "WhopApiDown",
        "page",
        None,
        "More than half",
    ),
)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Stack]:
    for program in PROGRAMS:
        if shutil.which(program) is None:
            if os.environ.get("CI"):
                pytest.fail(f"{program} is not installed, and CI must not skip what it checks")
            pytest.skip(f"{program} is not installed")
    made = Stack(tmp_path_factory.mktemp("stack"), receiver)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_right_alert_arrives_and_resolves(
    stack: Stack,
    receiver: Receiver,
    scenario: Scenario,
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def concerns(notice: Notice) -> bool:
        labels = notice.labels
        return labels["alertname"] == scenario.alert and scenario.operation in (None, labels.get("operation"))

    stack.wait_until(lambda: stack.firing() <= LASTING | OVERLOAD, SETTLES_WITHIN)
    begun = time.monotonic()
    scenario.begin(stack)
    notice = receiver.wait(lambda each: concerns(each) and each.status == "firing", begun, FIRES_WITHIN)
    assert notice.labels["severity"] == scenario.severity
    assert notice.path == f"/{scenario.severity}"
    assert notice.labels["location"] == "here"
    assert scenario.summary in notice.annotations["summary"]
    assert notice.annotations["runbook_url"].endswith(f"#{scenario.alert.lower()}")
    ended = time.monotonic()
    scenario.end(stack)
    resolved = receiver.wait(lambda each: concerns(each) and each.status == "resolved", ended, RESOLVES_WITHIN)
    times = {"fault to alert": notice.at - begun, "end to resolved": resolved.at - ended}
    for what, seconds in times.items():
        record_property(what, round(seconds, 1))
    with capsys.disabled():
        shown = ", ".join(
            f"{what} {seconds:.1f} s ({seconds * FACTOR / 60:.0f} min unscaled)" for what, seconds in times.items()
        )
        print(f"\n{scenario.name}: {scenario.alert}, {shown}")


def test_no_other_alert_was_sent(stack: Stack, receiver: Receiver) -> None:
    expected = {scenario.alert for scenario in SCENARIOS} | LASTING | OVERLOAD
    others = [notice for notice in receiver.notices if notice.labels["alertname"] not in expected]
    assert not others, "\n".join(map(str, others))


def test_only_durations_are_scaled() -> None:
    rule = {"for": "2m", "expr": "job:x:rate1h[5m] / 5 > 2.5 and y[1h:1m] offset 1d > 26 * 3600", "record": "a1h"}
    assert scaled(rule) == {
        "for": "2000ms",
        "expr": "job:x:rate1h[5000ms] / 5 > 2.5 and y[60000ms:1000ms] offset 1440000ms > 26 * 3600",
        "record": "a1h",
    }
    assert faster("15s") == "250ms"
