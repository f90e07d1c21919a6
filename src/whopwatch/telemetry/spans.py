"""Traces: one span for a run, with a child span for each of its requests (semantic conventions for HTTP clients).

A span names documented operations and paths only. It has no key, no id, no query and no value of a response.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from whopwatch import __version__
from whopwatch.checks.evidence import INVALID_REQUESTS
from whopwatch.config import Target
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding
from whopwatch.core.redaction import redact
from whopwatch.telemetry import Attributes, TracedRun

SCOPE = "whopwatch"
MAX_EVENTS = 100
"""Findings that become events of a span; the SDK drops events beyond 128."""
EXPORT_SECONDS = 10.0
"""Time for one request to a collector, unless OTEL_EXPORTER_OTLP_TIMEOUT is set."""
BATCH = 512
"""Spans that are sent in one request."""
_REJECTION_EXPECTED = INVALID_REQUESTS | {Purpose.NO_KEY, Purpose.WRONG_KEY, Purpose.NO_SCOPE, Purpose.OTHER_BODY}
"""Purposes of requests that the API must refuse: a 4xx is no error of theirs."""

OnExport = Callable[[bool, str], None]
"""Called after each export with whether the collector took it and, if not, its address and the reason."""
_REASONS = (
    (requests.exceptions.InvalidURL, "not a valid URL"),
    (requests.exceptions.MissingSchema, "not a URL, expected http://HOST:PORT"),
    (requests.exceptions.InvalidSchema, "not an http or https URL"),
    (requests.exceptions.SSLError, "the TLS handshake failed"),
    (requests.exceptions.Timeout, "timed out"),
    (requests.exceptions.ConnectionError, "the connection failed"),
)


class HeadersOnly(requests.Session):
    """The connection to a collector. It reads no body, which may have no end, and takes a redirect for a failure.

    A response whose headers do not arrive in time is given up: requests limits the time of one read, not of all.
    """

    problem = ""
    _sending: threading.Thread | None = None

    def request(self, *arguments: Any, **named: Any) -> requests.Response:
        """Send a request and return its response without the body. Note in `problem` why it failed."""
        address = _address(str(named.get("url") or arguments[1]))
        try:
            send = partial(super().request, *arguments, **{**named, "stream": True, "allow_redirects": False})
            response = self._in_time(send, named.get("timeout") or EXPORT_SECONDS)
        except requests.RequestException as error:
            reason = next((words for kind, words in _REASONS if isinstance(error, kind)), "the request failed")
            self.problem = f"{address}: {reason}"
            raise
        self.problem = f"{address}: status {response.status_code}" if response.status_code >= 300 else ""
        response.close()
        response._content = b""
        if 300 <= response.status_code < 400:
            raise requests.RequestException("a redirect")
        return response

    def _in_time(self, send: Callable[[], requests.Response], seconds: float) -> requests.Response:
        """Return the response, or raise requests.Timeout. One request at once: a given up one still has its thread."""
        if self._sending and self._sending.is_alive():
            raise requests.Timeout("an earlier request has no response yet")
        outcome: SimpleQueue[requests.Response | Exception] = SimpleQueue()

        def run() -> None:
            try:
                outcome.put(send())
            except Exception as error:
                outcome.put(error)

        self._sending = threading.Thread(target=run, name="otlp-request", daemon=True)
        self._sending.start()
        try:
            result = outcome.get(timeout=seconds)
        except Empty:
            raise requests.Timeout("the headers did not arrive in time") from None
        if isinstance(result, Exception):
            raise result
        return result


class Tracer:
    """Turn runs at `target` into spans, and export them: at once, or in batches from a thread.

    The variable TRACEPARENT, which CI systems set, makes them part of another trace.
    """

    def __init__(self, contract: Contract, target: Target, resource: Resource, on_export: OnExport) -> None:
        self._contract, self._target = contract, target
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracer = self._provider.get_tracer(SCOPE, __version__)
        self._on_export = on_export
        self._parent = TraceContextTextMapPropagator().extract(
            {name: os.environ.get(name.upper(), "") for name in ("traceparent", "tracestate")}
        )

    def export_in_background(self) -> None:
        """Export the spans of all later runs from a thread."""
        self._provider.add_span_processor(BatchSpanProcessor(_Watched(self._on_export)))

    def export(self, runs: Iterable[TracedRun]) -> None:
        """Export `runs` now."""
        spans, session = InMemorySpanExporter(), HeadersOnly()
        exporter = OTLPSpanExporter(session=session)
        self._provider.add_span_processor(SimpleSpanProcessor(spans))
        for run in runs:
            self.record(run)
        made = spans.get_finished_spans()
        batches = [made[start : start + BATCH] for start in range(0, len(made), BATCH)]
        is_taken = all(exporter.export(batch) is SpanExportResult.SUCCESS for batch in batches)
        exporter.shutdown()  # type: ignore[no-untyped-call]
        if batches:
            self._on_export(is_taken, session.problem)

    def record(self, run: TracedRun) -> Mapping[str, str]:
        """Make the spans of `run`. Return the labels of an exemplar that leads to them, none if it is not sampled."""
        span = self._tracer.start_span(
            run.name, self._parent, attributes=_redacted(run.attributes), start_time=_nanoseconds(run.started_at)
        )
        if not span.is_recording():
            return {}
        context = set_span_in_context(span, self._parent)
        for exchange in run.exchanges:
            child = self._tracer.start_span(
                self._request_name(exchange),
                context,
                SpanKind.CLIENT,
                attributes=_redacted(self._request_attributes(exchange)),
                start_time=_nanoseconds(exchange.started_at),
            )
            if error := error_type(exchange):
                child.set_attribute("error.type", error)
                child.set_status(Status(StatusCode.ERROR))
            child.end(_nanoseconds(exchange.started_at + exchange.phases.total))
        end = _nanoseconds(run.started_at + run.seconds)
        _add_findings(span, run.findings, end)
        if run.error:
            span.set_status(Status(StatusCode.ERROR, redact(run.error)))
        span.end(end)
        ids = span.get_span_context()
        return {"trace_id": f"{ids.trace_id:032x}", "span_id": f"{ids.span_id:016x}"}

    def close(self) -> None:
        """Export what is left, and end the thread."""
        self._provider.shutdown()

    def _template(self, exchange: Exchange) -> str | None:
        operation = self._contract.operations.get(exchange.operation)
        if operation is None:
            return None
        base = self._target.v2_base_url if operation.api == "v2" else self._target.base_url
        return urlsplit(base).path + operation.path

    def _request_name(self, exchange: Exchange) -> str:
        return " ".join(filter(None, (exchange.method, self._template(exchange))))

    def _request_attributes(self, exchange: Exchange) -> Attributes:
        address = urlsplit(exchange.url)
        secure = address.scheme == "https"
        attributes: dict[str, str | int | float] = {
            "http.request.method": exchange.method,
            "server.address": address.hostname or "",
            "server.port": address.port or (443 if secure else 80),
            "whopwatch.operation": exchange.operation,
            "whopwatch.purpose": str(exchange.purpose),
        }
        if template := self._template(exchange):
            attributes["url.template"] = template
            # The convention requires the URL, with REDACTED in place of what must not be recorded.
            parts = ["REDACTED" if part.startswith("{") else part for part in template.split("/")]
            attributes["url.full"] = f"{address.scheme}://{address.netloc}{'/'.join(parts)}"
        if exchange.status is not None:
            attributes["http.response.status_code"] = exchange.status
        if exchange.attempt > 1:
            attributes["http.request.resend_count"] = exchange.attempt - 1
        return attributes


def error_type(exchange: Exchange) -> str | None:
    """Return what failed: a kind of failure, or the status unless the request had to be refused."""
    if exchange.failure:
        return exchange.failure.value
    status = exchange.status or 0
    if status >= 500 or (status >= 400 and exchange.purpose not in _REJECTION_EXPECTED):
        return str(status)
    return None


def resource(attributes: Attributes | None = None) -> Resource:
    """Return the resource of spans and metrics: `attributes`, overridden by the standard variables."""
    own = Resource({"service.name": "whopwatch", "service.version": __version__, **(attributes or {})})
    return Resource.create().merge(own).merge(OTELResourceDetector().detect())


class _Watched(SpanExporter):
    """Export over OTLP, and call `on_export` with the result."""

    def __init__(self, on_export: OnExport) -> None:
        self._session, self._on_export = HeadersOnly(), on_export
        self._exporter = OTLPSpanExporter(session=self._session)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export `spans`."""
        try:
            result = self._exporter.export(spans)
        except Exception as error:
            problem = f"the export failed inside whopwatch with an unexpected {type(error).__name__}"
            self._on_export(False, problem)
            return SpanExportResult.FAILURE
        self._on_export(result is SpanExportResult.SUCCESS, self._session.problem)
        return result

    def shutdown(self) -> None:
        """Close the exporter."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def _address(url: str) -> str:
    """Return a URL without user name, password and query, also if it has no scheme."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    # The password may have any character, so the last @ ends it.
    return redact(f"{scheme}{separator}{rest.rpartition('@')[2].partition('?')[0]}")[:100]


def _add_findings(span: Span, findings: Sequence[Finding], at: int) -> None:
    for finding in findings[:MAX_EVENTS]:
        attributes = {
            "whopwatch.class": finding.class_slug,
            "whopwatch.severity": str(finding.severity),
            "whopwatch.operation": finding.operation,
            "whopwatch.location": finding.location,
            "whopwatch.fingerprint": finding.fingerprint,
        }
        span.add_event("finding", _redacted(attributes), at)


def _redacted(attributes: Attributes) -> dict[str, str | int | float]:
    return {name: redact(value) if isinstance(value, str) else value for name, value in attributes.items()}


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
