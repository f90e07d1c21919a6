"""Deployment files that cannot run in a test, checked with a schema or linter."""

from __future__ import annotations

import re
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.processes import AS_DEPLOYED
from tests.probes_data.conftest import Run, missing
from tests.probes_data.rules import load
from whopwatch.config.accepted import read_accepted

pytestmark = pytest.mark.thorough

CORE_MANIFESTS = (
    "statefulset.yaml",
    "service.yaml",
    "cronjob.yaml",
    "sdk-cronjob.yaml",
    "companies/cronjob.yaml",
    "network/networkpolicy.yaml",
)
UNITS = (
    "whopwatch-probe.service",
    "whopwatch-drift.service",
    "whopwatch-drift.timer",
    "whopwatch-sdk.service",
    "whopwatch-sdk.timer",
)
Needs = Callable[[str], None]


@pytest.fixture
def deploy(probes: Path) -> Path:
    return probes / "deploy"


def _script(name: str) -> str:
    """Return the path of a program that pip installed next to this Python."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or name


def test_the_container_file_is_clean(run: Run, deploy: Path) -> None:
    run(_script("hadolint"), deploy / "Containerfile")


def test_the_container_linter_refuses_what_it_should(run: Run, tmp_path: Path) -> None:
    (tmp_path / "Containerfile").write_text("FROM python:latest\nRUN sudo true\n", encoding="utf-8")
    assert "DL3004" in run(_script("hadolint"), tmp_path / "Containerfile", expect=1)


def test_the_container_copies_only_what_the_repository_has(root: Path, deploy: Path) -> None:
    text = (deploy / "Containerfile").read_text(encoding="utf-8")
    copies = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line]
    assert copies
    for source in (source for sources in copies for source in sources):
        assert (root / source).exists(), source
    assert "USER 10001" in text
    assert "--require-hashes -r /source/requirements/deploy.txt" in text
    ignored = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    assert allowed == {source for sources in copies for source in sources} - {
        "probes/probes.toml",
        "probes/accepted.yaml",
    }
    locked = (root / "requirements" / "deploy.txt").read_text(encoding="utf-8")
    assert re.search(r"^prometheus-client==", locked, re.MULTILINE), "the prober exports metrics"
    assert re.search(r"^mcp==", locked, re.MULTILINE), "probes.toml may name an MCP server"


def test_the_compose_file_keeps_the_compose_specification(needs: Needs, deploy: Path) -> None:
    needs("compose_spec")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at import
        compose_spec = import_module("compose_spec")
    parsed = compose_spec.ComposeSpecification.model_validate(load(deploy / "compose.yaml"))
    assert set(parsed.services) == {
        *("prober", "drift", "prometheus", "alertmanager", "receiver", "pushgateway", "grafana")
    }


def test_the_compose_file_mounts_what_exists_and_opens_nothing_to_the_network(deploy: Path) -> None:
    compose = load(deploy / "compose.yaml")
    for name, service in compose["services"].items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            exists = (deploy / source).exists() if source.startswith(".") else source in compose["volumes"]
            assert exists, f"{name}: {mount}"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_every_deployment_obeys_the_accepted_findings(probes: Path, deploy: Path) -> None:
    assert read_accepted(probes / "accepted.yaml") == ()
    where = "/etc/whopwatch/accepted.yaml"
    compose = load(deploy / "compose.yaml")["services"]
    for service in (compose["prober"], compose["drift"]):
        assert f"--accepted={where}" in service["command"]
        assert "..:/etc/whopwatch:ro" in service["volumes"]
    for manifest in ("statefulset.yaml", "cronjob.yaml", "companies/cronjob.yaml"):
        spec = next(yaml.safe_load_all((deploy / "kubernetes" / manifest).read_text(encoding="utf-8")))["spec"]
        pod = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert f"--accepted={where}" in container["args"]
        (mount,) = [one for one in container["volumeMounts"] if one["mountPath"] == "/etc/whopwatch"]
        assert any(volume["name"] == mount["name"] and "configMap" in volume for volume in pod["volumes"])
    for kustomization in ("kustomization.yaml", "companies/kustomization.yaml"):
        assert "--from-file=probes/accepted.yaml" in (deploy / "kubernetes" / kustomization).read_text(encoding="utf-8")
    for unit in ("whopwatch-probe.service", "whopwatch-drift.service"):
        assert f"--accepted {where}" in (deploy / "systemd" / unit).read_text(encoding="utf-8")
    assert "probes/accepted.yaml /etc/whopwatch/" in (deploy / "Containerfile").read_text(encoding="utf-8")


def test_prometheus_finds_every_configured_service(probes: Path) -> None:
    services = set(load(probes / "deploy/compose.yaml")["services"])
    configuration = load(probes / "prometheus/prometheus.yaml")
    static = [job.get("static_configs", []) for job in configuration["scrape_configs"]]
    static += [manager["static_configs"] for manager in configuration["alerting"]["alertmanagers"]]
    static.append(yaml.safe_load((probes / "prometheus/targets/probers.yaml").read_text("utf-8")))
    hosts = {target.split(":")[0] for group in static for entry in group for target in entry["targets"]}
    assert hosts == {"prober", "pushgateway", "alertmanager"}
    assert hosts <= services


@pytest.mark.parametrize("manifest", CORE_MANIFESTS)
def test_a_manifest_keeps_the_schema_of_kubernetes(run: Run, needs: Needs, deploy: Path, manifest: str) -> None:
    needs("kubernetes_validate")
    run(_script("kubernetes-validate"), "--strict", deploy / "kubernetes" / manifest)


@pytest.mark.parametrize(("manifest", "kind"), [("podmonitor", "PodMonitor"), ("prometheusrule", "PrometheusRule")])
def test_a_manifest_keeps_the_schema_of_the_prometheus_operator(
    needs: Needs, deploy: Path, manifest: str, kind: str
) -> None:
    needs("cloudcoil.models.prometheus_operator")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, at import
        models = import_module("cloudcoil.models.prometheus_operator.v1")
    document = load(deploy / "kubernetes" / f"{manifest}.yaml")
    model = getattr(models, kind)
    assert model.model_validate(document).kind == kind
    with pytest.raises(ValueError, match="spec"):
        model.model_validate({**document, "spec": []})


@pytest.mark.parametrize(("name", "base"), [(".", {"network"}), ("companies", {"../network"}), ("network", set[str]())])
def test_kustomize_is_given_every_manifest(deploy: Path, name: str, base: set[str]) -> None:
    folder = deploy / "kubernetes" / name
    manifests = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(load(folder / "kustomization.yaml")["resources"]) == manifests | base


def test_the_network_policy_covers_every_pod_and_opens_one_port(deploy: Path) -> None:
    policy = load(deploy / "kubernetes" / "network" / "networkpolicy.yaml")["spec"]
    (name,) = policy["podSelector"]["matchLabels"].items()
    for manifest in ("statefulset.yaml", "cronjob.yaml", "sdk-cronjob.yaml", "companies/cronjob.yaml"):
        text = (deploy / "kubernetes" / manifest).read_text(encoding="utf-8")
        labels = [line for line in text.splitlines() if "app.kubernetes.io/component" in line and "labels:" in line]
        assert labels
        assert all(": ".join(name) in line for line in labels), manifest
    assert policy["ingress"] == [{"ports": [{"protocol": "TCP", "port": 9464}]}]
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443, 9091}


OWN_IMAGE = r"whopwatch|ghcr\.io/whopwatch/whopwatch:[\d.]+"  # built from this repository
RUNS: Sequence[tuple[str, str]] = (
    (r"^(?:- )?image: ([^\s{].*)", rf"\"?(?:{OWN_IMAGE})\"?|\S+:[\w.-]+@sha256:[0-9a-f]{{64}}"),
    (r"^FROM (\S+[./:]\S*)", r"\S+@sha256:[0-9a-f]{64}"),
    (r"^(?:- )?uses: (.+)", r"\./|[\w./-]+@[0-9a-f]{40} # v[\d.]+"),
    (r"\bpip (?:install|wheel) (.+)", r".*--(?:require-hashes|no-deps) .*"),
    (r"\b(?:npx|npm install|uvx|pipx|curl|wget) (.+)", r"$"),
)
"""What finds that something from elsewhere runs, and the form in which its content is fixed."""
WITHOUT_SECRETS = {"dependencies.yml"}
"""Workflows that get no secret, and are there to try the newest packages."""


def unpinned(text: str) -> list[str]:
    """Return what a file runs that another user can replace."""
    lines = [line.strip() for line in text.splitlines() if not line.strip().startswith("#")]
    found = [(match[1], form) for line in lines for finds, form in RUNS if (match := re.search(finds, line))]
    return [name for name, form in found if not re.fullmatch(form, name)]


def _what_runs(root: Path, deploy: Path) -> list[Path]:
    """Return every file that says what runs beside a key."""
    kinds = {".yml", ".yaml", ".service", ".sh", ".tpl", ""}
    files = [path for path in deploy.rglob("*") if path.is_file() and path.suffix in kinds]
    return [*files, root / "action.yml", *(root / ".github" / "workflows").glob("*.yml")]


def test_what_runs_beside_a_key_is_pinned(root: Path, deploy: Path) -> None:
    files = _what_runs(root, deploy)
    assert len(files) >= 30
    loose = {
        path.name: unpinned(path.read_text(encoding="utf-8")) for path in files if path.name not in WITHOUT_SECRETS
    }
    assert {name: found for name, found in loose.items() if found} == {}


def test_no_script_of_a_workflow_contains_an_input(root: Path, deploy: Path) -> None:
    for path in (root / "action.yml", deploy / "github" / "whopwatch.yml", *(root / ".github" / "workflows").glob("*")):
        content = load(path)
        jobs = content["jobs"].values() if "jobs" in content else [content["runs"]]
        scripts = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
        assert [one for one in scripts if re.search(r"\$\{\{(?! *(matrix|runner)\.)", one)] == [], path


@pytest.mark.parametrize(
    "line",
    [
        "    image: prom/prometheus:v3.5.0",
        "  image: prom/prometheus@latest",
        "FROM python:3.13-slim AS locked",
        "      - uses: actions/checkout@v5",
        "      - uses: whopwatch/whopwatch@main",
        "      - run: pip install -q .",
        "ExecStartPre=/opt/whopwatch/bin/pip install whopwatch",
        "        npx -y @whop/mcp",
    ],
)
def test_what_is_not_pinned_is_found(line: str) -> None:
    assert unpinned(f"# first\n{line}\n")


def test_services_have_bounded_memory_and_no_capabilities(deploy: Path) -> None:
    services = load(deploy / "compose.yaml")["services"]
    assert all("mem_limit" in service for service in services.values())
    assert all(service["cap_drop"] == ["ALL"] for service in services.values())


# fmt: off
HARDENING = (
    "CapabilityBoundingSet", "DynamicUser", "LockPersonality", "MemoryMax", "NoNewPrivileges", "PrivateDevices",
    "PrivateMounts", "PrivateTmp", "PrivateUsers", "ProcSubset", "ProtectClock", "ProtectControlGroups",
    "ProtectHome", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables",
    "ProtectProc", "ProtectSystem", "RemoveIPC", "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime",
    "RestrictSUIDSGID", "SystemCallArchitectures", "SystemCallErrorNumber", "SystemCallFilter", "TasksMax", "UMask",
)
# fmt: on


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_every_unit_is_hardened(deploy: Path, unit: str) -> None:
    lines = (deploy / "systemd" / unit).read_text(encoding="utf-8").splitlines()
    settings = {line.partition("=")[0] for line in lines}
    assert set(HARDENING) <= settings, set(HARDENING) - settings
    # Node compiles at run time, so that the unit of SDK releases cannot have it.
    assert ("MemoryDenyWriteExecute" in settings) == ("sdk" not in unit)


def test_the_shards_are_as_many_as_the_replicas(deploy: Path) -> None:
    spec: dict[str, Any] = load(deploy / "kubernetes" / "statefulset.yaml")["spec"]
    arguments = spec["template"]["spec"]["containers"][0]["args"]
    assert f"--shard=$(SHARD)/{spec['replicas']}" in arguments


def test_the_shards_of_companies_are_as_many_as_the_pods(deploy: Path) -> None:
    text = (deploy / "kubernetes" / "companies" / "cronjob.yaml").read_text(encoding="utf-8")
    spec = next(yaml.safe_load_all(text))["spec"]["jobTemplate"]["spec"]
    container = spec["template"]["spec"]["containers"][0]
    assert f"--shard=$(SHARD)/{spec['completions']}" in container["args"]
    assert (spec["completionMode"], spec["parallelism"]) == ("Indexed", spec["completions"])
    assert [variable["name"] for variable in container["env"]] == ["SHARD"]


def test_the_job_has_the_name_that_the_rules_expect(deploy: Path) -> None:
    label = load(deploy / "kubernetes" / "podmonitor.yaml")["spec"]["jobLabel"]
    pod = load(deploy / "kubernetes" / "statefulset.yaml")["spec"]["template"]["metadata"]["labels"]
    assert pod[label] == "whopwatch"


def test_deployments_have_the_measured_environment(deploy: Path) -> None:
    settings = [f"{name}={value}" for name, value in AS_DEPLOYED.items()]
    assert settings
    for file in ("Containerfile", "systemd/whopwatch-probe.service"):
        text = (deploy / file).read_text(encoding="utf-8")
        assert all(setting in text for setting in settings), file


def test_systemd_accepts_the_units(run: Run, deploy: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze")
    program = shutil.which("true")
    for unit in UNITS:
        # systemd-analyze requires the program to exist; any program will do.
        text = (deploy / "systemd" / unit).read_text("utf-8").replace("/opt/whopwatch/bin/whopwatch", str(program))
        (tmp_path / unit).write_text(text, encoding="utf-8")
    printed = run("systemd-analyze", "verify", "--man=no", *(tmp_path / unit for unit in UNITS))
    assert not [line for line in printed.splitlines() if "whopwatch" in line], printed
