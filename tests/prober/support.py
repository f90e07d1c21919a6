"""Shared by the prober's tests: a clock, probes, responses, and a client that returns them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from whopwatch.contract import load
from whopwatch.core.exchange import Exchange, Failure, Phases
from whopwatch.http.call import Call
from whopwatch.metrics import ProbeMetrics, ProbeOutcome, new_registry
from whopwatch.prober.client import RequestBudget
from whopwatch.prober.probe_requests import RecentIds, resources_needed
from whopwatch.prober.probe_run import ProbeRunner
from whopwatch.prober.settings import Probe, ProbeOptions

CONTRACT = load()
JSON: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
PAGE_INFO = {"has_next_page": False, "has_previous_page": False, "start_cursor": "a", "end_cursor": "b"}

Reply = tuple[int, Any] | Failure
"""A status and a JSON body, or the failure."""


class Time:
    """A clock that only the test moves."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class ProbeClient:
    """A client that responds with what `answer` returns, after `seconds`, and records calls and their time limits."""

    def __init__(self, answer: Callable[[Call], Reply], time: Time, seconds: float = 0.05) -> None:
        self.answer = answer
        self.calls: list[Call] = []
        self.given: list[float] = []
        self.headers = JSON
        self._time = time
        self._seconds = seconds

    def send(self, call: Call, seconds: float) -> Exchange:
        self.calls.append(call)
        self.given.append(seconds)
        reply = self.answer(call)
        taken = min(self._seconds, seconds)
        self._time.now += taken
        status, body = (None, b"") if isinstance(reply, Failure) else (reply[0], json.dumps(reply[1]).encode())
        return Exchange(
            call.operation.id,
            call.purpose,
            "GET",
            f"http://t/api/v1?{urlencode([*call.path_params.items(), *call.query])}",
            path_params=dict(call.path_params),
            query=call.query,
            status=status,
            headers=self.headers,
            body=body,
            failure=reply if isinstance(reply, Failure) else None,
            phases=Phases(connect=0.001, ttfb=taken, total=taken),
        )

    @property
    def asked(self) -> list[str]:
        """The requested operations, in order."""
        return [call.operation.id for call in self.calls]


def probe(operation: str, params: Mapping[str, str] | None = None, **terms: Any) -> Probe:
    """Return a probe of `operation` with the default options, changed by `terms`."""
    return Probe(CONTRACT.operation(operation), ProbeOptions(**terms), params or {})


def prober(
    answer: Callable[[Call], Reply], *probes: Probe, time: Time | None = None
) -> tuple[ProbeRunner, ProbeClient]:
    """Return a runner of `probes` for the company `biz_1`, and its client."""
    time = time or Time()
    sender = ProbeClient(answer, time)
    metrics = ProbeMetrics(new_registry())
    metrics.set_operations(each.series for each in probes)
    ids = RecentIds(CONTRACT, resources_needed(probes), time)
    ids.configure("companies", "biz_1")
    return ProbeRunner(CONTRACT, sender, ids, RequestBudget(6000, time), metrics, clock=time, wall=time), sender


def count(metrics: ProbeMetrics, operation: str, outcome: ProbeOutcome) -> float:
    """Return how many runs of `operation` had `outcome`."""
    value = metrics.registry.get_sample_value("whop_probe_runs_total", {"operation": operation, "outcome": outcome})
    assert value is not None
    return value


def page(*items: dict[str, Any]) -> Reply:
    """Return a page of a list."""
    return 200, {"data": list(items), "page_info": PAGE_INFO}
