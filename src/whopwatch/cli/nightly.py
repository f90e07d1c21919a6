"""One target of a nightly run: observed, judged, compared with the nights before, and remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from whopwatch.cli.folders import make_own
from whopwatch.contract import Contract
from whopwatch.core.errors import WhopwatchError
from whopwatch.core.report import Report
from whopwatch.history import (
    AcceptedEntry,
    Records,
    compare_with_history,
    open_baseline,
    plan_priorities,
)
from whopwatch.run.target import opened


@dataclass(frozen=True)
class Settings:
    """What every target of a run has in common. `seed` is None where each night has its own."""

    contract: Contract
    accepted: tuple[AcceptedEntry, ...]
    only: tuple[str, ...]
    resources: tuple[str, ...]
    budget: int
    rate: float | None
    seed: int | None
    config: Path | None


@dataclass(frozen=True)
class Outcome:
    """What a night came to. `last_success` is in epoch seconds, of this night or one before.

    `failure` is why the night could not be remembered, `interrupted` that somebody ended it, which is not remembered.
    """

    report: Report
    last_success: float | None = None
    failure: WhopwatchError | None = None
    interrupted: bool = False


def one_night(settings: Settings, name: str | None, environ: Mapping[str, str], baseline: Path) -> Outcome:
    """Look at the target called `name` and compare it with what `baseline` holds, which then holds this night.

    Raises UsageError and ConfigError for a target or baseline that cannot be used; nothing was sent then.
    """
    make_own(baseline)
    with open_baseline(baseline) as held:
        records = held.load()
        report, interrupted = _observed(settings, name, environ, records)
        failure = None
        if not interrupted:
            try:
                held.save(records)
            except WhopwatchError as error:
                failure = error
    return Outcome(report, _last_success(records), failure, interrupted)


def _observed(
    settings: Settings, name: str | None, environ: Mapping[str, str], records: Records
) -> tuple[Report, bool]:
    from rich.console import Console

    from whopwatch.cli.progress import shown_progress
    from whopwatch.run import INTERRUPTED, judge, observe, select

    contract, nights = settings.contract, len(records.nights)
    world = settings.seed or 0
    with (
        opened(contract, name, environ, config=settings.config, seed=world, rate=settings.rate) as target,
        shown_progress(Console(stderr=True)) as progress,
    ):
        observation = observe(
            contract,
            target,
            budget=settings.budget,
            selected=select(contract, settings.only, settings.resources),
            seed=nights if settings.seed is None else settings.seed,
            progress=progress,
            past=plan_priorities(records, datetime.now(UTC)),
        )
    report = judge(contract, observation, target.name)
    interrupted = observation.stopped == INTERRUPTED
    if not interrupted:
        report = compare_with_history(contract, observation.exchanges, report, records, accepted=settings.accepted)
    return report, interrupted


def _last_success(records: Records) -> float | None:
    ends = [datetime.fromisoformat(n.started_at).timestamp() + n.seconds for n in records.nights if n.succeeded]
    return max(ends, default=None)


def successes(outcomes: Iterable[Outcome]) -> float | None:
    """When a run over all targets last succeeded: the oldest of their last successes; None where one never did."""
    times = [outcome.last_success for outcome in outcomes]
    known = [time for time in times if time is not None]
    return min(known) if known and len(known) == len(times) else None
