"""Reports: one model, several formats. A new format is one module, one row here and one in `formats.RENDERERS`."""

from __future__ import annotations

from collections.abc import Mapping

FILE_NAMES: Mapping[str, str] = {
    "chat": "message.md",
    "html": "report.html",
    "json": "report.json",
    "junit": "junit.xml",
    "markdown": "report.md",
    "sarif": "report.sarif",
    "terminal": "report.txt",
}
"""The name of each format in a report folder."""
