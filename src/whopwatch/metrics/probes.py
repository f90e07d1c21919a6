"""The metrics of the prober and of its MCP checks. Alerts and dashboards use these names and labels.

Cardinality is bounded: label values are configured operations or members of closed sets. Nothing from a response ever
becomes a label.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

from whopwatch.core.exchange import Phases
from whopwatch.core.finding import INACTIVE, Finding, Impact, Severity

MCP_DURATION_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the duration of one check, in seconds."""
BY_TRANSPORT = ("transport",)


class McpOutcome(StrEnum):
    """The outcome of one check of the server."""

    SUCCESS = "success"
    CONTRACT = "contract"
    """A tool or its response violates the contract."""
    REFUSED = "refused"
    """No session, or no list of tools."""
    SKIPPED = "skipped"
    """No request was sent: the budget was spent."""


class McpMetrics:
    """The metrics of the MCP server, registered in `registry`. Without a server there are no series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.up = Gauge(
            "whop_mcp_up",
            "1 if the server listed its tools at the last check, else 0.",
            BY_TRANSPORT,
            registry=registry,
        )
        self.tools = Gauge("whop_mcp_tools", "Tools in the server's last list.", BY_TRANSPORT, registry=registry)
        self.findings = Gauge(
            "whop_mcp_findings",
            "Findings of the last check by drift class, without those of severity info.",
            (*BY_TRANSPORT, "class"),
            registry=registry,
        )
        self.checks = Counter(
            "whop_mcp_rounds", "Checks of the server by outcome.", (*BY_TRANSPORT, "outcome"), registry=registry
        )
        self.duration = Histogram(
            "whop_mcp_duration_seconds",
            "Duration of one check.",
            BY_TRANSPORT,
            buckets=MCP_DURATION_BUCKETS,
            registry=registry,
        )
        self.last_check = Gauge(
            "whop_mcp_last_round_timestamp_seconds",
            "End of the last check that sent requests, in Unix time.",
            BY_TRANSPORT,
            registry=registry,
        )
        self._classes: set[str] = set()
        self.families: list[MetricWrapperBase] = [
            *(self.up, self.tools, self.findings, self.checks, self.duration, self.last_check)
        ]

    def declare(self, transport: str) -> None:
        """Start the counters at 0, so that the first increase is visible."""
        for outcome in McpOutcome:
            self.checks.labels(transport, outcome)

    def record_check(
        self, transport: str, *, tools: int, findings: Sequence[Finding], seconds: float, at: float
    ) -> None:
        """Export a check in which the server listed its tools."""
        counted = Tally(finding.drift_class for finding in findings if finding.breaks)
        self._classes |= counted.keys()
        for drift_class in self._classes:
            self.findings.labels(transport, drift_class).set(counted[drift_class])
        self.tools.labels(transport).set(tools)
        self._finish(transport, McpOutcome.CONTRACT if counted else McpOutcome.SUCCESS, seconds, at)

    def record_no_session(self, transport: str, *, seconds: float, at: float) -> None:
        """Export a check without a session or a list of tools. Earlier findings stay exported."""
        self._finish(transport, McpOutcome.REFUSED, seconds, at)

    def record_skipped(self, transport: str) -> None:
        """Count a check in which nothing was sent."""
        self.checks.labels(transport, McpOutcome.SKIPPED).inc()

    def clear(self) -> None:
        """Remove every series: no server is checked any more."""
        for metric in self.families:
            metric.clear()

    def _finish(self, transport: str, outcome: McpOutcome, seconds: float, at: float) -> None:
        self.checks.labels(transport, outcome).inc()
        self.up.labels(transport).set(outcome is not McpOutcome.REFUSED)
        self.duration.labels(transport).observe(seconds)
        self.last_check.labels(transport).set(at)


CODE_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
INVALID_STATUS_CLASS = "5xx"
"""The class of a status outside 100 to 599 (RFC 9110, section 15)."""
M = TypeVar("M", bound=MetricWrapperBase)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Upper bounds of every histogram of durations, in seconds."""
PHASES = ("dns", "connect", "tls", "ttfb", "transfer")
EXPORTED = ("traces", "metrics")
SEVERITIES = tuple(Severity)
SEVERITIES_OF_HITS = (Severity.CRITICAL, Severity.HIGH)
"""The severities whose alerts depend on the impact."""


def code_class(status: int) -> str:
    """Return the class that `status` is counted under."""
    name = f"{status // 100}xx"
    return name if name in CODE_CLASSES else INVALID_STATUS_CLASS


class ProbeOutcome(StrEnum):
    """The outcome of one run of a probe."""

    SUCCESS = "success"
    HTTP_ERROR = "http_error"
    """No success status, or a response that is incomplete or not HTTP."""
    CONTRACT = "contract"
    """A success response that violates the contract."""
    TIMEOUT = "timeout"
    CONNECT = "connect"
    """No connection: DNS, address, proxy or TLS."""
    RATE_LIMITED = "rate_limited"
    SKIPPED = "skipped"
    """No request for the operation was sent: no budget, a pause after a 429, or no id. Not counted by any objective."""


OUTCOMES = tuple(ProbeOutcome)


@dataclass(frozen=True, slots=True)
class OperationSeries:
    """The constants that are exported of one operation. Times are in seconds, `objective` is a ratio below 1."""

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
        self.families: list[MetricWrapperBase] = []
        self._by_operation: list[MetricWrapperBase] = []
        self._series: dict[str, _RunSeries] = {}
        self._operations: dict[str, OperationSeries] = {}
        self._add_run_metrics()
        self._of_runs = tuple(self.families)
        self._add_operation_metrics()
        self._add_prober_metrics()
        self._by_phase = [(phase, self.phases.labels(phase)) for phase in PHASES]

    def _add_run_metrics(self) -> None:
        operation = ("operation",)
        self.runs = self._counter("whop_probe_runs", "Runs of a probe by outcome.", ("operation", "outcome"))
        self.duration = self._histogram("whop_probe_duration_seconds", "Duration of the probed request.", operation)
        self.phases = self._histogram(
            "whop_probe_phase_duration_seconds", "Duration of one phase of a request, all operations.", ("phase",)
        )
        self.responses = self._counter(
            "whop_probe_http_responses", "Responses by status class.", ("operation", "code_class")
        )
        self.violations = self._counter(
            "whop_probe_contract_violations", "Findings of all runs by drift class.", ("operation", "class")
        )
        self.findings = self._gauge(
            "whop_probe_findings",
            "Findings of the last run whose response could be checked.",
            ("operation", "severity"),
        )
        self.hitting_findings = self._gauge(
            "whop_probe_hitting_findings",
            "Those of whop_probe_findings that hit the user's code; needs a usage profile.",
            ("operation", "severity"),
        )
        self.success = self._gauge("whop_probe_success", "1 if the last run succeeded, else 0.", operation)
        self.last_run = self._gauge(
            "whop_probe_last_run_timestamp_seconds", "End of the last run, in Unix time.", operation
        )
        self.last_success = self._gauge(
            "whop_probe_last_success_timestamp_seconds", "End of the last successful run, in Unix time.", operation
        )

    def _add_operation_metrics(self) -> None:
        operation = ("operation",)
        self.interval = self._gauge(
            "whop_probe_interval_seconds", "Configured seconds from one run to the next.", operation
        )
        self.threshold = self._gauge(
            "whop_probe_latency_threshold_seconds", "Configured duration above which a request is slow.", operation
        )
        self.objective = self._gauge(
            "whop_probe_objective_ratio", "Configured share of runs that must succeed.", operation
        )
        self.maintenance = self._gauge(
            "whop_probe_maintenance", "1 if a maintenance window is active, else 0.", operation
        )
        self.info = self._gauge(
            "whop_probe_info", "The probed operation; always 1.", ("operation", "resource", "method", "path")
        )

    def _add_prober_metrics(self) -> None:
        self.throttled = self._counter(
            "whop_probe_throttled_seconds", "Seconds for which operations were paused after a 429."
        )
        self.contract_info = self._gauge(
            "whop_contract_info", "The contract in use; always 1.", ("version", "release", "sha256")
        )
        self.api_version_info = self._gauge(
            "whop_api_version_info",
            "The requested API version, and the one that responses name, or `rejected`; always 1.",
            ("asked", "seen"),
        )
        self.api_version_mismatch = self._gauge(
            "whop_api_version_mismatch",
            "1 if responses name another API version than the contract's, or reject it, else 0.",
        )
        self.ratelimit_limit = self._gauge(
            "whop_ratelimit_limit_requests", "Requests that may be sent at once when the budget is full."
        )
        self.ratelimit_remaining = self._gauge("whop_ratelimit_remaining_requests", "Requests left in the budget.")
        self.ratelimit_reset = self._gauge(
            "whop_ratelimit_reset_timestamp_seconds", "When the budget is full again, in Unix time."
        )
        self.lag = self._histogram(
            "whop_prober_schedule_lag_seconds", "Delay of a run's start behind its scheduled time."
        )
        self.missed = self._counter(
            "whop_prober_missed_runs", "Scheduled runs that could not start in time.", ("operation",)
        )
        self.failed_checks = self._counter(
            "whop_prober_failed_checks", "Checks that failed inside whopwatch with an error.", ("check",)
        )
        self.failed_exports = self._counter(
            "whop_prober_failed_exports", "Exports over OTLP that the collector did not accept.", ("signal",)
        )
        for signal in EXPORTED:
            self.failed_exports.labels(signal)
        self.inflight = self._gauge("whop_prober_inflight_probes", "Active runs.")
        self.reload_ok = self._gauge(
            "whop_prober_config_last_reload_successful", "1 if the last configuration read was valid, else 0."
        )
        self.reload_at = self._gauge(
            "whop_prober_config_last_reload_timestamp_seconds", "Last read of a valid configuration, in Unix time."
        )
        self.shards = self._gauge("whop_prober_shards", "Number of probers that share the operations.")
        self.shard_index = self._gauge("whop_prober_shard_index", "This prober's shard, counted from 0.")
        self.build_info = self._gauge(
            "whop_prober_build_info", "Version of whopwatch and of its contract; always 1.", ("version", "contract")
        )

    def set_operations(self, operations: Iterable[OperationSeries]) -> None:
        """Export series for `operations`, and remove those of all others."""
        wanted = {each.operation: each for each in operations}
        for operation in self._operations.keys() - wanted.keys():
            self._remove(self._operations[operation])
        for operation, each in wanted.items():
            known = self._operations.get(operation)
            if known and (known.resource, known.method, known.path) != (each.resource, each.method, each.path):
                self._remove(known)
            self._declare(each)
        self._operations = wanted

    def record_run(
        self,
        operation: str,
        outcome: ProbeOutcome,
        *,
        at: float,
        phases: Sequence[Phases],
        status: int | None,
        findings: Sequence[Finding] | None,
        exemplar: Mapping[str, str] | None = None,
    ) -> None:
        """Count one run that sent requests and ended at `at`. `phases` are those of its requests, the probed one last.

        `exemplar` are the labels of what the run adds, so that a series leads to the record of the run and its trace.

        `findings` is None if the response says nothing about the contract; the previous findings stay exported. A run
        that ends after a reload removed its operation is not counted.
        """
        if operation not in self._operations:
            return
        series = self._series.get(operation)
        if series is None:
            series = self._series[operation] = _RunSeries(self, operation)
        exemplar = dict(exemplar) if exemplar else None
        series.runs[outcome].inc(1, exemplar)
        series.duration.observe(phases[-1].total, exemplar)
        for request in phases:
            for name, histogram in self._by_phase:
                seconds = getattr(request, name)
                if seconds is not None:
                    histogram.observe(seconds, exemplar)
        if status is not None:
            series.responses[code_class(status)].inc(1, exemplar)
        if findings is not None:
            findings = [finding for finding in findings if finding.state not in INACTIVE]
            series.set_findings(findings)
            for finding in findings:
                self.violations.labels(operation, finding.drift_class).inc(1, exemplar)
        series.success.set(outcome is ProbeOutcome.SUCCESS)
        series.last_run.set(at)
        if outcome is ProbeOutcome.SUCCESS:
            series.last_success.set(at)

    def count_failed_export(self, signal: str) -> None:
        """Count an export of `signal` over OTLP that failed."""
        self.failed_exports.labels(signal.lower()).inc()

    def set_api_version(self, requested: str, seen: str | None, expected: str | None) -> None:
        """Export the requested API version and the one that responses name; None if they name none."""
        self.api_version_info.clear()
        self.api_version_info.labels(requested, seen or "unknown").set(1)
        self.api_version_mismatch.set(seen is not None and expected is not None and seen != expected)

    @property
    def single_run_registry(self) -> CollectorRegistry:
        """A registry with the metrics of a single run, without the prober's own state, which would read as zero."""
        registry = new_registry()
        for metric in (*self._of_runs, self.threshold, self.objective, self.info):
            registry.register(metric)
        return registry

    def set_without_id(self, operation: str, without_id: bool) -> None:
        """Remove the interval of an operation that has no id to request, so that it does not count as late."""
        each = self._operations.get(operation)
        if each and without_id:
            self.interval.remove(operation)
        elif each:
            self.interval.labels(operation).set(each.interval)

    def _declare(self, each: OperationSeries) -> None:
        """Start every counter at 0, so that its first increase is visible. Gauges of runs wait for the first run."""
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

    def _remove(self, each: OperationSeries) -> None:
        self._series.pop(each.operation, None)
        for metric in self._by_operation:
            metric.remove_by_labels({"operation": each.operation})

    def _counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:
        return self._register(Counter(name, help, labels, registry=self.registry), labels)

    def _gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
        return self._register(Gauge(name, help, labels, registry=self.registry), labels)

    def _histogram(self, name: str, help: str, labels: Sequence[str] = ()) -> Histogram:
        return self._register(Histogram(name, help, labels, buckets=BUCKETS, registry=self.registry), labels)

    def _register(self, metric: M, labels: Sequence[str]) -> M:
        self.families.append(metric)
        if "operation" in labels:
            self._by_operation.append(metric)
        return metric


class _RunSeries:
    """The series of one operation, looked up once because every run updates about a dozen of them.

    A gauge is exported from its first value on.
    """

    def __init__(self, metrics: ProbeMetrics, operation: str) -> None:
        self._metrics = metrics
        self._operation = operation
        self._counted: dict[Severity, int] | None = None
        self._is_weighed = False
        self.runs = {outcome: metrics.runs.labels(operation, outcome) for outcome in OUTCOMES}
        self.responses = {each: metrics.responses.labels(operation, each) for each in CODE_CLASSES}
        self.duration = metrics.duration.labels(operation)
        self.success = metrics.success.labels(operation)
        self.last_run = metrics.last_run.labels(operation)

    @cached_property
    def last_success(self) -> Gauge:
        return self._metrics.last_success.labels(self._operation)

    def set_findings(self, findings: Sequence[Finding]) -> None:
        """Export the findings of the last run whose response could be checked."""
        counted = dict(Tally(finding.severity for finding in findings)) if findings else {}
        if counted != self._counted:
            for severity in SEVERITIES:
                self._metrics.findings.labels(self._operation, severity).set(counted.get(severity, 0))
            self._counted = counted
        self._is_weighed = self._is_weighed or any(finding.impact for finding in findings)
        if self._is_weighed:
            hits = Tally(finding.severity for finding in findings if finding.impact is Impact.HITS)
            for severity in SEVERITIES_OF_HITS:
                self._metrics.hitting_findings.labels(self._operation, severity).set(hits[severity])


def new_registry() -> CollectorRegistry:
    """Return a registry without `_created` series, which would be a third of all series."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    return CollectorRegistry()
