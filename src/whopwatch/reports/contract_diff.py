"""The changes between two contracts for a terminal, and as a table in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from whopwatch.core.finding import Severity
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import Verdict
from whopwatch.core.wording import and_more, first_few, plural
from whopwatch.diff.result import Comparison
from whopwatch.reports.contract_changelog import ChangelogEntry, changelog, not_compared, summary
from whopwatch.reports.terminal import SEVERITY_STYLES
from whopwatch.reports.text import IMPACT_ORDER, escape_markdown

MAX_ROWS = 1500
"""Rows of the Markdown table: a job summary may hold 1 MiB; the JSON report has all of them."""
_MAX_PLACES = 4
_MAX_THINGS = 40
_MAX_HARMLESS = 40
"""Entries without an effect that are listed; of more of them, only the number is."""
_ROOT = {"sent": "the body", "received": "the response"}


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the changes, the breaking ones first. The summary comes last, next to the prompt."""
    for section in changelog(comparison):
        console.print(Text(f"\n{section.title}: {section.count}", "bold underline"))
        entries = sum(map(len, section.resources.values()))
        if section.key == "harmless" and entries > _MAX_HARMLESS:
            console.print(Text("  --format markdown and --format html list them.", "dim"))
            continue
        for resource, found in section.resources.items():
            console.print(Text(f"\n{sanitize(resource)}", "bold"))
            for entry in found:
                for line in _lines(entry, console):
                    console.print(line, highlight=False, soft_wrap=True)
        if section.left:
            console.print(Text(f"\nand {plural(section.left, 'change')} more: see the JSON report", "dim"))
    if comparison.gaps:
        console.print(Text(f"\nNot compared: {len(comparison.gaps)}", "bold underline"))
        for gap in not_compared(comparison):
            console.print(Text(f"  {gap}"), highlight=False, soft_wrap=True)
    console.print(Text(f"\n{summary(comparison)}", "bold"), soft_wrap=True)


def _lines(entry: ChangelogEntry, console: Console) -> Iterator[Text]:
    """Yield the lines of an entry: its severity, and beside it the text in a column of its own."""
    parts = [_title(entry)]
    if entry.facts:
        parts.append(Text(sanitize(entry.facts)))
    if entry.advice:
        parts.append(Text(f"→ {entry.advice}", "italic"))
    places = f" in {_places(entry)}" if entry.places else ""
    parts.append(Text(f"{entry.label}{places}", "dim"))
    margin = Text(f"  {entry.severity:9}", SEVERITY_STYLES[Severity(entry.severity)])
    for part in parts:
        for line in part.wrap(console, max(20, console.width - len(margin))):
            line.rstrip()
            yield margin + line
            margin = Text(" " * len(margin))


def _title(entry: ChangelogEntry) -> Text:
    title = Text(sanitize(entry.title))
    if entry.things:
        title.append(": ")
        title.append(first_few(map(sanitize, entry.things), _MAX_THINGS), "bold")
    return title


def _places(entry: ChangelogEntry) -> str:
    shown = entry.places[:_MAX_PLACES]
    return sanitize(", ".join(shown)) + and_more(entry.place_count - len(shown))


def as_markdown(comparison: Comparison) -> str:
    """Return the comparison as GitHub-flavoured Markdown, for a pull request or the summary of a CI job."""
    return "\n".join(_markdown(comparison)) + "\n"


def _markdown(comparison: Comparison) -> Iterator[str]:
    mark = "✅" if comparison.verdict is Verdict.CLEAN else "❌"
    yield f"## {mark} {escape_markdown(summary(comparison))}"
    if comparison.gaps:
        yield from ("", "Not compared:", "", *(f"- {escape_markdown(line)}" for line in not_compared(comparison)))
    if not comparison.changes:
        return
    yield from ("", "| severity | class | where | place | was | is | places |", "|---|---|---|---|---|---|---:|")
    rows = sorted(
        comparison.changes, key=lambda one: (IMPACT_ORDER.index(one.finding.impact), one.finding.severity.rank)
    )
    for group in rows[:MAX_ROWS]:
        finding, change = group.finding, group.placed.change
        relation = f" ({change.relation.kind}: {change.relation.other})" if change.relation else ""
        cells = (
            str(finding.severity),
            f"{finding.class_label} {change.movement}",
            escape_markdown(finding.operation or "the whole API"),
            escape_markdown(finding.location or _ROOT[group.placed.direction.value]),
            escape_markdown(finding.expected),
            escape_markdown(finding.observed + relation),
            str(len(group.places)),
        )
        yield "| " + " | ".join(cells) + " |"
    if len(rows) > MAX_ROWS:
        yield from ("", f"and {plural(len(rows) - MAX_ROWS, 'change')} more: see the JSON report")
