"""The prober's own HTTP server: metrics, probes on request, history, health."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

from prometheus_client import generate_latest

from whopwatch import __version__
from whopwatch.core.errors import UsageError, did_you_mean
from whopwatch.metrics import CONTENT_TYPE, Exposition, ProbeMetrics, ProbeOutcome, new_registry
from whopwatch.prober.history import ProbeRun
from whopwatch.prober.probe_run import ProbeRunner, shows_contract
from whopwatch.prober.settings import Probe

MAX_CONNECTIONS = 16
IDLE_SECONDS = 10.0
MAX_HISTORY_RECORDS = 1000
TEXT_TYPE = "text/plain; charset=utf-8"
JSON_TYPE = "application/json"
MCP_TARGET = "mcp"
MCP_ON_SCHEDULE_ONLY = """target: the MCP server is checked on its schedule only (interval under [mcp] in \
probes.toml). Its results are at /metrics, as whop_mcp_*.
"""
INDEX = """whopwatch prober

/metrics                         metrics for Prometheus
/probe?target=OP                 run one probe now, result as metrics
/probe?target=OP&debug=true      run one probe now, result explained
/history?failed=true             records of past runs (operation=OP, limit=N)
/healthz, /readyz                liveness, readiness
"""


class PageReply(NamedTuple):
    """The response of a page."""

    status: int
    media_type: str
    parts: Sequence[bytes]


Query = Mapping[str, str]
Page = Callable[[Query], PageReply]
"""Serves one path. The query holds the first value of each parameter of the request."""


def text_page(content: str, status: int = 200) -> PageReply:
    """Return a page of plain text."""
    return PageReply(status, TEXT_TYPE, [content.encode()])


def json_page(content: object, status: int = 200) -> PageReply:
    """Return a page of JSON."""
    return PageReply(status, JSON_TYPE, [json.dumps(content, indent=1).encode(), b"\n"])


class PageServer(ThreadingHTTPServer):
    """Serve `pages` by path at `address`: GET and HEAD only, with a bounded number of connections.

    Raises UsageError if it cannot listen at the address.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], pages: Mapping[str, Page]) -> None:
        self.pages = pages
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._free_connections = threading.BoundedSemaphore(MAX_CONNECTIONS)
        try:
            super().__init__(address, _RequestHandler)
        except OSError as error:
            raise UsageError(
                "The prober cannot listen at this address.",
                where=f"option --listen, {address[0]}:{address[1]}",
                got=error.strerror or "an address that does not resolve",
                hint="choose another HOST:PORT; port 0 takes a free one",
            ) from None

    def start(self) -> None:
        """Serve from a thread of its own."""
        threading.Thread(target=self.serve_forever, args=(0.2,), daemon=True, name="server").start()

    def stop(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

    def process_request(self, request: object, client_address: object) -> None:
        """Handle the request in a thread, or close the connection if there are too many of them."""
        if self._free_connections.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        """Handle the request and release its place."""
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._free_connections.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that closed its connection early."""


class _RequestHandler(BaseHTTPRequestHandler):
    timeout = IDLE_SECONDS
    server: PageServer
    server_version = f"whopwatch/{__version__}"
    sys_version = ""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        page = self.server.pages.get(url.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        reply = page(query) if page else text_page("Unknown page. See / for the list.\n", 404)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.media_type)
        self.send_header("Content-Length", str(sum(map(len, reply.parts))))
        self.end_headers()
        if self.command != "HEAD":
            for part in reply.parts:
                self.wfile.write(part)

    do_HEAD = do_GET  # noqa: N815 (the name that http.server looks for)

    def log_message(self, format: str, *args: object) -> None:
        """Log no requests."""


class ProberView(Protocol):
    """The part of the running prober that pages show."""

    exposition: Exposition
    runner: ProbeRunner

    @property
    def probes(self) -> Mapping[str, Probe]:
        """The probes by operation."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler is running."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether the scheduler is running and not about to stop."""
        ...

    def refresh(self) -> None:
        """Update the metrics that change with time alone."""
        ...


def build_pages(view: ProberView) -> Mapping[str, Page]:
    """Return every page by its path."""
    return {
        "/": lambda _: text_page(INDEX),
        "/metrics": lambda _: _metrics_page(view),
        "/probe": lambda query: _probe_page(view, query),
        "/history": lambda query: _history_page(view, query),
        "/healthz": _health_page(lambda: view.is_alive),
        "/readyz": _health_page(lambda: view.is_ready),
    }


def _metrics_page(view: ProberView) -> PageReply:
    view.refresh()
    return PageReply(200, CONTENT_TYPE, view.exposition.render())


def _health_page(is_ok: Callable[[], bool]) -> Page:
    return lambda _: text_page("ok\n") if is_ok() else text_page("no\n", 503)


def _history_page(view: ProberView, query: Query) -> PageReply:
    limit = query.get("limit", "100")
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 6):
        return text_page("limit: expected an integer\n", 400)
    records = view.runner.history.newest(
        operation=query.get("operation"),
        failed=_is_true(query.get("failed", "")),
        limit=min(int(limit), MAX_HISTORY_RECORDS),
    )
    return json_page({"records": [record.to_json() for record in records]})


def _is_true(value: str) -> bool:
    return value.lower() in ("1", "true")


def _probe_page(view: ProberView, query: Query) -> PageReply:
    name = query.get("target", "")
    if name == MCP_TARGET:
        return text_page(MCP_ON_SCHEDULE_ONLY, 404)
    probe = view.probes.get(name)
    if probe is None:
        hint = did_you_mean(name, view.probes) or "/history and probes.toml name the probed operations"
        return text_page(f"target: this prober has no probe of that operation; {hint}\n", 404)
    run = view.runner.observe(probe)
    if _is_true(query.get("debug", "")):
        return text_page(explain_run(probe, view.runner.record(run).to_json()))
    return PageReply(200, CONTENT_TYPE, [_run_metrics(probe, run)])


def _run_metrics(probe: Probe, run: ProbeRun) -> bytes:
    """Return the metrics of one run only, under their usual names."""
    metrics = ProbeMetrics(new_registry())
    metrics.set_operations([probe.series])
    if run.outcome is ProbeOutcome.SKIPPED:
        metrics.runs.labels(probe.id, run.outcome).inc()
        metrics.success.labels(probe.id).set(0)
    else:
        last = run.exchanges[-1]
        metrics.record_run(
            probe.id,
            run.outcome,
            at=run.at,
            phases=[exchange.phases for exchange in run.exchanges],
            status=last.status,
            findings=run.findings if shows_contract(last) else None,
        )
    return generate_latest(metrics.single_run_registry)


def explain_run(probe: Probe, record: Mapping[str, Any]) -> str:
    """Return the record of a run (see RunRecord.to_json) as text, without any value, id or key."""
    return "\n".join([*_run_lines(probe, record), ""])


def _run_lines(probe: Probe, record: Mapping[str, Any]) -> Iterator[str]:
    operation, options = probe.operation, probe.options
    yield f"{operation.id}: {operation.method} {operation.shown_path}"
    yield f"outcome: {record['outcome']} after {record['seconds']:.3f} s (timeout {options.timeout:g} s)"
    if record["reason"]:
        yield f"reason: {record['reason']}"
    for number, request in enumerate(record["requests"], start=1):
        yield ""
        yield from _request_lines(number, request)
    yield ""
    if not record["findings"]:
        yield "findings: none" if record["requests"] else "findings: none, because no request was sent"
    for finding in record["findings"]:
        yield f"finding {finding['fingerprint']} ({finding['class']}, {finding['severity']}): {finding['message']}"
        yield f"  at {finding['location'] or 'the body'}: expected {finding['expected']}, got {finding['observed']}"


def _request_lines(number: int, request: Mapping[str, Any]) -> Iterator[str]:
    query = f"?{'&'.join(f'{name}=...' for name in request['query'])}" if request["query"] else ""
    yield f"request {number}: GET {request['path']}{query} ({request['operation']})"
    if request["failure"]:
        yield f"  no response: {request['failure']}"
    else:
        yield f"  status {request['status']}, {request['media_type'] or 'no media type'}, {request['body_bytes']} bytes"
        yield f"  headers: {', '.join(request['headers'])}"
    phases = ((name, seconds) for name, seconds in request["phases"].items() if seconds is not None)
    yield f"  {', '.join(f'{name} {seconds * 1000:.1f} ms' for name, seconds in phases)}"
