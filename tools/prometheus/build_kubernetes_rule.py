"""Build the PrometheusRule of the Kubernetes manifests from probes/prometheus/rules.

    python tools/prometheus/build_kubernetes_rule.py [--runbook-base URL] [-o FILE]

With --runbook-base the runbook links of the alerts become absolute: URL replaces `probes/runbook.md`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

PROBES = Path(__file__).parents[2] / "probes"
RULES = PROBES / "prometheus" / "rules"
OUTPUT = PROBES / "deploy" / "kubernetes" / "prometheusrule.yaml"
HEADER = "# Built from probes/prometheus/rules by tools/prometheus/build_kubernetes_rule.py; do not edit.\n"


class _Dumper(yaml.SafeDumper):
    """Write strings of several lines as blocks, so that expressions stay readable."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def build(runbook_base: str | None = None) -> str:
    """Return the manifest as YAML."""
    groups: list[dict[str, Any]] = []
    for path in sorted(RULES.glob("*.yaml")):
        groups += yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    if runbook_base:
        for rule in (rule for group in groups for rule in group["rules"] if "alert" in rule):
            anchor = rule["annotations"]["runbook_url"].partition("#")[2]
            rule["annotations"]["runbook_url"] = f"{runbook_base}#{anchor}"
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "whopwatch", "labels": {"app.kubernetes.io/name": "whopwatch"}},
        "spec": {"groups": groups},
    }
    return HEADER + yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


def main() -> None:
    """Write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runbook-base", metavar="URL", help="URL of the runbook")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    arguments.output.write_text(build(arguments.runbook_base), encoding="utf-8")


if __name__ == "__main__":
    main()
