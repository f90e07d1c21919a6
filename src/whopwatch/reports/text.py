"""Text that came from outside, made harmless; and the few phrases that every output uses."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from whopwatch.core.finding import INACTIVE, Finding, FindingState, Severity
from whopwatch.core.report import OperationResult, Report, State, Verdict

VERDICTS = {Verdict.CLEAN: "CLEAN", Verdict.DRIFT: "DRIFT", Verdict.COULD_NOT_CHECK: "COULD NOT CHECK"}
STATES = {
    State.VERIFIED: "verified",
    State.DRIFT: "drift",
    State.COULD_NOT_CHECK: "could not check",
    State.NOT_COVERED: "not covered",
}
LEFT = "left"
"""The key of a report that counts, by resource, what a run has created and not deleted again; only if it wrote."""
UNSTATED = "no reason given"
LIVES = {
    FindingState.NEW: "new",
    FindingState.WORSE: "worse",
    FindingState.FLAPPING: "flapping",
    FindingState.KNOWN: "known",
    FindingState.FIXED: "fixed",
    FindingState.ACCEPTED: "accepted",
}
"""The lives of a finding, those that want attention first."""
AWAY = "the live API: it answers otherwise than the night before"
BACK = "the live API: it answers as expected again"
"""What is said of a finding where it is the API that moved, and no document."""
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*(?:Z|\+00:00)", re.ASCII)
MOVED = (FindingState.NEW, FindingState.WORSE, FindingState.FLAPPING, FindingState.FIXED)
"""Lives that say that something changed since the night before."""


def plain(text: str) -> str:
    """`text` on one line, with every character that a terminal or a parser would obey made visible.

    Control, format (bidirectional overrides included), surrogate and private characters become U+FFFD.
    """
    return "".join(
        " " if character in "\t\n\r" else "\N{REPLACEMENT CHARACTER}" if _obeyed(character) else character
        for character in text
    )


def _obeyed(character: str) -> bool:
    category = unicodedata.category(character)
    return category.startswith("C") or category in ("Zl", "Zp")


def number(count: int, noun: str) -> str:
    """`3 findings`, `1 finding`, `no findings`."""
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by severity, then by operation and place."""
    return sorted(findings, key=lambda finding: (finding.severity.rank, finding.operation, finding.location))


def by_severity(findings: Iterable[Finding]) -> dict[Severity, list[Finding]]:
    """The findings of each severity that there are any of, the worst first."""
    return {
        severity: list(group)
        for severity, group in groupby(worst_first(findings), key=lambda finding: finding.severity)
    }


def by_reason(operations: Iterable[OperationResult], state: State) -> dict[str, list[OperationResult]]:
    """The operations in `state` by the reason that they have in common, the most frequent reason first."""
    groups: dict[str, list[OperationResult]] = {}
    for operation in operations:
        if operation.state is state:
            groups.setdefault(operation.reason_group or operation.reason or UNSTATED, []).append(operation)
    told = {(group[0].reason or UNSTATED) if len(group) == 1 else shared: group for shared, group in groups.items()}
    return dict(sorted(told.items(), key=lambda group: (-len(group[1]), group[0])))


def states_line(report: Report) -> str:
    """`149 operations: 79 verified, 0 drift, 0 could not check, 70 not covered`."""
    counts = report.count()
    parts = ", ".join(f"{counts[state]} {words}" for state, words in STATES.items())
    return f"{number(len(report.operations), 'operation')}: {parts}"


def requests_line(report: Report) -> str:
    """Return `570 of 600 requests sent, all read-only, in 3.2 s`, or `none sent`; after writes also what is left."""
    if not report.budget:
        return "none sent"
    sent = f"{report.sent} of {number(report.budget, 'request')} sent"
    if LEFT not in report.extra:
        safe = f"{report.unsafe} NOT READ-ONLY" if report.unsafe else "all read-only"
        return f"{sent}, {safe}, in {report.seconds:.1f} s"
    left = ", ".join(f"{count} {resource}" for resource, count in sorted(report.extra[LEFT].items()))
    rest = f"left at the target: {left}" if left else "nothing left at the target"
    return f"{sent}, including {number(report.unsafe, 'write')}, in {report.seconds:.1f} s; {rest}"


def _standing(report: Report) -> list[Finding]:
    """The findings that count."""
    return [finding for finding in report.findings if finding.state not in INACTIVE]


def findings_line(report: Report) -> str:
    """`3 findings (1 critical, 2 high)`, or `no findings`; what does not count is told apart: `; 1 fixed`."""
    standing = _standing(report)
    detail = ", ".join(f"{len(found)} {severity}" for severity, found in by_severity(standing).items())
    over = Counter(finding.state for finding in report.findings if finding.state in INACTIVE)
    rest = "".join(f"; {over[life]} {name}" for life, name in LIVES.items() if over[life])
    return number(len(standing), "finding") + (f" ({detail})" if detail else "") + rest


def location(finding: Finding) -> str:
    """Where a finding is, as it is shown: a JSON pointer that names the root is empty."""
    return plain(finding.location) or "whole answer"


def moved_words(finding: Finding) -> str | None:
    """Which source changed since the night before, in words; None where none did, or nobody can tell."""
    if finding.moved is None:
        return None
    if finding.moved != "live":
        return finding.moved
    return BACK if finding.state is FindingState.FIXED else AWAY


def evidence(finding: Finding) -> str:
    """`12 of 40 samples, confirmed`."""
    return f"{finding.violations} of {number(finding.samples, 'sample')}, {finding.confidence}"


def headline(report: Report) -> str:
    """Return the verdict as one sentence: what is wrong or right, and why the run is incomplete if it is."""
    counts = report.count()
    if report.verdict is Verdict.COULD_NOT_CHECK:
        return report.reason or "nothing was verified"
    if report.verdict is Verdict.DRIFT:
        broken = counts[State.DRIFT]
        what = f"{number(broken, 'operation')} {'does' if broken == 1 else 'do'} not match the contract"
        if not broken:
            breaking = sum(finding.breaks for finding in report.findings)
            what = f"{number(breaking, 'finding')} about the target as a whole"
        return f"{what}. The run is incomplete: {report.reason}" if report.reason else what
    verified, unseen = counts[State.VERIFIED], counts[State.COULD_NOT_CHECK]
    rest = f"; {number(unseen, 'operation')} could not be checked" if unseen else ""
    return f"{number(verified, 'operation')} {'matches' if verified == 1 else 'match'} the contract{rest}"


def by_life(findings: Iterable[Finding]) -> dict[FindingState | None, list[Finding]]:
    """The findings by what they are to the nights before, those that want attention first."""
    groups: dict[FindingState | None, list[Finding]] = {life: [] for life in (*LIVES, None)}
    for finding in worst_first(findings):
        groups[finding.state].append(finding)
    return {life: found for life, found in groups.items() if found}


def moved(report: Report) -> list[Finding]:
    """The findings that are not what they were the night before."""
    groups = by_life(report.findings)
    return [finding for life in MOVED for finding in groups.get(life, ())]


def change_line(report: Report) -> str | None:
    """`2 new, 1 fixed since 2026-11-21 02:00 UTC; 3 known`; None for a run without a memory."""
    if report.memory is None:
        return None
    if not report.memory.nights:
        return "first night: there is nothing to compare with yet"
    groups = by_life(report.findings)
    changes = ", ".join(f"{len(groups[life])} {LIVES[life]}" for life in MOVED if life in groups)
    rest = ", ".join(f"{len(found)} {LIVES[life]}" for life, found in groups.items() if life and life not in MOVED)
    line = f"{changes or 'nothing moved'} since {when(report.memory.previous or 'the night before')}"
    return f"{line}; {rest}" if rest else line


def when(moment: str) -> str:
    """A moment in UTC as it is read: `2026-11-21 02:00 UTC`; any other text as it is."""
    found = _MOMENT.fullmatch(moment)
    return f"{found[1]} {found[2]} UTC" if found else moment
