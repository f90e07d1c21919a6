"""The tables of a baseline, and the way from records to rows and back."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, astuple, fields
from typing import Any

from whopwatch.core.finding import Confidence, Finding, FindingState, Occurrence, Severity, Source
from whopwatch.core.report import State
from whopwatch.history.records import FindingRecord, Night, OperationRecord, Records, TraitRecord

APPLICATION_ID = 0x57485057
VERSION = 1

COLUMNS: Mapping[str, str] = {
    "meta": "name TEXT PRIMARY KEY, value BLOB NOT NULL",
    "nights": "number INTEGER PRIMARY KEY, started_at TEXT NOT NULL, seconds REAL NOT NULL, target TEXT NOT NULL, "
    "verdict TEXT NOT NULL, sent INTEGER NOT NULL, succeeded INTEGER NOT NULL",
    "operations": "id TEXT PRIMARY KEY, record TEXT NOT NULL",
    "traits": "operation TEXT, node TEXT, location TEXT, trait TEXT, number INTEGER NOT NULL, units INTEGER NOT NULL, "
    "hits INTEGER NOT NULL, quiet REAL NOT NULL, lost REAL NOT NULL, gap INTEGER NOT NULL, longest INTEGER NOT NULL, "
    "first_night INTEGER NOT NULL, last_night INTEGER NOT NULL, is_foreign INTEGER NOT NULL, "
    "PRIMARY KEY (operation, node, location, trait)",
    "objects": "operation TEXT, node TEXT, digest TEXT, night INTEGER NOT NULL, traits BLOB NOT NULL, "
    "PRIMARY KEY (operation, node, digest)",
    "tallies": "operation TEXT, location TEXT, counts TEXT NOT NULL, PRIMARY KEY (operation, location)",
    "findings": "fingerprint TEXT PRIMARY KEY, record TEXT NOT NULL",
}
"""What each table holds."""

SCHEMA = (
    *(f"CREATE TABLE {name} ({columns}) WITHOUT ROWID" for name, columns in COLUMNS.items()),
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)

Rows = dict[str, list[tuple[Any, ...]]]
"""Rows by table, each row in the order of its columns."""


def rows_of(records: Records) -> Rows:
    """The rows that stand for `records`."""
    return {
        "meta": [("salt", records.salt)],
        "nights": [astuple(night) for night in records.nights],
        "operations": [(id, json.dumps(asdict(record))) for id, record in records.operations.items()],
        "traits": [(*key, *astuple(record)) for key, record in records.traits.items()],
        "objects": [(*key, *known) for key, known in records.objects.items()],
        "tallies": [(*key, json.dumps(counts)) for key, counts in records.tallies.items()],
        "findings": [(fingerprint, json.dumps(asdict(record))) for fingerprint, record in records.findings.items()],
    }


def records_of(rows: Rows) -> Records:
    """The records that `rows` stand for. Raises KeyError, TypeError or ValueError for rows that stand for none."""
    return Records(
        salt=next(value for name, value in rows["meta"] if name == "salt"),
        nights=[Night(*row) for row in rows["nights"]],
        operations={id: _operation(json.loads(record)) for id, record in rows["operations"]},
        traits={row[:4]: TraitRecord(*row[4:]) for row in rows["traits"]},
        objects={row[:3]: row[3:] for row in rows["objects"]},
        tallies={
            (operation, location): {kind: Counter(names) for kind, names in json.loads(counts).items()}
            for operation, location, counts in rows["tallies"]
        },
        findings={fingerprint: _finding(json.loads(record)) for fingerprint, record in rows["findings"]},
    )


def read_records(database: sqlite3.Connection) -> Records:
    """What the tables hold."""
    return records_of({name: database.execute(f"SELECT * FROM {name}").fetchall() for name in COLUMNS})  # noqa: S608


def write_records(database: sqlite3.Connection, records: Records) -> None:
    """Replace what the tables hold; the caller has begun a transaction."""
    for name, rows in rows_of(records).items():
        # The names are those of COLUMNS.
        database.execute(f"DELETE FROM {name}")  # noqa: S608
        if rows:
            places = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {name} VALUES ({places})", rows)  # noqa: S608


def _operation(record: dict[str, Any]) -> OperationRecord:
    return OperationRecord(**{**record, "states": [State(state) for state in record["states"]]})


def _finding(record: dict[str, Any]) -> FindingRecord:
    known = {field.name for field in fields(Finding)}
    values = {name: value for name, value in record["finding"].items() if name in known}
    finding = Finding(
        **{
            **values,
            "severity": Severity(values["severity"]),
            "confidence": Confidence(values["confidence"]),
            "source": Source(values["source"]),
            "state": FindingState(values["state"]) if values["state"] else None,
            "places": tuple(Occurrence(**place) for place in values["places"]),
            "targets": tuple(values["targets"]),
        }
    )
    return FindingRecord(**{**record, "finding": finding})
