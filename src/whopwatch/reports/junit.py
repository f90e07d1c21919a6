"""JUnit XML: one test case for each operation, for CI systems that show test results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from whopwatch.core.finding import Finding
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import OperationResult, Report, State, Verdict
from whopwatch.core.wording import plural
from whopwatch.reports.curl import Requests
from whopwatch.reports.text import (
    UNSTATED,
    contract_line,
    finding_lines,
    most_severe_first,
    requests_line,
    target_line,
)


def render(report: Report) -> str:
    """Return the report as XML. Drift is a failure; an operation that was not checked is skipped, with its reason.

    A run that verified nothing has one more case with an error, so that a page of skipped cases is never green.
    """
    findings: dict[str, list[Finding]] = defaultdict(list)
    for finding in most_severe_first(report.findings):
        findings[finding.operation].append(finding)
    cases = _Cases(Requests(report))
    elements = [cases.operation(operation, findings.pop(operation.id, [])) for operation in report.operations]
    elements += [cases.other(name, found) for name, found in findings.items()]
    if report.verdict is Verdict.COULD_NOT_CHECK:
        elements.append(cases.nothing_verified(report))
    suite = ET.Element(
        "testsuite",
        name=f"whopwatch {sanitize(report.target)}",
        timestamp=report.started_at,
        time=f"{report.seconds:.3f}",
        tests=str(len(elements)),
        failures=_count(elements, "failure"),
        errors=_count(elements, "error"),
        skipped=_count(elements, "skipped"),
    )
    properties = ET.SubElement(suite, "properties")
    targets = [(f"target {sanitize(target.name)}", sanitize(target_line(target))) for target in report.targets]
    contract = [("contract", words)] if (words := contract_line(report)) else []
    for name, value in (("verdict", str(report.verdict)), ("requests", requests_line(report)), *contract, *targets):
        ET.SubElement(properties, "property", name=name, value=value)
    suite.extend(elements)
    root = ET.Element("testsuites", name="whopwatch")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


class _Cases:
    """Builds test cases. `requests` are the commands that repeat a request, by operation."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def operation(self, operation: OperationResult, found: list[Finding]) -> ET.Element:
        """Return the case of one operation."""
        case = _case(operation.id, operation.latency or 0.0)
        if operation.state is State.DRIFT:
            self._fail(case, [finding for finding in found if finding.breaks])
        elif operation.state is not State.VERIFIED:
            ET.SubElement(case, "skipped", message=sanitize(operation.reason or UNSTATED))
        self._note(case, [finding for finding in found if not finding.breaks])
        return case

    def other(self, name: str, found: list[Finding]) -> ET.Element:
        """Return the case of something that is not an operation of the report: a shared schema, the whole target."""
        case = _case(name or "whole target", 0.0)
        breaking = [finding for finding in found if finding.breaks]
        if breaking:
            self._fail(case, breaking)
        self._note(case, [finding for finding in found if not finding.breaks])
        return case

    def nothing_verified(self, report: Report) -> ET.Element:
        """Return the case that fails a run which verified nothing."""
        case = _case("verdict", 0.0)
        reason = sanitize(report.reason or "nothing was verified")
        ET.SubElement(case, "error", type="could-not-check", message=reason)
        return case

    def _fail(self, case: ET.Element, found: Sequence[Finding]) -> None:
        worst = found[0] if found else None
        message = f"{plural(len(found), 'finding')}: {worst.message}" if worst else "drift"
        kind = worst.class_label if worst else "drift"
        ET.SubElement(case, "failure", type=kind, message=sanitize(message)).text = self._listing(found)

    def _note(self, case: ET.Element, found: Sequence[Finding]) -> None:
        """Add findings that do not fail the case: info, fixed or accepted."""
        if found:
            ET.SubElement(case, "system-out").text = self._listing(found)

    def _listing(self, found: Sequence[Finding]) -> str:
        return "\n\n".join("\n".join(finding_lines(one, self._requests.command(one))) for one in found)


def _case(name: str, seconds: float) -> ET.Element:
    group = name.rpartition(".")[0] or name
    return ET.Element("testcase", classname=f"whopwatch.{sanitize(group)}", name=sanitize(name), time=f"{seconds:.3f}")


def _count(cases: list[ET.Element], outcome: str) -> str:
    return str(sum(case.find(outcome) is not None for case in cases))
