"""Read a report from its JSON, to show it again or to merge it with others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from whopwatch.config import decode
from whopwatch.core.errors import ConfigError
from whopwatch.core.report import Report

SCHEMA = 1
_WRITTEN_FROM_PROPERTIES = {"schema", "tool", "requests"}
"""Keys of the JSON that are not fields of Report."""


def read_report(path: Path) -> Report:
    """Return the report in the JSON file at `path`. Raise ConfigError for any other content."""
    content = decode.read_document_file(path, "The report")
    if not isinstance(content, dict) or content.get("tool") != "whopwatch" or content.get("schema") != SCHEMA:
        expected = f"the JSON of --json or report.json, schema {SCHEMA}"
        raise ConfigError("The file is not a report of whopwatch.", where=str(path), expected=expected)
    counts = {"sent": _COUNT, "budget": _COUNT, "unsafe": _COUNT}
    place = decode.place_of_key(str(path), "requests")
    requests = decode.decode_table(content.get("requests"), counts, place, required=counts)
    known = {one.name for one in fields(Report)} | _WRITTEN_FROM_PROPERTIES
    operations = content.get("operations")
    rows = [_with_reasons(row) for row in operations] if isinstance(operations, list) else operations
    content = {**content, "operations": rows} if "operations" in content else content
    report = decode.record_reader(Report, decode.JSON_FORM)({**content, **requests}, str(path))
    decode.record_reader(_Extra, decode.JSON_FORM)(content, str(path))
    return replace(report, extra={name: value for name, value in content.items() if name not in known})


def _with_reasons(row: Any) -> Any:
    """Return the row of an operation whose `checks_open` maps each check to its reason; in JSON it is a list."""
    if not isinstance(row, dict) or not isinstance(row.get("checks_open"), list):
        return row
    reasons = row.get("checks_open_reasons")
    rest = {key: value for key, value in row.items() if key != "checks_open_reasons"}
    listed = dict.fromkeys(map(str, row["checks_open"]), "")
    return {**rest, "checks_open": {**listed, **reasons} if isinstance(reasons, dict) else listed}


_COUNT = decode.reader_of(int, decode.JSON_FORM)


# The form of what `Report.extra` may have: a report of another program must not break what shows it.


@dataclass(frozen=True)
class _Contract:
    version: str | None = None
    release: str | None = None
    date: str | None = None
    sha256: str | None = None
    operations: int | None = None
    operations_v2: int | None = None
    events: int | None = None
    newer_versions: int | None = None
    newest_known: str | None = None


@dataclass(frozen=True)
class _ApiVersion:
    requested: str | None = None
    answered: str | None = None
    evidence: str | None = None
    supported: tuple[str, ...] | None = ()


@dataclass(frozen=True)
class _Incident:
    at: str = ""
    operation: str = ""
    what: str = ""
    request_id: str | None = None


@dataclass(frozen=True)
class _Replay:
    entries: int = 0
    checked: int = 0
    ignored: Mapping[str, int] = field(default_factory=dict)
    unmatched: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Extra:
    contract: _Contract | None = None
    contracts: tuple[_Contract, ...] = ()
    api_version: _ApiVersion | None = None
    incidents: tuple[_Incident, ...] = ()
    spent: Mapping[str, int] | None = None
    requests_for_ids: Mapping[str, int] | None = None
    waited_seconds: float | None = None
    left: Mapping[str, int] = field(default_factory=dict)
    replay: _Replay | None = None
