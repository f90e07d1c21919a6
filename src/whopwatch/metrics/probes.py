"""Every metric of the prober. Alerts and dashboards know them by these names and labels.

Cardinality is bounded: labels are operations out of the configuration and values out of closed sets. What an API
answers never becomes a label.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

from whopwatch.core.exchange import Phases
from whopwatch.core.finding import Finding, Severity
from whopwatch.metrics.statuses import CODE_CLASSES, code_class

M = TypeVar("M", bound=MetricWrapperBase)

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds of every histogram of durations, in seconds."""

PHASES = ("dns", "connect", "tls", "ttfb", "transfer")
SEVERITIES = tuple(Severity)


class Outcome(StrEnum):
    """What one run of a probe came to."""

    SUCCESS = "success"
    HTTP_ERROR = "http_error"
    """An answer came that is none of use: not a success status, cut short, or not readable as HTTP."""
    CONTRACT = "contract"
    """A success answer that breaks the contract."""
    TIMEOUT = "timeout"
    CONNECT = "connect"
    """No connection: name, address, proxy or TLS."""
    RATE_LIMITED = "rate_limited"
    SKIPPED = "skipped"
    """Nothing was asked: no request was left, or no id to ask with. Not an event of any objective."""


OUTCOMES = tuple(Outcome)


@dataclass(frozen=True, slots=True)
class Watched:
    """An operation whose series are exported. Times are in seconds, `objective` is a ratio below 1."""

    operation: str
    resource: str
    method: str
    path: str
    interval: float
    latency_threshold: float
    objective: float


class ProbeMetrics:
    """The metrics of one prober, registered in `registry`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.all: list[MetricWrapperBase] = []
        self._by_operation: list[MetricWrapperBase] = []
        self._series: dict[str, _Series] = {}
        self._watched: dict[str, Watched] = {}
        by_operation = ("operation",)
        self.runs = self._counter("whop_probe_runs", "Runs of a probe by outcome.", ("operation", "outcome"))
        self.duration = self._histogram("whop_probe_duration_seconds", "Duration of the probed request.", by_operation)
        self.phases = self._histogram("whop_probe_phase_duration_seconds", "Duration of a request's phase.", ("phase",))
        self.responses = self._counter(
            "whop_probe_http_responses", "Answers by class of status.", ("operation", "code_class")
        )
        self.violations = self._counter(
            "whop_probe_contract_violations", "Findings of all runs by drift class.", ("operation", "class")
        )
        self.findings = self._gauge(
            "whop_probe_findings", "Findings of the last run whose answer could be judged.", ("operation", "severity")
        )
        self.success = self._gauge("whop_probe_success", "Whether the last run succeeded.", by_operation)
        self.last_run = self._gauge("whop_probe_last_run_timestamp_seconds", "End of the last run.", by_operation)
        self.last_success = self._gauge(
            "whop_probe_last_success_timestamp_seconds", "End of the last run that succeeded.", by_operation
        )
        self.interval = self._gauge("whop_probe_interval_seconds", "Seconds from one run to the next.", by_operation)
        self.threshold = self._gauge(
            "whop_probe_latency_threshold_seconds", "What counts as slow, in seconds.", by_operation
        )
        self.objective = self._gauge("whop_probe_objective_ratio", "Share of runs that has to succeed.", by_operation)
        self.maintenance = self._gauge("whop_probe_maintenance", "Whether under announced maintenance.", by_operation)
        self.info = self._gauge(
            "whop_probe_info", "What is probed; always 1.", ("operation", "resource", "method", "path")
        )
        self.contract_info = self._gauge("whop_contract_info", "The contract in use; always 1.", ("sha256",))
        self.ratelimit_limit = self._gauge("whop_ratelimit_limit_requests", "Requests the budget holds when full.")
        self.ratelimit_remaining = self._gauge("whop_ratelimit_remaining_requests", "Requests left in the budget.")
        self.ratelimit_reset = self._gauge("whop_ratelimit_reset_timestamp_seconds", "When the budget is full again.")
        self.throttled = self._counter("whop_probe_throttled_seconds", "Seconds in which runs had to be held back.")
        self.lag = self._histogram("whop_prober_schedule_lag_seconds", "Start of a run behind its schedule.")
        self.missed = self._counter("whop_prober_missed_runs", "Runs that were not started in time.", by_operation)
        self.inflight = self._gauge("whop_prober_inflight_probes", "Runs under way.")
        self.reload_ok = self._gauge(
            "whop_prober_config_last_reload_successful", "Whether the last configuration was accepted."
        )
        self.reload_at = self._gauge(
            "whop_prober_config_last_reload_timestamp_seconds", "When a configuration was last accepted."
        )
        self.shards = self._gauge("whop_prober_shards", "Probers that share the operations.")
        self.shard_index = self._gauge("whop_prober_shard_index", "Which of the shards this one is, from 0.")
        self.build_info = self._gauge("whop_prober_build_info", "Versions; always 1.", ("version", "contract"))
        self._by_phase = [(phase, self.phases.labels(phase)) for phase in PHASES]

    def watch(self, watched: Iterable[Watched]) -> None:
        """Export the series of `watched`, and no longer those of other operations."""
        wanted = {each.operation: each for each in watched}
        for operation in self._watched.keys() - wanted.keys():
            self._forget(self._watched[operation])
        for operation, each in wanted.items():
            known = self._watched.get(operation)
            if known and (known.resource, known.method, known.path) != (each.resource, each.method, each.path):
                self._forget(known)
            self._declare(each)
        self._watched = wanted

    def ran(
        self,
        operation: str,
        outcome: Outcome,
        *,
        at: float,
        phases: Sequence[Phases],
        status: int | None,
        findings: Sequence[Finding] | None,
    ) -> None:
        """Count one run that asked something, ended at `at`. `phases` are those of its requests, the probed one last.

        `findings` is None where the answer says nothing about the contract: what was found before stands then. A run
        that ends after its operation has left the configuration is no longer counted.
        """
        if operation not in self._watched:
            return
        series = self._series.get(operation)
        if series is None:
            series = self._series[operation] = _Series(self, operation)
        series.runs[outcome].inc()
        series.duration.observe(phases[-1].total)
        for taken in phases:
            for name, histogram in self._by_phase:
                seconds = getattr(taken, name)
                if seconds is not None:
                    histogram.observe(seconds)
        if status is not None:
            series.responses[code_class(status)].inc()
        if findings is not None:
            series.found(findings)
            for finding in findings:
                self.violations.labels(operation, finding.drift_class).inc()
        series.success.set(outcome is Outcome.SUCCESS)
        series.last_run.set(at)
        if outcome is Outcome.SUCCESS:
            series.last_success.set(at)

    @property
    def of_one_run(self) -> CollectorRegistry:
        """A registry of what a single run tells; nothing of a prober's state, which would read as zero there."""
        registry = new_registry()
        told = (self.runs, self.duration, self.phases, self.responses, self.violations, self.findings, self.success)
        for metric in (*told, self.last_run, self.last_success, self.threshold, self.objective, self.info):
            registry.register(metric)
        return registry

    def set_waiting(self, operation: str, waiting: bool) -> None:
        """Whether an operation has nothing to ask with: it is on no schedule then, and cannot be late."""
        each = self._watched.get(operation)
        if each and waiting:
            self.interval.remove(operation)
        elif each:
            self.interval.labels(operation).set(each.interval)

    def _declare(self, each: Watched) -> None:
        """Let every counter begin at 0, so that its first increase is seen. Gauges of runs wait for the first one."""
        operation = each.operation
        for outcome in OUTCOMES:
            self.runs.labels(operation, outcome)
        for each_class in CODE_CLASSES:
            self.responses.labels(operation, each_class)
        self.duration.labels(operation)
        self.missed.labels(operation)
        self.interval.labels(operation).set(each.interval)
        self.threshold.labels(operation).set(each.latency_threshold)
        self.objective.labels(operation).set(each.objective)
        self.maintenance.labels(operation)
        self.info.labels(operation, each.resource, each.method, each.path).set(1)

    def _forget(self, each: Watched) -> None:
        self._series.pop(each.operation, None)
        for metric in self._by_operation:
            metric.remove_by_labels({"operation": each.operation})

    def _counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:
        return self._added(Counter(name, help, labels, registry=self.registry), labels)

    def _gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
        return self._added(Gauge(name, help, labels, registry=self.registry), labels)

    def _histogram(self, name: str, help: str, labels: Sequence[str] = ()) -> Histogram:
        return self._added(Histogram(name, help, labels, buckets=BUCKETS, registry=self.registry), labels)

    def _added(self, metric: M, labels: Sequence[str]) -> M:
        self.all.append(metric)
        if "operation" in labels:
            self._by_operation.append(metric)
        return metric


class _Series:
    """The series of one operation that has run, looked up once: they are wanted a dozen times a run.

    A gauge is exported from its first value on.
    """

    def __init__(self, metrics: ProbeMetrics, operation: str) -> None:
        self._metrics = metrics
        self._operation = operation
        self._counted: dict[Severity, int] | None = None
        self.runs = {outcome: metrics.runs.labels(operation, outcome) for outcome in OUTCOMES}
        self.responses = {each: metrics.responses.labels(operation, each) for each in CODE_CLASSES}
        self.duration = metrics.duration.labels(operation)
        self.success = metrics.success.labels(operation)
        self.last_run = metrics.last_run.labels(operation)

    @cached_property
    def last_success(self) -> Gauge:
        return self._metrics.last_success.labels(self._operation)

    def found(self, findings: Sequence[Finding]) -> None:
        """The findings of the last run whose answer could be judged."""
        counted = dict(Tally(finding.severity for finding in findings)) if findings else {}
        if counted != self._counted:
            for severity in SEVERITIES:
                self._metrics.findings.labels(self._operation, severity).set(counted.get(severity, 0))
            self._counted = counted


def new_registry() -> CollectorRegistry:
    """A registry whose counters and histograms come without `_created` series, a third of all there would be."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return CollectorRegistry()
