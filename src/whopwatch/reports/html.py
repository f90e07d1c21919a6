"""One self-contained HTML page: what moved first, then everything, for a browser without a network.

Whatever came from an API is hostile: it is escaped by the template engine, made visible by `plain`, and the page's own
policy lets no script and no style run but the two that are part of this package.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whopwatch.core.drift_classes import class_title
from whopwatch.core.finding import INACTIVE, Finding, FindingState
from whopwatch.core.report import OperationResult, Report, State, Verdict
from whopwatch.reports.curl import commands, operation_of
from whopwatch.reports.strips import milliseconds, spark, strip
from whopwatch.reports.text import (
    LIVES,
    STATES,
    VERDICTS,
    by_life,
    by_severity,
    change_line,
    evidence,
    headline,
    location,
    moved,
    moved_words,
    plain,
    requests_line,
    when,
)

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MAX_CHANGES = 25
"""What moved that is listed at the top; all of it stands among the findings."""

MANY = 100
"""Findings from which on a browser is told to draw only those on the screen."""

_FOLDER = Path(__file__).parent / "page"
_ORDER = (State.DRIFT, State.COULD_NOT_CHECK, State.VERIFIED, State.NOT_COVERED)
_OPEN_ROWS = 60
"""A longer table of operations that are well is folded."""
_NOTHING = {
    Verdict.CLEAN: "Nothing: what was seen keeps the contract.",
    Verdict.DRIFT: "None that breaks the contract.",
    Verdict.COULD_NOT_CHECK: "None: too little was seen to find anything.",
}


def render(report: Report) -> str:
    """The report as one HTML document."""
    return _template().render(_page(report)) + "\n"


@cache
def _template() -> Template:
    import jinja2  # takes longer to import than every other report takes to render

    environment: Environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _visible(value: Any) -> Any:
    """Text without the characters that a browser would obey; what is markup already is ours."""
    return value if not isinstance(value, str) or hasattr(value, "__html__") else plain(value)


def _page(report: Report) -> dict[str, Any]:
    counts = report.count()
    changed = moved(report)
    standing = [finding for finding in report.findings if finding.state not in INACTIVE]
    return {
        **_assets(),
        "version": report.version,
        "target": report.target,
        "started": when(report.started_at),
        "verdict": VERDICTS[report.verdict],
        "verdict_name": str(report.verdict),
        "words": headline(report),
        "change": change_line(report),
        "counts": {"verified": counts[State.VERIFIED]},
        "total": len(report.operations),
        "states": [(str(state), STATES[state], counts[state]) for state in STATES],
        "finding_count": len(standing),
        "severities": [(str(severity), len(found)) for severity, found in by_severity(standing).items()],
        "kinds": [str(severity) for severity in by_severity(report.findings)],
        "has_many": len(report.findings) > MANY,
        "sent": report.sent,
        "budget": report.budget,
        "used": round(100 * min(report.sent / report.budget, 1.0)) if report.budget else 0,
        "requests": requests_line(report).partition(", ")[2],
        "sent_words": _sent_words(report),
        "memory": report.memory,
        "moved": [_view(finding) for finding in changed[:MAX_CHANGES]],
        "unlisted": max(len(changed) - MAX_CHANGES, 0),
        "quiet": _quiet(report),
        "targets": report.targets,
        "groups": list(_groups(report)),
        "nothing": _NOTHING[report.verdict],
        "operations": list(_operations(report)),
        "has_history": any(operation.history for operation in report.operations),
        "besides": list(_besides(report)),
    }


@cache
def _assets() -> Mapping[str, Any]:
    """The page's style and script, and the policy that lets just these two run."""
    texts = {name: (_FOLDER / f"page.{name}").read_text(encoding="utf-8") for name in ("css", "js")}
    digests = {name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for name, text in texts.items()}
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src 'sha256-{digests['css']}'; style-src-attr 'unsafe-inline'; script-src 'sha256-{digests['js']}'"
    )
    return {"css": texts["css"], "script": texts["js"], "policy": policy}


def _sent_words(report: Report) -> str:
    if not report.sent:
        return "No request was sent"
    return "Requests that change data were sent, too" if report.unsafe else "Only reads were sent"


def _quiet(report: Report) -> str:
    """What is said where nothing moved."""
    if report.memory is None or report.memory.nights == 0:
        return "This is the first night: what is found later is compared with it."
    return f"Nothing moved since {when(report.memory.previous or '')}."


def _groups(report: Report) -> Iterator[tuple[str, bool, list[dict[str, Any]]]]:
    """Findings under their headings: by their life where there is a memory, else by severity."""
    requests = commands(report)
    if report.memory:
        for life, found in by_life(report.findings).items():
            title = LIVES[life] if life else "without a past"
            yield title.capitalize(), life is not FindingState.ACCEPTED, [_view(finding, requests) for finding in found]
    else:
        for severity, found in by_severity(report.findings).items():
            yield str(severity).capitalize(), True, [_view(finding, requests) for finding in found]


def _view(finding: Finding, requests: Mapping[str, str] | None = None) -> dict[str, Any]:
    message = finding.message
    for said in (f"{finding.operation} {finding.location}: ", f"{finding.operation}: ", f"{finding.location} "):
        message = message.removeprefix(said)
    return {
        "severity": str(finding.severity),
        "operation": finding.operation or "whole target",
        "location": location(finding),
        "message": message,
        "short": message if len(message) <= 120 else f"{message[:117]}...",
        "life": str(finding.state) if finding.state else None,
        "drift_class": finding.class_label,
        "title": class_title(finding.drift_class),
        "expected": finding.expected,
        "observed": finding.observed,
        "evidence": evidence(finding),
        "first_seen": when(finding.first_seen) if finding.first_seen else None,
        "since": finding.first_seen[:10] if finding.first_seen and finding.state is not FindingState.NEW else None,
        "check": finding.check,
        "source": str(finding.source),
        "fingerprint": finding.fingerprint,
        "moved": moved_words(finding),
        "targets": finding.targets,
        "accepted": finding.accepted,
        "witnesses": list(finding.witnesses.items()),
        "places": finding.places,
        "request": (requests or {}).get(operation_of(finding)),
    }


def _operations(report: Report) -> Iterator[tuple[str, str, bool, list[dict[str, Any]]]]:
    for state in _ORDER:
        rows = [operation for operation in report.operations if operation.state is state]
        is_open = state in (State.DRIFT, State.COULD_NOT_CHECK) or (state is State.VERIFIED and len(rows) <= _OPEN_ROWS)
        if rows:
            yield str(state), STATES[state].capitalize(), is_open, [_row(operation) for operation in rows]


def _row(operation: OperationResult) -> dict[str, Any]:
    return {
        "id": operation.id,
        "method": operation.method,
        "path": operation.path,
        "reason": operation.reason,
        "requests": operation.requests,
        "samples": operation.samples,
        "latency": milliseconds(operation.latency),
        "strip": strip(operation.history),
        "spark": spark(operation.latencies),
    }


def _besides(report: Report) -> Iterator[tuple[str, str, list[tuple[str, int]]]]:
    """What else the run counted: its requests by purpose, and of a recording what was not about the API."""
    spent = report.extra.get("spent") or {}
    if report.sent and spent:
        yield "What the requests were for", "", sorted(spent.items(), key=lambda pair: -pair[1])
    replay = report.extra.get("replay") or {}
    if replay.get("unmatched"):
        yield "Requests that no operation matches", "Ids are shown as *.", list(replay["unmatched"].items())
    if replay.get("ignored"):
        yield "Requests that were ignored", "", list(replay["ignored"].items())
