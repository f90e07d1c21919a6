"""The baseline: one SQLite file. A night is one transaction, so that a kill loses the running night at most."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from whopwatch.core.errors import ConfigError, UsageError
from whopwatch.history.encoding import (
    APPLICATION_ID,
    CREATE_STATEMENTS,
    SCHEMA_VERSION,
    read_records,
    write_records,
)
from whopwatch.history.records import Records

BUSY_SECONDS = 5.0
"""How long SQLite waits for a lock that another process holds."""


class Baseline:
    """A baseline that this run has locked. Create it with `open_baseline`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Records:
        """Return its records, or empty records with a new salt if the file does not exist yet.

        Raises ConfigError if the file is not a baseline, is damaged, or was written by a newer version.
        """
        if not self.path.exists() or not self.path.stat().st_size:
            return Records(salt=os.urandom(16))
        return read_baseline(self.path)

    def save(self, records: Records) -> None:
        """Replace its content in one transaction. Raises UsageError if the file cannot be written."""
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

    Raises ConfigError if the file does not exist, is not a baseline, is damaged, or was written by a newer version.
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

    Raises UsageError if the folder is missing, the file cannot be written, or another run has locked it.
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
    """Lock the file itself: two hard links have different names and one content. Raises BlockingIOError if locked.

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
    if path.is_dir() or (exists and not os.access(path, os.W_OK)):
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
