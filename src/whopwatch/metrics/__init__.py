"""Every exported metric, and a fast writer of the Prometheus text format."""

from __future__ import annotations

from whopwatch.metrics.exposition import CONTENT_TYPE, Exposition
from whopwatch.metrics.mcp import McpMetrics
from whopwatch.metrics.probes import OUTCOMES, OperationSeries, ProbeMetrics, ProbeOutcome, new_registry

__all__ = [
    "CONTENT_TYPE",
    "OUTCOMES",
    "Exposition",
    "McpMetrics",
    "OperationSeries",
    "ProbeMetrics",
    "ProbeOutcome",
    "new_registry",
]
