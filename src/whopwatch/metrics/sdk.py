"""The metrics of `whopwatch sdk`. Labels are a release, severities, drift classes and states."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from whopwatch.core.report import Report, State, Verdict
from whopwatch.metrics.drift import open_findings

SDK_JOB = "whopwatch-sdk"
BY_RELEASE = ("release",)


def sdk_metrics(report: Report, release: str, version: str, at: float) -> CollectorRegistry:
    """Return the metrics of a run with `release`, resolved to `version`, that ended `at` (Unix time).

    The label is the release as the user named it, so `sdk:newest` stays one series when a newer version appears. A run
    that could not check anything exports neither findings nor a success time.
    """
    registry = CollectorRegistry()
    info = Gauge(
        "whop_sdk_info", "The tested version of the release; always 1.", (*BY_RELEASE, "version"), registry=registry
    )
    info.labels(release, version).set(1)
    states = Gauge("whop_sdk_operations", "Operations by state.", (*BY_RELEASE, "state"), registry=registry)
    counts = report.count()
    for state in State:
        states.labels(release, str(state)).set(counts[state])
    _gauge("whop_sdk_requests", "Requests that the last run sent.", release, report.sent, registry)
    _gauge("whop_sdk_duration_seconds", "Duration of the last run.", release, report.seconds, registry)
    if report.verdict is Verdict.COULD_NOT_CHECK:
        return registry
    found = Gauge(
        "whop_sdk_findings", "Open findings of the last run.", (*BY_RELEASE, "severity", "class"), registry=registry
    )
    for (severity, drift_class), count in open_findings(report).items():
        found.labels(release, severity, drift_class).set(count)
    name = "whop_sdk_last_success_timestamp_seconds"
    _gauge(name, "End of the last run that could check the release, in Unix time.", release, at, registry)
    return registry


def _gauge(name: str, help: str, release: str, value: float, registry: CollectorRegistry) -> None:
    Gauge(name, help, BY_RELEASE, registry=registry).labels(release).set(value)
