"""The metrics of the MCP server. Labels are transports and drift classes, never a string from the server."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from whopwatch.core.finding import Finding

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
