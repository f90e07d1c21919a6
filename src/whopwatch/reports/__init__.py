"""Reports: one model, several outputs. A new output is one module here and one line in the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from whopwatch.core.report import Report
from whopwatch.reports import chat, html, json, junit, markdown, sarif, terminal

RENDERERS: Mapping[str, Callable[[Report], str]] = {
    "chat": chat.render,
    "html": html.render,
    "json": json.render,
    "junit": junit.render,
    "markdown": markdown.render,
    "sarif": sarif.render,
    "terminal": terminal.render,
}

FILE_NAMES: Mapping[str, str] = {
    "chat": "message.md",
    "html": "report.html",
    "json": "report.json",
    "junit": "junit.xml",
    "markdown": "report.md",
    "sarif": "report.sarif",
    "terminal": "report.txt",
}
"""What each output is called in a report folder."""

__all__ = ["FILE_NAMES", "RENDERERS"]
