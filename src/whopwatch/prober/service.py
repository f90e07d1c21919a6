"""The running prober: configuration, schedule, metrics and HTTP server."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from prometheus_client import ProcessCollector
from prometheus_client.metrics_core import Metric

from whopwatch import __version__
from whopwatch.config import Secret, Target
from whopwatch.config.shard import Shard
from whopwatch.contract import Contract
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.errors import ConfigError
from whopwatch.metrics import Exposition, McpMetrics, ProbeMetrics, new_registry
from whopwatch.prober.client import OnDemandBudget, ProbeClient, RequestBudget
from whopwatch.prober.footprint import TRIM_SECONDS, freeze_startup_objects, trim_heap
from whopwatch.prober.history import RunHistory
from whopwatch.prober.http_pages import SLOW_PAGES, build_pages
from whopwatch.prober.http_server import PageServer
from whopwatch.prober.mcp import McpCheck, McpChecker, mcp_url
from whopwatch.prober.probe_requests import RecentIds, resources_needed
from whopwatch.prober.probe_run import AcceptedEntries, ProbeRunner, Weigh
from whopwatch.prober.schedule import Scheduler
from whopwatch.prober.settings import Probe, ProberSettings, read_settings, select_probes
from whopwatch.telemetry import Signal, TracedRun

SWITCH_SECONDS = 0.0005
"""How long a thread may hold the interpreter lock. Bounds what a scrape adds to the latency of a probe."""
_LOG = logging.getLogger("whopwatch.prober")


class Telemetry(Protocol):
    """Exports traces and metrics (see telemetry.prober)."""

    def start(self, collect: Callable[[], Iterable[Metric]], count_failure: Callable[[Signal], None]) -> None:
        """Start to export. `collect` returns the metrics, `count_failure` takes the signal of each failed export."""
        ...

    def record(self, run: TracedRun) -> Mapping[str, str]:
        """Make the spans of `run`. Return the labels of an exemplar that leads to them."""
        ...

    def stop(self) -> None:
        """Export what is left, and stop."""
        ...


class ProberService:
    """A prober of `target`, configured by the file `config`, for one `shard` of its operations.

    `check_mcp` checks an MCP server; only the first shard does so, and without it none. `probe_token` is what clients
    must send for a probe on request; without it only local clients may request one. `accepted` returns the accepted
    findings, which fail no run and count in no metric. `weigh` returns a finding with its impact. `telemetry` exports
    traces and metrics in the background.
    Raise ConfigError for an invalid file.
    """

    def __init__(
        self,
        contract: Contract,
        target: Target,
        config: Path,
        shard: Shard = Shard(),  # noqa: B008 (immutable)
        *,
        check_mcp: McpCheck | None = None,
        probe_token: Secret | None = None,
        accepted: AcceptedEntries = tuple,
        weigh: Weigh | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._contract = contract
        self._target = target
        self._config = config
        self._shard = shard
        self._accepted = accepted
        self._weigh = weigh
        self._settings, probes = self._read_config()
        self.metrics = ProbeMetrics(new_registry())
        mcp = McpMetrics(self.metrics.registry)
        self._process = ProcessCollector(registry=None)
        self.exposition = Exposition([*self.metrics.families, *mcp.families], [self._process])
        self._client = ProbeClient(target, contract, fresh=self._settings.fresh_connections)
        self._budget = RequestBudget(self._requests_per_minute(self._settings), time.monotonic)
        self.on_demand = OnDemandBudget(self._settings.on_demand_per_minute, self._budget, time.monotonic)
        self.probe_token = probe_token
        self._mcp = McpChecker(check_mcp, self._budget, mcp) if check_mcp and shard.index == 0 else None
        self._history = RunHistory()
        self._telemetry = telemetry
        self.runner = self._runner_for(probes)
        self.scheduler = Scheduler(self.runner, self.metrics, probes, workers=self._settings.workers)
        self._in_maintenance: dict[str, bool] = {}
        self._trimmed_at = time.time()
        self._export_constants(probes)

    @property
    def probes(self) -> Mapping[str, Probe]:
        """The probes of this shard by operation."""
        return self.scheduler.probes

    @property
    def is_alive(self) -> bool:
        """Whether the scheduler is running."""
        return self.scheduler.is_alive

    @property
    def is_ready(self) -> bool:
        """Whether the scheduler is running and not about to stop."""
        return self.is_alive and not self.scheduler.is_stopping

    def start(self, address: tuple[str, int]) -> PageServer:
        """Start to serve at `address` and to probe. Raise UsageError if it cannot listen there."""
        server = PageServer(address, build_pages(self), SLOW_PAGES)
        self.warm_up()
        if self._telemetry:
            self._telemetry.start(self._refreshed_metrics, self.metrics.count_failed_export)
        server.start()
        self.scheduler.start()
        if self._mcp:
            self._mcp.configure(mcp_url(self._settings.mcp, self._target), self._settings.mcp)
            self._mcp.start()
        return server

    def warm_up(self) -> None:
        """Create what the first runs and the first scrape would otherwise have to create."""
        schemas = schemas_of(self._contract)
        for probe in self.probes.values():
            schemas.of(probe.operation).prepare()
            for response in probe.operation.responses.values():
                if response.schema is not None and response.status < 300:
                    self._contract.validator(response.pointer, probe.operation.api).prepare()
        self.exposition.render()
        freeze_startup_objects()
        sys.setswitchinterval(SWITCH_SECONDS)

    def stop(self) -> None:
        """Start no further runs, and return when the active ones have ended."""
        self.scheduler.stop()
        if self._mcp:
            self._mcp.stop()
        self.scheduler.join()
        if self._telemetry:
            self._telemetry.stop()
        self._client.close()

    def reload(self) -> bool:
        """Read the configuration again. If it is invalid, log that and keep the old one. Never raises."""
        try:
            settings, probes = self._read_config()
        except ConfigError as error:
            self.metrics.reload_ok.set(0)
            _LOG.error("The new configuration is invalid. The old one stays in use.\n%s", error)
            return False
        self._settings = settings
        self._budget.change_rate(self._requests_per_minute(settings))
        self.on_demand.change_rate(settings.on_demand_per_minute)
        self.runner = self._runner_for(probes)
        self.metrics.set_operations(probe.series for probe in probes)
        self._in_maintenance.clear()
        self.scheduler.replace(self.runner, probes)
        if self._mcp:
            self._mcp.configure(mcp_url(settings.mcp, self._target), settings.mcp)
        self._note_loaded()
        return True

    def refresh(self) -> None:
        """Update what changes with time alone: maintenance, the level of the budget, free memory."""
        if time.time() - self._trimmed_at > TRIM_SECONDS:
            trim_heap()
            self._trimmed_at = time.time()
        under_maintenance = self._operations_under_maintenance(datetime.fromtimestamp(time.time(), UTC))
        for operation in self.probes:
            is_under = operation in under_maintenance
            if self._in_maintenance.get(operation) is not is_under:
                self.metrics.maintenance.labels(operation).set(is_under)
                self._in_maintenance[operation] = is_under
        level = self._budget.level()
        self.metrics.ratelimit_limit.set(level.limit)
        self.metrics.ratelimit_remaining.set(level.remaining)
        self.metrics.ratelimit_reset.set(time.time() + level.seconds_until(level.limit))

    def _refreshed_metrics(self) -> Iterable[Metric]:
        self.refresh()
        return [*self.metrics.registry.collect(), *self._process.collect()]

    def _operations_under_maintenance(self, now: datetime) -> set[str]:
        selected: set[str] = set()
        for window in self._settings.windows:
            if not window.is_active(now):
                continue
            if window.selector.is_empty:
                return set(self._contract.operations)
            selected.update(operation.id for operation in window.selector.select(self._contract))
        return selected

    def _read_config(self) -> tuple[ProberSettings, tuple[Probe, ...]]:
        settings = read_settings(self._config)
        mcp_url(settings.mcp, self._target)  # raises for a URL without the library
        return settings, self._shard.of(select_probes(settings, self._contract))

    def _requests_per_minute(self, settings: ProberSettings) -> float:
        """Return this shard's part of the budget: all shards use one key."""
        return settings.requests_per_minute / self._shard.count

    def _runner_for(self, probes: tuple[Probe, ...]) -> ProbeRunner:
        ids = RecentIds(self._contract, resources_needed(probes), time.monotonic)
        if self._target.company_id:
            ids.configure(self._contract.account.resource, self._target.company_id)
        for resource, id in self._target.known_ids.items():
            ids.configure(resource, id)
        return ProbeRunner(
            self._contract,
            self._client,
            ids,
            self._budget,
            self.metrics,
            self._history,
            accepted=self._accepted,
            weigh=self._weigh,
            requested_version=self._target.version_header,
            trace=self._telemetry.record if self._telemetry else None,
        )

    def _export_constants(self, probes: tuple[Probe, ...]) -> None:
        metrics = self.metrics
        metrics.set_operations(probe.series for probe in probes)
        edition = self._contract.edition
        metrics.contract_info.labels(edition.version or "", edition.release or "", edition.sha256).set(1)
        metrics.build_info.labels(__version__, self._contract.sha256[:12]).set(1)
        metrics.shards.set(self._shard.count)
        metrics.shard_index.set(self._shard.index)
        self._note_loaded()

    def _note_loaded(self) -> None:
        self.metrics.reload_ok.set(1)
        self.metrics.reload_at.set(time.time())
