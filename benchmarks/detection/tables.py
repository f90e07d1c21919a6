"""The published page, and its figures as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.detection.cases import BUDGET, CATALOGUE, DEFAULT, EVERYWHERE, SCHEMATHESIS, UNLISTED, WHOPWATCH
from benchmarks.detection.other_checks import OtherOutcome
from benchmarks.detection.other_checks_table import section, totals
from benchmarks.detection.score import Record, Score, attribution, by_class, false_alarms, score
from benchmarks.detection.unseen import UNSEEN
from whopwatch.simulator.faults import OBSERVERS, fault_catalogue

Column = tuple[str, str]
SCHEMATHESIS_COLUMNS = ((SCHEMATHESIS, BUDGET), (SCHEMATHESIS, DEFAULT))


def columns(records: Iterable[Record]) -> list[Column]:
    """Return the tools and settings, in the order of the table."""
    there = {(record["tool"], record["setting"]) for record in records}
    budgets = sorted((int(setting) for tool, setting in there if tool == WHOPWATCH))
    return [
        *((WHOPWATCH, str(budget)) for budget in budgets),
        *(column for column in SCHEMATHESIS_COLUMNS if column in there),
    ]


def figures(records: Sequence[Record], elsewhere: Sequence[OtherOutcome] = ()) -> dict[str, Any]:
    """Return all figures, for JSON."""
    wrong, clean = false_alarms(records)
    unsafe = {f"{tool} {setting}": _unsafe(records, (tool, setting)) for tool, setting in columns(records)}
    beside = _total(_beside(records))
    records = _ours(records)
    return {
        "schema": 1,
        "everywhere": {origin: _total(_everywhere(records, origin)) for origin in (CATALOGUE, UNLISTED)},
        "catalogue": _rows(_of(records, CATALOGUE, "read")),
        "catalogue_by_observer": {who: _total(_of(records, CATALOGUE, who)) for who in OBSERVERS},
        "unseen": _rows(_of(records, UNLISTED, "read")),
        "attribution": {origin: attribution(_from(records, origin)) for origin in (CATALOGUE, UNLISTED)},
        "false_alarms": {"runs": clean, "with_findings": wrong},
        "beside_schemathesis": beside,
        "unsafe_requests": unsafe,
        "missed": missed(records),
        "elsewhere": totals(elsewhere),
    }


def page(records: Sequence[Record], elsewhere: Sequence[OtherOutcome] = ()) -> str:
    """Return the page in Markdown. `elsewhere` are the outcomes of the other checks."""
    wrong, clean = false_alarms(records)
    unsafe, beside, records = _unsafe_lines(records), _beside(records), _ours(records)
    read, unseen = _of(records, CATALOGUE, "read"), _of(records, UNLISTED, "read")
    rest = [who for who in OBSERVERS if who != "read" and _of(records, CATALOGUE, who)]
    carried = any("carried" in record for record in records)
    parts = [
        _INTRODUCTION,
        _sample(records),
        _FRUGAL if carried else "",
        "## Faults at every operation, and at one drawn at random",
        _EVERYWHERE,
        _table(records, "place and source of the faults", _placements(records), total=False),
        "## The catalogue, at one operation: visible to a read-only run",
        _table(read, "class", by_class(read)),
        "## The catalogue, at one operation: the rest",
        _table(records, "who can see it", {OBSERVERS[who]: _of(records, CATALOGUE, who) for who in rest}, total=False),
        *_schemathesis_part(beside),
        section(elsewhere),
        "## Faults outside the catalogue, at one operation",
        _UNSEEN,
        _table(unseen, "class", by_class(unseen)),
        "## What the findings name",
        _shares(records),
        "## False alarms and unsafe requests",
        f"- {clean} runs at faithful simulators of different seeds: {wrong} with a finding.",
        *(f"- unsafe requests counted at the server, {name}: {number}" for name, number in unsafe),
        "## Missed",
        *_missed_lines(records),
    ]
    return "\n\n".join(part for part in _joined(parts) if part) + "\n"


def _ours(records: Iterable[Record]) -> list[Record]:
    return [record for record in records if record["tool"] == WHOPWATCH]


def _beside(records: Sequence[Record]) -> list[Record]:
    """Return the records of both tools at the faults that schemathesis was run with."""
    tried = {_where(record) for record in records if record["tool"] == SCHEMATHESIS and record["fault"]}
    return [record for record in records if _where(record) in tried]


def _where(record: Record) -> tuple[str, str, str, int]:
    return record["origin"], record["fault"], record["operation"], record["seed"]


def _schemathesis_part(beside: Sequence[Record]) -> list[str]:
    if not beside:
        return []
    queries = [record for record in beside if record["class"] == "D20"]
    groups = {"pages and queries (D20)": queries, "everything else": [r for r in beside if r["class"] != "D20"]}
    return [_SCHEMATHESIS_TEXT, _table(beside, "faults at one operation", {k: v for k, v in groups.items() if v})]


def _sample(records: Iterable[Record]) -> str:
    """Return how many faults were tried, if not all were."""
    tried = {(record["origin"], record["fault"]) for record in records if record["sees"] == "read"}
    every = sum(fault.sees == "read" for fault in fault_catalogue().values()) + len(UNSEEN)
    return f"This page is of {len(tried)} of the {every} faults that a reader can see." if len(tried) < every else ""


def missed(records: Iterable[Record]) -> dict[str, list[str]]:
    """Return the readable faults that were not caught, by tool and setting."""
    found: dict[str, list[str]] = {}
    for record in records:
        if record["sees"] == "read" and not record.get("caught"):
            name = f"{record['fault']}@{record['operation']}".removesuffix(f"@{EVERYWHERE}")
            found.setdefault(f"{record['tool']} {record['setting']}", []).append(name)
    return found


def _of(records: Iterable[Record], origin: str, who: str) -> list[Record]:
    """Return the records of faults at one operation."""
    one = (record for record in records if record["operation"] != EVERYWHERE)
    return [record for record in one if record["origin"] == origin and record["sees"] == who]


def _everywhere(records: Iterable[Record], origin: str) -> list[Record]:
    everywhere = (record for record in records if record["operation"] == EVERYWHERE)
    return [record for record in everywhere if record["origin"] == origin and record["sees"] == "read"]


def _placements(records: Sequence[Record]) -> dict[str, list[Record]]:
    groups: dict[str, list[Record]] = {}
    for origin, words in ((CATALOGUE, "the catalogue"), (UNLISTED, "outside it")):
        groups[f"everywhere, {words}"] = _everywhere(records, origin)
        groups[f"one operation, {words}"] = _of(records, origin, "read")
    return {name: group for name, group in groups.items() if group}


def _from(records: Iterable[Record], origin: str) -> list[Record]:
    return [record for record in records if record["origin"] == origin]


def _total(records: Sequence[Record]) -> dict[str, Any]:
    return {f"{tool} {setting}": _figures(_pick(records, (tool, setting))) for tool, setting in columns(records)}


def _rows(records: Sequence[Record]) -> dict[str, Any]:
    rows = {name: _total(group) for name, group in by_class(records).items()}
    return {**rows, "total": _total(records)}


def _pick(records: Iterable[Record], column: Column) -> Score:
    return score(record for record in records if (record["tool"], record["setting"]) == column)


def _figures(one: Score) -> Mapping[str, float]:
    return {
        "faults": one.faults,
        "caught": one.caught,
        "share": round(one.share, 4),
        "requests": one.requests,
        "seconds": round(one.seconds, 2),
    }


def _table(records: Sequence[Record], head: str, groups: Mapping[str, Sequence[Record]], *, total: bool = True) -> str:
    """Return a table with a row per group and a column per tool and setting; below it shares, requests and seconds."""
    shown = columns(records)
    if not groups:
        return "Not run."
    lines = [_row([head, "faults", *map(_name, shown)]), _row(["---", *["--:"] * (len(shown) + 1)])]
    for name, group in groups.items():
        scores = [_pick(group, column) for column in shown]
        faults = max(one.faults for one in scores)
        lines.append(_row([name, faults, *(one.caught if one.faults else "-" for one in scores)]))
    if total:
        scores = [_pick(records, column) for column in shown]
        lines += [
            _row(["**all**", max(one.faults for one in scores), *(one.caught for one in scores)]),
            _row(["share", "", *(f"{one.share:.1%}" for one in scores)]),
            _row(["requests (median)", "", *(f"{one.requests:.0f}" if one.requests else "-" for one in scores)]),
            _row(["seconds (median)", "", *(f"{one.seconds:.1f}" if one.seconds else "-" for one in scores)]),
        ]
    return "\n".join(lines)


def _name(column: Column) -> str:
    tool, setting = column
    if tool == WHOPWATCH:
        return f"{tool}, at most {setting} requests"
    return f"{tool}, our default budget" if setting == BUDGET else f"{tool}, its defaults (unguarded)"


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _shares(records: Sequence[Record]) -> str:
    lines = [_row(["share of findings that name", "operation", "drift class", "location", "all three"])]
    lines.append(_row(["---", *["--:"] * 4]))
    for origin in (CATALOGUE, UNLISTED):
        shares = attribution(_from(records, origin))
        cells = (f"{shares[name]:.1%}" for name in ("operation", "class", "location", "all"))
        lines.append(_row([f"at faults of the {origin}" if origin == CATALOGUE else "at faults outside it", *cells]))
    return "\n".join(lines)


def _unsafe(records: Iterable[Record], column: Column) -> int:
    return sum(record.get("unsafe", 0) for record in records if (record["tool"], record["setting"]) == column)


def _unsafe_lines(records: Sequence[Record]) -> list[tuple[str, int]]:
    return [(_name(column), _unsafe(records, column)) for column in columns(records)]


def _missed_lines(records: Sequence[Record]) -> list[str]:
    """Return the missed faults, folded. A name without an operation is a fault at every operation."""
    there = {f"{tool} {setting}": _name((tool, setting)) for tool, setting in columns(records)}
    found = missed(records)
    return [_folded(name, found.get(key, [])) for key, name in there.items()]


def _folded(name: str, faults: Sequence[str]) -> str:
    everywhere = [fault for fault in faults if "@" not in fault]
    counts = f"{len(everywhere)} everywhere, {len(faults) - len(everywhere)} at one operation"
    names = ", ".join(f"`{fault}`" for fault in [*everywhere, *(fault for fault in faults if "@" in fault)])
    if not faults:
        return f"- {name}: none"
    return f"<details><summary>{name}: {counts}</summary>\n\n{names}\n\n</details>"


def _joined(parts: Iterable[str]) -> list[str]:
    """Join the parts; lines of one list stay together."""
    joined: list[str] = []
    for part in parts:
        if joined and part.startswith("- ") and joined[-1].startswith("- "):
            joined[-1] += f"\n{part}"
        else:
            joined.append(part)
    return joined


_INTRODUCTION = """# What is detected

How many kinds of drift are found, by which tool, with how many requests. `python -m benchmarks.detection` writes this
page.

Each fault is placed twice: at one operation, drawn at random by a seed among the possible ones, and at every possible
operation, as a change of a shared part would show. whopwatch gets neither the fault nor the operation: it checks all 79
reads, with each of its budgets. A fault is caught if its operation has drift, or a finding of the right class if that
class is informational. Requests are counted at the server."""

_SCHEMATHESIS_TEXT = """## Comparison with schemathesis

On some of these faults, drawn at random. schemathesis gets the operation, an existing id for each required parameter,
and `--continue-on-failure`. Complaints that it also makes about the operation without the fault do not count; all
others do. "Our default budget" is at most 600 requests, reads only, enforced by whopwatch's guard; "its defaults" are
its own number of requests and all its methods."""

_FRUGAL = """A caught fault was not searched for again with more requests and counts as caught there too. So the medians
of the larger budgets, and the shares of what findings name, cover only the runs that took place."""

_EVERYWHERE = """An experiment that runs at a few operations each night, in rotation, finds a fault of every operation
in the first night. It finds a fault of a single operation in the night of that operation. A fault without any usable
response, such as a 500 everywhere, counts as caught if the run could not check and gives the reason."""

_UNSEEN = """Derived from the drift classes and the invariants of a paginated list, independently of the catalogue and
the checks, and injected by a proxy in front of the simulator. They show whether checks implement rules or only known
faults."""
