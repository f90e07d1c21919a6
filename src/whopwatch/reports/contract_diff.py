"""The changes between two contracts, for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from whopwatch.core.drift_classes import class_label, class_title
from whopwatch.core.foreign_text import sanitize
from whopwatch.core.report import Verdict
from whopwatch.diff.result import ComparedChange, Comparison
from whopwatch.reports.terminal import SEVERITY_STYLES
from whopwatch.reports.text import escape_markdown, plural

MAX_ROWS = 1500
"""Rows of the Markdown table: a job summary may hold 1 MiB; the JSON report has all of them."""
_MAX_PLACES = 6
_MAX_GAPS = 50


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the changes, the most severe first. The summary comes last, next to the prompt."""
    for severity, groups in comparison.by_severity().items():
        console.print(Text(f"\n{severity} ({len(groups)})", SEVERITY_STYLES[severity]))
        for group in groups:
            for line in _entry(group):
                console.print(line, soft_wrap=True, highlight=False)
    classes = sorted({group.finding.drift_class for group in comparison.changes}, key=lambda name: int(name[1:]))
    legend = "".join(f"\n  {class_label(drift_class)}: {class_title(drift_class)}" for drift_class in classes)
    if legend:
        console.print(Text(legend, "dim"), soft_wrap=True)
    if comparison.gaps:
        console.print(Text(f"\nnot compared ({len(comparison.gaps)})", "yellow"))
        for text in not_compared(comparison):
            console.print(Text(f"  {text}"), soft_wrap=True, highlight=False)
    console.print(Text(f"\n{summary(comparison)}", "bold"), soft_wrap=True)


def not_compared(comparison: Comparison) -> list[str]:
    """Return what differs and was not compared, one keyword a line."""
    shown = [
        f"{sanitize(gap.operation) or 'the whole API'} {sanitize(gap.location)}: {sanitize(gap.keyword)} differs"
        for gap in comparison.gaps[:_MAX_GAPS]
    ]
    rest = len(comparison.gaps) - len(shown)
    return [*shown, f"and {rest} more"] if rest else shown


def summary(comparison: Comparison) -> str:
    """Return `sdk:0.0.22 → sdk:0.0.23: 36 changes in 36 places: 1 critical, 35 low`."""
    names = f"{sanitize(comparison.old)} → {sanitize(comparison.new)}"
    if not comparison.changes:
        return f"{names}: {_uncompared(comparison) or 'no changes'}"
    counts = ", ".join(f"{len(groups)} {severity}" for severity, groups in comparison.by_severity().items())
    changes, places = len(comparison.changes), len(comparison.places)
    more = f"; {_uncompared(comparison)}" if comparison.gaps else ""
    return f"{names}: {plural(changes, 'change')} in {plural(places, 'place')}: {counts}{more}"


def _uncompared(comparison: Comparison) -> str:
    return f"{plural(len(comparison.gaps), 'difference')} not compared" if comparison.gaps else ""


def as_markdown(comparison: Comparison) -> str:
    """Return the comparison as GitHub-flavoured Markdown, for a pull request or the summary of a CI job."""
    return "\n".join(_markdown(comparison)) + "\n"


def _entry(group: ComparedChange) -> Iterator[Text]:
    finding, style = group.finding, SEVERITY_STYLES[group.finding.severity]
    head = Text("  ")
    head.append(sanitize(finding.operation) or "the whole API", "bold")
    head.append(f"  {sanitize(finding.location) or _ROOT[group.placed.direction.value]}", style)
    head.append(f"  {finding.class_label} {group.placed.change.movement}", "dim")
    yield head
    yield Text(f"      {_facts(group)}")
    if len(group.places) > 1:
        yield Text(f"      in {_places(group)}", "dim")


_ROOT = {"sent": "the body", "received": "the response"}


def _facts(group: ComparedChange) -> str:
    finding, change = group.finding, group.placed.change
    text = f"was: {sanitize(finding.expected)}; is: {sanitize(finding.observed)}"
    if change.relation is not None:
        text += f" ({change.relation.kind}: {sanitize(change.relation.other)})"
    return text if change.is_certain else f"{text} (suspected)"


def _places(group: ComparedChange) -> str:
    operations = list(dict.fromkeys(place.operation for place in group.places))
    rest = len(operations) - _MAX_PLACES
    more = f" and {rest} more" if rest > 0 else ""
    return f"{plural(len(group.places), 'place')}: {sanitize(', '.join(operations[:_MAX_PLACES]))}{more}"


def _markdown(comparison: Comparison) -> Iterator[str]:
    mark = "✅" if comparison.verdict is Verdict.CLEAN else "❌"
    yield f"## {mark} {_escaped(summary(comparison))}"
    if comparison.gaps:
        yield from ("", "Not compared:", "", *(f"- {_escaped(line)}" for line in not_compared(comparison)))
    if not comparison.changes:
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
            _escaped(finding.location or _ROOT[group.placed.direction.value]),
            _escaped(finding.expected),
            _escaped(finding.observed + relation),
            str(len(group.places)),
        )
        yield "| " + " | ".join(cells) + " |"
    if len(rows) > MAX_ROWS:
        yield from ("", f"and {plural(len(rows) - MAX_ROWS, 'change')} more: see the JSON report")


def _escaped(text: str) -> str:
    return escape_markdown(text)
