"""The Helm chart: rendered by Helm's own library, and what it renders kept to the schemas."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.probes_data.conftest import ROOT, Run
from tests.probes_data.rules import load
from tests.probes_data.test_deploy import _script
from whopwatch import __version__

CHART = ROOT / "probes" / "deploy" / "helm" / "whopwatch"
EVERYTHING: dict[str, Any] = {
    "contract": "newest",
    "env": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
    "networkPolicy": {"egress": [{"ports": [{"protocol": "TCP", "port": 4318}]}]},
    "companies": {"enabled": True, "pods": 7, "storageClass": "shared"},
    "prober": {"shards": 5},
    "pushgateway": {"enabled": True},
    "podMonitor": {"labels": {"release": "kps"}},
    "prometheusRule": {"labels": {"release": "kps"}, "runbookBase": "https://runbooks.example/whop"},
    "config": {"probes": "interval = 30\n", "accepted": "accepted: []\n"},
}
NOTHING: dict[str, Any] = {
    name: {"enabled": False} for name in ("drift", "sdk", "podMonitor", "prometheusRule", "dashboard", "networkPolicy")
}
Render = Callable[[dict[str, Any]], dict[tuple[str, str], Any]]


@pytest.fixture
def helm(needs: Callable[[str], None]) -> Any:
    needs("helm_python")
    return import_module("helm_python")


@pytest.fixture
def render(helm: Any) -> Render:
    """Return the rendered documents by kind and name."""

    def call(values: dict[str, Any]) -> dict[tuple[str, str], Any]:
        with helm.Chart.load(CHART) as chart:
            chart.validate_schema(values)
            rendered = chart.render(values, name="whopwatch")
        documents = [one for text in rendered.values() for one in yaml.safe_load_all(text) if one]
        named = {(one["kind"], one["metadata"]["name"]): one for one in documents}
        assert len(named) == len(documents)
        return named

    return call


def test_variables_reach_every_pod_and_rules_the_network_policy(render: Render) -> None:
    made = render(EVERYTHING)
    wanted = {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4318"}
    pods = [made["StatefulSet", "whopwatch"]["spec"]["template"]["spec"]]
    jobs = [one for (kind, _), one in made.items() if kind == "CronJob"]
    pods += [job["spec"]["jobTemplate"]["spec"]["template"]["spec"] for job in jobs]
    assert len(pods) == 4
    assert all(wanted in pod["containers"][0]["env"] for pod in pods)
    assert made["NetworkPolicy", "whopwatch"]["spec"]["egress"][-1] == EVERYTHING["networkPolicy"]["egress"][0]


@pytest.mark.thorough
@pytest.mark.parametrize("values", [{}, EVERYTHING, NOTHING], ids=["default", "everything", "nothing"])
def test_what_it_renders_keeps_the_schemas(run: Run, render: Render, tmp_path: Path, values: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at import
        operator = import_module("cloudcoil.models.prometheus_operator.v1")
    core = []
    for (kind, name), document in render(values).items():
        if document["apiVersion"].startswith("monitoring.coreos.com/"):
            assert getattr(operator, kind).model_validate(document).kind == kind
        else:
            core.append(tmp_path / f"{kind}-{name}.yaml")
            core[-1].write_text(yaml.safe_dump(document), encoding="utf-8")
    run(_script("kubernetes-validate"), "--strict", *core)


def test_each_part_can_be_left_out(render: Render) -> None:
    everything = {kind for kind, _ in render(EVERYTHING)}
    assert everything == {
        *("ConfigMap", "CronJob", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "PodMonitor"),
        *("PrometheusRule", "Service", "StatefulSet"),
    }
    assert {kind for kind, _ in render(NOTHING)} == {"ConfigMap", "Service", "StatefulSet"}
    own = render({"config": {"existingConfigMap": "mine"}, "dashboard": {"enabled": False}})
    assert "ConfigMap" not in {kind for kind, _ in own}
    pod = own["StatefulSet", "whopwatch"]["spec"]["template"]["spec"]
    assert pod["volumes"][0]["configMap"] == {"name": "mine"}


def test_numbers_of_shards_and_labels_reach_every_place(render: Render) -> None:
    rendered = render(EVERYTHING)
    prober = rendered["StatefulSet", "whopwatch"]["spec"]
    assert prober["replicas"] == 5
    assert "--shard=$(SHARD)/5" in prober["template"]["spec"]["containers"][0]["args"]
    job = rendered["CronJob", "whopwatch-companies"]["spec"]["jobTemplate"]["spec"]
    assert (job["completions"], job["parallelism"]) == (7, 7)
    assert "--shard=$(SHARD)/7" in job["template"]["spec"]["containers"][0]["args"]
    selected = [
        one["metadata"]["labels"] for (kind, _), one in rendered.items() if kind in {"PodMonitor", "PrometheusRule"}
    ]
    assert len(selected) == 3
    assert all(labels["release"] == "kps" for labels in selected)
    named = re.findall(r"--contract=\w+", json.dumps(list(rendered.values())))
    assert named == ["--contract=newest"] * 3
    gateway = rendered["Service", "pushgateway"]
    assert (
        gateway["spec"]["selector"]
        == rendered["Deployment", "whopwatch-pushgateway"]["spec"]["selector"]["matchLabels"]
    )


def test_a_value_stays_one_argument(render: Render) -> None:
    rendered = render({**EVERYTHING, "target": "https://x.example/a # b: c", "image": {"digest": f"sha256:{'0' * 64}"}})
    (container,) = rendered["StatefulSet", "whopwatch"]["spec"]["template"]["spec"]["containers"]
    assert "--target=https://x.example/a # b: c" in container["args"]
    assert container["image"].endswith(f"@sha256:{'0' * 64}")


def test_no_pod_runs_as_root_or_writes_to_its_image(render: Render) -> None:
    pods = [
        one["spec"].get("jobTemplate", one)["spec"]["template"]["spec"]
        for (kind, _), one in render(EVERYTHING).items()
        if kind in {"StatefulSet", "CronJob", "Deployment"}
    ]
    assert len(pods) == 5
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        (container,) = pod["containers"]
        security = {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["securityContext"] == security
        assert container["resources"]["limits"]["memory"]


def test_configuration_rules_and_dashboard_are_those_of_the_repository(render: Render, probes: Path) -> None:
    rendered = render({})
    data = rendered["ConfigMap", "whopwatch-probes"]["data"]
    assert data["probes.toml"].strip() == (probes / "probes.toml").read_text(encoding="utf-8").strip()
    assert data["accepted.yaml"].strip() == (probes / "accepted.yaml").read_text(encoding="utf-8").strip()
    dashboard = rendered["ConfigMap", "whopwatch-dashboard"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    committed = (probes / "grafana" / "dashboards" / "whopwatch.json").read_text(encoding="utf-8")
    assert json.loads(dashboard["data"]["whopwatch.json"]) == json.loads(committed)
    rules = sorted((probes / "prometheus" / "rules").glob("*.yaml"))
    groups = [group for path in rules for group in load(path)["groups"]]
    assert rendered["PrometheusRule", "whopwatch"]["spec"] == {"groups": groups}
    text = json.dumps(render(EVERYTHING)["PrometheusRule", "whopwatch"])
    assert "https://runbooks.example/whop#whopapidown" in text
    assert "probes/runbook.md#" not in text


def test_another_configuration_starts_other_pods(render: Render) -> None:
    def checksum(values: dict[str, Any]) -> Any:
        return render(values)["StatefulSet", "whopwatch"]["spec"]["template"]["metadata"]["annotations"]

    assert checksum({}) == checksum({"target": "sandbox"}) != checksum(EVERYTHING)


@pytest.mark.parametrize(
    "values", [{"targt": "sandbox"}, {"prober": {"shards": 0}}, {"drift": {"enabled": "yes"}}, {"image": "x"}]
)
def test_wrong_values_are_refused(helm: Any, values: dict[str, Any]) -> None:
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmError):
        chart.validate_schema(values)


def test_the_linter_finds_no_fault(helm: Any) -> None:
    result = helm.lint(str(CHART))
    assert result["errors"] == []
    assert all("icon" in message["error"] for message in result["messages"])


def test_the_kustomize_manifests_are_rendered_from_the_chart(run: Run, helm: Any, probes: Path, tmp_path: Path) -> None:
    run(sys.executable, ROOT / "tools" / "kubernetes" / "build.py", "-o", tmp_path)
    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.yaml"))
    assert len(made) == 8
    for path in made:
        committed = (probes / "deploy" / "kubernetes" / path).read_text(encoding="utf-8")
        assert (tmp_path / path).read_text(encoding="utf-8") == committed


def test_the_links_of_the_manifests_can_be_absolute(run: Run, helm: Any, tmp_path: Path) -> None:
    tool = ROOT / "tools" / "kubernetes" / "build.py"
    run(sys.executable, tool, "-o", tmp_path, "--runbook-base", "https://runbooks.example/whop")
    linked = (tmp_path / "prometheusrule.yaml").read_text(encoding="utf-8")
    assert "https://runbooks.example/whop#whopapidown" in linked
    assert "probes/runbook.md#" not in linked


def test_the_chart_has_the_version_of_the_project() -> None:
    chart = load(CHART / "Chart.yaml")
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
