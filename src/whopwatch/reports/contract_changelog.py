"""The changes between two contracts as an API changelog: breaking changes first, grouped by resource and cause.

The same content is rendered for a terminal, as Markdown for a pull request and as one self-contained HTML page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whopwatch.core.documents import packaged_toml
from whopwatch.core.finding import Finding, Impact, Severity
from whopwatch.core.pointers import unescape_pointer
from whopwatch.core.redaction import sanitize
from whopwatch.core.wording import and_more, first_few, plural
from whopwatch.diff.model import Direction
from whopwatch.diff.result import ComparedChange, Comparison
from whopwatch.reports.html import page_template
from whopwatch.reports.text import class_page, escape_markdown

if TYPE_CHECKING:
    pass

MAX_ENTRIES = 1500
"""Entries that are listed: a job summary may be 1 MiB; the JSON report has all of them."""
_WHOLE_API = "The whole API"
_MAX_PLACES = 12
_MAX_GAPS = 50
_SECTIONS = (
    ("breaking", "Breaking changes", (Severity.CRITICAL, Severity.HIGH)),
    ("other", "Other changes that a client can notice", (Severity.MEDIUM, Severity.LOW)),
    ("harmless", "Changes without an effect on existing clients", (Severity.INFO,)),
)
_BY_IMPACT = (
    ("breaking", "Changes that hit your code", Impact.HITS),
    ("other", "Changes that may hit your code", Impact.MAY),
    ("unused", "Changes that your code does not use", Impact.UNUSED),
)
"""The sections of a comparison with a usage profile, before the last one of _SECTIONS."""
_SHARED = "schema:"
"""The beginning of the operation of a finding about a shared schema."""
_NO_THINGS = frozenset({"path", "status", "server", "security", "event", "version", "behaviour"})
"""Locations that name no part of the data: the title says what changed."""
_NAMED = frozenset({"api-wide-rename", "moved-resource", "object-to-id"})
"""Causes whose title says what was and what is."""
_BY_FIELD = frozenset({"D1", "D2", "D3", "D4", "D5", "D6", "D19", "D21"})
"""Classes whose changes are one entry whatever the type of the field is."""


@dataclass(frozen=True)
class ChangelogEntry:
    """The same change of one or several fields, in the same operations: what it is, and what a client has to do.

    `things` are the fields, parameters or operations; `places` the operations, at most a dozen of `place_count`. `was`
    is empty for something new, `now` for something that is gone, and both where the title says all.
    """

    severity: str
    label: str
    title: str
    things: tuple[str, ...]
    was: str
    now: str
    advice: str
    places: tuple[str, ...]
    place_count: int
    link: str

    @property
    def facts(self) -> str:
        """Return what was and what is in one line."""
        if self.was and self.now:
            return f"was: {self.was}; is: {self.now}"
        return f"no longer: {self.was}" if self.was else f"new: {self.now}" if self.now else ""


@dataclass(frozen=True)
class ChangelogSection:
    """The changes of one importance, by resource; the whole API comes first. `left` entries are not listed."""

    key: str
    title: str
    count: int
    resources: Mapping[str, tuple[ChangelogEntry, ...]]
    left: int = 0


def changelog(comparison: Comparison) -> list[ChangelogSection]:
    """Return the sections that have changes, the breaking ones first, with at most MAX_ENTRIES entries in all."""
    left = MAX_ENTRIES
    sections = []
    for key, title, severities, impact in _sections(comparison):
        changes = [
            one
            for one in comparison.changes
            if one.finding.severity in severities and impact in (None, one.finding.impact)
        ]
        changes.sort(key=lambda one: one.finding.severity.rank)
        groups = list(_grouped(changes).items())
        shown, left = groups[:left], left - min(left, len(groups))
        if changes:
            sections.append(
                ChangelogSection(key, title, len(changes), _by_resource(shown), left=len(groups) - len(shown))
            )
    return sections


def _sections(comparison: Comparison) -> Sequence[tuple[str, str, Sequence[Severity], Impact | None]]:
    """Return the sections: key, title, severities and impact. With a usage profile the impact comes before all else."""
    if not any(one.finding.impact for one in comparison.changes):
        return [(*section, None) for section in _SECTIONS]
    noticed = [severity for severity in Severity if severity is not Severity.INFO]
    return [*((key, title, noticed, impact) for key, title, impact in _BY_IMPACT), (*_SECTIONS[-1], None)]


def summary(comparison: Comparison) -> str:
    """Return `sdk:0.0.22 → sdk:0.0.23: 36 changes in 36 places: 1 critical, 35 low`."""
    names = f"{sanitize(comparison.old)} → {sanitize(comparison.new)}"
    uncompared = f"{plural(len(comparison.gaps), 'difference')} not compared" if comparison.gaps else ""
    if not comparison.changes:
        return f"{names}: {uncompared or 'no changes'}"
    counts = ", ".join(f"{len(groups)} {severity}" for severity, groups in comparison.by_severity().items())
    changes, places = plural(len(comparison.changes), "change"), plural(len(comparison.places), "place")
    return f"{names}: {changes} in {places}: {counts}{f'; {uncompared}' if uncompared else ''}"


def not_compared(comparison: Comparison) -> list[str]:
    """Return what differs and was not compared, one keyword a line, with the first of its places."""
    places: dict[str, list[str]] = {}
    for gap in comparison.gaps:
        place = f"{sanitize(gap.operation) or 'the whole API'} {sanitize(gap.location)}".rstrip()
        places.setdefault(sanitize(gap.keyword), []).append(place)
    lines = [f"{keyword}: {first_few(found, _MAX_PLACES)}" for keyword, found in places.items()]
    rest = len(lines) - _MAX_GAPS
    return [*lines[:_MAX_GAPS], f"and {rest} more"] if rest > 0 else lines


def changelog_markdown(comparison: Comparison) -> str:
    """Return the changelog as GitHub-flavoured Markdown."""
    lines = [
        f"# {escape_markdown(comparison.old)} → {escape_markdown(comparison.new)}",
        "",
        f"{escape_markdown(summary(comparison))}.",
        "",
    ]
    for section in changelog(comparison):
        lines += [f"## {section.title} ({section.count})", ""]
        for resource, entries in section.resources.items():
            lines += [f"### {escape_markdown(resource)}", "", *(_markdown_entry(entry) for entry in entries), ""]
        lines += [f"and {plural(section.left, 'change')} more: see the JSON report", ""] if section.left else []
    if comparison.gaps:
        lines += ["## Not compared", "", *(f"- {escape_markdown(line)}" for line in not_compared(comparison)), ""]
    return "\n".join(lines)


def changelog_html(comparison: Comparison) -> str:
    """Return the changelog as one HTML page without scripts, for a browser without a network."""
    sections = changelog(comparison)
    context = {
        "old": comparison.old,
        "new": comparison.new,
        "summary": summary(comparison),
        "sections": sections,
        "counts": {**{key: 0 for key, _, _ in _SECTIONS}, **{one.key: one.count for one in sections}},
        "is_weighed": any(one.finding.impact for one in comparison.changes),
        "gaps": not_compared(comparison),
        "gap_count": len(comparison.gaps),
        "style": Path(__file__).parent.joinpath("page", "page.css").read_text(encoding="utf-8"),
    }
    return page_template("changelog.html").render(context) + "\n"


def _grouped(changes: Iterable[ComparedChange]) -> dict[tuple[Any, ...], list[ComparedChange]]:
    """Group the changes that one sentence describes: of the same kind, in the same operations of one resource."""
    groups: dict[tuple[Any, ...], list[ComparedChange]] = {}
    for one in changes:
        finding, change = one.finding, one.placed.change
        facts: tuple[str, ...] = () if finding.drift_class in _BY_FIELD else (finding.expected, finding.observed)
        operations = frozenset(place.operation for place in one.places)
        if one.cause.is_wide or change.relation is not None:
            facts = (finding.expected, finding.observed, finding.location)
        elif _kind(one) in ("operation", "event") and finding.drift_class in _BY_FIELD:
            operations = frozenset()
        facts += (str(finding.impact), *finding.impact_places)
        what = (finding.severity, finding.drift_class, change.movement, one.placed.direction, _kind(one))
        groups.setdefault((_resource(one), operations, what, facts), []).append(one)
    return groups


def _by_resource(
    groups: Sequence[tuple[tuple[Any, ...], list[ComparedChange]]],
) -> dict[str, tuple[ChangelogEntry, ...]]:
    found: dict[str, list[ChangelogEntry]] = {}
    for key, changes in groups:
        found.setdefault(key[0], []).append(_entry(changes))
    ordered = sorted(found, key=lambda name: (name != _WHOLE_API, name.startswith("Webhook"), name))
    return {name: tuple(found[name]) for name in ordered}


def _resource(change: ComparedChange) -> str:
    operations = {place.operation for place in change.places}
    names = {_resource_of(operation) for operation in operations}
    if change.cause.is_wide or not change.finding.operation or len(names) > 2:
        return _WHOLE_API
    return _resource_of(change.placed.operation)


def _resource_of(operation: str) -> str:
    if operation.startswith("webhook:"):
        return f"Webhook {operation.removeprefix('webhook:').partition('.')[0]}"
    return operation.rpartition(".")[0] or operation


def _kind(change: ComparedChange) -> str:
    location = change.places[0].location if change.places else change.finding.location
    if location == "path":
        return "operation"
    if location.startswith("param:"):
        return "parameter"
    return "header" if location.startswith("header:") else "event" if location == "event" else "field"


def _entry(changes: Sequence[ComparedChange]) -> ChangelogEntry:
    first, finding = changes[0], changes[0].finding
    kind = _kind(first)
    is_sent = first.placed.direction is Direction.SENT
    words = _texts()[finding.drift_class][first.placed.change.movement]
    things = tuple(filter(None, dict.fromkeys(map(_thing, changes))))
    if first.cause.is_wide or (finding.operation.startswith(_SHARED) and not things):
        things = _names(first)
    title, (was, now) = _title(first, things), _shortened(finding.expected, finding.observed)
    advice = words[2 if is_sent else 3]
    if first.cause.kind in _NAMED:
        title, things, advice = _named(first)
    if first.cause.kind in _NAMED or (finding.drift_class in _BY_FIELD and len(changes) > 1):
        was = now = ""
    operations = list(dict.fromkeys(place.operation for one in changes for place in one.places))
    has_places = first.cause.is_wide or kind not in ("operation", "event")
    return ChangelogEntry(
        severity=str(finding.severity),
        label=_label(finding),
        title=title,
        things=things,
        was=was,
        now=now,
        advice="" if finding.severity is Severity.INFO else advice,
        places=tuple(operations[:_MAX_PLACES]) if has_places else (),
        place_count=len(operations),
        link=class_page(finding.drift_class),
    )


def _shortened(was: str, now: str) -> tuple[str, str]:
    """Return what was and what is, each empty if the other one says all: `drafted` for `no longer drafted`."""
    if now == f"no longer {was}":
        return was, ""
    if was == f"not {now}":
        return "", now
    was, now = ("" if text in ("absent", "an event") else text for text in (was, now))
    return was, now


def _label(finding: Finding) -> str:
    """Return the class of a change, and its impact with the first place in the user's code, if that is known."""
    if finding.impact is None:
        return finding.class_label
    places = finding.impact_places
    return f"{finding.class_label}, {finding.impact}{f': {first_few(places, 1)}' if places else ''}"


def _title(first: ComparedChange, things: Sequence[str]) -> str:
    """Return `3 fields removed in responses`."""
    kind, relation = _kind(first), first.placed.change.relation
    words = _texts()[first.finding.drift_class][first.placed.change.movement]
    count = plural(len(things), kind) if len(things) > 1 else kind if things else "body"
    title = words[0 if first.placed.direction is Direction.SENT else 1].replace("#", count)
    if kind not in ("operation", "event", "parameter", "header") and "#" in words[0]:
        title += _side(first)
    if relation is not None and not first.cause.is_wide:
        title += f", {relation.kind}: {_readable(relation.other)}"
    return title[:1].upper() + title[1:]


def _named(first: ComparedChange) -> tuple[str, tuple[str, ...], str]:
    """Return title, things and advice of a rename in the whole API."""
    old, _, new = first.cause.subject.partition(" → ")
    if first.cause.kind == "api-wide-rename":
        return f"{old} is now {new}", (), "Rename it in your code."
    if first.cause.kind == "moved-resource":
        return f"{old} are now {new}", (), f"Call the operations of {new}."
    removed = {_name(item.location) for item in first.cause.items if item.change.movement == "removed"}
    return "Objects are now only their IDs", tuple(sorted(removed)), "Retrieve the object by its ID if you need it."


def _names(first: ComparedChange) -> tuple[str, ...]:
    return tuple(sorted({_name(place.location) for place in first.places} - {""}))


def _name(location: str) -> str:
    """Return the name of the field or parameter at a location; an empty string for a status, path or body."""
    name = _readable(location).rpartition(".")[2]
    return "" if location in _NO_THINGS else name


def _side(change: ComparedChange) -> str:
    if change.placed.direction is Direction.SENT:
        return " in requests"
    operations = {place.operation.startswith("webhook:") for place in change.places}
    return " in webhooks" if operations == {True} else " in responses"


def _thing(change: ComparedChange) -> str:
    if _kind(change) in ("operation", "event"):
        return change.finding.operation.removeprefix("webhook:")
    location = change.finding.location
    return "" if location in _NO_THINGS or location.startswith("security:") else _readable(location)


def _readable(location: str) -> str:
    """Return a location as a person writes it: `data[].id` for `/data/*/id`, the name of a parameter or header."""
    text = location.removeprefix("body:").removeprefix("param:").removeprefix("header:")
    if not text.startswith("/"):
        return text
    return unescape_pointer(text[1:].replace("/*", "[]").replace("*/", "[]/").replace("/", "."))


def _markdown_entry(entry: ChangelogEntry) -> str:
    text = f"- **{escape_markdown(entry.title)}**"
    text += f": {', '.join(map(_code, entry.things))}" if entry.things else ""
    both = entry.was and entry.now
    facts = f"{escape_markdown(entry.was)} → {escape_markdown(entry.now)}" if both else escape_markdown(entry.facts)
    text += f"  \n  {facts}" if facts else ""
    text += f"  \n  *{entry.advice}*" if entry.advice else ""
    text += f"  \n  <sub>{entry.severity} · [{escape_markdown(entry.label)}]({entry.link})</sub>"
    if entry.places:
        more = and_more(entry.place_count - len(entry.places))
        shown = ", ".join(map(escape_markdown, entry.places))
        text += f"\n  <details><summary>{plural(entry.place_count, 'operation')}</summary>{shown}{more}</details>"
    return text


def _code(text: str) -> str:
    shown = sanitize(text)
    return escape_markdown(shown) if "`" in shown or "|" in shown else f"`{shown}`"


@cache
def _texts() -> dict[str, dict[str, list[str]]]:
    return packaged_toml(__package__, "changelog.toml")
