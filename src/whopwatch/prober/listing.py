"""From the settings and the contract to the probes: one for each selected operation, shared out over the shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from whopwatch.contract import Contract, Operation
from whopwatch.core.errors import ConfigError, did_you_mean
from whopwatch.metrics import Watched
from whopwatch.prober.settings import Entry, Settings, Terms, terms_of


@dataclass(frozen=True)
class Probe:
    """One operation, how it is probed, and the parameters that are given; the others come from what was seen."""

    operation: Operation
    terms: Terms = field(default_factory=Terms)
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The operation's id."""
        return self.operation.id

    @property
    def watched(self) -> Watched:
        """What metrics need to know of it."""
        operation, terms = self.operation, self.terms
        return Watched(
            operation.id,
            operation.resource,
            operation.method,
            operation.path,
            terms.interval,
            terms.latency_threshold,
            terms.objective,
        )


def probes_of(settings: Settings, contract: Contract) -> tuple[Probe, ...]:
    """Every probe, sorted by operation. Where several tables select an operation, the last one counts.

    Raises ConfigError for names that the contract does not know and for a schedule that exceeds the budget.
    """
    probes: dict[str, Probe] = {}
    for entry in settings.entries:
        terms = terms_of(settings.defaults, entry.terms, entry.where)
        selected = entry.selector.select(contract)
        _refuse_unknown_params(entry, selected)
        for operation in selected:
            params = {name: value for name, value in entry.params.items() if operation.parameter(name)}
            probes[operation.id] = Probe(operation, terms, params)
    for window in settings.windows:
        window.selector.select(contract)
    _refuse_beyond_budget(settings, list(probes.values()))
    return tuple(sorted(probes.values(), key=lambda probe: probe.id))


def _refuse_unknown_params(entry: Entry, selected: Sequence[Operation]) -> None:
    known = {parameter.name for operation in selected for parameter in operation.parameters}
    for name in entry.params:
        if name not in known:
            raise ConfigError(
                f"No selected operation has a parameter {name!r}.",
                where=f"{entry.where}, key params",
                hint=did_you_mean(name, known) or "`whopwatch contract show OP` lists them",
            )


def _refuse_beyond_budget(settings: Settings, probes: Sequence[Probe]) -> None:
    needed = sum(60.0 / probe.terms.interval for probe in probes)
    if settings.mcp:
        needed += settings.mcp.requests * 60.0 / settings.mcp.interval
    if needed > settings.requests_per_minute:
        raise ConfigError(
            "The schedule needs more requests than the budget has.",
            where="key budget.requests_per_minute",
            expected=f"at least {needed:.0f} for {len(probes)} probes at their intervals",
            got=f"{settings.requests_per_minute:g}",
            hint="lengthen the intervals, probe fewer operations, or raise the budget if the key's limit allows it",
        )
