"""The report for a person at a terminal, and the same as plain text in a pipe."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from urllib.parse import urlsplit

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from whopwatch.core.finding import Finding, Severity
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import Report, State, Verdict
from whopwatch.core.wording import first_few, plural
from whopwatch.reports.curl import Requests, in_lines
from whopwatch.reports.text import (
    MAX_FINDINGS,
    STATES,
    VERDICTS,
    active_findings,
    by_kind,
    by_reason,
    class_page,
    facts,
    headline,
    inactive_findings,
    location,
    open_checks,
    sentence,
    summary_rows,
)

MAX_OPERATIONS = 12
"""Operation names shown for one reason; the JSON report has them all."""

SEVERITY_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}
_ONCE = ("class", "class page", "what to do")
"""Facts of a finding that the heading names, or the summary has for all findings."""
_VERDICT_STYLES = {
    Verdict.CLEAN: "bold black on green",
    Verdict.DRIFT: "bold white on red",
    Verdict.COULD_NOT_CHECK: "bold black on yellow",
}


def render(report: Report, width: int = 100) -> str:
    """Return the report as plain text, at most `width` columns wide unless a single word is longer."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    print_report(report, console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO of above
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def print_report(report: Report, console: Console, values: Mapping[str, Sequence[str]] = MappingProxyType({})) -> None:
    """Print the report to `console`. The verdict comes last, next to the prompt.

    `values` are values of responses by fingerprint, for a user who asked for them.
    """
    for part in _parts(report, values):
        # A command is not wrapped, so that it can be copied; the terminal wraps it on the screen.
        console.print(part, highlight=False, soft_wrap=isinstance(part, _Command))


class _Command(Text):
    """A line to copy."""


def _parts(report: Report, values: Mapping[str, Sequence[str]]) -> Iterator[RenderableType]:
    requests, active = Requests(report), active_findings(report)
    counts = Counter((finding.impact, finding.severity) for finding in active)
    for (impact, severity), group in groupby(
        active[:MAX_FINDINGS], key=lambda finding: (finding.impact, finding.severity)
    ):
        name = f"{severity}, {impact}" if impact else str(severity)
        yield _heading(f"{name} ({counts[impact, severity]})", SEVERITY_STYLES[severity])
        for finding in group:
            yield _finding(finding, values.get(finding.fingerprint, ()))
            if request := requests.command(finding):
                first, *rest = in_lines(request)
                yield _Command.assemble("   ", ("repeat", "dim"), "       ", first)
                yield from (_Command(f"   {line}") for line in rest)
    yield from _more(len(active))
    for state, findings in inactive_findings(report).items():
        yield _heading(f"{state} ({len(findings)})", "dim")
        for finding in findings[:MAX_FINDINGS]:
            yield _finding(finding)
        yield from _more(len(findings))
    for operation_state in (State.COULD_NOT_CHECK, State.NOT_COVERED):
        yield from _reasons(report, operation_state)
    if len(report.targets) > 1:
        yield _heading(f"targets ({len(report.targets)})", "bold")
        yield _targets(report)
    yield _summary(report)


def _more(count: int) -> Iterator[RenderableType]:
    """Yield how many findings are not shown, if there are any."""
    if count > MAX_FINDINGS:
        yield Text(f"\n and {plural(count - MAX_FINDINGS, 'finding')} more: see the JSON report", "dim")


def _targets(report: Report) -> RenderableType:
    """Return a table with the operations of each target by state. Of URLs it shows the hosts, if they differ."""
    hosts = [urlsplit(target.name).netloc or target.name for target in report.targets]
    names = hosts if len(set(hosts)) == len(hosts) else [target.name for target in report.targets]
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
    for name in ("target", "verdict"):
        table.add_column(name, overflow="fold")
    for name in (*STATES.values(), "findings"):
        table.add_column(name, justify="right")
    for name, target in zip(names, report.targets, strict=True):
        counts = [str(target.operations.get(state, "-")) for state in STATES]
        verdict = Text(VERDICTS[target.verdict].lower(), "" if target.verdict is Verdict.CLEAN else "bold")
        table.add_row(Text(sanitize(name)), verdict, *counts, str(target.findings))
    reasons = [
        Text.assemble((f"{sanitize(target.name)}  ", "dim"), sanitize(target.reason), overflow="fold")
        for target in report.targets
        if target.reason
    ]
    return Padding(Group(table, *reasons), (0, 0, 0, 1), expand=False)


def _heading(title: str, style: str) -> RenderableType:
    return Group("", Rule(Text(title, style), align="left", style="dim", characters="─"))


def _finding(finding: Finding, values: Sequence[str] = ()) -> RenderableType:
    style = SEVERITY_STYLES[finding.severity]
    head = Text.assemble((finding.class_label, style), overflow="fold")
    if finding.state:
        head.append(f"  {finding.state}", "dim")
    where = Text.assemble(
        (sanitize(finding.operation or "whole target"), "bold"), "  ", location(finding), overflow="fold"
    )
    table = _facts_table()
    for name, value in facts(finding):
        if name not in _ONCE:
            table.add_row(name, Text(sanitize(value), style if name == "observed" else ""))
    if values:
        table.add_row("values", Text(sanitize(", ".join(values)), style))
    body = Group(where, Text(sanitize(sentence(finding))), table)
    return Group("", Padding(head, (0, 0, 0, 1), expand=False), Padding(body, (0, 0, 0, 3), expand=False))


def _facts_table() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _reasons(report: Report, state: State) -> Iterator[RenderableType]:
    """Yield the reasons for one state; reads first, so that skipped writes do not hide them."""
    for kind, operations in by_kind(report.operations).items():
        groups = by_reason(operations, state)
        if groups:
            total = sum(len(group) for group in groups.values())
            style = "yellow" if state is State.COULD_NOT_CHECK else "dim"
            yield _heading(f"{kind}s: {STATES[state]} ({total})", style)
        for reason, group in groups.items():
            yield _reason(reason, [operation.id for operation in group], state)


def _reason(reason: str, names: list[str], state: State) -> RenderableType:
    """Return one reason and its operations. Many operations that are left out on purpose are not listed by name."""
    shown = first_few(map(sanitize, names), MAX_OPERATIONS)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", width=4, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    if len(names) == 1:
        grid.add_row("1", Text.assemble((f"{shown}  ", "dim"), sanitize(reason)))
        return grid
    grid.add_row(str(len(names)), Text(sanitize(reason)))
    if state is not State.NOT_COVERED or len(names) <= MAX_OPERATIONS:
        grid.add_row("", Text(shown, "dim"))
    return grid


def _summary(report: Report) -> RenderableType:
    table = _facts_table()
    for name, value in summary_rows(report):
        table.add_row(name, Text(sanitize(value)))
    if any(finding.breaks for finding in report.findings):
        table.add_row("classes", Text(class_page(""), overflow="fold"))
        table.add_row("accept", Text('whopwatch accept FINGERPRINT --reason "..."', overflow="fold"))
    return Group("", Padding(table, (0, 0, 0, 1), expand=False), "", verdict_line(report))


def verdict_line(report: Report) -> Text:
    """Return the verdict and its sentence as one line."""
    badge = Text.assemble((f" {VERDICTS[report.verdict]} ", _VERDICT_STYLES[report.verdict]), "  ")
    return badge.append(sanitize(headline(report)))


def verified_operations(report: Report) -> RenderableType:
    """Return a line for each operation that was checked: its state, and the checks that did not run."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for row in report.operations:
        if row.state in (State.VERIFIED, State.DRIFT) and row.checks_total:
            table.add_row(Text(sanitize(row.id)), open_checks(row))
    return table
