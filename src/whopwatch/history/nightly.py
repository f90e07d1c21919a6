"""The nightly run: observe a target, judge it, compare it with the nights before, and record it in the baseline.

A baseline belongs to one API and company, so that the nights of two of them are never compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from whopwatch.config import SIMULATOR, resolve_target, target_name
from whopwatch.config.accepted import AcceptedEntry
from whopwatch.config.target import host_of, is_local
from whopwatch.config.targets_file import Company
from whopwatch.core.errors import ConfigError, WhopwatchError
from whopwatch.core.report import Report, timestamp
from whopwatch.history.aggregate import aggregate_targets
from whopwatch.history.compare import compare_with_history, plan_priorities
from whopwatch.history.profile import Digests
from whopwatch.history.records import Night, Records
from whopwatch.history.store import open_baseline
from whopwatch.run import INTERRUPTED
from whopwatch.run.options import RunOptions, observe_target

_CLOCK_TOLERANCE = 3600.0
"""Seconds by which a night may be dated later than now."""
_CLOCK_JUMP = 60.0
"""Seconds by which a clock may be corrected during a run."""
LOCAL = "local"
"""The host, in the owner of a baseline, of a server on this machine: its ports come and go."""
_PLACES = {SIMULATOR: "the embedded simulator", LOCAL: "a server on this machine"}


@dataclass(frozen=True)
class NightSettings:
    """What all targets of a nightly run share.

    `varies_plan` says that each night has its own plan, made from the number of the night. `accepted` are the findings
    that do not affect the verdict.
    """

    options: RunOptions = field(default_factory=RunOptions)
    accepted: tuple[AcceptedEntry, ...] = ()
    varies_plan: bool = True


@dataclass(frozen=True)
class NightOutcome:
    """The outcome of one night at one target.

    `last_success` is when a night of this baseline last succeeded, in seconds since the epoch, None if none did.
    `save_error` is why the baseline could not be saved. `interrupted` nights are not recorded.
    """

    report: Report
    last_success: float | None = None
    save_error: WhopwatchError | None = None
    interrupted: bool = False


def run_night(
    settings: NightSettings,
    target_name: str | None,
    environ: Mapping[str, str],
    baseline: Path,
    contract_name: str | None = None,
) -> NightOutcome:
    """Run a night at the target called `target_name` and record it in the file `baseline`.

    `contract_name` replaces the contract of `settings`.
    `environ` holds the key and the company id, as the environment of the command line does. Raise UsageError or
    ConfigError, before any request, for a target or baseline that cannot be used.
    """
    with open_baseline(baseline) as held:
        records = held.load()
        claim_baseline(records, target_name, environ, settings.options.config, baseline)
        clock = RunClock()
        report, interrupted = _observed(settings, target_name, environ, records, contract_name)
        report = _with_clock_incidents(report, clock.incidents(records.nights))
        save_error = None
        if not interrupted:
            try:
                held.save(records)
            except WhopwatchError as error:
                save_error = error  # the report of the night is worth more than its place in the baseline
    return NightOutcome(report, last_success(records, datetime.now(UTC)), save_error, interrupted)


def run_nights(
    settings: NightSettings,
    companies: Iterable[Company],
    environ: Mapping[str, str],
    on_failure: Callable[[str, WhopwatchError], None],
    on_night: Callable[[NightOutcome], None] = lambda _: None,
) -> tuple[Report, Mapping[str, NightOutcome]]:
    """Run a night at each of `companies` in turn; return one report of all, and the outcomes by name.

    A company that cannot be observed does not stop the others: `on_failure` gets its name and error. `on_night` gets
    the outcome of each other one at its end.
    """
    outcomes: dict[str, NightOutcome] = {}
    failed: dict[str, str] = {}
    for company in companies:
        try:
            own = company.environ(environ)
            outcome = run_night(settings, company.target, own, company.baseline, company.contract)
        except WhopwatchError as error:
            failed[company.name] = error.what
            on_failure(company.name, error)
            continue
        outcomes[company.name] = outcome
        on_night(outcome)
        if outcome.interrupted:
            break
    report = aggregate_targets({name: outcome.report for name, outcome in outcomes.items()}, failed)
    return report, {**outcomes, **{name: NightOutcome(report) for name in failed}}


def last_common_success(outcomes: Iterable[NightOutcome]) -> float | None:
    """Return when all targets had last succeeded, in seconds since the epoch; None if one never did."""
    times = [outcome.last_success for outcome in outcomes]
    known = [time for time in times if time is not None]
    return min(known) if known and len(known) == len(times) else None


def _observed(
    settings: NightSettings,
    target_name: str | None,
    environ: Mapping[str, str],
    records: Records,
    contract_name: str | None,
) -> tuple[Report, bool]:
    """Return the report of the night, compared unless it was interrupted, and whether it was."""
    options = settings.options
    if contract_name:
        options = replace(options, contract_name=contract_name)
    run = observe_target(
        options,
        target_name,
        environ,
        plan_seed=len(records.nights) if settings.varies_plan else None,
        past=plan_priorities(records, datetime.now(UTC)),
        lists_versions=True,
    )
    report, observation = run.report(), run.observation
    if observation.stopped == INTERRUPTED:
        return report, True
    compared = compare_with_history(
        run.contract,
        observation.exchanges,
        report,
        records,
        accepted=settings.accepted,
        met=observation.met,
        api_version=observation.api_version,
    )
    return compared, False


class RunClock:
    """Compares the clock of this machine with the nights of a baseline, and with a clock that does not jump."""

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._began = wall(), monotonic()

    def incidents(self, nights: Iterable[Night]) -> list[dict[str, str]]:
        """Return what is wrong with the clock, or was on earlier nights, as incidents of the report."""
        now = self._wall()
        jump = now - self._began[0] - (self._monotonic() - self._began[1])
        begins = [datetime.fromisoformat(night.started_at).timestamp() for night in nights]
        later = [begin for begin in begins if begin > max(now, self._began[0]) + _CLOCK_TOLERANCE]
        found = []
        if abs(jump) > _CLOCK_JUMP:
            found.append(f"the clock of this machine jumped by {jump:+.0f} s during the run")
        if later:
            last = datetime.fromtimestamp(max(later), UTC).date()
            nights_later = f"{len(later)} earlier night" + ("s have" if len(later) > 1 else " has")
            found.append(f"{nights_later} a later date than now (up to {last}). Check the clock of this machine")
        return [
            {"at": timestamp(datetime.fromtimestamp(now, UTC)), "operation": "clock", "what": what} for what in found
        ]


def _with_clock_incidents(report: Report, incidents: list[dict[str, str]]) -> Report:
    if not incidents:
        return report
    return replace(report, extra={**report.extra, "incidents": [*report.extra.get("incidents", ()), *incidents]})


def last_success(records: Records, now: datetime) -> float | None:
    """Return when a night last succeeded, in seconds since the epoch; None if none did.

    A night in the future was dated by a wrong clock. It must not keep an alert for overdue runs silent.
    """
    ends = [datetime.fromisoformat(n.started_at).timestamp() + n.seconds for n in records.nights if n.succeeded]
    return max((end for end in ends if end <= now.timestamp() + _CLOCK_TOLERANCE), default=None)


def claim_baseline(
    records: Records, option: str | None, environ: Mapping[str, str], config: Path | None, path: Path
) -> None:
    """Make the target that a run is about to check the owner of `records`; the company id is kept as a digest.

    Raise ConfigError if the baseline in `path` belongs to another API or company, and what `resolve_target` raises.
    """
    owner = _owner(records, option, environ, config)
    # Earlier versions made LOCAL alone the owner of all nights at the simulator and at servers on this machine.
    is_earlier = records.owner == LOCAL and owner.partition(" ")[0] in _PLACES
    if records.owner and records.owner != owner and not is_earlier:
        host, _, company = records.owner.partition(" ")
        other_host, _, other_company = owner.partition(" ")
        what = "another company" if host == other_host and company != other_company else "another API"
        raise ConfigError(
            f"The baseline belongs to {what}.",
            where=str(path),
            expected=f"nights at {_PLACES.get(host, host)}{', of the same company' if company else ''}",
            got=f"a run at {_PLACES.get(other_host, other_host)}",
            hint="use another file with --baseline",
        )
    records.owner = owner


def _owner(records: Records, option: str | None, environ: Mapping[str, str], config: Path | None) -> str:
    name = target_name(option, environ)
    if name == SIMULATOR:
        return SIMULATOR
    target = resolve_target(name, environ, config)
    host = LOCAL if is_local(target.base_url) else host_of(target.base_url)
    return f"{host} {Digests(records.salt).of(target.company_id or '')}"
