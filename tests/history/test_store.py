"""Nothing that can happen to a process or a disk loses a night that was finished."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.history.writer import held_in, records_of
from whopwatch.core.errors import ConfigError, UsageError
from whopwatch.history import Records, opened, read
from whopwatch.history.portable import exported, imported

ROOT = Path(__file__).parents[2]
KILLS = 100


def in_a_process(what: str, file: Path, number: int) -> str:
    """What a process of its own says of doing `what` to `file`."""
    command = [sys.executable, "-m", "tests.history.writer", what, str(file), str(number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    file = tmp_path / "baseline.sqlite"
    with opened(file) as baseline:
        assert baseline.load().nights == []
        baseline.save(records_of(2))
        assert baseline.load() == records_of(2)
        baseline.save(records_of(3))
    assert held_in(file) == 3


def test_a_kill_at_any_moment_loses_the_running_night_at_most(tmp_path: Path) -> None:
    nights = int(in_a_process("kills", tmp_path / "baseline.sqlite", KILLS))
    assert nights > KILLS / 4


def test_of_two_runs_at_once_the_second_is_told(tmp_path: Path) -> None:
    file = tmp_path / "baseline.sqlite"
    with opened(file) as first:
        with pytest.raises(UsageError, match="in use by another run"), opened(file):
            pass
        first.save(records_of(1))
    assert held_in(file) == 1


@pytest.mark.parametrize("room", [0, 20_000])
def test_a_full_disk_keeps_the_nights_before(tmp_path: Path, room: int) -> None:
    file = tmp_path / "baseline.sqlite"
    with opened(file) as baseline:
        baseline.save(records_of(2))
    error = in_a_process("room", file, room)
    assert "The baseline could not be written" in error
    assert "what to do" in error
    assert held_in(file) == 2


def test_a_place_that_cannot_be_written_to_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for file in (Path("/proc/whopwatch/baseline.sqlite"), tmp_path / "file" / "baseline.sqlite", tmp_path):
        with pytest.raises(UsageError, match="The baseline cannot be written") as caught, opened(file):
            pass
        assert str(file) in str(caught.value)


def test_a_folder_that_somebody_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="create the folder") as caught, opened(tmp_path / "no" / "such.sqlite"):
        pass
    assert caught.value.expected == "a file in a folder that exists"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(UsageError, match="The baseline cannot be written"), opened(tmp_path / "baseline.sqlite"):
        pass


def test_reading_takes_no_right_to_write_and_no_turn(tmp_path: Path) -> None:
    file = tmp_path / "my baseline?.sqlite"
    with opened(file) as baseline:
        baseline.save(records_of(2))
        assert read(file) == records_of(2)
    Path(f"{file}.lock").unlink(missing_ok=True)
    file.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert read(file) == records_of(2)
    finally:
        tmp_path.chmod(0o755)
    assert list(tmp_path.iterdir()) == [file]


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "baseline.sqlite"
    with opened(file) as baseline:
        baseline.save(records_of(1))
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA user_version = 99")
    before = file.read_bytes()
    with opened(file) as baseline, pytest.raises(ConfigError, match="newer whopwatch"):
        baseline.load()
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(4080)])
def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "baseline.sqlite"
    file.write_bytes(content)
    with opened(file) as baseline, pytest.raises(ConfigError, match="cannot be read"):
        baseline.load()
    assert file.read_bytes() == content


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "theirs.sqlite"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE meta (name TEXT, value TEXT)")
    with opened(file) as baseline, pytest.raises(ConfigError, match="cannot be read"):
        baseline.load()


def test_an_export_comes_back_the_same() -> None:
    assert imported(exported(records_of(2)), "here") == records_of(2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"whopwatch_baseline": 2, "tables": {}}',
        '{"whopwatch_baseline": 1, "tables": {}}',
        exported(Records(salt=b"s")).replace('"73"', '"no hex"'),
        exported(records_of(1)).replace('"simulator"', "7"),
    ],
)
def test_what_is_no_export_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        imported(text, "here")
