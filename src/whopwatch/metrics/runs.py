"""The metrics of runs that end (`whopwatch drift` and `whopwatch sdk`), and how a Pushgateway gets them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway, pushadd_to_gateway

from whopwatch.core.errors import UsageError
from whopwatch.core.finding import INACTIVE, Finding, Impact
from whopwatch.core.report import Report, State, Verdict

PUSH_TIMEOUT = 10.0


def push_metrics(
    registry: CollectorRegistry, url: str, job: str, grouping: Mapping[str, str], *, replace_all: bool
) -> None:
    """Send the metrics of `job` to the Pushgateway at `url`.

    With `replace_all` they replace all metrics of the job, so that findings which are gone disappear there too.
    Otherwise they replace metrics of the same names only. Raise UsageError if the Pushgateway does not accept them.
    """
    send = push_to_gateway if replace_all else pushadd_to_gateway
    try:
        send(url, job, registry, grouping_key=dict(grouping), timeout=PUSH_TIMEOUT)
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise UsageError(
            f"Cannot push metrics to {url_without_credentials(url)}: {_reason(error)}.",
            where="option --pushgateway",
            hint="check that a Pushgateway runs there; the run itself has finished and its report is written",
        ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"HTTP {error.code}"
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    if isinstance(cause, TimeoutError):
        return f"no response within {PUSH_TIMEOUT:.0f} s"
    return "the server does not respond as a Pushgateway does"


def push_success(registry: CollectorRegistry, job: str, grouping: Mapping[str, str]) -> Gauge:
    """Add the metric that says whether the push of `job` succeeded, with the value 1; set it to 0 if it did not."""
    name = "whop_metrics_push_success"
    help = "Whether the push to the Pushgateway succeeded; 0 is seen in --textfile."
    gauge = Gauge(name, help, ("push_job", *grouping), registry=registry).labels(job, *grouping.values())
    gauge.set(1)
    return gauge


def url_without_credentials(url: str) -> str:
    """Return scheme, host and port of `url`; user, path and query may be secret."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


DRIFT_JOB = "whopwatch-drift"
SDK_JOB = "whopwatch-sdk"
BY_RELEASE = ("release",)
HITTING, HITS = "{}_hitting_findings", "Open findings that hit the user's code; with --usage only."


def drift_metrics(
    report: Report, contract: Mapping[str, Any], last_success: float | None, *, weighed: bool = False
) -> CollectorRegistry:
    """Return the metrics of one nightly run.

    `contract` describes the contract (version, release, sha256), `last_success` is when a run last could check its
    operations, in Unix time. `weighed` says that a usage profile gave each finding its impact. A run that could not
    check anything exports no findings, so that those pushed before stay.
    """
    registry = CollectorRegistry()
    if report.verdict is not Verdict.COULD_NOT_CHECK:
        found = Gauge(
            "whop_contract_drift_findings", "Open findings of the last run.", ("severity", "class"), registry=registry
        )
        for (severity, drift_class), count in open_findings(report.findings).items():
            found.labels(severity, drift_class).set(count)
        if weighed:
            hitting = Gauge(HITTING.format("whop_contract_drift"), HITS, ("severity", "class"), registry=registry)
            for labels, count in open_findings(report.findings, only=Impact.HITS).items():
                hitting.labels(*labels).set(count)
    states = Gauge("whop_contract_drift_operations", "Operations by state.", ("state",), registry=registry)
    counts = report.count()
    for state in State:
        states.labels(str(state)).set(counts[state])
    of_targets = Gauge(
        "whop_contract_drift_target_operations",
        "Operations by target and state, for a run over several targets.",
        ("target", "state"),
        registry=registry,
    )
    for target in report.targets:
        for name, count in target.operations.items():
            of_targets.labels(target.name, name).set(count)
    incidents = len(report.extra.get("incidents", ()))
    _gauge("whop_contract_drift_incidents", "Incidents of the last run.", incidents, registry)
    _gauge("whop_contract_drift_requests", "Requests that the last run sent.", report.sent, registry)
    _gauge("whop_contract_drift_duration_seconds", "Duration of the last run.", report.seconds, registry)
    if report.memory and report.memory.checks_within_nights is not None:
        name = "whop_contract_drift_checks_within_nights"
        help = "Nights within which every check of every verified operation ran."
        _gauge(name, help, report.memory.checks_within_nights, registry)
    export_contracts([contract], registry)
    if last_success is not None:
        name = "whop_contract_drift_last_success_timestamp_seconds"
        _gauge(name, "Start of the last run that could check its operations, in Unix time.", last_success, registry)
    return registry


def export_contracts(contracts: Iterable[Mapping[str, Any]], registry: CollectorRegistry) -> None:
    """Export the version, release and digest of each contract, described as in the JSON report."""
    labels = ("version", "release", "sha256")
    info = Gauge("whop_contract_info", "The contract in use; always 1.", labels, registry=registry)
    for contract in contracts:
        info.labels(*(str(contract.get(label) or "") for label in labels)).set(1)


def open_findings(findings: Iterable[Finding], only: Impact | None = None) -> Counter[tuple[str, str]]:
    """Count the open findings by severity and drift class; those of one impact if it is named."""
    return Counter(
        (str(finding.severity), finding.drift_class)
        for finding in findings
        if finding.state not in INACTIVE and only in (None, finding.impact)
    )


def _gauge(name: str, help: str, value: float, registry: CollectorRegistry) -> None:
    Gauge(name, help, registry=registry).set(value)


def sdk_metrics(report: Report, release: str, version: str, at: float, *, weighed: bool = False) -> CollectorRegistry:
    """Return the metrics of a run with `release`, resolved to `version`, that ended `at` (Unix time).

    The label is the release as the user named it, so `sdk:newest` stays one series when a newer version appears. A run
    that could not check anything exports neither findings nor a success time. `weighed` is as for `drift_metrics`.
    """
    registry = CollectorRegistry()
    info = Gauge(
        "whop_sdk_info", "The tested version of the release; always 1.", (*BY_RELEASE, "version"), registry=registry
    )
    info.labels(release, version).set(1)
    export_contracts(filter(None, [report.extra.get("contract")]), registry)
    states = Gauge("whop_sdk_operations", "Operations by state.", (*BY_RELEASE, "state"), registry=registry)
    counts = report.count()
    for state in State:
        states.labels(release, str(state)).set(counts[state])
    _release_gauge("whop_sdk_requests", "Requests that the last run sent.", release, report.sent, registry)
    _release_gauge("whop_sdk_duration_seconds", "Duration of the last run.", release, report.seconds, registry)
    if report.verdict is Verdict.COULD_NOT_CHECK:
        return registry
    found = Gauge(
        "whop_sdk_findings", "Open findings of the last run.", (*BY_RELEASE, "severity", "class"), registry=registry
    )
    for (severity, drift_class), count in open_findings(report.findings).items():
        found.labels(release, severity, drift_class).set(count)
    if weighed:
        labels = (*BY_RELEASE, "severity", "class")
        hitting = Gauge(HITTING.format("whop_sdk"), HITS, labels, registry=registry)
        for (severity, drift_class), count in open_findings(report.findings, only=Impact.HITS).items():
            hitting.labels(release, severity, drift_class).set(count)
    name = "whop_sdk_last_success_timestamp_seconds"
    _release_gauge(name, "End of the last run that could check the release, in Unix time.", release, at, registry)
    return registry


def _release_gauge(name: str, help: str, release: str, value: float, registry: CollectorRegistry) -> None:
    Gauge(name, help, BY_RELEASE, registry=registry).labels(release).set(value)
