"""One run, told to a person who wants to know why a probe fails. No value of an answer, no id, no key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whopwatch.prober.listing import Probe


def explain(probe: Probe, record: dict[str, Any]) -> str:
    """The record of a run of `probe` (see Record.told) as text."""
    return "\n".join([*_told(probe, record), ""])


def _told(probe: Probe, record: dict[str, Any]) -> Iterator[str]:
    operation, terms = probe.operation, probe.terms
    yield f"{operation.id}: {operation.method} {operation.shown_path}"
    yield f"outcome: {record['outcome']} after {record['seconds']:.3f} s (timeout {terms.timeout:g} s)"
    if record["reason"]:
        yield f"reason: {record['reason']}"
    for number, request in enumerate(record["requests"], start=1):
        yield ""
        yield from _request(number, request)
    yield ""
    if not record["findings"]:
        yield "findings: none" if record["requests"] else "findings: nothing was asked"
    for finding in record["findings"]:
        yield f"finding {finding['fingerprint']} ({finding['class']}, {finding['severity']}): {finding['message']}"
        yield f"  at {finding['location'] or 'the body'}: expected {finding['expected']}, got {finding['observed']}"


def _request(number: int, request: dict[str, Any]) -> Iterator[str]:
    query = f"?{'&'.join(f'{name}=...' for name in request['query'])}" if request["query"] else ""
    yield f"request {number}: GET {request['path']}{query} ({request['operation']})"
    if request["failure"]:
        yield f"  no answer: {request['failure']}"
    else:
        yield f"  status {request['status']}, {request['media_type'] or 'no media type'}, {request['body_bytes']} bytes"
        yield f"  headers: {', '.join(request['headers'])}"
    phases = ((name, seconds) for name, seconds in request["phases"].items() if seconds is not None)
    yield f"  {', '.join(f'{name} {seconds * 1000:.1f} ms' for name, seconds in phases)}"
