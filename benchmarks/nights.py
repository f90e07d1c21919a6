"""The false positives, delays and costs of the drift history.

`quiet` simulates years of one API's traits in which only the data changes, and counts the findings. `caught` measures
after how many objects each change is found. `year` stores a year of nights of the whole API, from simulators whose data
change every night, and measures the baseline. `moving` checks one simulator that another client writes to.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.usage import command_line
from tests.run.in_process import InProcess
from tests.run.test_moving import Writers
from whopwatch.contract import Contract, load
from whopwatch.core.finding import Finding
from whopwatch.core.report import Report
from whopwatch.history import Records, compare_with_history, open_baseline
from whopwatch.history.absence import NightCounts, update_absence_test
from whopwatch.history.records import TraitRecord
from whopwatch.history.rules import history_rules
from whopwatch.run import Observation, judge, observe
from whopwatch.simulator.backend import SimulatorOptions

RULES = history_rules()
YEAR = 365
TRAITS = 4850
"""Return the content of a baseline of the whole API after some nights at the simulator."""
FIRST = datetime(2026, 1, 1, 3, tzinfo=UTC)
SHARES = (1.0, 0.9, 0.5, 0.2, 0.1, 0.05)


@dataclass
class Source:
    """Objects that have a trait with a probability of `share`, more alike within one night than across nights.

    `fresh` new objects appear each night, `known` old ones are seen again. One of those may change with the chance
    `turns`.
    """

    rng: random.Random
    share: float
    alike: float
    fresh: int
    known: int
    turns: float

    def night(self, units: int) -> NightCounts:
        """Return the observations of one night."""
        rng = self.rng
        share = self.share
        if 0 < share < 1 and self.alike:
            scale = (1 - self.alike) / self.alike
            share = rng.betavariate(share * scale, (1 - share) * scale)
        with_it = sum(rng.random() < share for _ in range(self.fresh))
        having = round(self.known * self.share)
        lost = sum(rng.random() < self.turns for _ in range(having)) if having else 0
        gained = sum(rng.random() < self.turns for _ in range(self.known - having))
        return NightCounts(units, self.fresh, with_it, lost, gained, having - lost)


def quiet_year(rng: random.Random, alike: float) -> int:
    """Return how many traits of one API are called drift in a year without drift."""
    wrong = 0
    for _ in range(TRAITS):
        source = Source(
            rng,
            share=rng.choice([1.0, 1.0, rng.random(), rng.betavariate(0.5, 3)]),
            alike=alike,
            fresh=rng.choice([0, 1, 3, 10, 30]),
            known=rng.choice([0, 1, 5, 30]),
            turns=rng.choice([0.0, 0.001, 0.01]),
        )
        first = replace(source, fresh=source.fresh + source.known, known=0)
        record, units = TraitRecord(1), 0
        rule = RULES.traits[rng.choice(["value", "present", "prefix", "time"])]
        told = False
        for night in range(1, YEAR + 1):
            count = (source if night > 1 else first).night(units)
            told |= update_absence_test(record, count, rule, RULES.absence, night)
            units += count.new
        wrong += told
    return wrong


def caught_after(units: int, share: float, fresh: int, lost: int) -> str:
    """Return the nights and objects until a removed trait is found."""
    record = TraitRecord(1, eligible=units, hits=round(units * share))
    for night in range(1, 200):
        if update_absence_test(
            record,
            NightCounts(units, fresh, lost=lost if night == 1 else 0),
            RULES.traits["value"],
            RULES.absence,
            night,
        ):
            return f"{night:3} nights, {record.gap:4} objects"
    return "never"


def quiet(years: int) -> None:
    """Print the findings of years without drift."""
    for alike in (0.0, RULES.absence.correlation, 2 * RULES.absence.correlation):
        started = time.process_time()
        wrong = [quiet_year(random.Random(seed), alike) for seed in range(years)]  # noqa: S311
        seconds = time.process_time() - started
        print(f"resemblance {alike:.2f}: {sum(wrong)} findings in {years} years of {TRAITS} traits ({seconds:.0f} s)")


def caught() -> None:
    """Print after how many objects a removed trait is found."""
    print("share had before | 5 new objects a night    | 25 new objects a night   | known objects lose it")
    for share in SHARES:
        rows = [caught_after(300, share, fresh, 0) for fresh in (5, 25)]
        few = next((n for n in range(1, 50) if caught_after(300, share, 0, n).startswith("  1")), None)
        print(f"{share:16.0%} | {rows[0]:24} | {rows[1]:24} | {few} at once")


def worlds(contract: Contract, count: int, budget: int) -> Iterator[tuple[Observation, float]]:
    """Return the observations of `count` runs over the whole API, each with data of its own, and their CPU seconds."""
    for seed in range(count):
        simulator = InProcess(contract, SimulatorOptions(seed=seed, rate_limit=10**9))
        started = time.process_time()
        seen = observe(contract, simulator.target(), budget=budget, seed=seed, transport=simulator)
        yield seen, time.process_time() - started


def year(nights: int, count: int, budget: int) -> None:
    """Store `nights` nights, which repeat `count` different ones, and print the results."""
    contract = load()
    seen = list(worlds(contract, count, budget))
    records, reports, seconds = Records(salt=b"benchmark"), list[Report](), list[float]()
    for number in range(nights):
        observation = seen[number % count][0]
        started_at = (FIRST + timedelta(days=number)).isoformat().replace("+00:00", "Z")
        report = judge(contract, replace(observation, started_at=started_at), "simulator")
        started = time.process_time()
        reports.append(compare_with_history(contract, observation.exchanges, report, records))
        seconds.append(time.process_time() - started)
    with tempfile.TemporaryDirectory() as folder, open_baseline(Path(folder, "baseline.sqlite")) as baseline:
        started = time.process_time()
        baseline.save(records)
        saved, size = time.process_time() - started, baseline.path.stat().st_size
    found = [finding for report in reports for finding in report.findings]
    for finding in found[:20]:
        print(f"  {finding.state} {finding.drift_class} {finding.message}")
    requests = sum(observation.sent for observation, _ in seen) / count
    print(f"{nights} nights of {count} different worlds: {len(found)} findings")
    print(
        f"a night: {requests:.0f} requests; CPU: observed in {sum(cpu for _, cpu in seen) / count:.2f} s (the simulator"
    )
    print(f"included), remembered in {sum(seconds) / nights:.2f} s, saved in {saved:.2f} s")
    print(f"baseline: {size / 1e6:.1f} MB, {len(records.traits)} traits, {len(records.objects)} objects")


def moving(nights: int, writes: int, budget: int) -> None:
    """Check one simulator every night while another client creates, changes and deletes objects."""
    contract, writers = load(), Writers(1, 1.0)
    simulator = InProcess(contract, SimulatorOptions(seed=1, rate_limit=10**9))
    records, found = Records(salt=b"benchmark"), list[Finding]()
    for night in range(nights):
        for _ in range(writes):
            writers(simulator.backend)
        seen = observe(contract, simulator.target(), budget=budget, seed=night, transport=simulator)
        found += compare_with_history(contract, seen.exchanges, judge(contract, seen, "simulator"), records).findings
    for finding in found[:20]:
        print(f"  {finding.state} {finding.drift_class} {finding.message}")
    print(f"{nights} nights with {writes} writes between them ({dict(writers.done)}): {len(found)} findings")


def main() -> None:
    """Run the measurement that the arguments name."""
    parser = command_line(__doc__)
    parser.add_argument("what", choices=["quiet", "caught", "year", "moving"])
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--nights", type=int, default=YEAR)
    parser.add_argument("--worlds", type=int, default=12)
    parser.add_argument("--writes", type=int, default=20)
    parser.add_argument("--budget", type=int, default=600)
    arguments = parser.parse_args()
    if arguments.what == "quiet":
        quiet(arguments.years)
    elif arguments.what == "caught":
        caught()
    elif arguments.what == "moving":
        moving(arguments.nights, arguments.writes, arguments.budget)
    else:
        year(arguments.nights, arguments.worlds, arguments.budget)


if __name__ == "__main__":
    main()
