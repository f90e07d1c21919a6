"""SARIF 2.1.0: for code scanning, which shows results at files and tracks them by fingerprint.

The file of a finding is the one of the contract that specifies what is expected. The state of a finding becomes its
`baselineState`; an accepted one is suppressed with its reason.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from whopwatch.contract.loader import DEFAULT_VERSION, contracts_dir, is_version
from whopwatch.core.drift_classes import DRIFT_CLASSES, class_slug, class_title
from whopwatch.core.finding import Finding, FindingState, Severity
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import Report, TargetResult, Verdict
from whopwatch.reports.curl import Requests
from whopwatch.reports.text import class_page, contract_line, evidence, most_severe_first, reference_page

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 5000
"""The most that code scanning accepts from one run."""

_NEXT_STEPS = (
    "Repeat the request in the result's properties. Then fix your client, report the change to the API's owner, or "
    "accept the finding with `whopwatch accept FINGERPRINT --reason ...`."
)

_RESOURCE = re.compile(r"[a-z_]+(\.[a-z_]+)*", re.ASCII)
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
    requests, files = Requests(report), _ContractFiles.of(report)
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
            **({"contract": words} if (words := contract_line(report)) else {}),
            **({"targets": [_target(target) for target in report.targets]} if report.targets else {}),
        },
        "results": [
            _result(finding, rules.index(finding.drift_class), requests.command(finding), files) for finding in found
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
        "helpUri": class_page(name),
        "help": {
            "text": f"{meaning} {_NEXT_STEPS}",
            "markdown": "\n\n".join([f"**{class_slug(name)}** ({name}): {class_title(name)}.", meaning, _NEXT_STEPS]),
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


def _result(finding: Finding, rule: int, request: str | None, files: _ContractFiles) -> dict[str, Any]:
    facts = f"Expected {finding.expected}; observed {finding.observed}; {evidence(finding)}."
    text = f"{finding.class_label}: {finding.message} {facts}"
    return {
        "ruleId": finding.drift_class,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": sanitize(text)},
        "locations": [files.location(finding.operation, finding.location)],
        "relatedLocations": [files.location(place.operation, place.location) for place in finding.places],
        "partialFingerprints": {"whopwatch/v1": finding.fingerprint},
        **({"baselineState": _BASELINE[finding.state]} if finding.state else {}),
        **({"suppressions": [_suppression(finding)]} if finding.state is FindingState.ACCEPTED else {}),
        "properties": {
            "class": finding.class_slug,
            "severity": str(finding.severity),
            "confidence": str(finding.confidence),
            "check": finding.check,
            **({"impact": str(finding.impact), "impactPlaces": list(finding.impact_places)} if finding.impact else {}),
            "samples": finding.samples,
            "violations": finding.violations,
            **({"targets": [sanitize(name) for name in finding.targets]} if finding.targets else {}),
            **({"request": request} if request else {}),
            **({"requestId": finding.request.id} if finding.request and finding.request.id else {}),
            **({"reference": page} if (page := reference_page(finding)) else {}),
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


@dataclass(frozen=True, slots=True)
class _ContractFiles:
    """The files of the contract that a run checked against: `folder` is its edition below the repository."""

    folder: str

    @classmethod
    def of(cls, report: Report) -> _ContractFiles:
        """Return those of the edition that the report names; of the default one if it is not bundled."""
        version = str((report.extra.get("contract") or {}).get("version") or "")
        known = version if is_version(version) and (contracts_dir() / version).is_dir() else DEFAULT_VERSION
        return cls(f"contracts/{known}")

    def location(self, operation: str, where: str) -> dict[str, Any]:
        """Return the location by name, and the line of the file that specifies it."""
        file = self._file(operation)
        region = {"startLine": _line(file, operation, where)}
        return {
            "physicalLocation": {"artifactLocation": {"uri": file}, "region": region},
            "logicalLocations": [{"fullyQualifiedName": sanitize(f"{operation} {where}".strip()), "kind": "member"}],
        }

    def _file(self, operation: str) -> str:
        kind, _, rest = operation.partition(":")
        if rest:
            return f"{self.folder}/v1/{'events' if kind == 'webhook' else 'shared'}.yaml"
        resource = operation.rpartition(".")[0]
        if resource.partition(".")[0] == "v2":
            return f"{self.folder}/v2/openapi.yaml"
        name = resource if _RESOURCE.fullmatch(resource) else "openapi"
        return f"{self.folder}/v1/{name}.yaml"


def _line(file: str, operation: str, where: str) -> int:
    """Return the line that specifies `where` in `operation` or a shared schema, else that of the operation, else 1."""
    lines = _lines(file)
    kind, _, name = operation.partition(":")
    start = f"{name}:" if kind in ("schema", "webhook") else f"operationId: {operation}"
    first = next((number for number, line in enumerate(lines) if line.strip() == start), None)
    if first is None:
        return 1
    depth = _depth(lines[first]) + int(start.endswith(":"))
    parameter = where.removeprefix("param:") if where.startswith("param:") else None
    wanted = f"- name: {parameter}" if parameter else f"{where.rpartition('/')[2]}:"
    for number, line in enumerate(lines[first + 1 :], start=first + 1):
        if _depth(line) < depth:
            break
        if line.strip() == wanted:
            return number + 1
    return first + 1


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


@cache
def _lines(file: str) -> tuple[str, ...]:
    """Return the lines of a contract file; none if it cannot be read."""
    try:
        text = (contracts_dir().parent / file).read_text(encoding="utf-8")
    except OSError:
        return ()
    return tuple(text.splitlines())
