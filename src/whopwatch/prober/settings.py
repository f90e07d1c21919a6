"""probes.toml: its settings, and the probes that they select. Unknown keys and names are errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from whopwatch.config import decode
from whopwatch.contract import Contract, Operation
from whopwatch.contract.loader import data_dir
from whopwatch.core.errors import ConfigError, did_you_mean
from whopwatch.core.finding import Severity
from whopwatch.metrics import OperationSeries
from whopwatch.prober.selection import SELECTOR_READERS, MaintenanceWindow, Selector, read_window, selector_from

MCP_SESSION_REQUESTS = 4
"""Requests that open an MCP session and list its tools."""
MCP_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """How an operation is probed. Times are in seconds.

    `recheck` is the time until a failed probe is repeated. `fails_on` is the mildest severity that makes a run fail;
    milder findings are exported but do not fail it. `page_size` is the `first` parameter of list requests.
    """

    interval: Annotated[float, decode.duration_seconds] = 60.0
    timeout: Annotated[float, decode.duration_seconds] = 10.0
    objective: Annotated[float, decode.fraction] = 0.99
    latency_threshold: Annotated[float, decode.duration_seconds] = 2.0
    recheck: Annotated[float, decode.duration_seconds] = 15.0
    fails_on: Severity = Severity.HIGH
    page_size: int = 10


@dataclass(frozen=True, slots=True)
class ProbeTable:
    """One `[[probes]]` table: the operations, their fixed parameters, and the options that differ from the defaults."""

    selector: Selector
    options: Mapping[str, Any]
    params: Mapping[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True, slots=True)
class McpOptions:
    """How an MCP server is checked. Without a `url` only the simulator's own server is. Times are in seconds.

    `timeout` applies to each response. `calls` is the number of tools called in one check.
    """

    url: Annotated[str | None, decode.server_url] = None
    interval: Annotated[float, decode.duration_seconds] = 600.0
    timeout: Annotated[float, decode.duration_seconds] = 30.0
    calls: int = 3

    @property
    def requests(self) -> int:
        """Requests of one check: the tool calls, the session handshake and the list of tools."""
        return self.calls + MCP_SESSION_REQUESTS

    @property
    def max_seconds(self) -> float:
        """Time after which a check is abandoned: its responses, and the start of its process."""
        return 2 * self.requests * self.timeout + MCP_START_SECONDS


@dataclass(frozen=True, slots=True)
class ProberSettings:
    """The content of probes.toml. `mcp` is None if the file has no `[mcp]` table.

    Without `tables` the edition of the contract says what to probe.

    `requests_per_minute` is the budget of all probes and all shards together, `on_demand_per_minute` the part of it
    that probes on request may use at each prober. `workers` is the number of probes that may run at the same time; None
    to derive it from the schedule.
    """

    tables: tuple[ProbeTable, ...]
    windows: tuple[MaintenanceWindow, ...] = ()
    defaults: ProbeOptions = ProbeOptions()
    mcp: McpOptions | None = None
    workers: int | None = None
    fresh_connections: bool = True
    requests_per_minute: float = 240.0
    on_demand_per_minute: float = 12.0


@dataclass(frozen=True)
class Probe:
    """One operation to probe. Parameters without a value in `params` take ids that earlier responses showed."""

    operation: Operation
    options: ProbeOptions = field(default_factory=ProbeOptions)
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The operation's id."""
        return self.operation.id

    @property
    def series(self) -> OperationSeries:
        """The constants that metrics export for the operation."""
        operation, options = self.operation, self.options
        return OperationSeries(
            operation.id,
            operation.resource,
            operation.method,
            operation.path,
            options.interval,
            options.latency_threshold,
            options.objective,
        )


_OPTION_READERS = decode.readers_of(ProbeOptions)


def default_file() -> Path:
    """Return the path of the bundled probes.toml."""
    return data_dir("probes") / "probes.toml"


def read_settings(path: Path) -> ProberSettings:
    """Read the file at `path`. Raises ConfigError with the place of whatever is invalid."""
    return parse_settings(decode.read_toml_file(path, "The probe configuration"), str(path))


def parse_settings(content: Mapping[str, Any], where: str) -> ProberSettings:
    """Return the settings of a parsed TOML document. `where` names the document in errors."""
    readers: dict[str, decode.Reader] = {
        "prober": decode.table_reader({"workers": decode.positive_integer, "fresh_connections": decode.boolean}),
        "budget": decode.table_reader(
            {"requests_per_minute": decode.positive_number, "on_demand_per_minute": decode.positive_number}
        ),
        "defaults": decode.table_reader(_OPTION_READERS),
        "mcp": decode.record_reader(McpOptions),
        "probes": decode.array_reader(_read_probe_table),
        "maintenance": decode.array_reader(read_window),
    }
    settings = decode.decode_table(dict(content), readers, where)
    defaults = override_options(ProbeOptions(), settings.get("defaults", {}), decode.place_of_key(where, "defaults"))
    for table in settings.get("probes", ()):
        override_options(defaults, table.options, table.where)
    return ProberSettings(
        tables=settings.get("probes", ()),
        windows=settings.get("maintenance", ()),
        defaults=defaults,
        mcp=settings.get("mcp"),
        **settings.get("prober", {}),
        **settings.get("budget", {}),
    )


def override_options(defaults: ProbeOptions, changes: Mapping[str, Any], where: str) -> ProbeOptions:
    """Return `defaults` with `changes`. Raises ConfigError if the timeout exceeds the interval."""
    options = replace(defaults, **changes)
    if options.timeout > options.interval:
        raise ConfigError(
            f"timeout ({options.timeout:g} s) must not exceed interval ({options.interval:g} s).", where=where
        )
    return options


def _read_probe_table(value: Any, where: str) -> ProbeTable:
    readers = {**SELECTOR_READERS, **_OPTION_READERS, "params": decode.mapping_reader(decode.string)}
    settings = decode.decode_table(value, readers, where)
    params = settings.pop("params", {})
    selector = selector_from(settings, where)
    options = {key: part for key, part in settings.items() if key in _OPTION_READERS}
    return ProbeTable(selector, options, params, where)


def select_probes(settings: ProberSettings, contract: Contract) -> tuple[Probe, ...]:
    """Return one probe for each selected operation, sorted by id. The last table that selects it counts.

    Raises ConfigError for names that the contract does not have and for a schedule that exceeds the budget.
    """
    probes: dict[str, Probe] = {}
    for table in settings.tables or _default_tables(contract):
        options = override_options(settings.defaults, table.options, table.where)
        selected = table.selector.select(contract)
        _refuse_unknown_params(table, selected)
        for operation in selected:
            params = {name: value for name, value in table.params.items() if operation.parameter(name)}
            probes[operation.id] = Probe(operation, options, params)
    for window in settings.windows:
        window.selector.select(contract)
    _refuse_schedule_over_budget(settings, list(probes.values()))
    return tuple(sorted(probes.values(), key=lambda probe: probe.id))


def _default_tables(contract: Contract) -> list[ProbeTable]:
    """Return the tables of the contract's edition, without the operations that the contract does not have."""
    where = str(contract.edition.folder / "probes.toml")
    tables = []
    for declared in contract.edition.probes:
        known = [id for id in declared.get("operations", ()) if id in contract.operations]
        table = {**declared, "operations": known} if "operations" in declared else dict(declared)
        if known or "operations" not in declared:
            tables.append(_read_probe_table(table, where))
    return tables


def _refuse_unknown_params(table: ProbeTable, selected: Sequence[Operation]) -> None:
    known = {parameter.name for operation in selected for parameter in operation.parameters}
    for name in table.params:
        if name not in known:
            raise ConfigError(
                f"No selected operation has a parameter {name!r}.",
                where=decode.place_of_key(table.where, "params"),
                hint=did_you_mean(name, known) or "`whopwatch contract show OP` lists them",
            )


def _refuse_schedule_over_budget(settings: ProberSettings, probes: Sequence[Probe]) -> None:
    needed = sum(60.0 / probe.options.interval for probe in probes)
    if settings.mcp:
        needed += settings.mcp.requests * 60.0 / settings.mcp.interval
    if needed > settings.requests_per_minute:
        raise ConfigError(
            f"The schedule needs {needed:.0f} requests a minute, the budget allows {settings.requests_per_minute:g}.",
            where="key budget.requests_per_minute",
            hint="lengthen the intervals, probe fewer operations, or raise the budget if the key's rate limit allows",
        )
