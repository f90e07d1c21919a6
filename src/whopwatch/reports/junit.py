"""JUnit XML: one test case an operation, for CI systems that show test results."""

from __future__ import annotations

from collections import defaultdict
from xml.etree import ElementTree as ET

from whopwatch.core.finding import Finding
from whopwatch.core.report import OperationResult, Report, State, Verdict
from whopwatch.reports.text import UNSTATED, evidence, location, number, plain, requests_line, worst_first


def render(report: Report) -> str:
    """Drift is a failure; what could not be checked or is not covered is skipped, with its reason.

    A run that verified nothing has one more case, in error, so that a page of skipped cases is never green.
    """
    findings: dict[str, list[Finding]] = defaultdict(list)
    for finding in worst_first(report.findings):
        findings[finding.operation].append(finding)
    cases = [_operation(operation, findings.pop(operation.id, [])) for operation in report.operations]
    cases += [_beside(name, found) for name, found in findings.items()]
    if report.verdict is Verdict.COULD_NOT_CHECK:
        cases.append(_nothing_verified(report))
    suite = ET.Element(
        "testsuite",
        name=f"whopwatch {plain(report.target)}",
        timestamp=report.started_at,
        time=f"{report.seconds:.3f}",
        tests=str(len(cases)),
        failures=_number_with(cases, "failure"),
        errors=_number_with(cases, "error"),
        skipped=_number_with(cases, "skipped"),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (("verdict", str(report.verdict)), ("requests", requests_line(report))):
        ET.SubElement(properties, "property", name=name, value=value)
    suite.extend(cases)
    root = ET.Element("testsuites", name="whopwatch")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _operation(operation: OperationResult, found: list[Finding]) -> ET.Element:
    case = _case(operation.id, operation.latency or 0.0)
    if operation.state is State.DRIFT:
        _fail(case, [finding for finding in found if finding.breaks])
    elif operation.state is not State.VERIFIED:
        ET.SubElement(case, "skipped", message=plain(operation.reason or UNSTATED))
    _tell(case, [finding for finding in found if not finding.breaks])
    return case


def _beside(name: str, found: list[Finding]) -> ET.Element:
    """Findings about something that is no operation of the report."""
    case = _case(name or "whole target", 0.0)
    breaking = [finding for finding in found if finding.breaks]
    if breaking:
        _fail(case, breaking)
    _tell(case, [finding for finding in found if not finding.breaks])
    return case


def _nothing_verified(report: Report) -> ET.Element:
    case = _case("verdict", 0.0)
    reason = plain(report.reason or "nothing was verified")
    ET.SubElement(case, "error", type="could-not-check", message=reason)
    return case


def _case(name: str, seconds: float) -> ET.Element:
    group = name.rpartition(".")[0] or name
    return ET.Element("testcase", classname=f"whopwatch.{plain(group)}", name=plain(name), time=f"{seconds:.3f}")


def _fail(case: ET.Element, found: list[Finding]) -> None:
    worst = found[0] if found else None
    message = f"{number(len(found), 'finding')}: {worst.message}" if worst else "drift"
    kind = worst.class_label if worst else "drift"
    ET.SubElement(case, "failure", type=kind, message=plain(message)).text = _listing(found)


def _tell(case: ET.Element, found: list[Finding]) -> None:
    """What is worth knowing, over, or accepted."""
    if found:
        ET.SubElement(case, "system-out").text = _listing(found)


def _listing(found: list[Finding]) -> str:
    return "\n".join(
        plain(
            f"{_state(finding)}{finding.severity} {finding.class_label} {location(finding)}: {finding.message} "
            f"expected {finding.expected}; observed {finding.observed}; {evidence(finding)}; "
            f"fingerprint {finding.fingerprint}"
        )
        for finding in found
    )


def _number_with(cases: list[ET.Element], outcome: str) -> str:
    return str(sum(case.find(outcome) is not None for case in cases))


def _state(finding: Finding) -> str:
    return f"{finding.state}, since {finding.first_seen}: " if finding.state else ""
