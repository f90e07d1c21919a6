"""One webhook delivery: received by the listener, or read from files."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from whopwatch.core.documents import read_bounded
from whopwatch.core.errors import UsageError
from whopwatch.core.strict_json import BodyProblem, parse_json

UNKNOWN_EVENT = "*"
"""The event name in findings and metrics if a delivery does not name a documented event."""
MAX_RECORDED_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Delivery:
    """Headers with lower-case names, the raw body, and the time of receipt in seconds since 1970."""

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float

    @staticmethod
    def of(headers: Iterable[tuple[str, str]], body: bytes, received_at: float) -> Delivery:
        """Return a delivery; `headers` may have names in any case."""
        return Delivery(tuple((name.lower(), value) for name, value in headers), body, received_at)

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next((value for key, value in self.headers if key == name), None)

    @cached_property
    def parsed(self) -> tuple[Any, BodyProblem | None]:
        """The body parsed as JSON, and the problem if it is not valid JSON."""
        return parse_json(self.body)


def event_operation(event: str) -> str:
    """Return the operation name that findings use for an event: `webhook:payment.succeeded`."""
    return f"webhook:{event}"


def read_delivery(body_file: Path, headers_file: Path) -> Delivery:
    """Read a recorded delivery from two files.

    Raise UsageError if a file cannot be read, is too large, or contains no headers.
    """
    return Delivery.of(_parse_headers(_read_file(headers_file), headers_file), _read_file(body_file), time.time())


def _read_file(file: Path) -> bytes:
    try:
        return read_bounded(file, MAX_RECORDED_BYTES)
    except OSError as error:
        if error.errno == errno.EFBIG:
            expected = f"at most {MAX_RECORDED_BYTES:,} bytes"
            raise UsageError("The file is too large.", where=str(file), expected=expected) from None
        raise UsageError(
            "A file cannot be read.", where=str(file), expected="a readable file", got=error.strerror
        ) from None


def _parse_headers(content: bytes, file: Path) -> list[tuple[str, str]]:
    """Parse headers from a JSON object of strings, or from `name: value` lines with or without a request line."""
    text = content.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        lines = (line.partition(":") for line in text.splitlines() if ":" in line)
        found = [(name.strip(), rest.strip()) for name, _, rest in lines if " " not in name.strip()]
    else:
        pairs = value.items() if isinstance(value, dict) else ()
        found = [(name, rest) for name, rest in pairs if isinstance(rest, str)]
    if not found:
        raise UsageError(
            "The file contains no headers.",
            where=f"{file}",
            expected='a JSON object {"webhook-id": "...", ...}, or lines such as `webhook-id: ...`',
        )
    return found
