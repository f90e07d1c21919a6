"""A handler tried with sample deliveries: what it answers, and whether that is right."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from whopwatch.webhooks.cases import Sample

PATIENCE = 5.0
"""Seconds that Whop waits for an answer."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How a handler took one sample; `status` is None where no answer came, `failure` why."""

    sample: Sample
    status: int | None
    seconds: float
    failure: str = "no answer"

    @property
    def is_right(self) -> bool:
        """Whether it was accepted (2xx) or refused (4xx) as it had to be."""
        return self.status is not None and self.sample.is_right(self.status)

    @property
    def observed(self) -> str:
        """What it answered."""
        return str(self.status) if self.status else self.failure

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
            began, failure = time.perf_counter(), "no answer"
            try:
                with client.stream("POST", url, content=sample.body, headers=dict(sample.headers)) as response:
                    status: int | None = response.status_code
            except httpx.HTTPError as error:
                status, failure = None, _why(error)
            yield Trial(sample, status, time.perf_counter() - began, failure)


def _why(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return "no connection"
    return f"no answer within {PATIENCE:.0f} s" if isinstance(error, httpx.TimeoutException) else "no complete answer"
