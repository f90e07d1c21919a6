"""A handler tried with sample deliveries: what it answers, and whether that is right."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from whopwatch.webhook.cases import Sample

PATIENCE = 5.0
"""Seconds that Whop waits for an answer."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How a handler took one sample; `status` is None where no answer came in time."""

    sample: Sample
    status: int | None
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether it was accepted (2xx) or refused (4xx) as it had to be."""
        return self.status is not None and self.sample.is_right(self.status)

    @property
    def observed(self) -> str:
        """What it answered."""
        return str(self.status) if self.status else "no answer"

    def to_json(self) -> dict[str, Any]:
        """One line of the JSON output."""
        return {
            "case": self.sample.case,
            "event": self.sample.event,
            "expected": self.sample.expected,
            "observed": self.observed,
            "right": self.is_right,
            "seconds": round(self.seconds, 4),
        }


def tried(url: str, samples: Iterable[Sample]) -> Iterator[Trial]:
    """Send each sample to the handler at `url`; redirects are not followed."""
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        for sample in samples:
            began = time.perf_counter()
            try:
                with client.stream("POST", url, content=sample.body, headers=dict(sample.headers)) as response:
                    status: int | None = response.status_code
            except httpx.HTTPError:
                status = None
            yield Trial(sample, status, time.perf_counter() - began)
