"""The report as a message for a chat: the verdict, what moved, the worst few; short enough for any of them."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.core.finding import Finding, FindingState
from whopwatch.core.report import Report
from whopwatch.reports.markdown import MARKS
from whopwatch.reports.text import VERDICTS, by_life, change_line, headline, number, plain

MAX_LENGTH = 1900
"""Characters: of the chats in use the strictest takes 2000."""
MAX_FINDINGS = 8
MAX_TEXT = 110


def render(report: Report) -> str:
    """The message, in the little Markdown that chats have in common: bold, code and lists."""
    lines = list(_lines(report))
    while len("\n".join(lines)) >= MAX_LENGTH:
        lines.pop()
    return "\n".join(lines) + "\n"


def _lines(report: Report) -> Iterator[str]:
    words = _short(headline(report), 300)
    yield f"{MARKS[report.verdict]} *whopwatch: {VERDICTS[report.verdict].lower()}* at {_code(report.target)}: {words}"
    if change := change_line(report):
        yield _short(change, 300)
    found = [
        finding
        for life, group in by_life(report.findings).items()
        for finding in group
        if life is not FindingState.ACCEPTED and (finding.breaks or life is FindingState.FIXED)
    ]
    for finding in found[:MAX_FINDINGS]:
        yield f"• {_finding(finding)}"
    if len(found) > MAX_FINDINGS:
        yield f"and {number(len(found) - MAX_FINDINGS, 'finding')} more"


def _finding(finding: Finding) -> str:
    state = f"{finding.state}, " if finding.state else ""
    # Both stand before it as code; what is left of a pointer once its marks are blanked is hard to read.
    message = finding.message.removeprefix(f"{finding.operation}: ")
    for name in (finding.location, finding.location.partition(":")[2]):
        message = message.removeprefix(f"{name} ")
    where = f"{_code(finding.operation)} {_code(finding.location)}".strip()
    return f"{state}{finding.severity}: {finding.class_label} {where} {_short(message)}"


def _short(text: str, length: int = MAX_TEXT) -> str:
    """Plain words: nothing in them mentions anybody, links, or is set in bold."""
    shown = "".join(" " if character in "*`~<>@#[]|\\" else character for character in plain(text[: length + 1]))
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def _code(text: str) -> str:
    shown = plain(text[: MAX_TEXT + 1]).replace("`", "'").strip()
    shown = shown if len(shown) <= MAX_TEXT else f"{shown[: MAX_TEXT - 1]}…"
    return f"`{shown}`" if shown else ""
