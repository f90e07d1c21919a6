"""Read a report from its JSON, to show it again or to merge it with others."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from whopwatch.config import decode
from whopwatch.core.errors import ConfigError
from whopwatch.core.report import Report

SCHEMA = 1
_WRITTEN_FROM_PROPERTIES = {"schema", "tool", "requests"}
"""Keys of the JSON that are not fields of Report."""


def read_report(path: Path) -> Report:
    """Return the report in the JSON file at `path`. Raises ConfigError for any other content."""
    content = decode.read_document_file(path, "The report")
    if not isinstance(content, dict) or content.get("tool") != "whopwatch" or content.get("schema") != SCHEMA:
        expected = f"the JSON of --json or report.json, schema {SCHEMA}"
        raise ConfigError("The file is not a report of whopwatch.", where=str(path), expected=expected)
    counts = {"sent": _COUNT, "budget": _COUNT, "unsafe": _COUNT}
    place = decode.place_of_key(str(path), "requests")
    requests = decode.decode_table(content.get("requests"), counts, place, required=counts)
    known = {one.name for one in fields(Report)} | _WRITTEN_FROM_PROPERTIES
    report = decode.record_reader(Report, decode.JSON_FORM)({**content, **requests}, str(path))
    return replace(report, extra={name: value for name, value in content.items() if name not in known})


_COUNT = decode.reader_of(int, decode.JSON_FORM)
