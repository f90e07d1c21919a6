"""The report for a person at a terminal, and the same as plain text in a pipe."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from whopwatch.core.drift_classes import class_title
from whopwatch.core.finding import Finding, Severity
from whopwatch.core.report import Report, State, Verdict
from whopwatch.reports.text import (
    LIVES,
    STATES,
    VERDICTS,
    by_life,
    by_reason,
    by_severity,
    change_line,
    evidence,
    findings_line,
    headline,
    location,
    moved_words,
    plain,
    requests_line,
    states_line,
    when,
)

MAX_PLACES = 4
"""Places of one cause that are shown; the JSON report has them all."""
MAX_NAMES = 12
"""Operation names shown for one reason; the JSON report has them all."""

_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}
_VERDICT_STYLES = {
    Verdict.CLEAN: "bold black on green",
    Verdict.DRIFT: "bold white on red",
    Verdict.COULD_NOT_CHECK: "bold black on yellow",
}


def render(report: Report, width: int = 100) -> str:
    """The report as plain text, at most `width` columns wide where no single word is longer."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    print_report(report, console)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # the StringIO of above
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def print_report(report: Report, console: Console) -> None:
    """Print the report to `console`: the details first, the verdict last, where the eye is when it ends."""
    for part in _parts(report):
        console.print(part, highlight=False, soft_wrap=False)


def _parts(report: Report) -> Iterator[RenderableType]:
    for title, style, findings in _groups(report):
        yield _heading(f"{title} ({len(findings)})", style)
        for finding in findings:
            yield _finding(finding)
    for state in (State.COULD_NOT_CHECK, State.NOT_COVERED):
        groups = by_reason(report.operations, state)
        if groups:
            total = sum(len(group) for group in groups.values())
            yield _heading(f"{STATES[state]} ({total})", "yellow" if state is State.COULD_NOT_CHECK else "dim")
        for reason, group in groups.items():
            yield _reason(reason, [operation.id for operation in group], state)
    yield _verdict(report)


def _groups(report: Report) -> Iterator[tuple[str, str, list[Finding]]]:
    """Findings under their headings: by their life where there is a memory, else by severity."""
    if report.memory:
        for life, found in by_life(report.findings).items():
            yield LIVES[life] if life else "without a past", "bold", found
    else:
        for severity, found in by_severity(report.findings).items():
            yield str(severity), _STYLES[severity], found


def _heading(title: str, style: str) -> RenderableType:
    return Group("", Rule(Text(title, style), align="left", style="dim", characters="─"))


def _finding(finding: Finding) -> RenderableType:
    style = _STYLES[finding.severity]
    head = Text.assemble(
        (plain(finding.operation or "whole target"), "bold"),
        "  ",
        (location(finding), style),
        "  ",
        (f"{finding.severity}  " if finding.state else "", style),
        (f"{finding.class_label} {finding.fingerprint}", "dim"),
        overflow="fold",
    )
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("expected", Text(plain(finding.expected)))
    facts.add_row("observed", Text(plain(finding.observed), style))
    facts.add_row("evidence", evidence(finding))
    facts.add_row("class", f"{finding.class_label}: {class_title(finding.drift_class)}")
    for name, words in _past(finding):
        facts.add_row(name, Text(plain(words)))
    body = Group(Text(plain(finding.message.removeprefix(f"{finding.operation}: "))), facts)
    return Group("", Padding(head, (0, 0, 0, 1), expand=False), Padding(body, (0, 0, 0, 3), expand=False))


def _past(finding: Finding) -> Iterator[tuple[str, str]]:
    """What only a run with a memory, or over several targets, knows."""
    if finding.first_seen:
        yield "since", when(finding.first_seen)
    if words := moved_words(finding):
        yield "moved", words
    if finding.places:
        rest = len(finding.places) - MAX_PLACES
        names = ", ".join(f"{place.operation} {place.location}" for place in finding.places[:MAX_PLACES])
        yield "places", names + (f" and {rest} more" if rest > 0 else "")
    if finding.targets:
        yield "targets", ", ".join(finding.targets)
    if finding.accepted:
        yield "accepted", finding.accepted


def _reason(reason: str, names: list[str], state: State) -> RenderableType:
    """One reason and whom it concerns. What is left out on purpose is not listed by name."""
    rest = len(names) - MAX_NAMES
    shown = ", ".join(plain(name) for name in names[:MAX_NAMES]) + (f" and {rest} more" if rest > 0 else "")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", width=4, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    if len(names) == 1:
        grid.add_row("1", Text.assemble((f"{shown}  ", "dim"), plain(reason)))
        return grid
    grid.add_row(str(len(names)), Text(plain(reason)))
    if state is not State.NOT_COVERED or rest <= 0:
        grid.add_row("", Text(shown, "dim"))
    return grid


def _verdict(report: Report) -> RenderableType:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("target", Text(plain(report.target)))
    facts.add_row("operations", states_line(report).partition(": ")[2] + f", of {len(report.operations)}")
    facts.add_row("findings", findings_line(report))
    if change := change_line(report):
        facts.add_row("change", Text(plain(change)))
    facts.add_row("requests", requests_line(report))
    badge = Text.assemble((f" {VERDICTS[report.verdict]} ", _VERDICT_STYLES[report.verdict]), "  ")
    badge.append(plain(headline(report)))
    return Group("", Padding(facts, (0, 0, 0, 1), expand=False), "", badge)
