"""Calculate the figures of the table from the records of all cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.detection.cases import CLEAN, SCHEMATHESIS, WHOPWATCH

Record = dict[str, Any]


@dataclass(frozen=True)
class Score:
    """The result of one tool with one setting. `requests` and `seconds` are medians over its runs."""

    faults: int
    caught: int
    requests: float
    seconds: float

    @property
    def share(self) -> float:
        """The share of faults that were caught."""
        return self.caught / self.faults if self.faults else 0.0


def with_baseline(records: Sequence[Record]) -> list[Record]:
    """Return the records with `caught` for schemathesis: a complaint that it does not make without the fault."""
    clean = {
        (record["setting"], record["operation"], record["seed"]): set(record.get("complaints", ()))
        for record in records
        if record["tool"] == SCHEMATHESIS and record["origin"] == CLEAN
    }
    return [_against(record, clean) if _is_unlisted_fault(record) else record for record in records]


def _is_unlisted_fault(record: Record) -> bool:
    return bool(record["tool"] == SCHEMATHESIS and record["origin"] != CLEAN and "error" not in record)


def _against(record: Record, clean: Mapping[tuple[str, str, int], set[str]]) -> Record:
    usual = clean.get((record["setting"], record["operation"], record["seed"]), set())
    return {**record, "caught": bool(set(record["complaints"]) - usual)}


def score(records: Iterable[Record]) -> Score:
    """Return the score of some records. A case that ended with an error counts as not caught."""
    taken = list(records)
    ended = [record for record in taken if "error" not in record and "carried" not in record]
    return Score(
        faults=len(taken),
        caught=sum(bool(record.get("caught")) for record in taken),
        requests=median(record["requests"] for record in ended) if ended else 0,
        seconds=median(record["seconds"] for record in ended) if ended else 0.0,
    )


def attribution(records: Iterable[Record]) -> dict[str, float]:
    """Return the shares of findings that name operation, class, location, and all three."""
    sums = {"findings": 0, "operation": 0, "class": 0, "location": 0, "all": 0}
    for record in records:
        found = {} if "carried" in record else record.get("attribution", {})
        for name, number in found.items():
            sums[name] += number
    return {name: number / sums["findings"] if sums["findings"] else 1.0 for name, number in sums.items()}


def false_alarms(records: Iterable[Record]) -> tuple[int, int]:
    """Return the simulators without faults that got a finding, and the number of simulators without faults."""
    clean = [record for record in records if record["tool"] == WHOPWATCH and record["origin"] == CLEAN]
    return sum(bool(record.get("findings")) or "error" in record for record in clean), len(clean)


def by_class(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Group records by the drift class of their fault, D1 first."""
    classes: dict[str, list[Record]] = {}
    for record in records:
        classes.setdefault(record["class"], []).append(record)
    return {name: classes[name] for name in sorted(classes, key=lambda name: int(name[1:]))}
