"""What the prober answers at each path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from prometheus_client import generate_latest

from whopwatch.core.errors import did_you_mean
from whopwatch.metrics import CONTENT_TYPE, Exposition, Outcome, ProbeMetrics, new_registry
from whopwatch.prober.explain import explain
from whopwatch.prober.listing import Probe
from whopwatch.prober.outcome import tells_of_contract
from whopwatch.prober.prober import Prober
from whopwatch.prober.records import Run
from whopwatch.prober.server import Page, Query, Reply, as_json, text

MOST_RECORDS = 1000
MCP = "mcp"
ON_SCHEDULE = """target: an MCP server is looked at on its schedule only, the interval under [mcp] in probes.toml; \
what is seen of it is at /metrics, as whop_mcp_*
"""
INDEX = """whopwatch prober

/metrics                         for Prometheus
/probe?target=OP                 one probe, now, as metrics
/probe?target=OP&debug=true      one probe, now, explained
/history?failed=true             records of past runs (operation=OP, limit=N)
/healthz, /readyz                liveness, readiness
"""


class Watch(Protocol):
    """The running prober, as far as pages show it."""

    exposition: Exposition
    prober: Prober

    @property
    def probes(self) -> Mapping[str, Probe]:
        """The probes by operation."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether the schedule is being worked off."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether it is alive and not about to end."""
        ...

    def refresh(self) -> None:
        """Bring those metrics up to date that change by time alone."""
        ...


def pages_of(watch: Watch) -> Mapping[str, Page]:
    """Every page by its path."""
    return {
        "/": lambda _: text(INDEX),
        "/metrics": lambda _: _metrics(watch),
        "/probe": lambda query: _probe(watch, query),
        "/history": lambda query: _history(watch, query),
        "/healthz": _health(lambda: watch.is_alive),
        "/readyz": _health(lambda: watch.is_ready),
    }


def _metrics(watch: Watch) -> Reply:
    watch.refresh()
    return Reply(200, CONTENT_TYPE, watch.exposition.render())


def _health(holds: Callable[[], bool]) -> Page:
    return lambda _: text("ok\n") if holds() else text("no\n", 503)


def _history(watch: Watch, query: Query) -> Reply:
    limit = query.get("limit", "100")
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 6):
        return text("limit: expected a whole number\n", 400)
    records = watch.prober.history.newest(
        operation=query.get("operation"),
        failed=query.get("failed", "").lower() in ("1", "true"),
        limit=min(int(limit), MOST_RECORDS),
    )
    return as_json({"records": [record.told() for record in records]})


def _probe(watch: Watch, query: Query) -> Reply:
    name = query.get("target", "")
    if name == MCP:
        return text(ON_SCHEDULE, 404)
    probe = watch.probes.get(name)
    if probe is None:
        hint = did_you_mean(name, watch.probes) or "/history and probes.toml name what is probed"
        return text(f"target: no operation of that name is probed here; {hint}\n", 404)
    run = watch.prober.look(probe)
    if query.get("debug", "").lower() in ("1", "true"):
        return text(explain(probe, watch.prober.record(run).told()))
    return Reply(200, CONTENT_TYPE, [_as_metrics(probe, run)])


def _as_metrics(probe: Probe, run: Run) -> bytes:
    """The metrics of one run alone, by their usual names."""
    metrics = ProbeMetrics(new_registry())
    metrics.watch([probe.watched])
    if run.outcome is Outcome.SKIPPED:
        metrics.runs.labels(probe.id, run.outcome).inc()
        metrics.success.labels(probe.id).set(0)
    else:
        last = run.exchanges[-1]
        metrics.ran(
            probe.id,
            run.outcome,
            at=run.at,
            phases=[exchange.phases for exchange in run.exchanges],
            status=last.status,
            findings=run.findings if tells_of_contract(last) else None,
        )
    return generate_latest(metrics.of_one_run)
