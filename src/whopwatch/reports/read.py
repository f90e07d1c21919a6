"""A report out of its JSON: what one run wrote, another one can show again or put together with others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from whopwatch.core.errors import UsageError
from whopwatch.core.finding import Confidence, Finding, FindingState, Occurrence, Severity, Source
from whopwatch.core.report import BaselineSummary, OperationResult, Report, State, TargetResult, Verdict

LARGEST = 64 << 20
SCHEMA = 1


def read_report(path: Path) -> Report:
    """The report in the JSON file at `path`; raises UsageError for a file that holds none of schema 1."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"larger than {LARGEST} bytes")
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict) or content.get("tool") != "whopwatch" or content.get("schema") != SCHEMA:
            raise ValueError("another document")
        return _report(content)
    except OSError as error:
        raise _unreadable(path, error.strerror or "an error") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unreadable(
            path, type(error).__name__ if not isinstance(error, ValueError) else "no such document"
        ) from None


def _report(content: Mapping[str, Any]) -> Report:
    known = {"schema", "tool", "version", "target", "started_at", "seconds", "verdict", "reason", "requests"}
    known |= {"operations", "findings", "memory", "targets"}
    return Report(
        target=str(content["target"]),
        started_at=str(content["started_at"]),
        seconds=float(content["seconds"]),
        verdict=Verdict(content["verdict"]),
        operations=tuple(_row(row) for row in content["operations"]),
        findings=tuple(_finding(record) for record in content["findings"]),
        sent=int(content["requests"]["sent"]),
        budget=int(content["requests"]["budget"]),
        unsafe=int(content["requests"]["unsafe"]),
        reason=content["reason"],
        version=str(content["version"]),
        extra={name: value for name, value in content.items() if name not in known},
        memory=BaselineSummary(**content["memory"]) if content.get("memory") else None,
        targets=tuple(
            TargetResult(**{**one, "verdict": Verdict(one["verdict"])}) for one in content.get("targets", ())
        ),
    )


def _target(record: Mapping[str, Any]) -> TargetResult:
    return TargetResult(**{**record, "verdict": Verdict(record["verdict"])})


def _row(record: Mapping[str, Any]) -> OperationResult:
    values = _known(OperationResult, record)
    history = tuple(State(state) for state in record.get("history", ()))
    latencies = tuple(record.get("latencies", ()))
    return OperationResult(**{**values, "state": State(record["state"]), "history": history, "latencies": latencies})


def _finding(record: Mapping[str, Any]) -> Finding:
    values = _known(Finding, record)
    return Finding(
        **{
            **values,
            "drift_class": record["class"],
            "severity": Severity(record["severity"]),
            "confidence": Confidence(record["confidence"]),
            "source": Source(record["source"]),
            "state": FindingState(record["state"]) if record.get("state") else None,
            "places": tuple(Occurrence(**place) for place in record.get("places", ())),
            "targets": tuple(record.get("targets", ())),
        }
    )


def _known(kind: type[Any], record: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in record.items() if name in names}


def _unreadable(path: Path, got: str) -> UsageError:
    return UsageError(
        "This is no report of whopwatch.",
        where=str(path),
        expected="the JSON of --json or report.json, schema 1",
        got=got,
    )
