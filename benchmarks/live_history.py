"""Replay the API's history live: `python -m benchmarks.live_history --keep DIR [OLDER-NEWER...]`.

For each step between two releases, check a simulator of the newer one against the contract of the older one. Count
the changes that a response can show (`VISIBLE`) and the ones that the data of the simulator do show: for that, a
plain client gets every listed object by its id. Count how many of these the check reports in the right operation and
class, and what it reports where nothing changed. Print each change that was missed and each wrong report; for all
steps, write the table of docs/development/api-history.md. `--keep` is a folder that `benchmarks.releases` shares: an
interrupted run continues there. Exit code 1 if less than 95 % were found, or something unchanged was reported.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.released import CHECKING, Result, Workplace, releases, write_table
from benchmarks.usage import command_line
from whopwatch.cli._support.options import cache_folder
from whopwatch.contract import Contract, load
from whopwatch.contract.operation import Operation
from whopwatch.contract_build.fetch import version_key
from whopwatch.core.finding import Finding
from whopwatch.diff.change import Placed
from whopwatch.diff.model import Direction
from whopwatch.diff.result import compare_sides
from whopwatch.diff.sides import read_side
from whopwatch.run import judge, observe
from whopwatch.simulator import Simulator, embedded

ENOUGH = 0.95
EVERY = 200
"""The objects that a plain client gets, of each list."""
HEAD = ("step", "places", "visible", "shown", "found", "missed", "reported", "wrong")
VISIBLE = {
    ("D1", "removed"): "D1",  # the request is answered with 404
    ("D2", "added"): "D19",  # a field is not documented; a new parameter is D2, as requests without it are rejected
    ("D4", "loosened"): "D5",  # a required field is missing
    ("D5", "removed"): "D5",
    ("D7", "replaced"): "D7",  # a value has another type
    ("D8", "widened"): "D8",
    ("D9", "widened"): "D9",  # a value is null
    ("D10", "added"): "D10",  # a value is not a documented one
    ("D19", "added"): "D19",
}
"""What a response can show, by class and movement, and the class in which a check reports it. Not visible: a value or
a field that is allowed and no longer occurs (D6, and everything narrowed), and a fact that no response states (D12,
D17, D21)."""

Place = tuple[str, str]


@dataclass(frozen=True)
class Step:
    """What one step showed: how many changes there are, and the reported findings at their places.

    `visible` are changes that a response can show, `shown` those of them that the data of the simulator show.
    """

    places: int
    visible: int
    shown: int
    missed: tuple[str, ...]
    reported: int
    wrong: tuple[str, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of its row."""
        found = self.shown - len(self.missed)
        return self.places, self.visible, self.shown, found, len(self.missed), self.reported, len(self.wrong)


@dataclass(frozen=True)
class Replay:
    """The report of a check by place, the bodies of every object that the target has, and what was requested.

    `bodies` are by operation. `requested` are operations: one whose ids no list returns cannot be requested.
    """

    findings: tuple[tuple[Place, Finding], ...]
    bodies: Mapping[str, list[Any]]
    requested: frozenset[str]


def main() -> int:
    """Replay the steps, write the table, and print what is not right."""
    parser = command_line(__doc__)
    parser.add_argument("steps", nargs="*", metavar="OLDER-NEWER", help="such as 0.0.39-0.0.40 (default: all)")
    parser.add_argument("--budget", type=int, default=2000, help="requests of a check")
    parser.add_argument("--cache-dir", type=Path, metavar="DIR", help="folder of the downloaded packages")
    parser.add_argument("--keep", type=Path, required=True, metavar="DIR", help="folder of the contracts and results")
    arguments = parser.parse_args()
    place = Workplace(arguments.keep, cache_folder(arguments.cache_dir))
    names = arguments.steps or [f"{older}-{newer}" for older, newer in pairwise(releases())]
    place.build(sorted({version for name in names for version in name.split("-")}, key=version_key))
    steps = []
    make = partial(_replayed, place, arguments.budget)
    for name, result in place.results(
        f"replay-{arguments.budget}", names, make, (*CHECKING, "benchmarks/live_history.py")
    ):
        steps.append(result)
        print(_row(name, result["counts"]), flush=True)
    totals = [sum(column) for column in zip(*(step["counts"] for step in steps), strict=True)]
    rows = [_row(name, step["counts"]) for name, step in zip(names, steps, strict=True) if step["counts"][0]]
    table = [f"| {' | '.join(HEAD)} |", f"|---|{'---:|' * (len(HEAD) - 1)}", *rows, _row("all", totals)]
    if not arguments.steps:
        write_table("live_history", table)
    return _conclusion(names, steps, totals)


def _conclusion(names: Sequence[str], steps: Sequence[Result], totals: Sequence[int]) -> int:
    for name, step in zip(names, steps, strict=True):
        print("".join(f"{name}: missed {line}\n" for line in step["missed"]), end="")
        print("".join(f"{name}: unchanged, but reported: {line}\n" for line in step["wrong"]), end="")
    _, _, shown, found, *_, wrong = totals
    seconds = sum(step["seconds"] for step in steps)
    print(f"{found} of {shown} shown changes found ({found / max(shown, 1):.1%}), {wrong} reported wrongly")
    print(f"{len(steps)} steps, {seconds:.0f} CPU seconds")
    return 0 if found >= ENOUGH * shown and not wrong else 1


def _replayed(place: Workplace, budget: int, name: str) -> Result:
    started = time.process_time()
    older, newer = (load(place.contract(version)) for version in name.split("-"))
    step = replay(older, newer, budget)
    seconds = time.process_time() - started
    return {"counts": step.counts, "missed": step.missed, "wrong": step.wrong, "seconds": seconds}


def replay(older: Contract, newer: Contract, budget: int) -> Step:
    """Check a simulator of `newer` against `older`, and compare the report with the changes between both."""
    changes = _places(older, newer)
    visible = [placed for placed in changes if is_visible(placed, older)]
    seen = _observed(older, newer, budget)
    shown = [placed for placed in visible if is_shown(placed, seen)]
    found = {(*place, finding.drift_class) for place, finding in seen.findings}
    wanted = {_report_of(one) for one in shown}
    changed = {place for placed in changes for place in _affected(placed)} | {
        (operation, where) for operation, where, _ in wanted
    }
    wrong = [
        f"{finding.drift_class} {finding.check} {' '.join(place)}: {finding.message}"
        for place, finding in seen.findings
        if not _is_changed(place, changed)
    ]
    missed = tuple(" ".join(one) for one in sorted(wanted) if not any(_reports(other, one) for other in found))
    return Step(len(changes), len(visible), len(wanted), missed, len(seen.findings), tuple(wrong))


def is_visible(placed: Placed, older: Contract) -> bool:
    """Return whether the response of a read shows the change to a client that has the contract `older`."""
    operation = older.operations.get(placed.operation)
    if operation is None or not operation.is_read:
        return False
    key = (placed.change.drift_class, placed.change.movement)
    return key in VISIBLE and (key[0] in ("D1", "D2") or placed.direction is Direction.RECEIVED)


def _report_of(placed: Placed) -> tuple[str, str, str]:
    """Return operation, location and class of the finding that reports a change."""
    if placed.change.drift_class == "D1":
        return placed.operation, "status", "D1"
    if placed.direction is Direction.SENT and placed.change.drift_class == "D2":
        return placed.operation, "status", "D2"  # the request without the parameter is rejected
    return placed.operation, placed.location, VISIBLE[placed.change.drift_class, placed.change.movement]


def is_shown(placed: Placed, seen: Replay) -> bool:
    """Return whether one of the responses shows the change."""
    change, bodies = placed.change, seen.bodies.get(placed.operation, [])
    if change.drift_class == "D1":
        return placed.operation in seen.requested
    if placed.direction is Direction.SENT:
        return True
    parent, _, name = placed.location.rpartition("/")
    if change.drift_class in ("D4", "D5"):
        return any(isinstance(one, dict) and name not in one for body in bodies for one in _values(body, parent))
    values = [value for body in bodies for value in _values(body, placed.location)]
    if change.drift_class == "D9":
        return None in values
    if change.drift_class == "D10" and " more" not in change.observed:
        return any(str(value) in change.observed.split(", ") for value in values)
    return any(value is not None for value in values) or (change.drift_class in ("D2", "D19") and bool(values))


def _values(value: Any, pointer: str) -> Iterator[Any]:
    """Yield what is at a pointer, in which `*` is every item of an array or every value of an object."""
    step, _, rest = pointer.removeprefix("/").partition("/")
    if not step:
        yield value
    elif step == "*":
        for one in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
            yield from _values(one, rest)
    elif isinstance(value, dict) and step in value:
        yield from _values(value[step], rest)


def _places(older: Contract, newer: Contract) -> list[Placed]:
    sides = [read_side(str(contract.edition.folder), Path()) for contract in (older, newer)]
    return [one.placed for one in compare_sides(*sides).places]


def _observed(older: Contract, newer: Contract, budget: int) -> Replay:
    """Check the simulator of `newer` with `older`. It accepts every version: nothing announces the step."""
    served = Contract(newer.documents, replace(newer.edition, version=None))
    with embedded(served, rate_limit=10**9) as simulator:
        target = replace(simulator.target(), api_version_date=older.version, writable=False)
        observation = observe(older, target, budget=budget)
        bodies: dict[str, list[Any]] = {}
        for exchange in observation.exchanges:
            if exchange.ok and exchange.method == "GET":
                bodies.setdefault(exchange.operation, []).append(exchange.json)
        for operation in older.operations.values():
            ids = sorted(_ids(bodies.get(f"{operation.resource}.list", ())))
            if operation.is_read and operation.path.count("{") == 1 and operation.api == "v1":
                bodies.setdefault(operation.id, []).extend(_fetched(simulator, operation, ids[:EVERY]))
    findings = [
        ((place.operation, place.location), finding)
        for finding in judge(older, observation, "simulator").findings
        for place in finding.places or (finding,)
    ]
    return Replay(tuple(findings), bodies, frozenset(exchange.operation for exchange in observation.exchanges))


def _ids(pages: Iterable[Any]) -> set[str]:
    return {value for page in pages for value in _values(page, "/data/*/id") if isinstance(value, str)}


def _fetched(simulator: Simulator, operation: Operation, ids: list[str]) -> Iterator[Any]:
    """Yield the responses to a read of every object, without the client of the check."""
    connection = HTTPConnection(simulator.base_url.split("/")[2])
    base = "/" + "/".join(simulator.base_url.split("/")[3:])
    for id in ids:
        path = re.sub(r"\{[^}]*\}", id, operation.path)
        connection.request("GET", base.rstrip("/") + path, headers={"Authorization": f"Bearer {simulator.api_key}"})
        response = connection.getresponse()
        content = response.read()
        if response.status == 200:
            yield json.loads(content)
    connection.close()


def _affected(placed: Placed) -> Iterator[Place]:
    """Yield the places at which a change may be reported.

    Whether a parameter is required decides the status of a response, too: an optional parent is a filter, and an
    unknown one has an empty list.
    """
    yield placed.operation, placed.location
    if placed.location.startswith("param:") and placed.change.drift_class in ("D2", "D4", "D5"):
        yield placed.operation, "status"


def _is_changed(place: Place, changed: set[Place]) -> bool:
    """Return whether anything changed at a place, around it or inside of it."""
    operation, location = place
    return any(
        other == operation and (where in ("", "path") or _is_within(where, location) or _is_within(location, where))
        for other, where in changed
    )


def _reports(finding: tuple[str, str, str], change: tuple[str, str, str]) -> bool:
    """Return whether a finding reports a change.

    A finding names the key of a map where the contract has `*`. Many undocumented fields of one object are one finding
    at `{name}`.
    """
    same = finding[0] == change[0] and finding[2] == change[2]
    return same and finding[1].count("/") == change[1].count("/") and _is_within(finding[1], change[1])


def _is_within(one: str, other: str) -> bool:
    steps, around = one.split("/"), other.split("/")
    return len(steps) >= len(around) and all(
        {"*", "{name}"} & {*pair} or pair[0] == pair[1] for pair in zip(steps, around, strict=False)
    )


def _row(name: str, counts: Sequence[int]) -> str:
    return f"| {name} | {' | '.join(map(str, counts))} |"


if __name__ == "__main__":
    sys.exit(main())
