"""Render the Helm chart into the manifests of probes/deploy/kubernetes.

    python tools/kubernetes/build.py [--runbook-base URL] [-o FOLDER]

The chart is the source. The manifests are for `kubectl apply -k`. With --runbook-base the runbook links of the alerts
become absolute: URL replaces `probes/runbook.md`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import helm_python

DEPLOY = Path(__file__).parents[2] / "probes" / "deploy"
CHART = DEPLOY / "helm" / "whopwatch"
OUTPUT = DEPLOY / "kubernetes"
HEADER = "# Rendered from probes/deploy/helm/whopwatch by tools/kubernetes/build.py; do not edit.\n"
VALUES = {"config": {"existingConfigMap": "whopwatch-probes"}, "companies": {"enabled": True}}
"""kustomize takes the ConfigMap that a user creates from the files of probes/."""
MANIFESTS = {
    "statefulset.yaml": "statefulset.yaml",
    "service.yaml": "service.yaml",
    "podmonitor.yaml": "podmonitor.yaml",
    "prometheusrule.yaml": "prometheusrule.yaml",
    "cronjob.yaml": "cronjob.yaml",
    "sdk-cronjob.yaml": "sdk-cronjob.yaml",
    "companies/cronjob.yaml": "companies-cronjob.yaml",
    "network/networkpolicy.yaml": "networkpolicy.yaml",
}
"""The template of each manifest."""


def build(runbook_base: str = "") -> Iterator[tuple[str, str]]:
    """Yield the name and the YAML of each manifest."""
    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render({**VALUES, "prometheusRule": {"runbookBase": runbook_base}}, name="whopwatch")
    for manifest, template in MANIFESTS.items():
        yield manifest, HEADER + rendered[f"whopwatch/templates/{template}"].strip() + "\n"


def main() -> None:
    """Write the manifests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runbook-base", metavar="URL", default="", help="URL of the runbook")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    for name, text in build(arguments.runbook_base):
        path = arguments.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
