"""A finished night survives kills, full disks, damaged files and a second run."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.history.factories import tracked
from tests.history.writer import held_in, records_of
from whopwatch.core.errors import ConfigError, UsageError
from whopwatch.core.finding import Occurrence
from whopwatch.core.report import State
from whopwatch.history import Records, open_baseline, read_baseline
from whopwatch.history.records import FindingRecord, OperationRecord
from whopwatch.history.store import (
    baseline_from_json,
    baseline_to_json,
    decode_delta_varints,
    encode_delta_varints,
)

ROOT = Path(__file__).parents[2]
KILLS = 100


def in_a_process(what: str, file: Path, number: int) -> str:
    """Run `what` on `file` in a separate process. Return its output."""
    command = [sys.executable, "-m", "tests.history.writer", what, str(file), str(number)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    file = tmp_path / "baseline.sqlite"
    with open_baseline(file) as baseline:
        assert baseline.load().nights == []
        baseline.save(records_of(2))
        assert baseline.load() == records_of(2)
        baseline.save(records_of(3))
    assert held_in(file) == 3


@pytest.mark.thorough
def test_a_kill_at_any_moment_loses_the_running_night_at_most(tmp_path: Path) -> None:
    nights = int(in_a_process("kills", tmp_path / "baseline.sqlite", KILLS))
    assert nights > KILLS / 4


def test_a_second_run_at_once_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "baseline.sqlite"
    with open_baseline(file) as first:
        with pytest.raises(UsageError, match="Another run is using the baseline"), open_baseline(file):
            pass
        first.save(records_of(1))
    assert held_in(file) == 1


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_second_run_through_a_link_is_refused(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    file, other = tmp_path / "baseline.sqlite", tmp_path / "other.sqlite"
    with open_baseline(file) as baseline:
        baseline.save(records_of(1))
    link(other, file)
    with open_baseline(file) as first:
        with pytest.raises(UsageError, match="Another run is using the baseline"), open_baseline(other):
            pass
        first.save(records_of(2))
    assert held_in(other) == 2


def test_a_second_run_through_a_link_to_a_new_baseline_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link.sqlite").symlink_to(tmp_path / "baseline.sqlite")
    with (
        open_baseline(tmp_path / "baseline.sqlite"),
        pytest.raises(UsageError, match="Another run"),
        open_baseline(tmp_path / "link.sqlite"),
    ):
        pass


@pytest.mark.parametrize("room", [0, 20_000])
def test_a_full_disk_keeps_the_nights_before(tmp_path: Path, room: int) -> None:
    file = tmp_path / "baseline.sqlite"
    with open_baseline(file) as baseline:
        baseline.save(records_of(2))
    error = in_a_process("room", file, room)
    assert "Cannot write the baseline: this night is not saved" in error
    assert "what to do" in error
    assert held_in(file) == 2


def test_an_unwritable_path_is_refused_before_any_request(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    for file in (Path("/proc/whopwatch/b.sqlite"), tmp_path / "file" / "b.sqlite", tmp_path, tmp_path / "pipe"):
        with pytest.raises(UsageError, match="Cannot write the baseline") as caught, open_baseline(file):
            pass
        assert str(file) in str(caught.value)


def test_the_folder_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="create the folder") as caught, open_baseline(tmp_path / "no" / "such.sqlite"):
        pass
    assert caught.value.expected == "a file in an existing folder"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(UsageError, match="Cannot write the baseline"), open_baseline(tmp_path / "baseline.sqlite"):
        pass


def test_reading_needs_neither_write_permission_nor_the_lock(tmp_path: Path) -> None:
    file = tmp_path / "my baseline?.sqlite"
    with open_baseline(file) as baseline:
        baseline.save(records_of(2))
        assert read_baseline(file) == records_of(2)
    Path(f"{file}.lock").unlink(missing_ok=True)
    file.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert read_baseline(file) == records_of(2)
    finally:
        tmp_path.chmod(0o755)
    assert list(tmp_path.iterdir()) == [file]


def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "baseline.sqlite"
    with open_baseline(file) as baseline:
        baseline.save(records_of(1))
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA user_version = 99")
    before = file.read_bytes()
    with open_baseline(file) as baseline, pytest.raises(ConfigError, match="newer whopwatch wrote"):
        baseline.load()
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + bytes(4080)])
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "baseline.sqlite"
    file.write_bytes(content)
    with open_baseline(file) as baseline, pytest.raises(ConfigError, match="Cannot read the baseline"):
        baseline.load()
    assert file.read_bytes() == content


def test_a_baseline_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """What SQLite says is shown; the text of another error could quote the file."""
    file = tmp_path / "baseline.sqlite"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(ConfigError, match="got: file is not a database"):
        read_baseline(file)
    file.unlink()
    with open_baseline(file) as baseline:
        baseline.save(records_of(2))
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("INSERT INTO operations VALUES ('products.list', 'a value of a response')")
    with pytest.raises(ConfigError, match="got: a damaged file"):
        read_baseline(file)


def test_a_database_of_another_application_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "theirs.sqlite"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE meta (name TEXT, value TEXT)")
    with open_baseline(file) as baseline, pytest.raises(ConfigError, match="Cannot read the baseline"):
        baseline.load()


def test_an_export_comes_back_the_same() -> None:
    assert baseline_from_json(baseline_to_json(records_of(2)), "here") == records_of(2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"whopwatch_baseline": 2, "tables": {}}',
        '{"whopwatch_baseline": 1, "tables": {}}',
        baseline_to_json(Records(salt=b"s")).replace('"73"', '"no hex"'),
        baseline_to_json(records_of(1)).replace('"simulator"', "7"),
    ],
)
def test_a_malformed_export_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        baseline_from_json(text, "here")


@pytest.mark.parametrize("numbers", [set(), {0}, {127, 128}, {5, 300, 70_000}, set(range(0, 2000, 7))])
def test_sets_of_numbers_survive_their_encoding(numbers: set[int]) -> None:
    assert decode_delta_varints(encode_delta_varints(numbers)) == numbers


def test_near_numbers_take_one_byte_each() -> None:
    assert encode_delta_varints([3, 1, 1, 130]) == bytes([1, 2, 127])
    assert encode_delta_varints([128]) == bytes([0x80, 1])


def test_findings_and_operations_survive_their_encoding() -> None:
    place = Occurrence("products.list", "/x", "0" * 12, 4, 4)
    one = tracked(places=(place,), targets=("acme",), witnesses={"live": "as observed"})
    records = records_of(1)
    records.findings[one.fingerprint] = FindingRecord(one, "2026-01-01T03:00:00Z", False, 4, 2, [1, 2], ["#a"])
    records.operations["products.list"] = OperationRecord(1, 0, 2, [State.VERIFIED, State.DRIFT], [0.1, None])
    records.tallies["products.list", "/data"] = {"seen": Counter({"samples": 2}), "sizes": Counter({"0": 1})}
    assert baseline_from_json(baseline_to_json(records), "here") == records
