"""Render the Helm chart into the manifests of probes/deploy/kubernetes.

    python tools/kubernetes/build.py [-o FOLDER]

The chart is the source. The manifests are for `kubectl apply -k`. prometheusrule.yaml has a tool of its own.
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
    "cronjob.yaml": "cronjob.yaml",
    "sdk-cronjob.yaml": "sdk-cronjob.yaml",
    "companies/cronjob.yaml": "companies-cronjob.yaml",
    "network/networkpolicy.yaml": "networkpolicy.yaml",
}
"""The template of each manifest."""


def build() -> Iterator[tuple[str, str]]:
    """Yield the name and the YAML of each manifest."""
    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render(VALUES, name="whopwatch")
    for manifest, template in MANIFESTS.items():
        yield manifest, HEADER + rendered[f"whopwatch/templates/{template}"].strip() + "\n"


def main() -> None:
    """Write the manifests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    output = parser.parse_args().output
    for name, text in build():
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
