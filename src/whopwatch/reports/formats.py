"""How each format is rendered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from whopwatch.core.report import Report
from whopwatch.reports import chat, html, junit, markdown, sarif, terminal


def to_json_text(report: Report) -> str:
    """Return the JSON report, schema 1. Its keys are a promise."""
    return json.dumps(report.to_json(), indent=2, ensure_ascii=True) + "\n"


RENDERERS: Mapping[str, Callable[[Report], str]] = {
    "chat": chat.render,
    "html": html.render,
    "json": to_json_text,
    "junit": junit.render,
    "markdown": markdown.render,
    "sarif": sarif.render,
    "terminal": terminal.render,
}
