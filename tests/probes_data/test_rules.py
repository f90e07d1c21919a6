"""The rules load in Prometheus and vmalert; each alert is complete, documented, and tested to fire and not to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.probes_data.conftest import Run
from tests.probes_data.rules import ALERTS, PROMETHEUS, RECORDS, RULE_FILES, TEST_FILES, exported, load, metric_names
from whopwatch.signature import Reason
from whopwatch.webhooks.listener import Rejection

pytestmark = pytest.mark.thorough

TESTS: list[dict[str, Any]] = [test for path in TEST_FILES for test in load(path)["tests"]]
EXPECTATIONS = [expected for test in TESTS for expected in test["alert_rule_test"]]


def test_prometheus_accepts_the_configuration_and_its_rules(run: Run) -> None:
    printed = run("promtool", "check", "config", PROMETHEUS / "prometheus.yaml")
    assert printed.count("SUCCESS") == 1 + 1 + len(RULE_FILES)  # the files found, the configuration, each file


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_the_alerts_fire_and_stay_silent_as_their_tests_say(run: Run, path: Path) -> None:
    assert "SUCCESS" in run("promtool", "test", "rules", path)


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_vmalert_accepts_the_same_rules(run: Run, path: Path) -> None:
    run("vmalert", "-dryRun", f"-rule={path}")


def test_vmagent_accepts_the_same_scrape_configuration(run: Run) -> None:
    configuration = PROMETHEUS / "prometheus.yaml"
    # Without strict parsing: vmagent does not know Prometheus' rule_files and alerting sections.
    run("vmagent", "-dryRun", f"-promscrape.config={configuration}", "-promscrape.config.strictParse=false")


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tested_for_firing_and_for_staying_silent(alert: str) -> None:
    about = [expected for expected in EXPECTATIONS if expected["alertname"] == alert]
    assert [expected for expected in about if expected.get("exp_alerts")], f"no test makes {alert} fire"
    assert [expected for expected in about if not expected.get("exp_alerts")], f"no test keeps {alert} silent"


def test_promtool_tests_are_sentences_and_name_alerts_that_exist() -> None:
    names = [test["name"] for test in TESTS]
    assert len(set(names)) == len(names)
    assert all(len(name.split()) > 4 for name in names), [name for name in names if len(name.split()) < 5]
    assert {expected["alertname"] for expected in EXPECTATIONS} == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_urgency_subject_and_runbook_link(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert (
        rule["annotations"]["runbook_url"] == f"{{{{ $externalLabels.runbook_base }}}}probes/runbook.md#{alert.lower()}"
    )
    # Its subject: an operation, those of a resource, a drift class or a prober.
    named = re.findall(r"[lL]abels\.(\w+)", rule["annotations"]["summary"] + rule["annotations"]["description"])
    everything = {"WhopDriftOverdue", "WhopDriftChecksOverdue", "WhopShardsDisagree"}
    assert {"operation", "resource", "event", "class", "instance", "job"} & set(named) or alert in everything


def test_every_alert_has_its_runbook_section_and_every_section_its_alert(probes: Path) -> None:
    runbook = (probes / "runbook.md").read_text(encoding="utf-8")
    sections = re.split(r"^## ", runbook, flags=re.MULTILINE)[1:]
    assert {section.partition("\n")[0] for section in sections} == set(ALERTS)
    for section in sections:
        alert = section.partition("\n")[0]
        assert f"*{ALERTS[alert]['labels']['severity']}*" in section, f"the runbook's urgency of {alert} is another"
        assert "**Do**" in section or "**do**" in section
    for anchor in re.findall(r"\]\(#(\w+)\)", runbook):
        assert anchor in {alert.lower() for alert in ALERTS}


def test_the_table_of_alerts_has_every_alert_with_its_urgency(probes: Path) -> None:
    rows = re.findall(r"^\| (Whop[\w, ]+) \| ([\w, ]+) \|", (probes / "README.md").read_text(), flags=re.MULTILINE)
    listed = {name: set(urgency.split(", ")) for names, urgency in rows for name in names.split(", ")}
    assert set(listed) == set(ALERTS)
    assert all(rule["labels"]["severity"] in listed[alert] for alert, rule in ALERTS.items())


def test_rules_use_only_exported_metrics() -> None:
    for name, rule in {**ALERTS, **RECORDS}.items():
        unknown = metric_names(rule["expr"]) - exported() - set(RECORDS)
        assert not unknown, f"{name} names {sorted(unknown)}"


def test_the_webhook_rules_list_every_reason_for_refusing_a_signed_delivery() -> None:
    """All but two: anybody can send a request without these signature headers."""
    asked = [
        set(reasons.split("|"))
        for alert in ("WhopWebhooksUnverified", "WhopWebhooksRefused")
        for reasons in re.findall(r'reason=~"([^"]+)"', ALERTS[alert]["expr"])
    ]
    assert len(asked) == 3
    assert all(reasons == set(map(str, Reason)) - {Reason.MISSING_HEADER, Reason.LEGACY_SIGNATURE} for reasons in asked)
    overload = re.findall(r'reason=~"([^"]+)"', ALERTS["WhopReceiverOverloaded"]["expr"])[0]
    assert set(overload.split("|")) <= set(map(str, Rejection))


def test_every_recorded_series_is_used(probes: Path) -> None:
    dashboard = (probes / "grafana" / "dashboards" / "whopwatch.json").read_text(encoding="utf-8")
    used = set().union(*(metric_names(rule["expr"]) for rule in [*ALERTS.values(), *RECORDS.values()]))
    assert set(RECORDS) - used - metric_names(dashboard) == set()


def test_a_recorded_burn_rate_is_that_of_its_name() -> None:
    for name, rule in RECORDS.items():
        level, _, window = name.partition(":whop_probe_errors:burnrate")
        if window and window != "5m":
            assert set(re.findall(r"\[(\w+):", rule["expr"])) == {window}
            assert all(metric.startswith(f"{level}:") for metric in metric_names(rule["expr"]))


@pytest.mark.parametrize("broken", ["rate(whop_probe_success[5m]", "sum by operation (whop_probe_success)"])
def test_the_rule_check_refuses_a_broken_expression(run: Run, tmp_path: Path, broken: str) -> None:
    group = {"name": "broken", "rules": [{"alert": "WhopBroken", "expr": broken}]}
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump({"groups": [group]}), encoding="utf-8")
    assert "could not parse expression" in run("promtool", "check", "rules", path, expect=1)
