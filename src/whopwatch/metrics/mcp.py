"""What is exported about the MCP server. Labels are transports and drift classes, never what the server says."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from whopwatch.core.finding import Finding

SECONDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of how long a round takes."""
BY_TRANSPORT = ("transport",)


class Round(StrEnum):
    """What one look at the server came to."""

    SUCCESS = "success"
    CONTRACT = "contract"
    """A tool, or its answer, breaks the contract."""
    REFUSED = "refused"
    """No session, or no list of tools."""
    SKIPPED = "skipped"
    """Nothing was sent: the budget had no room."""


class McpMetrics:
    """The metrics of the MCP server, registered in `registry`; a server that is not looked at has no series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.up = Gauge("whop_mcp_up", "Whether the server listed its tools.", BY_TRANSPORT, registry=registry)
        self.tools = Gauge("whop_mcp_tools", "Tools that the server listed last.", BY_TRANSPORT, registry=registry)
        self.findings = Gauge(
            "whop_mcp_findings",
            "Findings of the last round that break something.",
            (*BY_TRANSPORT, "class"),
            registry=registry,
        )
        self.rounds = Counter("whop_mcp_rounds", "Rounds by outcome.", (*BY_TRANSPORT, "outcome"), registry=registry)
        self.duration = Histogram(
            "whop_mcp_duration_seconds", "Duration of a round.", BY_TRANSPORT, buckets=SECONDS, registry=registry
        )
        self.last_round = Gauge(
            "whop_mcp_last_round_timestamp_seconds", "End of the last round.", BY_TRANSPORT, registry=registry
        )
        self._classes: set[str] = set()
        self.all: list[MetricWrapperBase] = [
            *(self.up, self.tools, self.findings, self.rounds, self.duration, self.last_round)
        ]

    def declare(self, transport: str) -> None:
        """Let the counter begin at 0, so that its first increase is seen."""
        for outcome in Round:
            self.rounds.labels(transport, outcome)

    def looked(self, transport: str, *, tools: int, findings: Sequence[Finding], seconds: float, at: float) -> None:
        """A round in which the server listed its tools."""
        counted = Tally(finding.drift_class for finding in findings if finding.breaks)
        self._classes |= counted.keys()
        for drift_class in self._classes:
            self.findings.labels(transport, drift_class).set(counted[drift_class])
        self.tools.labels(transport).set(tools)
        self._ended(transport, Round.CONTRACT if counted else Round.SUCCESS, seconds, at)

    def refused(self, transport: str, *, seconds: float, at: float) -> None:
        """A round in which it gave no session, or no list of tools. What was found before stands."""
        self._ended(transport, Round.REFUSED, seconds, at)

    def skipped(self, transport: str) -> None:
        """A round in which nothing was sent."""
        self.rounds.labels(transport, Round.SKIPPED).inc()

    def forget(self) -> None:
        """Export nothing any more: no server is looked at."""
        for metric in self.all:
            metric.clear()

    def _ended(self, transport: str, outcome: Round, seconds: float, at: float) -> None:
        self.rounds.labels(transport, outcome).inc()
        self.up.labels(transport).set(outcome is not Round.REFUSED)
        self.duration.labels(transport).observe(seconds)
        self.last_round.labels(transport).set(at)
