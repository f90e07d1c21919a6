"""What a nightly run exports: to a file that node_exporter reads, or to a Pushgateway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway, write_to_textfile

from whopwatch.errors import UsageError
from whopwatch.finding import Life, Report, State, Verdict

JOB = "whopwatch-drift"
PUSH_SECONDS = 10.0


def drift_metrics(report: Report, sha256: str, last_success: float | None) -> CollectorRegistry:
    """The metrics of one run. `last_success` is when a run last could check what it was about, in epoch seconds.

    A run that could not check anything says nothing about findings: what was pushed before stands then.
    """
    registry = CollectorRegistry()
    if report.verdict is not Verdict.COULD_NOT_CHECK:
        found = Gauge("whop_contract_drift_findings", "Open findings.", ("severity", "class"), registry=registry)
        for (severity, drift_class), count in _open(report).items():
            found.labels(severity, drift_class).set(count)
    states = Gauge(
        "whop_contract_drift_operations", "Operations by what is known of them.", ("state",), registry=registry
    )
    counts = report.count()
    for state in State:
        states.labels(str(state)).set(counts[state])
    _gauge("whop_contract_drift_requests", "Requests that the run sent.", report.sent, registry)
    _gauge("whop_contract_drift_duration_seconds", "How long the run took.", report.seconds, registry)
    info = Gauge("whop_contract_info", "The contract; always 1.", ("sha256",), registry=registry)
    info.labels(sha256).set(1)
    if last_success is not None:
        name = "whop_contract_drift_last_success_timestamp_seconds"
        _gauge(name, "When a run last could check what it was about.", last_success, registry)
    return registry


def write_textfile(registry: CollectorRegistry, path: Path) -> None:
    """Replace the file at `path` in one step. Raises UsageError where that cannot be done."""
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise UsageError("The metrics cannot be written.", where=str(path), got=error.strerror or "an error") from None


def push(registry: CollectorRegistry, url: str, grouping: Mapping[str, str]) -> None:
    """Send the metrics to the Pushgateway at `url`, where they replace those of the same names.

    Raises UsageError where it does not take them.
    """
    try:
        pushadd_to_gateway(url, JOB, registry, grouping_key=dict(grouping), timeout=PUSH_SECONDS)
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise UsageError(
            "The Pushgateway did not take the metrics.",
            where=url_shown(url),
            got=f"HTTP {error.code}" if isinstance(error, HTTPError) else "no answer of one",
            hint="see that it runs there; the run itself has ended, and its report is written",
        ) from None


def url_shown(url: str) -> str:
    """The address without what may be secret in it."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _open(report: Report) -> Counter[tuple[str, str]]:
    over = (Life.FIXED, Life.ACCEPTED)
    return Counter(
        (str(finding.severity), finding.drift_class) for finding in report.findings if finding.state not in over
    )


def _gauge(name: str, help: str, value: float, registry: CollectorRegistry) -> None:
    Gauge(name, help, registry=registry).set(value)
