"""Send the metrics of a finished run to a Pushgateway."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Gauge, push_to_gateway, pushadd_to_gateway

from whopwatch.core.errors import UsageError

PUSH_TIMEOUT = 10.0


def push_metrics(
    registry: CollectorRegistry, url: str, job: str, grouping: Mapping[str, str], *, replace_all: bool
) -> None:
    """Send the metrics of `job` to the Pushgateway at `url`.

    With `replace_all` they replace all metrics of the job, so that findings which are gone disappear there too.
    Otherwise they replace metrics of the same names only. Raises UsageError if the Pushgateway does not accept them.
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
