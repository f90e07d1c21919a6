"""The baseline: one SQLite file. A night is one transaction, so that a kill loses the running night at most."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from whopwatch.core.errors import ConfigError, UsageError
from whopwatch.history.records import Records
from whopwatch.history.tables import APPLICATION_ID, SCHEMA, VERSION, read_records, write_records

BUSY_SECONDS = 5.0
NAME = "The baseline"


class Baseline:
    """A baseline that is held by one run. Use `opened`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Records:
        """What it holds; empty records with a salt of their own where there is no file yet.

        Raises ConfigError for a file that is no baseline, is damaged, or was written by a newer version.
        """
        if not self.path.exists() or not self.path.stat().st_size:
            return Records(salt=os.urandom(16))
        return read(self.path)

    def save(self, records: Records) -> None:
        """Replace what it holds, whole or not at all. Raises UsageError where that cannot be done."""
        try:
            with closing(self._connect()) as database:
                database.execute("BEGIN IMMEDIATE")
                version = database.execute("PRAGMA user_version").fetchone()[0]
                if not version:
                    for statement in SCHEMA:
                        database.execute(statement)
                write_records(database, records)
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise UsageError(
                f"{NAME} could not be written: this night is not remembered, the nights before it are.",
                where=str(self.path),
                got=str(error),
                hint="see that the disk has room and the file may be written, then run again",
            ) from None

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)


def read(path: Path) -> Records:
    """What the baseline in `path` holds, without holding it: nothing has to be writable, and a run may be at it.

    Raises ConfigError for a file that is no baseline, is damaged, or was written by a newer version.
    """
    # mode=rw creates nothing, undoes what a killed run left half written, and still reads what is write-protected.
    place = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as database:
            _refuse_foreign(database, path)
            return read_records(database)
    except (sqlite3.Error, ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{NAME} cannot be read.",
            where=str(path),
            expected="a SQLite file that `whopwatch drift` wrote",
            got=str(error) if isinstance(error, sqlite3.Error) else "a damaged one",
            hint="restore it from the last artifact or export, or move it away to begin anew",
        ) from None


@contextmanager
def opened(path: Path) -> Iterator[Baseline]:
    """The baseline in `path`, held as long as the context lasts.

    Raises UsageError where the folder is missing, the file cannot be written, or another run holds it.
    """
    refuse_place(path)
    try:
        lock = FileLock(f"{path}.lock")
        lock.acquire(blocking=False)
    except Timeout:
        raise UsageError(
            f"{NAME} is in use by another run.",
            where=str(path),
            expected="one run at a time",
            hint="wait for it to end, or name another file with --baseline",
        ) from None
    except OSError as error:
        raise UsageError(
            f"{NAME} cannot be written.",
            where=str(path),
            got=error.strerror or "an error",
            hint="name a file in a folder that may be written with --baseline",
        ) from None
    try:
        yield Baseline(path)
    finally:
        lock.release()


def refuse_place(path: Path) -> None:
    """Raise UsageError for a file that no baseline can be written to; nothing is made."""
    try:
        is_folder_there, exists = path.parent.is_dir(), path.exists()
    except OSError as error:
        raise UsageError(f"{NAME} cannot be written.", where=str(path), got=error.strerror or "an error") from None
    if not is_folder_there:
        raise UsageError(
            f"{NAME} cannot be written.",
            where=str(path),
            expected="a file in a folder that exists",
            hint=f"create the folder {str(path.parent)!r}",
        )
    if path.is_dir() or (exists and not os.access(path, os.W_OK)):
        raise UsageError(
            f"{NAME} cannot be written.",
            where=str(path),
            expected="a file that may be written",
            hint="let it be written to, or name another file, such as a copy, with --baseline",
        )


def _refuse_foreign(database: sqlite3.Connection, path: Path) -> None:
    """Raise ConfigError unless the file is a baseline of this version."""
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise sqlite3.DatabaseError("a database of another kind")
    if version > VERSION:
        raise ConfigError(
            f"{NAME} was written by a newer whopwatch.",
            where=str(path),
            expected=f"version {VERSION} of its schema",
            got=f"version {version}",
            hint="update whopwatch, or name another file with --baseline",
        )
