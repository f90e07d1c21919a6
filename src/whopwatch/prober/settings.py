"""probes.toml: settings, the probes that its tables select, maintenance windows. Unknown keys are errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from whopwatch.config import decode
from whopwatch.contract import Contract, Operation
from whopwatch.contract.loader import data_dir
from whopwatch.core.errors import ConfigError, did_you_mean
from whopwatch.core.finding import Severity
from whopwatch.metrics import OperationSeries

SELECTOR_READERS: dict[str, decode.Reader] = {
    "gets": decode.boolean,
    "operations": decode.strings,
    "resources": decode.strings,
    "tags": decode.strings,
    "except": decode.strings,
}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Selector:
    """Select operations by id, resource or tag, or all GETs of v1 (`gets`).

    `excluded` holds operations and resources to leave out. `where` is the place in the file, for error messages.
    """

    gets: bool = False
    operations: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    where: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the selector selects nothing."""
        return not (self.gets or self.operations or self.resources or self.tags)

    def select(self, contract: Contract) -> list[Operation]:
        """Return the selected operations in the contract's order.

        Raise ConfigError for an unknown name and for a write operation.
        """
        self._refuse_unknown_names(contract)
        return [operation for operation in contract.operations.values() if self._selects(operation)]

    def _selects(self, operation: Operation) -> bool:
        if operation.id in self.excluded or operation.resource in self.excluded:
            return False
        if operation.id in self.operations:
            return True
        return (
            operation.is_read
            and operation.api == "v1"
            and (self.gets or operation.resource in self.resources or not set(self.tags).isdisjoint(_tags(operation)))
        )

    def _refuse_unknown_names(self, contract: Contract) -> None:
        every = contract.operations.values()
        self._refuse("operation", self.operations, contract.operations)
        self._refuse("resource", self.resources, contract.resources)
        self._refuse("tag", self.tags, {tag for operation in every for tag in _tags(operation)})
        self._refuse("operation or resource", self.excluded, {*contract.operations, *contract.resources})
        for id in self.operations:
            if not contract.operations[id].is_read:
                raise ConfigError(
                    f"{id} is a write operation. Probes send GET requests only.",
                    where=self.where,
                    expected="operations that are GET requests",
                    got=f"{contract.operations[id].method} {contract.operations[id].path}",
                )

    def _refuse(self, kind: str, names: Iterable[str], known: Iterable[str]) -> None:
        known = tuple(known)
        for name in names:
            if name not in known:
                raise ConfigError(
                    f"The contract has no {kind} {name!r}.",
                    where=self.where,
                    hint=did_you_mean(name, known) or "`whopwatch contract show` lists them",
                )


def _tags(operation: Operation) -> tuple[str, ...]:
    return tuple(operation.raw.get("tags", ()))


def selector_from(settings: Mapping[str, Any], where: str, *, may_be_empty: bool = False) -> Selector:
    """Return the selector of a table whose values were read.

    Raise ConfigError if it selects nothing and `may_be_empty` is false.
    """
    selector = Selector(
        gets=settings.get("gets", False),
        operations=settings.get("operations", ()),
        resources=settings.get("resources", ()),
        tags=settings.get("tags", ()),
        excluded=settings.get("except", ()),
        where=where,
    )
    if selector.is_empty and not may_be_empty:
        raise ConfigError(
            "The table selects no operation.",
            where=where,
            expected="gets = true, or operations, resources or tags",
            got="none of them",
        )
    return selector


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A period, in UTC, in which failures raise no alert. Probing continues.

    Either from `begins` to `ends` once, or for `duration` from `start` (time since midnight) on `weekdays` (0 is
    Monday). An empty selector applies to every operation.
    """

    name: str
    selector: Selector
    begins: datetime | None = None
    ends: datetime | None = None
    weekdays: frozenset[int] = frozenset()
    start: timedelta = timedelta()
    duration: timedelta = timedelta()

    def is_active(self, now: datetime) -> bool:
        """Return whether `now`, with a time zone, is in the window: start included, end excluded."""
        now = now.astimezone(UTC)
        if self.begins and self.ends:
            return self.begins <= now < self.ends
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        # A window that began on an earlier day may still be open.
        days_back = range(int(self.duration / timedelta(days=1)) + 2)
        starts = (midnight - timedelta(days=back) + self.start for back in days_back)
        return any(start.weekday() in self.weekdays and start <= now < start + self.duration for start in starts)


def read_window(value: Any, where: str) -> MaintenanceWindow:
    """Return the window of one `[[maintenance]]` table. Raise ConfigError for an invalid one."""
    settings = decode.decode_table(
        value,
        {
            "name": decode.string,
            "from": _read_moment,
            "until": _read_moment,
            "weekdays": _read_weekdays,
            "start": _read_time_of_day,
            "duration": decode.duration_seconds,
            **SELECTOR_READERS,
        },
        where,
    )
    given = settings.keys() & {"from", "until", "weekdays", "start", "duration"}
    name, selector = settings.get("name", "maintenance"), selector_from(settings, where, may_be_empty=True)
    if given == {"from", "until"}:
        begins, ends = settings["from"], settings["until"]
        if begins >= ends:
            raise ConfigError("The maintenance window ends before it begins.", where=where, expected="from < until")
        return MaintenanceWindow(name, selector, begins=begins, ends=ends)
    if given >= {"start", "duration"} and not given & {"from", "until"}:
        duration = timedelta(seconds=settings["duration"])
        if duration > _WEEK:
            raise ConfigError("The maintenance window is longer than a week.", where=where, expected="at most 7d")
        weekdays = settings.get("weekdays", frozenset(range(7)))
        return MaintenanceWindow(name, selector, weekdays=weekdays, start=settings["start"], duration=duration)
    raise ConfigError(
        "A maintenance window needs exactly one kind of time.",
        where=where,
        expected="from and until, or start and duration (and weekdays)",
        got=", ".join(sorted(given)) or "neither",
    )


def _read_moment(value: Any, where: str) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise decode.invalid_setting(where, "a date and time with its zone, such as 2026-01-31T02:00:00Z", value)
    return value.astimezone(UTC)


def _read_weekdays(value: Any, where: str) -> frozenset[int]:
    day = decode.choice(*WEEKDAYS)
    return frozenset(WEEKDAYS.index(day(name, where)) for name in decode.strings(value, where))


def _read_time_of_day(value: Any, where: str) -> timedelta:
    match = _TIME_OF_DAY.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise decode.invalid_setting(where, 'a time of day in UTC such as "02:30"', value)
    return timedelta(hours=int(match[1]), minutes=int(match[2]))


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
    """Read the file at `path`. Raise ConfigError with the place of whatever is invalid."""
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
    """Return `defaults` with `changes`. Raise ConfigError if the timeout exceeds the interval."""
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

    Raise ConfigError for names that the contract does not have and for a schedule that exceeds the budget.
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
