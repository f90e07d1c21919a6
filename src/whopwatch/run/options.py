"""One run with options: choose the contract and the operations, open the target, observe it, and match its version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

from whopwatch.checks import Evidence, run_checks
from whopwatch.checks.registry import CHECKS
from whopwatch.checks.reproduce import request_of, values_at
from whopwatch.config import SIMULATOR, Target
from whopwatch.config.contract_choice import ContractChoice, choose_contract
from whopwatch.contract import Contract, editions, load
from whopwatch.contract.answered_version import AnsweredVersion
from whopwatch.contract.loader import version_at_or_before
from whopwatch.core.budgets import BUDGET_PROFILES, BudgetProfile
from whopwatch.core.errors import UsageError
from whopwatch.core.exchange import Exchange
from whopwatch.core.report import Report
from whopwatch.http import Transport
from whopwatch.planning.state import OperationHistory
from whopwatch.run.api_version import OtherContracts
from whopwatch.run.conclude import judge
from whopwatch.run.incidents import without_incidents
from whopwatch.run.observation import Observation, Progress, match_operations, refuse_writes, select_operations
from whopwatch.run.session import DEFAULT_BUDGET, THOROUGH_BUDGET, WRITING_BUDGET, observe
from whopwatch.run.target import open_target, wanted_target

COMPARED = 6
"""Requests whose responses show the version of a key."""
MAX_CONTRACTS = 4
"""Contracts that a run tries: few responses may fit several versions that are near each other."""


def observe_version(
    contract: Contract, target: Target, transport: Transport | None = None, at_hand: OtherContracts | None = None
) -> Observation:
    """Observe which version answers `target` without a version header: `api_version` of the result.

    At most COMPARED requests of `contract` are sent; their responses are compared with the contracts `at_hand`.
    """
    plain = replace(target, api_version_date=None, writable=False)
    return observe(contract, plain, budget=COMPARED, others=at_hand or bundled_contracts, transport=transport)


def answering_contract(contract: Contract, target: Target) -> tuple[Contract, str | None]:
    """Return the contract of the version that answers `target`, or of the nearest older one, and that version.

    If nothing shows the version, return `contract` and None.
    """
    answer = observe_version(contract, target).api_version
    return _better(answer, bundled_contracts) or contract, answer.version if answer else None


def bundled_contracts() -> Sequence[Contract]:
    """Load the contracts of all bundled editions, the oldest version first."""
    return [load(edition.folder) for edition in editions()]


def observe_matching(
    contract: Contract,
    target: Target,
    *,
    auto: bool,
    select: Callable[[Contract], Collection[str]],
    budget: int,
    announce: Callable[[Contract, str], None] | None = None,
    max_seconds: float | None = None,
    at_hand: OtherContracts = bundled_contracts,
    **options: Any,
) -> tuple[Contract, Observation]:
    """Observe `target` and return the contract that was used and the observation; `options` are those of `observe`.

    With `auto`, a run that finds another version than that of `contract` starts again with the contract `at_hand` of
    that version, or of the nearest older one, and requests its version; `announce` is called with it. All attempts
    share `budget` and `max_seconds`. `select` returns the operations to observe of a contract.
    """
    left, seconds, sent, unsafe = budget, max_seconds, 0, 0
    tried: list[str | None] = []
    while True:
        tried.append(contract.version)
        found = observe(
            contract, target, budget=left, selected=select(contract), max_seconds=seconds, others=at_hand, **options
        )
        sent, unsafe, left = sent + found.sent, unsafe + found.unsafe, left - found.sent
        seconds = None if seconds is None else max(seconds - found.seconds, 1.0)
        better = _better(found.api_version, at_hand) if auto and len(tried) < MAX_CONTRACTS else None
        if better is None or better.version in tried or left <= 0:
            return contract, replace(found, budget=budget, sent=sent, unsafe=unsafe)
        contract, target = better, replace(target, api_version_date=better.version)
        if announce:
            announce(contract, target.name)


def _better(answer: AnsweredVersion | None, at_hand: OtherContracts) -> Contract | None:
    """Return the contract that is nearest to the version that answers, None if it is not known."""
    if answer is None or answer.matches or answer.version is None:
        return None
    known = {contract.version: contract for contract in at_hand() if contract.version}
    nearest = version_at_or_before(answer.version, known)
    return known[nearest] if nearest else None


@dataclass(frozen=True)
class RunOptions:
    """What a user asks of a run.

    `contract_name` and `api_version` are None for what fits the target. `only` are operation ids and `resources`
    resources, both empty for every read of v1. `budget` is in requests, or one of BUDGET_PROFILES, None for the
    default; `rate` in requests a second and `concurrency` in concurrent requests, None for those of the target.
    `config` is the path of whopwatch.toml, None for the default. With `writes` the selected writes are made, too. A
    `thorough` run has a budget for every check of every operation. With `allow_unchecked` the key need not be allowed
    to use any operation. `patterns` select operations as `only` does, `exclude` leaves some out (`payments.*`).
    `faults` are injected by the simulator. `announce` is called with the contract before the first request, and again
    if it changes. `observed` is called with the run at its end. After `max_seconds`, or with `max_failures` findings
    that count, the run ends with what it has.
    """

    contract_name: str | None = None
    api_version: str | None = None
    only: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    budget: int | str | None = None
    rate: float | None = None
    concurrency: int | None = None
    seed: int = 0
    config: Path | None = None
    writes: bool = False
    allow_unchecked: bool = False
    thorough: bool = False
    max_failures: int | None = None
    patterns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    progress: Callable[[Progress], None] | None = None
    announce: Callable[[Contract, str], None] | None = None
    observed: Callable[[ObservedRun], None] | None = None
    max_seconds: float | None = None

    def selected(self, contract: Contract) -> frozenset[str]:
        """Return the ids of the selected operations. Raise UsageError for a name or pattern that matches none."""
        profile, resources = self._profile, self.resources
        if profile and profile.only_risk and not (self.only or self.patterns or resources):
            resources = tuple(name for name in contract.behaviour.risk if name in contract.resources)
        matched = match_operations(contract, self.patterns, where="option --operation")
        excluded = match_operations(contract, self.exclude, where="option --exclude")
        return select_operations(contract, (*self.only, *sorted(matched)), resources) - excluded

    @property
    def _profile(self) -> BudgetProfile | None:
        return BUDGET_PROFILES.get(self.budget) if isinstance(self.budget, str) else None

    def request_limit(self, contract: Contract) -> int:
        """Return the budget in requests: as given, of the profile, or the default for a run that reads or writes."""
        if isinstance(self.budget, int):
            return self.budget
        if self._profile:
            selected = [contract.operations[id] for id in self.selected(contract)]
            reads = sum(operation.is_read for operation in selected)
            writes = len(selected) - reads if self.writes else 0
            return max(1, ceil(reads * self._profile.per_read) + writes * self._profile.per_write)
        if self.thorough:
            return THOROUGH_BUDGET
        return WRITING_BUDGET if self.writes else DEFAULT_BUDGET


@dataclass(frozen=True)
class ObservedRun:
    """An observation, with the contract and the target that it was made with."""

    contract: Contract
    target: Target
    observation: Observation

    def report(self) -> Report:
        """Return the report of the run."""
        return judge(self.contract, self.observation, self.target.name)

    def values(self) -> Mapping[str, tuple[str, ...]]:
        """Return for each finding, by fingerprint, what the response that shows it has at its location.

        These are values of responses: print them on a terminal if the user asked for that, and write them nowhere.
        """
        examples: dict[str, Exchange | None] = {}
        judged, _ = without_incidents(self.observation.exchanges)
        found = run_checks(self.contract, Evidence(self.contract, judged), CHECKS, [], examples=examples)
        return {
            one.fingerprint: values_at(exchange, one.location)
            for one in found
            if (exchange := examples[one.fingerprint]) is not None
        }


def chosen_contract(options: RunOptions, target_name: str | None, environ: Mapping[str, str]) -> ContractChoice:
    """Return the contract of a run at the target called `target_name`.

    A run that may change its contract starts with one that knows the selected operations. Raise UsageError if none
    does, and for anything else in `options` that cannot be used.
    """
    choice = choose_contract(options.contract_name, options.api_version, target_name, environ, options.config)
    return with_selection(choice, options)


def with_selection(choice: ContractChoice, options: RunOptions) -> ContractChoice:
    """Return the choice with a contract that has the selected operations. Raise UsageError if none has."""
    choice = _with_known_names(choice, options)
    if not options.writes:
        refuse_writes(choice.contract, options.only)
    return choice


def _with_known_names(choice: ContractChoice, options: RunOptions) -> ContractChoice:
    try:
        options.selected(choice.contract)
    except UsageError:
        for contract in reversed(bundled_contracts()) if choice.is_auto else ():  # the newest first
            with suppress(UsageError):
                options.selected(contract)
                return replace(choice, contract=contract)
        raise
    return choice


@dataclass(frozen=True, slots=True)
class PlannedRequests:
    """The requests that a run would send to `target`, as text; `rate` is in requests a second, None for no limit."""

    target: str
    requests: tuple[str, ...]
    sent: int
    budget: int
    rate: float | None


def plan_requests(options: RunOptions, target_name: str | None, environ: Mapping[str, str]) -> PlannedRequests:
    """Return the requests of a run with `options`, without sending one to the target.

    The plan chooses requests as responses arrive, so the embedded simulator responds in place of the target.
    """
    choice = chosen_contract(options, target_name, environ)
    contract = choice.contract
    wanted = wanted_target(target_name, environ, options.config)
    with open_target(contract, SIMULATOR, {}, seed=options.seed, writes=options.writes) as stand_in:
        observation = observe(
            contract,
            stand_in,
            budget=options.request_limit(contract),
            selected=options.selected(contract),
            seed=options.seed,
            writes=options.writes,
        )
    requests = [request_of(contract, exchange) for exchange in observation.exchanges]
    lines = [
        f"{request.method:6} {request.path}  {exchange.operation} {exchange.purpose}"
        for request, exchange in zip(requests, observation.exchanges, strict=True)
    ]
    rate = options.rate or wanted.rate if wanted else options.rate
    name = wanted.name if wanted else SIMULATOR
    return PlannedRequests(name, tuple(lines), observation.sent, options.request_limit(contract), rate)


def observe_target(
    options: RunOptions,
    target_name: str | None,
    environ: Mapping[str, str],
    *,
    plan_seed: int | None = None,
    past: Mapping[str, OperationHistory] | None = None,
    lists_versions: bool = False,
) -> ObservedRun:
    """Observe the target called `target_name`, None for the default, and return the run.

    `plan_seed` replaces the seed of the plan, not that of the simulator. `past` is what earlier runs know of the
    operations. `lists_versions` is that of `observe`. Raise UsageError or ConfigError, before any request, for options
    that cannot be used.
    """
    choice = chosen_contract(options, target_name, environ)
    with open_target(
        choice.contract,
        target_name,
        environ,
        config=options.config,
        seed=options.seed,
        rate=options.rate,
        concurrency=options.concurrency,
        writes=options.writes,
        api_version=choice.api_version,
        allow_unchecked=options.allow_unchecked,
        faults=options.faults,
    ) as target:
        if options.announce:
            options.announce(choice.contract, target.name)
        contract, observation = observe_matching(
            choice.contract,
            target,
            auto=choice.is_auto,
            announce=options.announce,
            select=options.selected,
            budget=options.request_limit(choice.contract),
            seed=options.seed if plan_seed is None else plan_seed,
            progress=options.progress,
            past=past,
            lists_versions=lists_versions,
            writes=options.writes,
            max_seconds=options.max_seconds,
            max_failures=options.max_failures,
        )
    run = ObservedRun(contract, target, observation)
    if options.observed:
        options.observed(run)
    return run
