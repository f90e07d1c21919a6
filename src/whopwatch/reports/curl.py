"""The request behind a finding as a curl command. Keys, ids and the body of a write (a file) are left to the reader."""

from __future__ import annotations

import re

from whopwatch.config.targets_file import BUILT_IN
from whopwatch.contract.edition import VERSION_HEADER
from whopwatch.core.finding import Finding, RequestExample
from whopwatch.core.redaction import sanitize
from whopwatch.core.report import Report

UNKNOWN_BASE = "$WHOP_BASE_URL"
_VARIABLE = re.compile(r"\$[A-Z][A-Z0-9_]*")
_KEYS = {"key": "$WHOP_API_KEY", "none": "", "wrong": "wrong", "unscoped": "$UNSCOPED_KEY"}
_SPECIAL = re.compile(r'(["\\$`])')


class Requests:
    """The requests of a report as commands."""

    def __init__(self, report: Report) -> None:
        self._base = _base_url(report.target)
        self._version = str((report.extra.get("api_version") or {}).get("requested") or "")
        self._rows = {operation.id: operation.request for operation in report.operations if operation.request}

    def command(self, finding: Finding) -> str | None:
        """Return the command that repeats a request whose response shows `finding`, None if there is none.

        Without such a request it is a plain one of the finding's operation, or of that of its first place.
        """
        operation = finding.places[0].operation if finding.places else finding.operation
        request = finding.request
        if request is None and operation in self._rows:
            request = RequestExample(self._rows[operation])
        if request is None:
            return None
        base = self._base.replace("/v1", "/v2") if operation.startswith("v2.") else self._base
        return curl_command(request, base, self._version)


def _base_url(target: str) -> str:
    """Return the target's base URL if its name gives it, else a shell variable."""
    address = re.search(r"https?://\S+", target)
    return BUILT_IN.get(target) or (address[0].rstrip(",") if address else UNKNOWN_BASE)


def curl_command(request: RequestExample, base: str = UNKNOWN_BASE, version: str = "") -> str:
    """Return the command that sends `request` to the API at `base`; `version` is the API version to ask for."""
    key = _KEYS.get(request.credential, "$WHOP_API_KEY")
    headers = [f"Authorization: Bearer {key}"] if key else []
    headers += [f"{VERSION_HEADER}: {version}"] if version else []
    parts = ["curl -gsS"]
    if request.method != "GET":
        parts.append(f"-X {_quoted(request.method)}")
        headers += ["Content-Type: application/json"] if request.method != "DELETE" else []
    parts += [f'-H "{_quoted(header)}"' for header in headers]
    parts += ["-d @body.json"] if request.method not in ("GET", "DELETE") else []
    return " ".join([*parts, f'"{_quoted(base)}{_quoted(request.path)}"'])


def in_lines(command: str) -> list[str]:
    """Return a command of `curl_command` in lines that a shell takes as one: each header and the URL has its own."""
    first, *rest = re.split(r' (?=-[HXd] |"(?:https?:|\$))', command)
    if not rest:
        return [first]
    lines = [f"{first} {rest[0]}", *(f"  {part}" for part in rest[1:])]
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _quoted(text: str) -> str:
    """Return `text` for double quotes of a shell, where nothing but our own variables is expanded."""
    parts = _VARIABLE.split(sanitize(text))
    variables = _VARIABLE.findall(sanitize(text))
    quoted = [_SPECIAL.sub(r"\\\1", part) for part in parts]
    return "".join(part + variable for part, variable in zip(quoted, [*variables, ""], strict=True))
