"""The changes between two contracts as an API changelog: breaking changes first, grouped by cause and by resource.

The same content is rendered as Markdown for a pull request and as one self-contained HTML page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whopwatch.core.finding import Severity
from whopwatch.core.foreign_text import sanitize
from whopwatch.diff.result import ComparedChange, Comparison
from whopwatch.reports.contract_diff import not_compared, summary
from whopwatch.reports.text import escape_markdown, plural

if TYPE_CHECKING:
    from jinja2 import Template

MAX_ENTRIES = 1500
"""Entries that are listed: a job summary may be 1 MiB; the JSON report has all of them."""
_MAX_PLACES = 12
_WHOLE_API = "The whole API"
_SECTIONS = (
    ("Breaking changes", (Severity.CRITICAL, Severity.HIGH)),
    ("Other changes that a client can notice", (Severity.MEDIUM, Severity.LOW)),
    ("Changes without an effect on existing clients", (Severity.INFO,)),
)
_ADVICE = {
    "D1": "Stop using it, or use its successor.",
    "D2": "Send the new required value.",
    "D3": "Always send it.",
    "D4": "Handle its absence.",
    "D5": "Do not rely on it any more.",
    "D6": "Do not rely on it any more.",
    "D7": "Change the type in your models.",
    "D8": "Accept the wider type in responses; send the narrower type in requests.",
    "D9": "Handle null in responses; do not send null in requests.",
    "D10": "Handle unknown enum values; stop sending removed ones.",
    "D11": "Check the values that you send against the new limits.",
    "D12": "Change how you parse and write the value.",
    "D13": "Send the value explicitly if you rely on the default.",
    "D14": "Handle the new success statuses.",
    "D15": "Handle the new error statuses and bodies.",
    "D16": "Use a media type or header that is still documented.",
    "D17": "Check the permissions and credentials of your API keys.",
    "D18": "Handle the new variants; stop sending removed ones.",
    "D21": "Plan the move before it is removed.",
    "D22": "Change the address that you use.",
}
"""What a client has to do, by drift class."""


@dataclass(frozen=True)
class ChangelogEntry:
    """One change: where it is, what it is, and what a client has to do."""

    severity: str
    label: str
    where: str
    was: str
    now: str
    advice: str
    note: str
    places: tuple[str, ...]
    place_count: int


@dataclass(frozen=True)
class ChangelogSection:
    """The changes of one importance, by resource; the whole API comes first."""

    title: str
    count: int
    resources: Mapping[str, tuple[ChangelogEntry, ...]]


def changelog(comparison: Comparison) -> list[ChangelogSection]:
    """Return the sections that have changes, the breaking ones first, with at most MAX_ENTRIES entries in all."""
    left = MAX_ENTRIES
    sections = []
    for title, severities in _SECTIONS:
        changes = [one for one in comparison.changes if one.finding.severity in severities]
        changes.sort(key=lambda one: one.finding.severity.rank)
        shown, left = changes[:left], left - min(left, len(changes))
        if changes:
            sections.append(ChangelogSection(title, len(changes), _by_resource(shown)))
    return sections


def changelog_markdown(comparison: Comparison) -> str:
    """Return the changelog as GitHub-flavoured Markdown."""
    lines = [f"# {_escape(comparison.old)} → {_escape(comparison.new)}", "", f"{_escape(summary(comparison))}.", ""]
    for section in changelog(comparison):
        lines += [f"## {section.title} ({section.count})", ""]
        for resource, entries in section.resources.items():
            lines += [f"### {_escape(resource)}", "", *(_markdown_entry(entry) for entry in entries), ""]
    if comparison.gaps:
        lines += ["## Not compared", "", *(f"- {_escape(line)}" for line in not_compared(comparison)), ""]
    return "\n".join(lines)


def changelog_html(comparison: Comparison) -> str:
    """Return the changelog as one HTML page without scripts, for a browser without a network."""
    context = {
        "old": comparison.old,
        "new": comparison.new,
        "summary": summary(comparison),
        "sections": changelog(comparison),
        "gaps": not_compared(comparison),
    }
    return _template().render(context) + "\n"


def _by_resource(changes: Iterable[ComparedChange]) -> dict[str, tuple[ChangelogEntry, ...]]:
    groups: dict[str, list[ChangelogEntry]] = {}
    for change in changes:
        groups.setdefault(_resource(change), []).append(_entry(change))
    ordered = sorted(groups, key=lambda name: (name != _WHOLE_API, name.startswith("Webhook"), name))
    return {name: tuple(groups[name]) for name in ordered}


def _resource(change: ComparedChange) -> str:
    if change.cause.is_wide or not change.finding.operation:
        return _WHOLE_API
    operation = change.finding.operation
    if operation.startswith("schema:"):
        operation = change.placed.operation
    if operation.startswith("webhook:"):
        return f"Webhook {operation.removeprefix('webhook:').partition('.')[0]}"
    return operation.rpartition(".")[0] or operation


def _entry(change: ComparedChange) -> ChangelogEntry:
    finding = change.finding
    relation = change.placed.change.relation
    places = list(dict.fromkeys(f"{place.operation} {place.location}".strip() for place in change.places))
    is_wide = change.cause.is_wide
    note = finding.message if is_wide else f"{relation.kind}: {relation.other}" if relation else ""
    is_harmless = finding.severity is Severity.INFO
    return ChangelogEntry(
        severity=str(finding.severity),
        label=f"{finding.class_label} {change.placed.change.movement}",
        where=_WHOLE_API if is_wide else " ".join(filter(None, (finding.operation, finding.location))) or _WHOLE_API,
        was="" if is_wide else finding.expected,
        now="" if is_wide else finding.observed,
        advice="" if is_harmless else _ADVICE.get(finding.drift_class, ""),
        note=note,
        places=tuple(places[:_MAX_PLACES]) if len(places) > 1 else (),
        place_count=len(places),
    )


def _markdown_entry(entry: ChangelogEntry) -> str:
    text = f"- **{_escape(entry.where)}**: {_escape(entry.label)}"
    text += f", was {_escape(entry.was)}, is {_escape(entry.now)}." if entry.was else "."
    if entry.note:
        text += f" {_escape(entry.note)}."
    if entry.advice:
        text += f" *{entry.advice}*"
    if entry.places:
        rest = entry.place_count - len(entry.places)
        more = f" and {rest} more" if rest else ""
        shown = ", ".join(map(_escape, entry.places))
        text += f"\n  <details><summary>{plural(entry.place_count, 'place')}</summary>{shown}{more}</details>"
    return text


def _escape(text: str) -> str:
    return escape_markdown(text)


@cache
def _template() -> Template:
    import jinja2  # imported late: it takes longer than all other reports need

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("changelog.html")


def _visible(value: Any) -> Any:
    """Return a string without control characters; markup of the template itself is not changed."""
    return value if not isinstance(value, str) or hasattr(value, "__html__") else sanitize(value)
