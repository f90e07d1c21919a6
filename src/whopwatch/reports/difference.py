"""What moved between two contracts, for a terminal and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from whopwatch.core.drift_classes import class_label, class_title
from whopwatch.core.finding import Severity
from whopwatch.core.report import Verdict
from whopwatch.diff.result import Comparison, Group
from whopwatch.reports.text import number, plain

MAX_ROWS = 1500
"""Rows of the Markdown table: a job summary may hold 1 MiB; the JSON report has them all."""
_PLACES = 6
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print what moved, the worst first, and the summary last, where the eye is when it ends."""
    for severity, groups in comparison.by_severity().items():
        console.print(Text(f"\n{severity} ({len(groups)})", _STYLES[severity]))
        for group in groups:
            for line in _entry(group):
                console.print(line, soft_wrap=True, highlight=False)
    classes = sorted({group.finding.drift_class for group in comparison.groups}, key=lambda name: int(name[1:]))
    legend = "".join(f"\n  {class_label(drift_class)}: {class_title(drift_class)}" for drift_class in classes)
    if legend:
        console.print(Text(legend, "dim"), soft_wrap=True)
    console.print(Text(f"\n{summary(comparison)}", "bold"), soft_wrap=True)


def summary(comparison: Comparison) -> str:
    """`sdk:0.0.22 → sdk:0.0.23: 36 changes in 36 places: 1 critical, 35 low`."""
    names = f"{plain(comparison.old)} → {plain(comparison.new)}"
    if not comparison.groups:
        return f"{names}: nothing moved"
    counts = ", ".join(f"{len(groups)} {severity}" for severity, groups in comparison.by_severity().items())
    changes, places = len(comparison.groups), len(comparison.findings)
    return f"{names}: {number(changes, 'change')} in {number(places, 'place')}: {counts}"


def as_markdown(comparison: Comparison) -> str:
    """The comparison as GitHub-flavoured Markdown: fits a pull request or the summary of a CI job."""
    return "\n".join(_markdown(comparison)) + "\n"


def _entry(group: Group) -> Iterator[Text]:
    finding, style = group.finding, _STYLES[group.finding.severity]
    head = Text("  ")
    head.append(plain(finding.operation) or "the whole API", "bold")
    head.append(f"  {plain(finding.location) or _ROOT[group.placed.side.value]}", style)
    head.append(f"  {finding.class_label} {group.placed.change.movement}", "dim")
    yield head
    yield Text(f"      {_facts(group)}")
    if len(group.places) > 1:
        yield Text(f"      in {_places(group)}", "dim")


_ROOT = {"sent": "the body", "received": "the answer"}


def _facts(group: Group) -> str:
    finding, change = group.finding, group.placed.change
    text = f"was: {plain(finding.expected)}; is: {plain(finding.observed)}"
    if change.relation is not None:
        text += f" ({change.relation.kind}: {plain(change.relation.other)})"
    return text if change.is_certain else f"{text} (suspected)"


def _places(group: Group) -> str:
    operations = list(dict.fromkeys(place.operation for place in group.places))
    rest = len(operations) - _PLACES
    more = f" and {rest} more" if rest > 0 else ""
    return f"{number(len(group.places), 'place')}: {plain(', '.join(operations[:_PLACES]))}{more}"


def _markdown(comparison: Comparison) -> Iterator[str]:
    mark = "✅" if comparison.verdict is Verdict.CLEAN else "❌"
    yield f"## {mark} {_escaped(summary(comparison))}"
    if not comparison.groups:
        return
    yield from ("", "| severity | class | where | place | was | is | places |", "|---|---|---|---|---|---|---:|")
    rows = [group for groups in comparison.by_severity().values() for group in groups]
    for group in rows[:MAX_ROWS]:
        finding, change = group.finding, group.placed.change
        relation = f" ({change.relation.kind}: {change.relation.other})" if change.relation else ""
        cells = (
            str(finding.severity),
            f"{finding.class_label} {change.movement}",
            _escaped(finding.operation or "the whole API"),
            _escaped(finding.location or _ROOT[group.placed.side.value]),
            _escaped(finding.expected),
            _escaped(finding.observed + relation),
            str(len(group.places)),
        )
        yield "| " + " | ".join(cells) + " |"
    if len(rows) > MAX_ROWS:
        yield from ("", f"and {number(len(rows) - MAX_ROWS, 'change')} more: see the JSON report")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", plain(text))
