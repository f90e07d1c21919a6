"""The prober as a whole: configuration, schedule, metrics and server, put together and kept running."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import ProcessCollector

from whopwatch import __version__
from whopwatch.config import Target
from whopwatch.config.shard import Shard
from whopwatch.contract import Contract
from whopwatch.contract.schema_tree import schemas_of
from whopwatch.core.errors import ConfigError
from whopwatch.metrics import Exposition, McpMetrics, ProbeMetrics, new_registry
from whopwatch.prober.budget import Budget
from whopwatch.prober.door import Door
from whopwatch.prober.flow import resources_needed
from whopwatch.prober.listing import Probe, probes_of
from whopwatch.prober.mcp import Look, McpRounds, address_of
from whopwatch.prober.memory import GIVE_BACK_SECONDS, give_back, settle
from whopwatch.prober.pages import pages_of
from whopwatch.prober.prober import Prober
from whopwatch.prober.records import History
from whopwatch.prober.scheduler import Scheduler
from whopwatch.prober.seen import Seen
from whopwatch.prober.server import Server
from whopwatch.prober.settings import Settings, read_settings

SWITCH_SECONDS = 0.0005
"""How long one thread may keep the interpreter: what a scrape may add to a probe's time."""
_LOG = logging.getLogger("whopwatch.prober")


class Service:
    """A prober of `target`, configured by the file at `config`, for one `shard` of its operations.

    `look` is how an MCP server is looked at, by the first shard; without it none is.
    Raises ConfigError for a file that cannot be meant.
    """

    def __init__(
        self,
        contract: Contract,
        target: Target,
        config: Path,
        shard: Shard = Shard(),  # noqa: B008 (immutable)
        *,
        look: Look | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._contract = contract
        self._target = target
        self._config = config
        self._shard = shard
        self._wall = wall
        self._settings, probes = self._read()
        self.metrics = ProbeMetrics(new_registry())
        mcp = McpMetrics(self.metrics.registry)
        self.exposition = Exposition([*self.metrics.all, *mcp.all], [ProcessCollector(registry=None)])
        self._door = Door(target, contract, fresh=self._settings.fresh_connections)
        self._budget = Budget(self._share(self._settings), time.monotonic)
        self._mcp = McpRounds(look, self._budget, mcp, wall=wall) if look and shard.index == 0 else None
        self._history = History()
        self.prober = self._prober(probes)
        self.scheduler = Scheduler(self.prober, self.metrics, probes, workers=self._settings.workers)
        self._maintained: dict[str, bool] = {}
        self._gave_back_at = wall()
        self._thread = threading.Thread(target=self.scheduler.loop, name="schedule", daemon=True)
        self._describe(probes)

    @property
    def probes(self) -> Mapping[str, Probe]:
        """The probes of this shard by operation."""
        return self.scheduler.probes

    @property
    def is_alive(self) -> bool:
        """Whether the schedule is being worked off."""
        return self._thread.is_alive()

    @property
    def is_ready(self) -> bool:
        """Whether it is alive and not about to end."""
        return self.is_alive and not self.scheduler.is_stopping

    def start(self, address: tuple[str, int]) -> Server:
        """Begin to serve at `address` and to probe. Raises UsageError where the address cannot be listened at."""
        server = Server(address, pages_of(self))
        self.warm_up()
        server.start()
        self._thread.start()
        if self._mcp:
            self._mcp.change(address_of(self._settings.mcp, self._target), self._settings.mcp)
            self._mcp.start()
        return server

    def warm_up(self) -> None:
        """Make everything that the first runs and the first scrape would have to make."""
        schemas = schemas_of(self._contract)
        for probe in self.probes.values():
            schemas.of(probe.operation).prepare()
            for response in probe.operation.responses.values():
                if response.schema is not None and response.status < 300:
                    self._contract.validator(response.pointer, probe.operation.api).prepare()
        self.exposition.render()
        settle()
        sys.setswitchinterval(SWITCH_SECONDS)

    def stop(self) -> None:
        """Start no more runs, and return when those under way have ended."""
        self.scheduler.stop()
        if self._mcp:
            self._mcp.stop()
        if self._thread.ident is not None:
            self._thread.join()
        self._door.close()

    def reload(self) -> bool:
        """Read the configuration again; where it cannot be meant, go on with the old one and say so. Never raises."""
        try:
            settings, probes = self._read()
        except ConfigError as error:
            self.metrics.reload_ok.set(0)
            _LOG.error("The new configuration was refused, the old one stays.\n%s", error)
            return False
        self._settings = settings
        self._budget.change(self._share(settings))
        self.prober = self._prober(probes)
        self.metrics.watch(probe.watched for probe in probes)
        self._maintained.clear()
        self.scheduler.replace(self.prober, probes)
        if self._mcp:
            self._mcp.change(address_of(settings.mcp, self._target), settings.mcp)
        self._accepted()
        return True

    def refresh(self) -> None:
        """Bring up to date what changes by time alone: maintenance, the budget filling up, memory that is free."""
        now = datetime.fromtimestamp(self._wall(), UTC)
        if self._wall() - self._gave_back_at > GIVE_BACK_SECONDS:
            give_back()
            self._gave_back_at = self._wall()
        holding = [window for window in self._settings.windows if window.holds(now)]
        under = {
            operation.id
            for window in holding
            for operation in (
                self._contract.operations.values()
                if window.selector.is_empty
                else window.selector.select(self._contract)
            )
        }
        for operation in self.probes:
            is_under = operation in under
            if self._maintained.get(operation) is not is_under:
                self.metrics.maintenance.labels(operation).set(is_under)
                self._maintained[operation] = is_under
        level = self._budget.level()
        self.metrics.ratelimit_limit.set(level.limit)
        self.metrics.ratelimit_remaining.set(level.remaining)
        self.metrics.ratelimit_reset.set(self._wall() + level.seconds_to(level.limit))

    def _read(self) -> tuple[Settings, tuple[Probe, ...]]:
        settings = read_settings(self._config)
        address_of(settings.mcp, self._target)
        return settings, self._shard.of(probes_of(settings, self._contract))

    def _share(self, settings: Settings) -> float:
        """This shard's part of the budget: all shards use one key."""
        return settings.requests_per_minute / self._shard.count

    def _prober(self, probes: tuple[Probe, ...]) -> Prober:
        seen = Seen(self._contract, resources_needed(probes), time.monotonic)
        if self._target.company_id:
            seen.give(self._contract.account.resource, self._target.company_id)
        for resource, id in self._target.known_ids.items():
            seen.give(resource, id)
        return Prober(self._contract, self._door, seen, self._budget, self.metrics, self._history)

    def _describe(self, probes: tuple[Probe, ...]) -> None:
        metrics = self.metrics
        metrics.watch(probe.watched for probe in probes)
        metrics.contract_info.labels(self._contract.sha256).set(1)
        metrics.build_info.labels(__version__, self._contract.sha256[:12]).set(1)
        metrics.shards.set(self._shard.count)
        metrics.shard_index.set(self._shard.index)
        self._accepted()

    def _accepted(self) -> None:
        self.metrics.reload_ok.set(1)
        self.metrics.reload_at.set(self._wall())
