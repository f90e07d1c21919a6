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
from whopwatch.contract_build.releases import version_key
from whopwatch.core.exchange import Exchange
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
PAGING = ("param:first", "param:last", "param:after", "param:before")
FIELDS = ("D2", "D4", "D5", "D19")
VISIBLE = {
    ("D1", "removed"),  # the request is answered with 404
    ("D2", "added"),  # a field is not documented; a new parameter is required, so that requests without it are rejected
    ("D4", "loosened"),  # a required field is missing
    ("D5", "removed"),
    ("D7", "replaced"),  # a value has another type
    ("D8", "widened"),
    ("D9", "widened"),  # a value is null
    ("D10", "added"),  # a value is not a documented one
    ("D19", "added"),
}
"""What a response can show, by class and movement. Not visible: a value or a field that is allowed and no longer occurs
(D6, and everything narrowed), and a fact that no response states (D12, D17, D21)."""
TYPES: Mapping[str, Sequence[type]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}

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

    `bodies` are by operation. `requested` are operations, if the status of their responses shows that they changed: 404
    to an id that no list of its resource has may be an object that is gone.
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
    found = {(*place, finding.drift_class) for place, finding in seen.findings}
    wanted = {report for placed in visible for report in reports_of(placed, older, seen)}
    changed = {place for placed in changes for place in affected_places(placed)} | {
        (operation, where) for operation, where, _ in wanted
    }
    wrong = [
        f"{finding.drift_class} {finding.check} {' '.join(place)}: {finding.message}"
        for place, finding in seen.findings
        if not _is_changed(place, changed) and not _is_unstated(newer, place, finding, seen)
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


def reports_of(placed: Placed, older: Contract, seen: Replay) -> set[tuple[str, str, str]]:
    """Return operation, location and class of what a check can report of a visible change; empty if nothing shows it.

    A value shows the change if the older contract does not allow it: a string at a place that may now be a number or a
    string does not. A missing or an additional field shows it if the variant that the object is has it, or has not.
    """
    operation, kind = older.operations[placed.operation], placed.change.drift_class
    if kind == "D1" or placed.direction is Direction.SENT:
        return {(operation.id, "status", kind)} if operation.id in seen.requested else set()
    parent, _, name = placed.location.rpartition("/")
    bodies = seen.bodies.get(operation.id, [])
    schema = Shape(older, operation.api).variants(operation.success.schema or {})
    reached = [one for body in bodies for one in schema.reach(body, parent if kind in FIELDS else placed.location)]
    if kind in ("D4", "D5"):
        is_shown = any(variants.requires(value, name) for value, variants in reached)
        return {(operation.id, placed.location, "D5")} if is_shown else set()
    if kind in FIELDS:
        is_shown = any(variants.lacks(value, name) for value, variants in reached)
        return {(operation.id, placed.location, "D19")} if is_shown else set()
    classes = {variants.violation(value) for value, variants in reached if (value is None) == (kind == "D9")}
    return {(operation.id, placed.location, one) for one in classes if one}


@dataclass(frozen=True)
class Shape:
    """The older contract's schema of a place, read without the code that checks use: one mapping for each variant."""

    contract: Contract
    api: str
    of: tuple[Mapping[str, Any], ...] = ()

    def variants(self, *schemas: Mapping[str, Any]) -> Shape:
        """Return the shape that allows what one of `schemas` allows."""
        return replace(self, of=tuple(one for schema in schemas for one in self._variants(schema)))

    def reach(self, value: Any, pointer: str) -> Iterator[tuple[Any, Shape]]:
        """Yield what is at a pointer, in which `*` is every item of an array or value of an object, and its shape."""
        step, _, rest = pointer.removeprefix("/").partition("/")
        if not step:
            yield value, self
        elif step == "*" and isinstance(value, list):
            items = self.variants(*(one["items"] for one in self.of if "items" in one))
            for one in value:
                yield from items.reach(one, rest)
        elif step == "*" and isinstance(value, dict):
            others = [one.get("additionalProperties") for one in self.of]
            for one in value.values():
                yield from self.variants(*(other for other in others if isinstance(other, dict))).reach(one, rest)
        elif isinstance(value, dict) and step in value:
            fields = [one["properties"] for one in self._fitting(value)]
            yield from self.variants(*(one[step] for one in fields if step in one)).reach(value[step], rest)

    def requires(self, value: Any, name: str) -> bool:
        """Return whether an object lacks a field that every variant it can be requires."""
        fitting = self._fitting(value)
        return bool(fitting) and name not in value and all(name in one["required"] for one in fitting)

    def lacks(self, value: Any, name: str) -> bool:
        """Return whether an object has a field that no variant it can be has."""
        fitting = self._fitting(value)
        return bool(fitting) and name in value and all(name not in one["properties"] for one in fitting)

    def violation(self, value: Any) -> str | None:
        """Return the class of a value that no variant allows by its type or its enum values."""
        if not self.of or any(_has_type(value, one) and _is_listed(value, one) for one in self.of):
            return None
        if value is None:
            return "D9"
        if any(_has_type(value, one) for one in self.of):
            return "D10"
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return "D8" if is_number and any("integer" in _types(one) for one in self.of) else "D7"

    def _fitting(self, value: Any) -> list[Mapping[str, Any]]:
        """Return the variants that an object can be: of several, the ones with its constants, such as a type."""
        found = [one for one in self.of if one["properties"]] if isinstance(value, dict) else []
        fitting = [one for one in found if all(self._agrees(value, *field) for field in one["properties"].items())]
        return fitting if len(found) > 1 else found

    def _agrees(self, value: Mapping[str, Any], name: str, schema: Mapping[str, Any]) -> bool:
        schema = self.contract.resolve(schema, self.api)
        allowed = [schema["const"]] if "const" in schema else schema.get("enum", ())
        return name not in value or len(allowed) != 1 or value[name] in allowed

    def _variants(self, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
        schema = self.contract.resolve(schema, self.api)
        found = [{"properties": {}, "required": [], **schema}]
        groups = [[one] for one in schema.get("allOf", ())]
        groups += [schema[word] for word in ("anyOf", "oneOf") if word in schema]
        for group in groups:
            found = [_merged(one, other) for one in found for each in group for other in self._variants(each)]
        return found


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    fields = {"properties": {**one["properties"], **other["properties"]}}
    return {**one, **other, **fields, "required": [*one["required"], *other["required"]]}


def _types(schema: Mapping[str, Any]) -> Sequence[str]:
    types = schema.get("type", ())
    return [types] if isinstance(types, str) else types


def _has_type(value: Any, schema: Mapping[str, Any]) -> bool:
    types = _types(schema)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return not types or any(type(value) in TYPES[one] for one in types)


def _is_listed(value: Any, schema: Mapping[str, Any]) -> bool:
    return value in schema.get("enum", (value,)) and value == schema.get("const", value)


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
            ids = sorted(_ids(older, operation.resource, bodies))
            if operation.is_read and operation.path.count("{") == 1 and operation.api == "v1":
                bodies.setdefault(operation.id, []).extend(_fetched(simulator, operation, ids[:EVERY]))
    findings = [
        ((place.operation, place.location), finding)
        for finding in judge(older, observation, "simulator").findings
        for place in finding.places or (finding,)
    ]
    return Replay(tuple(findings), bodies, frozenset(_requested(older, observation.exchanges, bodies)))


def _requested(older: Contract, exchanges: Iterable[Exchange], bodies: Mapping[str, list[Any]]) -> Iterator[str]:
    for exchange in exchanges:
        listed = _ids(older, older.operations[exchange.operation].resource, bodies)
        if listed.issuperset(exchange.path_params.values()):
            yield exchange.operation


def _ids(older: Contract, resource: str, bodies: Mapping[str, list[Any]]) -> set[str]:
    """Return the ids of listed objects, if the older contract documents the field: no other client knows of it."""
    operation = older.operations.get(f"{resource}.list")
    if operation is None:
        return set()
    schema = Shape(older, operation.api).variants(operation.success.schema or {})
    reached = (one for page in bodies.get(operation.id, ()) for one in schema.reach(page, "/data/*/id"))
    return {value for value, shape in reached if shape.of and isinstance(value, str)}


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


def affected_places(placed: Placed) -> Iterator[Place]:
    """Yield the places at which a change may be reported.

    Whether a parameter is required decides the status of a response, too: an optional parent is a filter, and an
    unknown one has an empty list. The parameters of paging are tested together: `last` without a meaning does not
    contradict `first` any more.
    """
    yield placed.operation, placed.location
    if placed.location in PAGING:
        yield from ((placed.operation, one) for one in PAGING)
    if placed.location.startswith("param:") and placed.change.drift_class in ("D2", "D4", "D5"):
        yield placed.operation, "status"


def _is_changed(place: Place, changed: set[Place]) -> bool:
    """Return whether anything changed at a place, around it or inside of it."""
    operation, location = place
    return any(
        other == operation and (where in ("", "path") or _is_within(where, location) or _is_within(location, where))
        for other, where in changed
    )


def _is_unstated(newer: Contract, place: Place, finding: Finding, seen: Replay) -> bool:
    """Return whether the newer contract states nothing there, and its simulator therefore invents what it returns.

    That is a field of an object without documented fields, or an id without a documented prefix. The comparison of two
    contracts concludes nothing from what one of them does not state.
    """
    id, location = place
    operation = newer.operations.get(id)
    if operation is None or finding.check != "fields":
        return False
    schema = Shape(newer, operation.api).variants(operation.success.schema or {})
    reached = [one for body in seen.bodies.get(id, ()) for _, one in schema.reach(body, location)]
    return any(not any("x-id-prefix" in variant for variant in shape.of) for shape in reached)


def _reports(finding: tuple[str, str, str], change: tuple[str, str, str]) -> bool:
    """Return whether a finding reports a change.

    A finding names the key of a map where the contract has `*`. Many undocumented fields of one object are one finding
    at `{name}`. A listed object with 404 is D20: it may be gone, or the operation.
    """
    same = finding[0] == change[0] and (finding[2] == change[2] or (finding[2], change[2]) == ("D20", "D1"))
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
