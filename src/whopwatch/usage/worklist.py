"""Show a worklist as text, Markdown, HTML, SARIF or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment

from whopwatch import __version__
from whopwatch.core.finding import Severity
from whopwatch.core.redaction import sanitize
from whopwatch.core.wording import first_few, plural
from whopwatch.reports.text import class_page, escape_markdown
from whopwatch.usage.upgrade import SdkMove, Task, Worklist

_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning"}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ title }}</title>
<style>body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } td, th { border-bottom: 1px solid #ccc; padding: .3rem;
text-align: left; vertical-align: top } pre { background: #f4f4f4; padding: 1rem; overflow: auto }</style></head>
<body><h1>{{ title }}</h1><p>{{ summary }}</p>
{% for heading, rows in sections if rows %}<h2>{{ heading }}</h2>
<table><tr><th>where</th><th>operation</th><th>severity</th><th>change</th></tr>
{% for row in rows %}<tr><td>{{ row.where }}</td><td>{{ row.what }}</td><td>{{ row.severity }}</td>
<td>{{ row.change }}</td></tr>
{% endfor %}</table>
{% endfor %}{% if edits %}<h2>Suggested edits</h2><pre>{{ edits }}</pre>
{% endif %}{% if sdk %}<h2>{{ sdk_heading }}</h2><ul>{% for line in sdk %}<li>{{ line }}</li>{% endfor %}</ul>
{% endif %}{% if runs %}<h2>Your tests</h2><ul>{% for run in runs %}<li>{{ run }}</li>{% endfor %}</ul>
{% endif %}{% if to_test %}<h2>Test after the move</h2><p>{{ to_test }}</p>
{% endif %}</body></html>
"""
MAX_ROW_PLACES = 5
_SDK_HEADING = "What the move itself needs"


def count_tasks(worklist: Worklist) -> str:
    """Return the numbers of a worklist in one sentence."""
    mechanical = sum(bool(task.edited) and not task.by_hand for task in worklist.hits)
    edits = f", {mechanical} of them with a suggested edit" if worklist.hits else ""
    return (
        f"{plural(len(worklist.hits), 'change')} of the API hit your code{edits}. "
        f"{len(worklist.possible)} may hit it. {worklist.unused} are not used by you."
    )


def _title(worklist: Worklist) -> str:
    return f"Upgrade from {worklist.old} to {worklist.new}"


def _sections(worklist: Worklist) -> tuple[tuple[str, tuple[Task, ...]], ...]:
    return ("Changes that hit your code", worklist.hits), ("Changes that may hit your code", worklist.possible)


def _where(task: Task) -> str:
    """Return the places in the code; without any, why there is none."""
    if not task.finding.impact_places:
        is_general = task.finding.operation in ("", "all")
        return "every use of the API" if is_general else "place unknown: a part of your code was not read or followed"
    return first_few(task.finding.impact_places, MAX_ROW_PLACES)


def _what(task: Task) -> str:
    return f"{task.finding.operation} {task.finding.location}".strip()


def _change(task: Task) -> str:
    finding = task.finding
    words = f"{finding.class_label}: {_was_is(finding.expected, finding.observed)}"
    if task.rename:
        words += f"; rename {task.rename[0]} to {task.rename[1]}"
        if task.edited:
            words += " (edit below)" if not task.by_hand else f" (edit below, by hand: {', '.join(task.by_hand)})"
    return words


def _was_is(expected: str, observed: str) -> str:
    if expected == f"not {observed}":
        return f"now also {observed}"
    if observed.startswith("no longer "):
        return observed if observed == f"no longer {expected}" else f"{observed}; was {expected}"
    return f"was {expected}, is {observed}"


def _rows(tasks: Iterable[Task]) -> Iterator[tuple[Task, str]]:
    """Yield the tasks for people with what changes: several changes of one kind at one place are one row."""
    groups: dict[tuple[object, ...], list[Task]] = {}
    for task in tasks:
        finding = task.finding
        key = (finding.operation, finding.location, finding.drift_class, finding.severity, finding.impact_places)
        groups.setdefault(key, []).append(task)
    for found in groups.values():
        more = f"; and {len(found) - 1} more of this kind, see the JSON" if len(found) > 1 else ""
        yield found[0], f"{_change(found[0])}{more}"


def _move(move: SdkMove) -> str:
    return f"From SDK release {move.release} on: {move.text}" if move.release else move.text


def _sdk_lines(worklist: Worklist) -> list[str]:
    return [f"{first_few(move.places, MAX_ROW_PLACES)}: {_move(move)}" for move in worklist.sdk]


def _run_lines(worklist: Worklist) -> list[str]:
    lines = [run.words for run in worklist.runs]
    results = [run.result for run in worklist.runs if run.result]
    if results and not any(result.requests for result in results):
        lines.append("No request reached the simulator: does the command read WHOP_BASE_URL?")
    return lines


def as_text(worklist: Worklist) -> str:
    """Return the worklist for a terminal."""
    return sanitize_lines(_text_lines(worklist)) + (f"\nSuggested edits:\n\n{worklist.edits}" if worklist.edits else "")


def sanitize_lines(lines: Iterator[str]) -> str:
    """Return lines of foreign names as printable text."""
    return "".join(f"{sanitize(line)}\n" for line in lines)


def _text_lines(worklist: Worklist) -> Iterator[str]:
    yield _title(worklist)
    yield count_tasks(worklist)
    for heading, tasks in _sections(worklist):
        if tasks:
            yield from ("", f"{heading}:")
        for task, change in _rows(tasks):
            yield f"  {_where(task)}"
            yield f"    {task.finding.severity}  {_what(task)}"
            yield f"    {change}"
    if worklist.sdk:
        yield from ("", _SDK_HEADING)
    for move in worklist.sdk:
        yield from (f"  {first_few(move.places, MAX_ROW_PLACES)}", f"    {_move(move)}")
    if worklist.runs:
        yield from ("", "Your tests:", *(f"  {line}" for line in _run_lines(worklist)))
    if worklist.to_test:
        yield from ("", f"Test after the move: {', '.join(worklist.to_test)}")


def worklist_markdown(worklist: Worklist) -> str:
    """Return the worklist as Markdown, for an issue or a pull request."""
    lines = [f"# {escape_markdown(_title(worklist))}", "", escape_markdown(count_tasks(worklist))]
    for heading, tasks in _sections(worklist):
        if tasks:
            lines += ["", f"## {heading}", "", "| where | operation | severity | change |", "|---|---|---|---|"]
        for task, change in _rows(tasks):
            cells = (_where(task), _what(task), str(task.finding.severity), change)
            lines.append(f"| {' | '.join(map(escape_markdown, cells))} |")
    if worklist.edits:
        fence = "`" * max(3, _longest_fence(worklist.edits) + 1)
        lines += ["", "## Suggested edits", "", f"{fence}diff", worklist.edits.rstrip("\n"), fence]
    if worklist.sdk:
        lines += ["", f"## {_SDK_HEADING}", ""]
        lines += [f"- {escape_markdown(line)}" for line in _sdk_lines(worklist)]
    if worklist.runs:
        lines += ["", "## Your tests", "", *(f"- {escape_markdown(line)}" for line in _run_lines(worklist))]
    if worklist.to_test:
        lines += ["", "## Test after the move", "", escape_markdown(", ".join(worklist.to_test))]
    return "\n".join(lines) + "\n"


def _longest_fence(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest


def as_html(worklist: Worklist) -> str:
    """Return the worklist as one HTML page without scripts."""
    rows = [
        (
            heading,
            [
                {"where": _where(one), "what": _what(one), "severity": one.finding.severity, "change": change}
                for one, change in _rows(tasks)
            ],
        )
        for heading, tasks in _sections(worklist)
    ]
    return (
        Environment(autoescape=True)
        .from_string(_PAGE)
        .render(
            title=_title(worklist),
            summary=count_tasks(worklist),
            sections=rows,
            edits=worklist.edits,
            sdk_heading=_SDK_HEADING,
            sdk=_sdk_lines(worklist),
            runs=_run_lines(worklist),
            to_test=", ".join(worklist.to_test),
        )
    )


def as_json(worklist: Worklist) -> str:
    """Return the worklist as JSON: the findings as in every report, with the rename and the edited places."""
    tasks = [
        {
            **task.finding.to_json(),
            "rename": list(task.rename) if task.rename else None,
            "edited": list(task.edited),
            "by_hand": list(task.by_hand),
        }
        for task in worklist.tasks
    ]
    content: dict[str, Any] = {
        "schema": 1,
        "tool": "whopwatch",
        "version": __version__,
        "old": worklist.old,
        "new": worklist.new,
        "tasks": tasks,
        "not_used": worklist.unused,
        "to_test": list(worklist.to_test),
        "edits": worklist.edits,
        "sdk": [
            {"part": move.part, "release": move.release, "what": move.text, "places": list(move.places)}
            for move in worklist.sdk
        ],
        "runs": [run.to_json() for run in worklist.runs],
    }
    return json.dumps(content, indent=2) + "\n"


def as_sarif(worklist: Worklist) -> str:
    """Return the worklist as SARIF 2.1.0: one result for each place in the code."""
    rules = sorted({task.finding.drift_class for task in worklist.tasks}, key=lambda name: int(name[1:]))
    run = {
        "tool": {
            "driver": {
                "name": "whopwatch",
                "version": __version__,
                "rules": [{"id": name, "helpUri": class_page(name)} for name in rules],
            }
        },
        "results": [result for task in worklist.tasks for result in _results(task)],
        **({"properties": {"runs": [run.to_json() for run in worklist.runs]}} if worklist.runs else {}),
    }
    content = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(content, indent=2) + "\n"


def _results(task: Task) -> Iterator[dict[str, Any]]:
    finding = task.finding
    for place in finding.impact_places:
        path, _, line = place.rpartition(":")
        if not Path(path).is_file():
            continue  # a run or the account log: there is no line to show
        yield {
            "ruleId": finding.drift_class,
            "level": _LEVELS.get(finding.severity, "note"),
            "message": {"text": sanitize(f"{finding.impact}: {_what(task)}: {_change(task)}")},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": path},
                        "region": {"startLine": int(line) if line.isdecimal() and int(line) else 1},
                    }
                }
            ],
            "partialFingerprints": {"whopwatch/v1": finding.fingerprint},
        }


FORMATS: Mapping[str, Callable[[Worklist], str]] = {
    "text": as_text,
    "markdown": worklist_markdown,
    "html": as_html,
    "sarif": as_sarif,
    "json": as_json,
}
"""The formats of `whopwatch upgrade`."""
