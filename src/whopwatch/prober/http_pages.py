"""The prober's pages: metrics, probes on request, history, health."""

from __future__ import annotations

import hmac
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import Any, Protocol

from prometheus_client import generate_latest

from whopwatch.checks.reproduce import request_of
from whopwatch.config import Secret
from whopwatch.core.errors import did_you_mean
from whopwatch.core.finding import FindingState, RequestExample
from whopwatch.core.redaction import redact
from whopwatch.core.wording import plural
from whopwatch.metrics import CONTENT_TYPE, Exposition, ProbeMetrics, ProbeOutcome, media_type_for, new_registry
from whopwatch.prober.client import OnDemandBudget
from whopwatch.prober.history import ProbeRun
from whopwatch.prober.http_server import Page, PageReply, PageRequest, text_page
from whopwatch.prober.probe_run import ProbeRunner, shows_contract
from whopwatch.prober.settings import Probe
from whopwatch.reports.curl import curl_command
from whopwatch.reports.text import class_page

MAX_HISTORY_RECORDS = 1000
JSON_TYPE = "application/json"
PROBE_TOKEN_VARIABLE = "WHOPWATCH_PROBE_TOKEN"  # noqa: S105 (its name)
SLOW_PAGES = ("/probe",)
MCP_TARGET = "mcp"
MCP_ON_SCHEDULE_ONLY = """target: the MCP server is checked on its schedule only (interval under [mcp] in \
probes.toml). Its results are at /metrics, as whop_mcp_*.
"""
PAGES = (
    ("/metrics", "metrics for Prometheus"),
    ("/probe?target=OP", "run one probe now, result as metrics"),
    ("/probe?target=OP&debug=true", "run one probe now, result explained"),
    ("/history?failed=true", "records of past runs (operation=OP, run=ID of an exemplar, limit=N)"),
    ("/healthz", "liveness"),
    ("/readyz", "readiness"),
)
HTML_TYPE = "text/html; charset=utf-8"
MAX_LINKED = 500
"""Probes that the index links."""
INDEX_STYLE = """:root { color-scheme: light dark; }
body { max-width: 960px; margin: 24px auto; padding: 0 20px; font: 15px/1.5 system-ui, sans-serif; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 3px 12px 3px 0; text-align: left; border-bottom: 1px solid #8884; }
a { color: light-dark(#1c62b9, #7db4f5); } .failed { color: light-dark(#c9252d, #f0616a); }"""


def json_page(content: object) -> PageReply:
    """Return a page of JSON."""
    return PageReply(200, JSON_TYPE, [redact(json.dumps(content, indent=1)).encode(), b"\n"])


class ProberView(Protocol):
    """The part of the running prober that pages show."""

    exposition: Exposition
    runner: ProbeRunner
    on_demand: OnDemandBudget
    probe_token: Secret | None

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
        "/": lambda _: _index_page(view),
        "/metrics": lambda request: _metrics_page(view, request.accept),
        "/probe": lambda request: _probe_page(view, request),
        "/history": lambda request: _history_page(view, request.query),
        "/healthz": _health_page(lambda: view.is_alive),
        "/readyz": _health_page(lambda: view.is_ready),
    }


def _index_page(view: ProberView) -> PageReply:
    """Return an HTML page with the last run of every probe, failures first, and a link to every page."""
    last = view.runner.history.latest()
    probes = sorted(view.probes, key=lambda id: (id not in last or not _has_failed(last[id]), id))
    counts = Counter(str(last[id].outcome) if id in last else "not run yet" for id in probes)
    rows = "".join(_index_row(id, last.get(id)) for id in probes[:MAX_LINKED])
    rest = f"<p>and {len(probes) - MAX_LINKED} more</p>" if len(probes) > MAX_LINKED else ""
    links = "".join(f'<li><a href="{escape(path)}">{escape(path)}</a> {words}</li>' for path, words in PAGES)
    body = (
        f"<h1>whopwatch prober</h1><p>{plural(len(probes), 'probe')}, last run of each: "
        f"{', '.join(f'{count} {outcome}' for outcome, count in counts.most_common())}</p>"
        "<table><tr><th>operation<th>last run<th>ended (UTC)<th>seconds<th>findings<th>probe</tr>"
        f"{rows}</table>{rest}<h2>Pages</h2><ul>{links}</ul>"
    )
    head = f'<meta charset="utf-8"><title>whopwatch prober</title><style>{INDEX_STYLE}</style>'
    return PageReply(200, HTML_TYPE, [f'<!DOCTYPE html><html lang="en">{head}{body}</html>'.encode()])


def _has_failed(run: ProbeRun) -> bool:
    return run.outcome not in (ProbeOutcome.SUCCESS, ProbeOutcome.SKIPPED)


def _index_row(id: str, run: ProbeRun | None) -> str:
    """Return the row of one probe: its last run, the link to its records, and the link that probes now."""
    cells = ["not run yet", "", "", ""]
    if run is not None:
        outcome = f'<b class="failed">{run.outcome}</b>' if _has_failed(run) else str(run.outcome)
        ended = datetime.fromtimestamp(run.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        cells = [outcome, ended, f"{run.seconds:.3f}", str(len(run.findings))]
    name = escape(id)
    now = f'<a href="/probe?target={name}&amp;debug=true">probe now</a>'
    records = f'<a href="/history?operation={name}">{name}</a>'
    return f"<tr>{''.join(f'<td>{cell}' for cell in (records, *cells, now))}</tr>"


def _metrics_page(view: ProberView, accept: str) -> PageReply:
    view.refresh()
    media_type = media_type_for(accept)
    return PageReply(200, media_type, view.exposition.render(media_type), (("Vary", "Accept, Accept-Encoding"),))


def _health_page(is_ok: Callable[[], bool]) -> Page:
    return lambda _: text_page("ok\n") if is_ok() else text_page("no\n", 503)


def _history_page(view: ProberView, query: Mapping[str, str]) -> PageReply:
    limit = query.get("limit", "100")
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 6):
        return text_page("limit: expected an integer\n", 400)
    operation = query.get("operation")
    records = view.runner.history.newest(
        operation=operation,
        run_id=query.get("run"),
        failed=_is_true(query.get("failed", "")),
        limit=min(int(limit), MAX_HISTORY_RECORDS),
    )
    if operation is not None and not records and operation not in view.probes:
        return _no_probe(view, "operation", operation)
    return json_page({"records": [record.to_json() for record in records]})


def _is_true(value: str) -> bool:
    return value.lower() in ("1", "true")


def _probe_page(view: ProberView, request: PageRequest) -> PageReply:
    refusal = _access_refusal(view.probe_token, request)
    if refusal:
        return refusal
    query = request.query
    name = query.get("target", "")
    if not name:
        return text_page("target: this parameter is required; expected an operation: /probe?target=OP\n", 400)
    if name == MCP_TARGET:
        return text_page(MCP_ON_SCHEDULE_ONLY, 404)
    probe = view.probes.get(name)
    if probe is None:
        return _no_probe(view, "target", name)
    wait = view.on_demand.seconds_until_free()
    if wait > 0:
        seconds = str(ceil(wait))
        text = f"The budget for probes on request is spent; try again in {seconds} s (budget.on_demand_per_minute).\n"
        return text_page(text, 429, (("Retry-After", seconds),))
    run = view.runner.observe(probe, view.on_demand)
    if _is_true(query.get("debug", "")):
        requests = [request_of(view.runner.contract, exchange) for exchange in run.exchanges]
        version = view.runner.requested_version or ""
        return text_page(explain_run(probe, view.runner.record(run).to_json(), requests, version))
    return PageReply(200, CONTENT_TYPE, [_run_metrics(probe, run)])


def _no_probe(view: ProberView, parameter: str, name: str) -> PageReply:
    hint = did_you_mean(name, view.probes) or "/ and probes.toml name the probed operations"
    return text_page(f"{parameter}: this prober has no probe of that operation; {hint}\n", 404)


def _access_refusal(token: Secret | None, request: PageRequest) -> PageReply | None:
    """Return the refusal of a request for a probe: it needs the token or, without one, a local client."""
    if token is None:
        if _is_local(request.client):
            return None
        return text_page(f"Probes on request are for local clients. Set {PROBE_TOKEN_VARIABLE} to allow others.\n", 403)
    if hmac.compare_digest(request.authorization.encode(), f"Bearer {token.reveal()}".encode()):
        return None
    text = f"Send the token of {PROBE_TOKEN_VARIABLE}: Authorization: Bearer TOKEN\n"
    return text_page(text, 401, (("WWW-Authenticate", "Bearer"),))


def _is_local(client: str) -> bool:
    address = ip_address(client.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


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


def explain_run(probe: Probe, record: Mapping[str, Any], requests: Sequence[RequestExample], version: str) -> str:
    """Return the record of a run (see RunRecord.to_json) as text, without any value, id or key.

    `requests` are those of the run, `version` is the API version that they name, empty for the key's own.
    """
    return "\n".join([*_run_lines(probe, record, requests, version), ""])


def _run_lines(
    probe: Probe, record: Mapping[str, Any], requests: Sequence[RequestExample], version: str
) -> Iterator[str]:
    operation, options = probe.operation, probe.options
    yield f"{operation.id}: {operation.method} {operation.shown_path}"
    yield f"outcome: {record['outcome']} after {record['seconds']:.3f} s (timeout {options.timeout:g} s)"
    if record["reason"]:
        yield f"reason: {record['reason']}"
    for number, (request, example) in enumerate(zip(record["requests"], requests, strict=True), start=1):
        yield ""
        yield from _request_lines(number, request)
        if example.id:
            yield f"  request id: {example.id}"
        yield f"  repeat: {curl_command(example, version=version)}"
    yield ""
    if not record["findings"]:
        yield "findings: none" if record["requests"] else "findings: none, because no request was sent"
    for finding in record["findings"]:
        yield f"finding {finding['fingerprint']} ({finding['class']}, {finding['severity']}): {finding['message']}"
        yield f"  at {finding['location'] or 'the body'}: expected {finding['expected']}, got {finding['observed']}"
        yield f"  see {class_page(finding['class'])}"
        if finding.get("state") == FindingState.ACCEPTED:
            yield f"  accepted: {finding['accepted']}"


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
