"""What is exported about probes: every metric in one place, and a fast way to write them out."""

from __future__ import annotations

from whopwatch.metrics.exposition import CONTENT_TYPE, Exposition
from whopwatch.metrics.mcp import McpMetrics
from whopwatch.metrics.probes import OUTCOMES, Outcome, ProbeMetrics, Watched, new_registry

__all__ = ["CONTENT_TYPE", "OUTCOMES", "Exposition", "McpMetrics", "Outcome", "ProbeMetrics", "Watched", "new_registry"]
