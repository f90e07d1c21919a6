"""What probes.toml says, read strictly: a setting that is ignored is a probe that does not run."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from whopwatch.contract.loader import data_dir
from whopwatch.core.errors import ConfigError
from whopwatch.core.finding import Severity
from whopwatch.prober import values
from whopwatch.prober.maintenance import Window, read_window
from whopwatch.prober.selector import SELECTOR, Selector, read_selector

MCP_HANDSHAKE = 4


@dataclass(frozen=True, slots=True)
class Terms:
    """How an operation is probed. Times are in seconds.

    `recheck` is how soon a failed probe is run again. `fails_on` is the mildest finding that makes a run fail;
    milder ones are exported all the same. `page_size` is what lists are asked for.
    """

    interval: float = 60.0
    timeout: float = 10.0
    objective: float = 0.99
    latency_threshold: float = 2.0
    recheck: float = 15.0
    fails_on: Severity = Severity.HIGH
    page_size: int = 10


@dataclass(frozen=True, slots=True)
class Entry:
    """One `[[probes]]` table: which operations, with which parameters, and where its terms differ from the defaults."""

    selector: Selector
    terms: Mapping[str, Any]
    params: Mapping[str, str] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True, slots=True)
class McpTerms:
    """How the MCP server at `url` is looked at; without one only the simulator's own is. Times are in seconds.

    `timeout` is for each answer, `calls` how many tools are called in a round.
    """

    url: str | None = None
    interval: float = 600.0
    timeout: float = 30.0
    calls: int = 3

    @property
    def requests(self) -> int:
        """Requests of a round: its calls, and what it takes to open a session and list the tools."""
        return self.calls + MCP_HANDSHAKE


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file. `requests_per_minute` is the budget of all probes, all shards together. `mcp` is None where the
    file has no such table.

    `workers` is how many runs may be under way at a time; None for as many as the schedule may need.
    """

    entries: tuple[Entry, ...]
    windows: tuple[Window, ...] = ()
    defaults: Terms = Terms()
    mcp: McpTerms | None = None
    workers: int | None = None
    fresh_connections: bool = True
    requests_per_minute: float = 240.0


_TERMS: dict[str, values.Reader] = {
    "interval": values.duration,
    "timeout": values.duration,
    "objective": values.ratio,
    "latency_threshold": values.duration,
    "recheck": values.duration,
    "fails_on": values.one_of(*map(str, Severity)),
    "page_size": values.whole,
}
_PROBER: dict[str, values.Reader] = {"workers": values.whole, "fresh_connections": values.flag}
_MCP: dict[str, values.Reader] = {
    "url": values.address,
    "interval": values.duration,
    "timeout": values.duration,
    "calls": values.whole,
}
_BUDGET: dict[str, values.Reader] = {"requests_per_minute": values.number}


def default_file() -> Path:
    """The configuration that comes with whopwatch."""
    return data_dir("probes") / "probes.toml"


def read_settings(path: Path) -> Settings:
    """What the file at `path` says. Raises ConfigError, naming the place, for whatever it cannot mean."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError("The configuration of the probes does not exist.", where=str(path)) from None
    except (OSError, UnicodeDecodeError):
        raise ConfigError("The configuration of the probes cannot be read.", where=str(path)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("The configuration of the probes is not TOML.", where=str(path), got=str(error)) from None
    return parse_settings(content, str(path))


def parse_settings(content: Mapping[str, Any], where: str) -> Settings:
    """The settings in the tables of a TOML document; `where` names it in errors."""
    read = values.table(
        dict(content),
        {
            "prober": lambda value, place: values.table(value, _PROBER, place),
            "budget": lambda value, place: values.table(value, _BUDGET, place),
            "defaults": lambda value, place: values.table(value, _TERMS, place),
            "mcp": lambda value, place: McpTerms(**values.table(value, _MCP, place)),
            "probes": lambda value, place: tuple(
                _entry(part, f"{place}, number {number}")
                for number, part in enumerate(values.tables(value, place), start=1)
            ),
            "maintenance": lambda value, place: tuple(
                read_window(part, f"{place}, number {number}")
                for number, part in enumerate(values.tables(value, place), start=1)
            ),
        },
        where,
    )
    if not read.get("probes"):
        raise ConfigError("No operation is to be probed.", where=where, expected="at least one [[probes]] table")
    defaults = terms_of(Terms(), read.get("defaults", {}), f"{where}, key defaults")
    for entry in read["probes"]:
        terms_of(defaults, entry.terms, entry.where)
    return Settings(
        entries=read["probes"],
        windows=read.get("maintenance", ()),
        defaults=defaults,
        mcp=read.get("mcp"),
        **read.get("prober", {}),
        **read.get("budget", {}),
    )


def terms_of(defaults: Terms, changes: Mapping[str, Any], where: str) -> Terms:
    """`defaults` with `changes`. Raises ConfigError where they do not go together."""
    terms = replace(defaults, **changes)
    terms = replace(terms, fails_on=Severity(terms.fails_on))
    if terms.timeout > terms.interval:
        raise ConfigError(
            "A probe may take longer than the time to its next run.",
            where=where,
            expected=f"a timeout of at most the interval ({terms.interval:g} s)",
            got=f"{terms.timeout:g} s",
        )
    return terms


def _entry(value: Any, where: str) -> Entry:
    read = values.table(value, {**SELECTOR, **_TERMS, "params": _params}, where)
    params = read.pop("params", {})
    selector = read_selector(read, where)
    return Entry(selector, {key: part for key, part in read.items() if key in _TERMS}, params, where)


def _params(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict):
        raise values.refused(where, 'a table such as { product_id = "prod_..." }', value)
    return {name: values.text(part, f"{where}.{name}") for name, part in value.items()}
