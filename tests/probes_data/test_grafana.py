"""The dashboard equals its builder's output, every query parses, and provisioning is consistent."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.probes_data.conftest import Run
from tests.probes_data.rules import ALERTS, RECORDS, exported, load, metric_names


@pytest.fixture
def dashboard(probes: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((probes / "grafana/dashboards/whopwatch.json").read_text("utf-8"))
    return parsed


def _panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def _expressions(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in _panels(dashboard) for target in panel.get("targets", [])]


def test_the_committed_dashboard_is_what_the_builder_makes(run: Run, needs: Callable[[str], None], root: Path) -> None:
    needs("grafana_foundation_sdk")
    run(sys.executable, root / "tools" / "grafana" / "build_dashboard.py", "--check")


def test_every_query_of_the_dashboard_parses(run: Run, dashboard: dict[str, Any], tmp_path: Path) -> None:
    expressions = [re.sub(r"\$__(range|rate_interval)\b", "5m", text) for text in _expressions(dashboard)]
    rules = [{"record": f"dashboard:query:{n}", "expr": text} for n, text in enumerate(expressions)]
    path = tmp_path / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    assert f"{len(rules)} rules found" in run("promtool", "check", "rules", path)


def test_the_api_versions_are_shown_beside_a_webhook_receiver(
    run: Run, dashboard: dict[str, Any], tmp_path: Path
) -> None:
    """A receiver has one series for each bundled contract, and none for the version that responses name."""
    (panel,) = (panel for panel in _panels(dashboard) if panel["title"] == "API versions")
    series = {
        'whop_contract_info{job="whopwatch",instance="prober",version="2025-01-01"}': "1",
        'whop_api_version_info{job="whopwatch",instance="prober",asked="2025-01-01",seen="2026-10-15-1"}': "1",
        'whop_contract_info{job="whopwatch-webhooks",instance="receiver",version="2025-01-01"}': "1",
        'whop_contract_info{job="whopwatch-webhooks",instance="receiver",version="2026-10-15-1"}': "1",
    }
    shown = '{instance="prober",asked="2025-01-01",seen="2026-10-15-1",version="2025-01-01"}'
    check = {
        "expr": re.sub(r"\$\w+", ".*", panel["targets"][0]["expr"]),
        "eval_time": "0s",
        "exp_samples": [{"labels": shown, "value": 1}],
    }
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    path = tmp_path / "versions.yaml"
    path.write_text(
        yaml.safe_dump({"tests": [{"input_series": inputs, "promql_expr_test": [check]}]}), encoding="utf-8"
    )
    assert "SUCCESS" in run("promtool", "test", "rules", path)


def test_the_dashboard_uses_only_exported_series(dashboard: dict[str, Any]) -> None:
    for expression in _expressions(dashboard):
        assert metric_names(expression) <= exported() | set(RECORDS), expression


def test_every_panel_is_named_explained_and_placed(dashboard: dict[str, Any]) -> None:
    panels = list(_panels(dashboard))
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            assert panel["targets"]


def test_an_operation_that_lacks_a_column_is_among_the_worst(dashboard: dict[str, Any]) -> None:
    """One that never succeeded, or whose responses could not be checked, has no value in some columns."""
    (worst,) = (panel for panel in _panels(dashboard) if panel["title"] == "Worst operations")
    (join,) = (each for each in worst["transformations"] if each["id"] == "joinByField")
    assert join["options"] == {"byField": "operation", "mode": "outer"}


def test_panels_do_not_overlap(dashboard: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_variable_in_a_query_is_declared(dashboard: dict[str, Any]) -> None:
    declared = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert declared == {"datasource", "job", "location", "target", "version", "instance", "resource", "operation"}
    used = {name for text in _expressions(dashboard) for name in re.findall(r"\$\{?(?!__)([a-z]\w*)", text)}
    assert used <= declared


def test_provisioning_uses_one_datasource_and_contact_points_that_exist(probes: Path) -> None:
    folder = probes / "grafana" / "provisioning"
    datasources = {source["uid"] for source in load(folder / "datasources/prometheus.yaml")["datasources"]}
    rules = [rule for group in load(folder / "alerting/rules.yaml")["groups"] for rule in group["rules"]]
    for rule in rules:
        queries = {query["refId"]: query for query in rule["data"]}
        assert rule["condition"] in queries
        assert {query["datasourceUid"] for query in rule["data"]} == {*datasources, "__expr__"}
        assert queries[rule["condition"]]["model"]["expression"] in queries
    points = {point["name"] for point in load(folder / "alerting/contact-points.yaml")["contactPoints"]}
    [policy] = load(folder / "alerting/policies.yaml")["policies"]
    assert {policy["receiver"], *(route["receiver"] for route in policy["routes"])} == points


def test_the_forwarding_alert_rule_parses(run: Run, probes: Path, tmp_path: Path) -> None:
    groups = load(probes / "grafana/provisioning/alerting/rules.yaml")["groups"]
    models = [query["model"] for group in groups for rule in group["rules"] for query in rule["data"]]
    rules = [{"record": "forwarded", "expr": model["expr"]} for model in models if "expr" in model]
    assert rules
    path = tmp_path / "forwarded.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "forwarded", "rules": rules}]}), encoding="utf-8")
    run("promtool", "check", "rules", path)


def test_the_dashboard_keeps_the_rules_of_the_dashboard_linter(dashboard: dict[str, Any]) -> None:
    """The rules of grafana/dashboard-linter, written here because no package has it."""
    assert dashboard["editable"] is False
    source, *variables = dashboard["templating"]["list"]
    assert (source["name"], source["label"], source["query"]) == ("datasource", "Data source", "prometheus")
    job = next(one for one in variables if one["name"] == "job")
    assert (job["label"], job["multi"], job["allValue"]) == ("Job", True, ".+")
    instance = next(one for one in variables if one["name"] == "instance")
    assert (instance["label"], instance["multi"]) == ("Instance", True)
    for variable in variables:
        assert variable["datasource"]["uid"] == "${datasource}"
        assert variable["refresh"] == 2, "its values follow the time range"
    for panel in _panels(dashboard):
        if panel["type"] == "row":
            continue
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["type"] not in {"stat", "gauge", "timeseries"} or panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            assert target.get("datasource", panel["datasource"])["uid"] == "${datasource}"


JOBS = ('job=~"$job"', 'job="whopwatch-webhooks"')
OF_NO_JOB = {"Firing alerts"}
"""Panels of series that Prometheus makes itself."""
OF_ANY_JOB = {"Nightly drift", "Findings that hit your code", "Incidents", "Nights until every check ran"}
"""The nightly run pushes its metrics with a job name of its own."""


def test_every_query_of_a_panel_selects_the_job(dashboard: dict[str, Any]) -> None:
    for panel in _panels(dashboard):
        if panel["title"] in OF_NO_JOB | OF_ANY_JOB:
            continue
        for target in panel.get("targets", []):
            selectors = re.findall(r"(?<![\w:])([\w:]*whop_[\w:]+|up|process_\w+)\b(?:\{([^}]*)\})?", target["expr"])
            assert [name for name, labels in selectors if not any(job in labels for job in JOBS)] == [], panel["title"]


def test_every_rate_of_a_panel_is_of_a_counter(dashboard: dict[str, Any]) -> None:
    for expression in _expressions(dashboard):
        for series in re.findall(r"\b(?:rate|increase|irate)\(\s*(\w+)", expression):
            assert series.endswith(("_total", "_bucket", "_sum", "_count")), series


def test_the_threshold_of_a_panel_is_that_of_its_alert(dashboard: dict[str, Any]) -> None:
    (panel,) = (panel for panel in _panels(dashboard) if panel["title"] == "Nights until every check ran")
    threshold = panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"]
    assert float(ALERTS["WhopDriftChecksOverdue"]["expr"].rpartition(">")[2]) == threshold
