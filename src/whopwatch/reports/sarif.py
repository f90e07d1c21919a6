"""SARIF 2.1.0: for code scanning, which shows results at files and tracks them by fingerprint.

The file of a finding is the one of the contract that specifies what is expected. The state of a finding becomes its
`baselineState`; an accepted one is suppressed with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from whopwatch.contract.loader import contracts_dir
from whopwatch.core.drift_classes import DRIFT_CLASSES, class_slug, class_title
from whopwatch.core.finding import Finding, FindingState, Severity
from whopwatch.core.foreign_text import sanitize
from whopwatch.core.report import Report, TargetResult, Verdict
from whopwatch.reports.curl import commands, operation_of
from whopwatch.reports.text import evidence, most_severe_first

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 5000
"""The most that code scanning accepts from one run."""

_NEXT_STEPS = (
    "Repeat the request in the result's properties. Then fix your client, report the change to the API's owner, or "
    "accept the finding with `whopwatch accept FINGERPRINT --reason ...`."
)

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_BASELINE = {
    FindingState.NEW: "new",
    FindingState.WORSE: "updated",
    FindingState.FLAPPING: "updated",
    FindingState.KNOWN: "unchanged",
    FindingState.ACCEPTED: "unchanged",
    FindingState.FIXED: "absent",
}


def render(report: Report) -> str:
    """Return the report as one SARIF log with one run."""
    requests = commands(report)
    found = most_severe_first(report.findings)[:MAX_RESULTS]
    rules = sorted({finding.drift_class for finding in found}, key=lambda name: int(name[1:]))
    run = {
        "tool": {
            "driver": {"name": "whopwatch", "version": report.version, "rules": [_rule(name) for name in rules]},
        },
        "invocations": [_invocation(report)],
        "properties": {
            "target": sanitize(report.target),
            "verdict": str(report.verdict),
            **({"targets": [_target(target) for target in report.targets]} if report.targets else {}),
        },
        "results": [
            _result(finding, rules.index(finding.drift_class), requests.get(operation_of(finding))) for finding in found
        ],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(name: str) -> dict[str, Any]:
    known = DRIFT_CLASSES.get(name)
    meaning = known.meaning if known else class_title(name)
    return {
        "id": name,
        "name": class_slug(name),
        "shortDescription": {"text": class_title(name)},
        "fullDescription": {"text": meaning},
        "help": {
            "text": f"{meaning} {_NEXT_STEPS}",
            "markdown": f"**{class_slug(name)}** ({name}): {class_title(name)}.\n\n{meaning}\n\n{_NEXT_STEPS}",
        },
    }


def _invocation(report: Report) -> dict[str, Any]:
    """Return whether the run succeeded: a rejected key is a failed run and not an empty list of results."""
    notification = {"level": "error", "message": {"text": sanitize(report.reason or "nothing was verified")}}
    failed = report.verdict is Verdict.COULD_NOT_CHECK
    return {
        "executionSuccessful": not failed,
        "startTimeUtc": report.started_at,
        **({"toolExecutionNotifications": [notification]} if failed else {}),
    }


def _result(finding: Finding, rule: int, request: str | None) -> dict[str, Any]:
    facts = f"Expected {finding.expected}; observed {finding.observed}; {evidence(finding)}."
    text = f"{finding.class_label}: {finding.message} {facts}"
    return {
        "ruleId": finding.drift_class,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": sanitize(text)},
        "locations": [_location(finding.operation, finding.location)],
        "relatedLocations": [_location(place.operation, place.location) for place in finding.places],
        "partialFingerprints": {"whopwatch/v1": finding.fingerprint},
        **({"baselineState": _BASELINE[finding.state]} if finding.state else {}),
        **({"suppressions": [_suppression(finding)]} if finding.state is FindingState.ACCEPTED else {}),
        "properties": {
            "class": finding.class_slug,
            "severity": str(finding.severity),
            "confidence": str(finding.confidence),
            "check": finding.check,
            "samples": finding.samples,
            "violations": finding.violations,
            **({"targets": [sanitize(name) for name in finding.targets]} if finding.targets else {}),
            **({"request": request} if request else {}),
            **({"firstSeen": finding.first_seen} if finding.first_seen else {}),
        },
    }


def _target(target: TargetResult) -> dict[str, Any]:
    return {
        "name": sanitize(target.name),
        "verdict": str(target.verdict),
        **({"reason": sanitize(target.reason)} if target.reason else {}),
        "operations": dict(target.operations),
    }


def _suppression(finding: Finding) -> dict[str, str]:
    return {"kind": "external", "status": "accepted", "justification": sanitize(finding.accepted or "no reason given")}


def _location(operation: str, where: str) -> dict[str, Any]:
    """Return the location by name, and the file of the contract that specifies it."""
    return {
        "physicalLocation": {"artifactLocation": {"uri": _file(operation)}, "region": {"startLine": _line(operation)}},
        "logicalLocations": [{"fullyQualifiedName": sanitize(f"{operation} {where}".strip()), "kind": "member"}],
    }


def _line(operation: str) -> int:
    """Return the line of the contract file that specifies `operation` or a shared schema; 1 if there is none."""
    kind, _, name = operation.partition(":")
    wanted = f"{name}:" if kind == "schema" else f"operationId: {operation}"
    return _lines(_file(operation)).get(wanted, 1)


@cache
def _lines(file: str) -> Mapping[str, int]:
    """Return the number of each line of a contract file by its text, the first of equal ones."""
    try:
        text = (contracts_dir().parent / file).read_text(encoding="utf-8")
    except OSError:
        return {}
    lines = text.splitlines()
    return {line.strip(): number for number, line in reversed(list(enumerate(lines, start=1)))}


def _file(operation: str) -> str:
    kind, _, rest = operation.partition(":")
    if rest:
        return "contracts/2025-01-01/v1/events.yaml" if kind == "webhook" else "contracts/2025-01-01/v1/shared.yaml"
    resource = operation.partition(".")[0]
    is_name = resource.isidentifier() and resource.isascii() and "." in operation
    if resource == "v2" or not is_name:
        return "contracts/2025-01-01/v2/openapi.yaml" if resource == "v2" else "contracts/2025-01-01/v1/openapi.yaml"
    return f"contracts/2025-01-01/v1/{resource}.yaml"
