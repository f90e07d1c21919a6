"""One delivery as it was received."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from whopwatch.core.strict_json import BodyProblem, parse_json

UNKNOWN = "*"
"""Stands for the event of a delivery that does not tell which one it is."""


@dataclass(frozen=True)
class Delivery:
    """Header names in lower case, the body's bytes as they came, and when, in seconds since the epoch."""

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float

    @staticmethod
    def of(headers: Iterable[tuple[str, str]], body: bytes, received_at: float) -> Delivery:
        """A delivery whose header names may be in any case."""
        return Delivery(tuple((name.lower(), value) for name, value in headers), body, received_at)

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        return next((value for key, value in self.headers if key == name), None)

    @cached_property
    def parsed(self) -> tuple[Any, BodyProblem | None]:
        """The body as JSON, and why it is none."""
        return parse_json(self.body)


def operation_of(event: str) -> str:
    """What findings call an event: `webhook:payment.succeeded`."""
    return f"webhook:{event}"
