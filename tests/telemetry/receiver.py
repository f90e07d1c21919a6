"""A receiver of OTLP over HTTP, made with the messages of the specification (opentelemetry-proto)."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.local_http import LocalHandler, running


class Receiver(ThreadingHTTPServer):
    """Keeps every request body by path. `status` is what it responds; the body `is_endless` if it never ends."""

    daemon_threads = True

    def __init__(self, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.is_endless = False
        self.bodies: dict[str, list[bytes]] = {"/v1/traces": [], "/v1/metrics": []}
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        """The value of OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def spans(self) -> list[Span]:
        """The spans received so far."""
        requests = map(ExportTraceServiceRequest.FromString, self.bodies["/v1/traces"])
        resources = [one for request in requests for one in request.resource_spans]
        return [span for one in resources for scope in one.scope_spans for span in scope.spans]

    @property
    def latest_metrics(self) -> dict[str, Metric]:
        """The metrics of the latest export, by name."""
        resources = ExportMetricsServiceRequest.FromString(self.bodies["/v1/metrics"][-1]).resource_metrics
        return {metric.name: metric for one in resources for scope in one.scope_metrics for metric in scope.metrics}


def attributes(of: Any) -> dict[str, Any]:
    """Return the attributes of a span, a point or an exemplar."""
    pairs = getattr(of, "filtered_attributes", None) or of.attributes
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


class _Handler(LocalHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.bodies[self.path].append(body)
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(10**12) if self.server.is_endless else "0")
        self.end_headers()
        with suppress(OSError):
            while self.server.is_endless:
                self.wfile.write(bytes(1 << 16))


@contextmanager
def receiving(status: int = 200) -> Iterator[Receiver]:
    """Run a receiver."""
    with running(Receiver(status)) as receiver:
        yield receiver
