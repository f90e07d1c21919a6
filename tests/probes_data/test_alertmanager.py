"""The Alertmanager example routes by urgency and mutes only what another alert explains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.probes_data.conftest import Run
from tests.probes_data.rules import ALERTS, load


@pytest.fixture
def configuration(probes: Path) -> Path:
    return probes / "alertmanager" / "alertmanager.yaml"


def test_alertmanager_accepts_the_configuration(run: Run, configuration: Path) -> None:
    assert "SUCCESS" in run("amtool", "check-config", configuration)


@pytest.mark.parametrize("alert", ALERTS)
def test_pages_go_to_the_pager_and_tickets_do_not(run: Run, configuration: Path, alert: str) -> None:
    severity = ALERTS[alert]["labels"]["severity"]
    labels = (f"alertname={alert}", f"severity={severity}")
    printed = run("amtool", "config", "routes", "test", f"--config.file={configuration}", *labels)
    assert printed.splitlines()[-1] == {"page": "pager", "ticket": "tickets"}[severity]


def _matched(matchers: list[str]) -> set[str]:
    """Return the alerts that a list of alertname matchers selects. Every matcher must select some."""
    chosen = set(ALERTS)
    for matcher in matchers:
        found = re.fullmatch(r'alertname(=~|=)"(.+)"', matcher)
        assert found, f"{matcher} is no matcher of alert names"
        pattern = found[2] if found[1] == "=~" else re.escape(found[2])
        chosen &= {alert for alert in ALERTS if re.fullmatch(pattern, alert)}
    return chosen


def test_inhibition_names_alerts_that_exist_and_never_mutes_its_own_source(configuration: Path) -> None:
    for rule in load(configuration)["inhibit_rules"]:
        source, target = _matched(rule["source_matchers"]), _matched(rule["target_matchers"])
        assert source, rule
        assert target, rule
        assert not source & target


def test_no_two_alerts_mute_each_other(configuration: Path) -> None:
    mutes = {
        (source, target)
        for rule in load(configuration)["inhibit_rules"]
        for source in _matched(rule["source_matchers"])
        for target in _matched(rule["target_matchers"])
    }
    assert not [pair for pair in mutes if pair[::-1] in mutes]


def test_a_page_is_never_muted_by_a_ticket(configuration: Path) -> None:
    for rule in load(configuration)["inhibit_rules"]:
        urgent = [alert for alert in _matched(rule["target_matchers"]) if ALERTS[alert]["labels"]["severity"] == "page"]
        sources = {ALERTS[alert]["labels"]["severity"] for alert in _matched(rule["source_matchers"])}
        assert not urgent or sources == {"page"}
