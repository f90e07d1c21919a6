"""Markdown: for a pull request, an issue, or the summary of a CI job.

Findings are a list, not a table: GitHub shows at most 900 pixels, and a table with long locations does not wrap.
"""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.core.finding import Finding, FindingState
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import Report, State, Verdict
from whopwatch.core.wording import plural
from whopwatch.reports.curl import Requests, in_lines
from whopwatch.reports.text import (
    MAX_FINDINGS,
    STATES,
    VERDICTS,
    active_findings,
    by_kind,
    by_reason,
    class_page,
    escape_markdown,
    evidence,
    facts,
    headline,
    inactive_findings,
    location,
    sentence,
    summary_rows,
)

MAX_TEXT = 400
"""Characters of one text."""

MARKS = {Verdict.CLEAN: "✅", Verdict.DRIFT: "❌", Verdict.COULD_NOT_CHECK: "⚠️"}


def render(report: Report) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"## {MARKS[report.verdict]} whopwatch: {VERDICTS[report.verdict].lower()}"
    yield ""
    yield _escaped(headline(report))
    yield ""
    for name, value in summary_rows(report):
        yield f"- **{name}**: {_code(value) if name == 'target' else _escaped(value)}"
    if len(report.targets) > 1:
        yield from _targets(report)
    yield from _findings(report)
    for kind, operations in by_kind(report.operations).items():
        for state in (State.COULD_NOT_CHECK, State.NOT_COVERED):
            groups = by_reason(operations, state)
            if groups:
                total = sum(len(group) for group in groups.values())
                items = [
                    f"- {_escaped(reason)} ({len(group)}): {', '.join(_code(operation.id) for operation in group)}"
                    for reason, group in groups.items()
                ]
                yield from _folded(f"{STATES[state].capitalize()}: {plural(total, kind)}", items)
    yield ""
    yield f"<sub>whopwatch {_escaped(report.version)}, {_escaped(report.started_at)}</sub>"


def _targets(report: Report) -> Iterator[str]:
    yield from ("", "| target | verdict | " + " | ".join(STATES.values()) + " | findings |")
    yield "|---|---|" + "---:|" * (len(STATES) + 1)
    for target in report.targets:
        counts = " | ".join(str(target.operations.get(state, "-")) for state in STATES)
        reason = f"<br><sub>{_escaped(target.reason)}</sub>" if target.reason else ""
        verdict = VERDICTS[target.verdict].lower()
        yield f"| {_cell(target.name)}{reason} | {verdict} | {counts} | {target.findings} |"


def _cell(text: str) -> str:
    """Return `text` as code within a table, where even code must escape its pipes."""
    return _code(text).replace("|", "\\|")


def _findings(report: Report) -> Iterator[str]:
    active, requests = active_findings(report), Requests(report)
    if active:
        yield from ("", "### Findings", "")
    for finding in active[:MAX_FINDINGS]:
        yield from _finding(finding, requests.command(finding))
    if len(active) > MAX_FINDINGS:
        yield from ("", f"and {plural(len(active) - MAX_FINDINGS, 'finding')} more: see the JSON report")
    if any(finding.breaks for finding in active):
        yield from ("", "If no action is needed: `whopwatch accept FINGERPRINT --reason ...`")
    for state, found in inactive_findings(report).items():
        items = [line for finding in found[:MAX_FINDINGS] for line in _finding(finding, None)]
        yield from _folded(f"{str(state).capitalize()}: {plural(len(found), 'finding')}", items)


def _finding(finding: Finding, request: str | None) -> Iterator[str]:
    """Yield a list item: class, place and sentence, and the facts in a part that unfolds."""
    state = f", {finding.state}" if finding.state else ""
    operation = _code(finding.operation) if finding.operation else "whole target"
    where = _code(finding.location) if finding.location else location(finding)
    name = f"[`{_code_text(finding.class_slug)}`]({class_page(finding.drift_class)})"
    yield f"- **{finding.severity}** {name} ({_escaped(finding.drift_class)}{state})<br>"
    share = "" if finding.state is FindingState.FIXED else f" {evidence(finding)}."
    yield f"  {operation} {where}: {_escaped(sentence(finding) + share)}"
    yield "  <details><summary>details</summary>"
    yield ""
    for name, value in facts(finding):
        if name not in ("class", "class page", "evidence"):  # above
            yield f"  - {name}: {_fact(name, value)}"
    if request:
        # No line of a command begins with backticks, so none can end the block.
        yield from ("", "  ```sh", *(f"  {line}" for line in in_lines(request)), "  ```")
    yield from ("", "  </details>", "")


def _fact(name: str, value: str) -> str:
    if name == "reference":
        return f"[{_escaped(value.rpartition('/')[2])}]({value})"
    return _code(value) if name in ("fingerprint", "request id") else _escaped(value)


def _folded(title: str, items: list[str]) -> Iterator[str]:
    yield from ("", "<details>", f"<summary>{title}</summary>", "", *items, "", "</details>")


def _escaped(text: str) -> str:
    return escape_markdown(_shortened(text))


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _code(text: str) -> str:
    """Return `text` in backticks. A backtick within code cannot be escaped, so it becomes an apostrophe."""
    shown = _code_text(text)
    return f"`{shown}`" if shown else "-"


def _code_text(text: str) -> str:
    return sanitize(_shortened(text)).replace("`", "'").strip()
