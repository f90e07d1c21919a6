"""Markdown: for a pull request, an issue, or the summary of a CI job."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whopwatch.core.finding import Finding
from whopwatch.core.report import Report, State, Verdict
from whopwatch.reports.text import (
    STATES,
    VERDICTS,
    by_life,
    by_reason,
    change_line,
    evidence,
    findings_line,
    headline,
    location,
    number,
    plain,
    requests_line,
)

MAX_FINDINGS = 200
"""Rows of the findings' table: a job summary may hold 1 MiB, and nobody reads more."""
MAX_CELL = 400
"""Characters of a text in it."""

MARKS = {Verdict.CLEAN: "✅", Verdict.DRIFT: "❌", Verdict.COULD_NOT_CHECK: "⚠️"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")


def render(report: Report) -> str:
    """The report as GitHub-flavoured Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"## {MARKS[report.verdict]} whopwatch: {VERDICTS[report.verdict].lower()}"
    yield ""
    yield _escaped(headline(report))
    yield ""
    if change := change_line(report):
        yield f"**{_escaped(change)}**"
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
    found = [finding for group in by_life(report.findings).values() for finding in group]
    past = ("state", "since") if report.memory else ()
    columns = ("severity", *past, "class", "operation", "where", "what", "expected", "observed", "evidence")
    yield from ("", "### Findings", "")
    yield "| " + " | ".join((*columns, "fingerprint")) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for finding in found[:MAX_FINDINGS]:
        yield "| " + " | ".join(_cells(finding, bool(past))) + " |"
    if len(found) > MAX_FINDINGS:
        yield from ("", f"and {number(len(found) - MAX_FINDINGS, 'finding')} more: see the JSON report")


def _cells(finding: Finding, has_past: bool) -> Iterator[str]:
    yield str(finding.severity)
    if has_past:
        yield str(finding.state or "")
        yield _escaped((finding.first_seen or "")[:10])
    yield finding.class_label
    yield _code(finding.operation)
    yield _code(finding.location) if finding.location else location(finding)
    yield _escaped(finding.message) + (f" ({number(len(finding.places), 'place')})" if finding.places else "")
    yield _escaped(finding.expected)
    yield _escaped(finding.observed)
    yield evidence(finding)
    yield _code(finding.fingerprint)


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
    return _SPECIAL.sub(r"\\\1", plain(_cut(text)))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def _code(text: str) -> str:
    """`text` in backticks. In a table even code escapes its pipes; a backtick cannot be escaped at all."""
    shown = plain(_cut(text)).replace("`", "'").replace("|", "\\|").strip()
    return f"`{shown}`" if shown else "-"
