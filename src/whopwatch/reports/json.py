"""The JSON report: for scripts. Its keys are a promise."""

from __future__ import annotations

import json

from whopwatch.core.report import Report


def render(report: Report) -> str:
    """The report as one JSON document, schema 1."""
    return json.dumps(report.to_json(), indent=2, ensure_ascii=True) + "\n"
