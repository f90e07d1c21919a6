"""A request as a command line that anybody can run: no key and nobody's id in it."""

from __future__ import annotations

import re

from whopwatch.config.targets_file import BUILT_IN
from whopwatch.core.finding import Finding
from whopwatch.core.report import Report
from whopwatch.reports.text import plain

_VARIABLE = re.compile(r"\$[A-Z][A-Z0-9_]*")
_SPECIAL = re.compile(r'(["\\$`])')


def commands(report: Report) -> dict[str, str]:
    """For each operation that was asked, the command that asks it again."""
    base = _base(report.target)
    rows = {operation.id: operation.request for operation in report.operations if operation.request}
    return {
        id: _command(base.replace("/v1", "/v2") if id.startswith("v2.") else base, request)
        for id, request in rows.items()
    }


def operation_of(finding: Finding) -> str:
    """The operation that shows a finding: its own, or that of the first of its places."""
    return finding.places[0].operation if finding.places else finding.operation


def _base(target: str) -> str:
    """The target's address, where its name tells; else a variable for it."""
    address = re.search(r"https?://\S+", target)
    return BUILT_IN.get(target) or (address[0].rstrip(",") if address else "$WHOP_BASE_URL")


def _command(base: str, request: str) -> str:
    return f'curl -gsS -H "Authorization: Bearer $WHOP_API_KEY" "{_quoted(base)}{_quoted(request)}"'


def _quoted(text: str) -> str:
    """`text` between double quotes of a shell, in which only our variables stand for something."""
    parts = _VARIABLE.split(plain(text))
    variables = _VARIABLE.findall(plain(text))
    quoted = [_SPECIAL.sub(r"\\\1", part) for part in parts]
    return "".join(part + variable for part, variable in zip(quoted, [*variables, ""], strict=True))
