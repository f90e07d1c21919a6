"""The request behind a finding as a curl command. Keys and ids are shell variables."""

from __future__ import annotations

import re

from whopwatch.config.targets_file import BUILT_IN
from whopwatch.core.finding import Finding
from whopwatch.core.foreign_text import sanitize
from whopwatch.core.report import Report

_VARIABLE = re.compile(r"\$[A-Z][A-Z0-9_]*")
_SPECIAL = re.compile(r'(["\\$`])')


def commands(report: Report) -> dict[str, str]:
    """Return for each operation that was requested the command that repeats a request."""
    base = _base_url(report.target)
    rows = {operation.id: operation.request for operation in report.operations if operation.request}
    return {
        id: _command(base.replace("/v1", "/v2") if id.startswith("v2.") else base, request)
        for id, request in rows.items()
    }


def operation_of(finding: Finding) -> str:
    """Return the operation that shows a finding: its own, or that of its first place."""
    return finding.places[0].operation if finding.places else finding.operation


def _base_url(target: str) -> str:
    """Return the target's base URL if its name gives it, else a shell variable."""
    address = re.search(r"https?://\S+", target)
    return BUILT_IN.get(target) or (address[0].rstrip(",") if address else "$WHOP_BASE_URL")


def _command(base: str, request: str) -> str:
    return f'curl -gsS -H "Authorization: Bearer $WHOP_API_KEY" "{_quoted(base)}{_quoted(request)}"'


def _quoted(text: str) -> str:
    """Return `text` for double quotes of a shell, where nothing but our own variables is expanded."""
    parts = _VARIABLE.split(sanitize(text))
    variables = _VARIABLE.findall(sanitize(text))
    quoted = [_SPECIAL.sub(r"\\\1", part) for part in parts]
    return "".join(part + variable for part, variable in zip(quoted, [*variables, ""], strict=True))
