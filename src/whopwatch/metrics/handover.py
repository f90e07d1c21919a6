"""Metrics of a run that ends, handed over to a Pushgateway."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, push_to_gateway, pushadd_to_gateway

from whopwatch.core.errors import UsageError

PUSH_SECONDS = 10.0


def push(registry: CollectorRegistry, url: str, job: str, grouping: Mapping[str, str], *, is_whole: bool) -> None:
    """Send the metrics of `job` to the Pushgateway at `url`.

    With `is_whole` they replace all that it has of this job, so that findings which are gone are gone there, too: it
    takes no notice of a metric without series. Otherwise they replace those of the same names. Raises UsageError where
    it does not take them.
    """
    send = push_to_gateway if is_whole else pushadd_to_gateway
    try:
        send(url, job, registry, grouping_key=dict(grouping), timeout=PUSH_SECONDS)
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
