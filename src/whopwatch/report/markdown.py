"""Markdown: for a pull request, an issue, or the summary of a CI job."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whopwatch.finding import Report, State, Verdict
from whopwatch.report.text import (
    STATES,
    VERDICTS,
    by_reason,
    evidence,
    findings_line,
    number,
    plain,
    requests_line,
    worst_first,
)

MAX_FINDINGS = 200
"""Rows of the findings' table: a job summary may hold 1 MiB, and nobody reads more."""

_MARKS = {Verdict.CLEAN: "✅", Verdict.DRIFT: "❌", Verdict.COULD_NOT_CHECK: "⚠️"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")


def render(report: Report) -> str:
    """The report as GitHub-flavoured Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"## {_MARKS[report.verdict]} whopwatch: {VERDICTS[report.verdict].lower()}"
    yield ""
    if report.reason:
        yield f"{_escaped(report.reason)}"
        yield ""
    counts = report.count()
    yield "| target | " + " | ".join(STATES.values()) + " | findings | requests |"
    yield "|---|" + "---:|" * len(STATES) + "---|---|"
    states = " | ".join(str(counts[state]) for state in STATES)
    yield f"| {_code(report.target)} | {states} | {findings_line(report)} | {requests_line(report)} |"
    yield from _findings(report)
    for state in (State.COULD_NOT_CHECK, State.NOT_COVERED):
        yield from _reasons(report, state)
    yield ""
    yield f"<sub>whopwatch {_escaped(report.version)}, {_escaped(report.started_at)}</sub>"


def _findings(report: Report) -> Iterator[str]:
    if not report.findings:
        return
    found = worst_first(report.findings)
    yield from ("", "### Findings", "")
    yield "| severity | class | operation | where | what | expected | observed | evidence | fingerprint |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for finding in found[:MAX_FINDINGS]:
        cells = (
            str(finding.severity),
            finding.drift_class,
            _code(finding.operation),
            _code(finding.location),
            _escaped(finding.message),
            _escaped(finding.expected),
            _escaped(finding.observed),
            evidence(finding),
            _code(finding.fingerprint),
        )
        yield "| " + " | ".join(cells) + " |"
    if len(found) > MAX_FINDINGS:
        yield from ("", f"and {number(len(found) - MAX_FINDINGS, 'finding')} more: see the JSON report")


def _reasons(report: Report, state: State) -> Iterator[str]:
    groups = by_reason(report.operations, state)
    if not groups:
        return
    total = sum(len(group) for group in groups.values())
    yield from (
        "",
        "<details>",
        f"<summary>{STATES[state].capitalize()}: {number(total, 'operation')}</summary>",
        "",
    )
    for reason, group in groups.items():
        names = ", ".join(_code(operation.id) for operation in group)
        yield f"- {_escaped(reason)} ({len(group)}): {names}"
    yield from ("", "</details>")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", plain(text))


def _code(text: str) -> str:
    """`text` in backticks. In a table even code escapes its pipes; a backtick cannot be escaped at all."""
    shown = plain(text).replace("`", "'").replace("|", "\\|").strip()
    return f"`{shown}`" if shown else "-"
