"""One self-contained HTML page with everything about a run. A browser needs no network to show it.

Text that came from an API is hostile: the template engine escapes it, `sanitize` makes control characters visible, and
the page's own policy allows no script and no style but the two of this package.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whopwatch.config.accepted import AcceptedEntry, entry_text
from whopwatch.core.finding import Finding, FindingState
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import OperationResult, Report, State, Verdict
from whopwatch.core.wording import plural
from whopwatch.reports.curl import Requests, in_lines
from whopwatch.reports.text import (
    STATES,
    VERDICTS,
    active_findings,
    by_kind,
    by_severity,
    change_line,
    checks_line,
    class_page,
    contract_line,
    evidence,
    facts,
    findings_line,
    format_time,
    headline,
    inactive_findings,
    incidents_line,
    location,
    reference_page,
    repeat_line,
    requests_line,
    sentence,
    source_words,
    turns_line,
    version_line,
)

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MAX_BARS = 30
"""Nights that are drawn; the JSON report has all of them."""
_HEIGHT = 16
_BAR_STEP, _BAR_WIDTH, _POINT_STEP = 5, 4, 3

_HEIGHTS = {State.DRIFT: 16, State.VERIFIED: 9, State.COULD_NOT_CHECK: 6, State.NOT_COVERED: 3}
"""States differ in height as well as in colour, for readers who cannot distinguish the colours."""


@dataclass(frozen=True, slots=True)
class StateBars:
    """One bar for each night: an SVG path by state, and a label in words."""

    width: int
    paths: tuple[tuple[str, str], ...]
    label: str


@dataclass(frozen=True, slots=True)
class LatencyLine:
    """A line through the latencies of all nights."""

    width: int
    path: str
    label: str


def state_bars(history: Sequence[State]) -> StateBars | None:
    """Return the bars of `history`, the oldest night first; None without nights."""
    nights = history[-MAX_BARS:]
    if not nights:
        return None
    paths: dict[State, str] = {}
    for place, state in enumerate(nights):
        height = _HEIGHTS[state]
        bar = f"M{place * _BAR_STEP} {_HEIGHT - height}h{_BAR_WIDTH}v{height}h-{_BAR_WIDTH}z"
        paths[state] = paths.get(state, "") + bar
    counts = Counter(nights)
    words = ", ".join(f"{counts[state]} {STATES[state]}" for state in STATES if counts[state])
    return StateBars(
        len(nights) * _BAR_STEP,
        tuple((str(state), path) for state, path in paths.items()),
        f"{plural(len(nights), 'night')}: {words}",
    )


def latency_line(latencies: Sequence[float | None]) -> LatencyLine | None:
    """Return the line of `latencies` in seconds, the oldest night first; None for less than two."""
    nights = latencies[-MAX_BARS:]
    known = [value for value in nights if value is not None]
    if len(known) < 2:
        return None
    top = max(known) or 1.0
    path, pen_is_down = "", False
    for place, value in enumerate(nights):
        if value is None:
            pen_is_down = False
            continue
        path += (
            f"{'L' if pen_is_down else 'M'}{place * _POINT_STEP + 1} {_HEIGHT - 2 - value / top * (_HEIGHT - 4):.1f}"
        )
        pen_is_down = True
    label = f"latency over {plural(len(known), 'night')}: {format_seconds(min(known))} to {format_seconds(max(known))}"
    return LatencyLine(len(nights) * _POINT_STEP, path, label)


def format_seconds(seconds: float | None) -> str:
    """Return `12 ms`, `0.8 ms` or `1.2 s`; an empty string for None."""
    if seconds is None:
        return ""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


MAX_CARDS = 2000
"""Findings on the page, the most severe first; the JSON report has them all."""
MANY_FINDINGS = 100
"""From this number of findings on, the browser draws only those on the screen."""

_FOLDER = Path(__file__).parent / "page"
_ORDER = (State.DRIFT, State.COULD_NOT_CHECK, State.VERIFIED, State.NOT_COVERED)
_OPEN_ROWS = 60
"""A longer table of verified operations is folded."""
_NO_FINDINGS = {
    Verdict.CLEAN: "None: every response that was checked matches the contract.",
    Verdict.DRIFT: "None that breaks the contract.",
    Verdict.COULD_NOT_CHECK: "None: too little was checked to find anything.",
}


def render(report: Report) -> str:
    """Return the report as one HTML document."""
    return page_template("page.html").render(_page(report)) + "\n"


@cache
def page_template(name: str) -> Template:
    """Return a template of `reports/page/`; it escapes and sanitizes every string that is put into it."""
    import jinja2  # takes longer to import than every other format takes to render

    environment: Environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_sanitized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _sanitized(value: Any) -> Any:
    """Return strings without characters that a browser would obey; markup of the template itself stays."""
    return value if not isinstance(value, str) or hasattr(value, "__html__") else sanitize(value)


def _page(report: Report) -> dict[str, Any]:
    active, requests = active_findings(report), Requests(report)
    return {
        **_assets(),
        "version": report.version,
        "target": report.target,
        "contract": contract_line(report),
        "api_version": version_line(report),
        "started": format_time(report.started_at),
        "verdict": VERDICTS[report.verdict],
        "verdict_name": str(report.verdict),
        "headline": headline(report),
        "change": change_line(report),
        "incidents": incidents_line(report),
        "checks": checks_line(report),
        "turns": turns_line(report),
        "repeat": repeat_line(report),
        "kinds": list(_kinds(report)),
        "states": [(str(state), words) for state, words in STATES.items()],
        "finding_count": len(active),
        "finding_words": findings_line(report),
        "severities": [(str(severity), len(found)) for severity, found in by_severity(active).items()],
        "all_severities": [str(severity) for severity in by_severity(report.findings)],
        "finding_states": list(dict.fromkeys(str(finding.state) for finding in report.findings if finding.state)),
        "has_many": len(report.findings) > MANY_FINDINGS,
        "sent": report.sent,
        "budget": report.budget,
        "used": round(100 * min(report.sent / report.budget, 1.0)) if report.budget else 0,
        "requests": re.sub(r"(\d) s\b", "\\1\N{NO-BREAK SPACE}s", requests_line(report).partition(", ")[2]),
        "sent_words": _sent_words(report),
        "targets": report.targets,
        "findings": [_finding(finding, requests) for finding in active[:MAX_CARDS]],
        "more": max(0, len(active) - MAX_CARDS),
        "inactive": [
            (str(state).capitalize(), [_finding(finding, None) for finding in found[:MAX_CARDS]])
            for state, found in inactive_findings(report).items()
        ],
        "no_findings": _NO_FINDINGS[report.verdict],
        "operations": list(_operations(report)),
        "has_history": any(operation.history for operation in report.operations),
        "counters": list(_counters(report)),
    }


@cache
def _assets() -> Mapping[str, Any]:
    """Return the page's style and script, and the policy that allows only these two."""
    texts = {name: (_FOLDER / f"page.{name}").read_text(encoding="utf-8") for name in ("css", "js")}
    digests = {name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for name, text in texts.items()}
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src 'sha256-{digests['css']}'; style-src-attr 'unsafe-inline'; script-src 'sha256-{digests['js']}'"
    )
    return {"css": texts["css"], "script": texts["js"], "policy": policy}


def _kinds(report: Report) -> Iterator[dict[str, Any]]:
    """Yield a tile for each kind of operation that was covered; kinds that were skipped entirely become a note."""
    for kind, operations in by_kind(report.operations).items():
        counts = Counter(operation.state for operation in operations)
        covered = len(operations) - counts[State.NOT_COVERED]
        yield {
            "title": f"{kind}s".capitalize(),
            "verified": counts[State.VERIFIED],
            "covered": covered,
            "skipped": f"{plural(counts[State.NOT_COVERED], kind)} not covered" if counts[State.NOT_COVERED] else "",
            "states": [(str(state), STATES[state], counts[state]) for state in _ORDER[:3] if counts[state]],
        }


def _sent_words(report: Report) -> str:
    if not report.sent:
        return "No request was sent"
    return "Write requests were sent" if report.unsafe else "Only read requests were sent"


def _finding(finding: Finding, requests: Requests | None) -> dict[str, Any]:
    words = sentence(finding)
    shown = (
        "expected",
        "observed",
        "now",
        "before",
        "places",
        "fingerprint",
        "class",
        "class page",
        "reference",
        "evidence",
    )
    return {
        "severity": str(finding.severity),
        "slug": finding.class_slug,
        "number": finding.drift_class,
        "operation": finding.operation or "whole target",
        "location": location(finding),
        "sentence": words,
        "evidence": "" if finding.state is FindingState.FIXED else evidence(finding),
        "state": str(finding.state) if finding.state else "",
        "since": finding.first_seen[:10] if finding.first_seen and finding.state is not FindingState.NEW else None,
        "is_fixed": finding.state is FindingState.FIXED,
        "class_page": class_page(finding.drift_class),
        "reference": reference_page(finding),
        "expected": finding.expected,
        "observed": finding.observed,
        "facts": [(name, value) for name, value in facts(finding) if name not in shown],
        "check": f"{finding.check} ({finding.source})",
        "fingerprint": finding.fingerprint,
        "sources": list(source_words(finding)),
        "places": finding.places,
        "entry": _entry(finding) if finding.breaks else [],
        "request": in_lines(requests.command(finding) or "") if requests else [],
    }


def _entry(finding: Finding) -> list[str]:
    """Return the lines of the entry that accepts a finding, to copy into accepted.yaml."""
    names = [sanitize(name) for name in (finding.drift_class, finding.operation, finding.location)]
    return entry_text(AcceptedEntry(finding.fingerprint, "why no action is needed", "", None, *names)).splitlines()


def _operations(report: Report) -> Iterator[tuple[str, str, bool, list[dict[str, Any]]]]:
    """Yield the tables of operations: state, title, whether it is unfolded, rows. Reads come before writes."""
    for kind, operations in by_kind(report.operations).items():
        for state in _ORDER:
            rows = [operation for operation in operations if operation.state is state]
            is_open = state in (State.DRIFT, State.COULD_NOT_CHECK) or (
                state is State.VERIFIED and len(rows) <= _OPEN_ROWS
            )
            if rows:
                yield str(state), f"{kind}s: {STATES[state]}".capitalize(), is_open, [_row(one) for one in rows]


def _row(operation: OperationResult) -> dict[str, Any]:
    return {
        "id": operation.id,
        "method": operation.method,
        "path": operation.path,
        "reason": operation.reason,
        "requests": operation.requests,
        "samples": operation.samples,
        "latency": format_seconds(operation.latency),
        "bars": state_bars(operation.history),
        "line": latency_line(operation.latencies),
    }


def _counters(report: Report) -> Iterator[tuple[str, str, list[tuple[str, int]]]]:
    """Yield what else the run counted: requests by purpose, and the parts of a recording that were left out."""
    spent = report.extra.get("spent") or {}
    if report.sent and spent:
        yield "Requests by purpose", "", sorted(spent.items(), key=lambda pair: -pair[1])
    replay = report.extra.get("replay") or {}
    if replay.get("unmatched"):
        yield "Recorded requests that match no operation", "Ids are shown as *.", list(replay["unmatched"].items())
    if replay.get("ignored"):
        yield "Recorded requests that were ignored", "", list(replay["ignored"].items())
