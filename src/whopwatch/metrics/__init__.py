"""Every exported metric, and a fast writer of the Prometheus formats."""

from __future__ import annotations

from whopwatch.metrics.exposition import CONTENT_TYPE, OPENMETRICS_TYPE, Exposition, media_type_for
from whopwatch.metrics.probes import OUTCOMES, McpMetrics, OperationSeries, ProbeMetrics, ProbeOutcome, new_registry

__all__ = [
    "CONTENT_TYPE",
    "OPENMETRICS_TYPE",
    "OUTCOMES",
    "Exposition",
    "McpMetrics",
    "OperationSeries",
    "ProbeMetrics",
    "ProbeOutcome",
    "media_type_for",
    "new_registry",
]
