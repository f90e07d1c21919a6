"""The report as a chat message: the verdict, what changed, and the most severe findings."""

from __future__ import annotations

from collections.abc import Iterator

from whopwatch.core.finding import Finding, FindingState, Impact
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import Report, Verdict
from whopwatch.core.wording import plural
from whopwatch.reports.markdown import MARKS
from whopwatch.reports.text import (
    VERDICTS,
    active_findings,
    change_line,
    contract_line,
    evidence,
    headline,
    impact_words,
    inactive_findings,
    sentence,
    target_line,
)

MAX_MESSAGE = 1900
"""Characters of the message: the strictest of the common chats takes 2000."""
MAX_SHOWN = 8
"""Findings in the message."""
MAX_CHAT_PLACES = 2
"""Places in the user's code that a finding in the message names."""
MAX_WORDS = 200
"""Characters of one text."""


def render(report: Report) -> str:
    """Return the message in the Markdown that chats have in common: bold, code and lists."""
    lines = list(_lines(report))
    while len("\n".join(lines)) >= MAX_MESSAGE:
        lines.pop()
    return "\n".join(lines) + "\n"


def _lines(report: Report) -> Iterator[str]:
    words = _words(headline(report), 300)
    yield f"{MARKS[report.verdict]} *whopwatch: {VERDICTS[report.verdict].lower()}* at {_code(report.target)}: {words}"
    if contract := contract_line(report):
        yield f"contract {_words(contract, 200)}"
    if change := change_line(report):
        yield _words(change, 300)
    if len(report.targets) > 1:
        poor = [target for target in report.targets if target.verdict is not Verdict.CLEAN]
        for target in poor[:MAX_SHOWN]:
            yield f"• {_code(target.name)}: {_words(target_line(target))}"
    breaking = [finding for finding in active_findings(report) if finding.breaks]
    found = [finding for finding in breaking if finding.impact is not Impact.UNUSED]
    if len(found) < len(breaking):
        yield f"{plural(len(breaking) - len(found), 'finding')} not used by your code: see the report"
    found += inactive_findings(report).get(FindingState.FIXED, [])
    for finding in found[:MAX_SHOWN]:
        yield f"• {_finding(finding)}"
    if len(found) > MAX_SHOWN:
        yield f"and {plural(len(found) - MAX_SHOWN, 'finding')} more"
    if breaking:
        yield "If no action is needed: `whopwatch accept FINGERPRINT --reason ...`"


def _finding(finding: Finding) -> str:
    state = f"{finding.state}, " if finding.state else ""
    where = f"{_code(finding.operation)} {_code(finding.location)}".strip()
    targets = f"; {', '.join(map(_code, finding.targets[:3]))}" if finding.targets else ""
    share = "" if finding.state is FindingState.FIXED else f", {evidence(finding)}"
    hit = f"{_words(impact_words(finding, MAX_CHAT_PLACES))}; " if finding.impact else ""
    facts = f"{hit}{state}{finding.severity}{share}{targets}; {_code(finding.fingerprint)}"
    return f"{finding.class_label} {where}: {_words(sentence(finding))} ({facts})"


def _words(text: str, length: int = MAX_WORDS) -> str:
    """Return words without markup: they mention no user, contain no link, and are not bold."""
    plain = sanitize(text[: length + 1]).replace("*", "\N{ASTERISK OPERATOR}")
    shown = "".join(" " if character in "`~<>@#[]|\\" else character for character in plain)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def _code(text: str) -> str:
    shown = sanitize(text[: MAX_WORDS + 1]).replace("`", "'").strip()
    shown = shown if len(shown) <= MAX_WORDS else f"{shown[: MAX_WORDS - 1]}…"
    return f"`{shown}`" if shown else ""
