"""A delivery out of files: its body, and its headers as JSON or as lines."""

from __future__ import annotations

import json
import time
from pathlib import Path

from whopwatch.contract import Contract
from whopwatch.core.errors import UsageError
from whopwatch.core.finding import Finding, Severity
from whopwatch.signature import TOLERANCE, Refusal, Signed, explain
from whopwatch.webhooks.checks import content, event_of, named, payload
from whopwatch.webhooks.delivery import UNKNOWN, Delivery
from whopwatch.webhooks.refusals import of_refusal

MOST_BYTES = 16 * 2**20


def recorded(body_file: Path, headers_file: Path) -> Delivery:
    """The delivery in two files. Raises UsageError for a file that cannot be read, or holds no headers."""
    return Delivery.of(_headers(_read(headers_file), headers_file), _read(body_file), time.time())


def judged(
    contract: Contract, secret: str, delivery: Delivery, *, tolerance: float = TOLERANCE
) -> tuple[Signed | Refusal, str, tuple[Finding, ...]]:
    """Whether a recorded delivery is signed, of which event it is, and all that is wrong with it.

    Unlike a receiver this looks into what is not signed, too: a person wants to know what it is.
    """
    signed = explain(secret, delivery.headers, delivery.body, delivery.received_at, tolerance=tolerance)
    value, problem = delivery.parsed
    event = None if problem else event_of(contract, value)
    name = event.name if event else UNKNOWN
    findings = [of_refusal(signed, name)] if isinstance(signed, Refusal) else []
    findings += content(delivery, name)
    if problem is None:
        findings += named(contract, value)
        findings += payload(contract, event, value) if event else ()
    return signed, name, tuple(sorted(findings, key=lambda finding: (finding.severity.rank, finding.location)))


def breaks(findings: tuple[Finding, ...]) -> bool:
    """Whether any of them is more than worth knowing."""
    return any(finding.severity is not Severity.INFO for finding in findings)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError("A file cannot be read.", where=str(file), got=error.strerror) from None
    if len(content) > MOST_BYTES:
        raise UsageError("A file is larger than any delivery.", where=str(file), expected=f"{MOST_BYTES} bytes at most")
    return content


def _headers(content: bytes, file: Path) -> list[tuple[str, str]]:
    """Headers out of a JSON object of texts, or out of lines `name: value`, a request line before them or not."""
    text = content.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except ValueError:
        lines = (line.partition(":") for line in text.splitlines() if ":" in line)
        found = [(name.strip(), rest.strip()) for name, _, rest in lines if " " not in name.strip()]
    else:
        pairs = value.items() if isinstance(value, dict) else ()
        found = [(name, rest) for name, rest in pairs if isinstance(rest, str)]
    if not found:
        raise UsageError(
            "The file holds no headers.",
            where=f"{file}",
            expected='a JSON object {"webhook-id": "...", ...}, or lines such as `webhook-id: ...`',
        )
    return found
