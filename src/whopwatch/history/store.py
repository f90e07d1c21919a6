"""The baseline: one SQLite file, and the encoding of its records. A kill loses the running night at most."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, astuple, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from whopwatch.contract.loader import is_version
from whopwatch.core.documents import parse_json_document
from whopwatch.core.errors import ConfigError, UsageError
from whopwatch.core.finding import (
    Confidence,
    Finding,
    FindingState,
    Impact,
    Occurrence,
    RequestExample,
    Severity,
    Source,
)
from whopwatch.core.report import State
from whopwatch.history.records import FindingRecord, Night, OperationRecord, Records, TraitRecord, VersionRecord

APPLICATION_ID = 0x57485057
SCHEMA_VERSION = 1

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
"""The columns of each table. Column names are those of the first version: existing baselines have them."""

CREATE_STATEMENTS = (
    *(f"CREATE TABLE {name} ({columns}) WITHOUT ROWID" for name, columns in COLUMNS.items()),
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

Rows = dict[str, list[tuple[Any, ...]]]
"""Rows by table, each row in the order of its columns."""
_JSON_KEY = "whopwatch_baseline"


def to_rows(records: Records) -> Rows:
    """Return the rows of `records` for every table."""
    versions = {version: asdict(record) for version, record in records.versions.items()}
    meta = {
        "owner": records.owner.encode(),
        "contract": records.contract.encode(),
        "versions": json.dumps(versions).encode() if versions else b"",
    }
    return {
        "meta": [("salt", records.salt), *((name, value) for name, value in meta.items() if value)],
        "nights": [astuple(night) for night in records.nights],
        "operations": [(id, json.dumps(asdict(record))) for id, record in records.operations.items()],
        "traits": [(*key, *astuple(record)) for key, record in records.traits.items()],
        "objects": [(*key, *known) for key, known in records.objects.items()],
        "tallies": [(*key, json.dumps(counts)) for key, counts in records.tallies.items()],
        "findings": [(fingerprint, json.dumps(asdict(record))) for fingerprint, record in records.findings.items()],
    }


def from_rows(rows: Rows) -> Records:
    """Return the records encoded in `rows`. Raise KeyError, TypeError or ValueError if the rows are malformed."""
    meta: dict[str, bytes] = dict(rows["meta"])
    return Records(
        salt=meta["salt"],
        owner=meta.get("owner", b"").decode(),
        contract=meta.get("contract", b"").decode(),
        versions=_versions(json.loads(meta.get("versions", b"{}"))),
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
    """Return the records that the tables of `database` hold."""
    return from_rows({name: database.execute(f"SELECT * FROM {name}").fetchall() for name in COLUMNS})  # noqa: S608


def write_records(database: sqlite3.Connection, records: Records) -> None:
    """Replace the content of all tables by `records`. The caller has begun a transaction."""
    for name, rows in to_rows(records).items():
        # The names are the keys of COLUMNS, so that no foreign text is in the statement.
        database.execute(f"DELETE FROM {name}")  # noqa: S608
        if rows:
            places = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {name} VALUES ({places})", rows)  # noqa: S608


def _versions(rows: dict[str, dict[str, Any]]) -> dict[str, VersionRecord]:
    records = {version: VersionRecord(**row) for version, row in rows.items()}
    if not all(is_version(version) and datetime.fromisoformat(one.first_seen) for version, one in records.items()):
        raise ValueError("not a version")
    return records


def _operation(record: dict[str, Any]) -> OperationRecord:
    known = {field.name for field in fields(OperationRecord)}
    values = {name: value for name, value in record.items() if name in known}
    states = [State(state) for state in record["states"]]
    checked = [state for state in states if state is not State.COULD_NOT_CHECK]
    if "matched_night" not in values and checked and checked[-1] is State.VERIFIED:  # a baseline of an earlier release
        values["matched_night"] = record["verified_night"]
    return OperationRecord(**{**values, "states": states})


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
            "request": RequestExample(**values["request"]) if values.get("request") else None,
            "impact": Impact(values["impact"]) if values.get("impact") else None,
            "impact_places": tuple(values.get("impact_places", ())),
        }
    )
    return FindingRecord(**{**record, "finding": finding})


def baseline_to_json(records: Records) -> str:
    """Return the records as one JSON document; bytes are written in hex."""
    tables = {name: [[_json_cell(cell) for cell in row] for row in rows] for name, rows in to_rows(records).items()}
    return json.dumps({_JSON_KEY: SCHEMA_VERSION, "tables": tables}, indent=1) + "\n"


def baseline_from_json(text: str, where: str) -> Records:
    """Return the records of an export; `where` names it in errors. Raise ConfigError if it is not a valid export."""
    try:
        document = parse_json_document(text)
        if document[_JSON_KEY] != SCHEMA_VERSION:
            raise ConfigError(
                "The export has an unsupported version.",
                where=where,
                expected=str(SCHEMA_VERSION),
                got=str(document[_JSON_KEY])[:20],
            )
        tables = document["tables"]
        return from_rows({name: [_decoded_row(name, row) for row in tables[name]] for name in COLUMNS})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ConfigError(
            "The file is not a baseline export.", where=where, expected="the output of `whopwatch baseline export`"
        ) from None


def _json_cell(cell: Any) -> Any:
    return cell.hex() if isinstance(cell, bytes) else cell


def _decoded_row(name: str, row: list[Any]) -> tuple[Any, ...]:
    types = [column.split()[1] for column in COLUMNS[name].partition(", PRIMARY KEY (")[0].split(", ")]
    if len(row) != len(types):
        raise ValueError("wrong number of cells")
    return tuple(_decoded_cell(type, cell) for type, cell in zip(types, row, strict=True))


def _decoded_cell(type: str, cell: Any) -> Any:
    if type == "BLOB":
        return bytes.fromhex(cell)
    wanted = {"TEXT": str, "INTEGER": int, "REAL": (int, float)}[type]
    if not isinstance(cell, wanted):  # type: ignore[arg-type]
        raise TypeError("wrong type of cell")
    return cell


def encode_delta_varints(numbers: Iterable[int]) -> bytes:
    """Encode a set of numbers, each 0 or greater: sorted, each as its distance from the one before, in LEB128.

    A baseline lists the traits of thousands of objects; this takes about one byte a trait.
    """
    encoded, last = bytearray(), 0
    for number in sorted(set(numbers)):
        distance, last = number - last, number
        while distance > 0x7F:
            encoded.append(distance & 0x7F | 0x80)
            distance >>= 7
        encoded.append(distance)
    return bytes(encoded)


def decode_delta_varints(data: bytes) -> frozenset[int]:
    """Return the set of numbers that `encode_delta_varints` encoded as `data`."""
    numbers, number, distance, shift = set(), 0, 0, 0
    for byte in data:
        distance |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            number += distance
            numbers.add(number)
            distance = shift = 0
    return frozenset(numbers)


BUSY_SECONDS = 5.0
"""How long SQLite waits for a lock that another process holds."""


class Baseline:
    """A baseline that this run has locked. Create it with `open_baseline`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Records:
        """Return its records, or empty records with a new salt if the file does not exist yet.

        Raise ConfigError if the file is not a baseline, is damaged, or was written by a newer version.
        """
        if not self.path.exists() or not self.path.stat().st_size:
            return Records(salt=os.urandom(16))
        return read_baseline(self.path)

    def save(self, records: Records) -> None:
        """Replace its content in one transaction. Raise UsageError if the file cannot be written."""
        try:
            with closing(self._connect()) as database:
                database.execute("BEGIN IMMEDIATE")
                version = database.execute("PRAGMA user_version").fetchone()[0]
                if not version:
                    for statement in CREATE_STATEMENTS:
                        database.execute(statement)
                write_records(database, records)
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise UsageError(
                "Cannot write the baseline: this night is not saved, earlier nights are.",
                where=str(self.path),
                got=str(error),
                hint="check free disk space and write permission, then run again",
            ) from None

    def _connect(self) -> sqlite3.Connection:
        with suppress(FileExistsError):
            # A new baseline is for its owner alone: it shows what an account has.
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)


def read_baseline(path: Path) -> Records:
    """Return the records of the baseline at `path` without locking it: it may be read-only, and a run may use it.

    Raise ConfigError if the file does not exist, is not a baseline, is damaged, or was written by a newer version.
    """
    # mode=rw creates no file, rolls back what a killed run left half written, and also reads write-protected files.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    try:
        if not path.exists():
            hint = "run `whopwatch drift` first: it writes the baseline"
            raise ConfigError(
                "The baseline does not exist.", where=str(path), expected="a baseline", got="no such file", hint=hint
            )
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as database:
            _check_format(database, path)
            return read_records(database)
    except (sqlite3.Error, OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            "Cannot read the baseline.",
            where=str(path),
            expected="a SQLite file written by `whopwatch drift`",
            got=str(error) if isinstance(error, (sqlite3.Error, OSError)) else "a damaged file",
            hint="restore it from the last artifact or export, or move it away to start again",
        ) from None


@contextmanager
def open_baseline(path: Path) -> Iterator[Baseline]:
    """Lock the baseline at `path` for the duration of the context.

    Raise UsageError if the folder is missing, the file cannot be written, or another run has locked it.
    """
    check_writable_path(path)
    with ExitStack() as locks:
        try:
            lock = FileLock(f"{path.resolve()}.lock")
            lock.acquire(blocking=False)
            locks.callback(lock.release)
            if path.exists():
                locks.enter_context(_locked_inode(path))
        except (Timeout, BlockingIOError):
            raise UsageError(
                "Another run is using the baseline.",
                where=str(path),
                expected="one run at a time",
                hint="wait until it ends, or use another file with --baseline",
            ) from None
        except OSError as error:
            raise _unwritable(
                path, got=error.strerror or "an error", hint="use --baseline with a file in a writable folder"
            ) from None
        yield Baseline(path)


@contextmanager
def _locked_inode(path: Path) -> Iterator[None]:
    """Lock the file itself: two hard links have different names and one content. Raise BlockingIOError if locked.

    SQLite uses another kind of lock (fcntl), so that the two do not get in each other's way. Windows has no such lock:
    there only the name is locked.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        with suppress(ImportError):
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def check_writable_path(path: Path) -> None:
    """Raise UsageError if no baseline can be written to `path`. Creates nothing."""
    try:
        is_folder_there, exists = path.parent.is_dir(), path.exists()
    except OSError as error:
        raise _unwritable(path, got=error.strerror or "an error") from None
    if not is_folder_there:
        raise _unwritable(path, expected="a file in an existing folder", hint=f"create the folder {str(path.parent)!r}")
    # SQLite reports a pipe or a device as an I/O error, after all requests were sent.
    if exists and not (path.is_file() and os.access(path, os.W_OK)):
        raise _unwritable(
            path,
            expected="a writable file",
            hint="allow writing to it, or use another file (such as a copy) with --baseline",
        )


def _unwritable(
    path: Path, *, expected: str | None = None, got: str | None = None, hint: str | None = None
) -> UsageError:
    return UsageError("Cannot write the baseline.", where=str(path), expected=expected, got=got, hint=hint)


def _check_format(database: sqlite3.Connection, path: Path) -> None:
    """Raise ConfigError or DatabaseError unless the file is a baseline that this version can read."""
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise sqlite3.DatabaseError("a database of another application")
    if version > SCHEMA_VERSION:
        raise ConfigError(
            "A newer whopwatch wrote this baseline.",
            where=str(path),
            expected=f"schema version {SCHEMA_VERSION}",
            got=f"schema version {version}",
            hint="update whopwatch, or use another file with --baseline",
        )
