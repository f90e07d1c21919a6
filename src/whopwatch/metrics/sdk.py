"""What a run of `whopwatch sdk` exports. Labels are a release, severities, classes and states."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from whopwatch.core.report import Report, State, Verdict
from whopwatch.metrics.drift import open_findings

JOB = "whopwatch-sdk"
RELEASE = ("release",)


def sdk_metrics(report: Report, release: str, version: str, at: float) -> CollectorRegistry:
    """The metrics of a survey through `release`, of this `version`, that ended `at` (epoch seconds).

    The label is the release as it was asked for: `sdk:newest` stays one series when a newer version comes, and leaves
    none behind of the version before. A survey that could not check anything says nothing about findings, and is no
    success.
    """
    registry = CollectorRegistry()
    info = Gauge("whop_sdk_info", "1, with the version that was driven.", (*RELEASE, "version"), registry=registry)
    info.labels(release, version).set(1)
    states = Gauge("whop_sdk_operations", "Operations by what is known.", (*RELEASE, "state"), registry=registry)
    counts = report.count()
    for state in State:
        states.labels(release, str(state)).set(counts[state])
    _gauge("whop_sdk_requests", "Requests that the run sent.", release, report.sent, registry)
    _gauge("whop_sdk_duration_seconds", "How long the run took.", release, report.seconds, registry)
    if report.verdict is Verdict.COULD_NOT_CHECK:
        return registry
    found = Gauge("whop_sdk_findings", "Findings.", (*RELEASE, "severity", "class"), registry=registry)
    for (severity, drift_class), count in open_findings(report).items():
        found.labels(release, severity, drift_class).set(count)
    name = "whop_sdk_last_success_timestamp_seconds"
    _gauge(name, "When a run last could check what the release reads.", release, at, registry)
    return registry


def _gauge(name: str, help: str, release: str, value: float, registry: CollectorRegistry) -> None:
    Gauge(name, help, RELEASE, registry=registry).labels(release).set(value)
