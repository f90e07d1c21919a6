"""Writers of a baseline that run in a separate process, to be killed or to run out of disk space."""

from __future__ import annotations

import multiprocessing
import random
import resource
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from whopwatch.core.errors import UsageError
from whopwatch.history import Records, open_baseline
from whopwatch.history.records import Night, TraitRecord

TRAITS = 300


def records_of(nights: int) -> Records:
    """Records of which every part says how many nights they hold."""
    return Records(
        salt=b"salt",
        nights=[
            Night(n, f"2026-01-01T00:00:{n:02}Z", 1.0, "simulator", "clean", n, True) for n in range(1, nights + 1)
        ],
        traits={
            ("o.list", "/data/*", f"/data/*/f{n}", "value"): TraitRecord(n, eligible=nights) for n in range(TRAITS)
        },
        objects={("o.list", "/data/*", f"{n:012}"): (nights, b"\x01\x02") for n in range(TRAITS)},
    )


def held_in(path: Path) -> int:
    """How many nights the baseline holds. Fails where one part of it does not agree with another."""
    with open_baseline(path) as baseline:
        records = baseline.load()
    nights = len(records.nights)
    assert [night.number for night in records.nights] == list(range(1, nights + 1))
    if nights:
        assert {record.eligible for record in records.traits.values()} == {nights}
        assert {night for night, _ in records.objects.values()} == {nights}
        assert len(records.traits) == len(records.objects) == TRAITS
    return nights


def write_nights(path: Path, done: Connection) -> None:
    """Write nights and send each number, until the process is killed."""
    while True:
        with open_baseline(path) as baseline:
            nights = len(baseline.load().nights) + 1
            baseline.save(records_of(nights))
        done.send(nights)


def kill_writers(path: Path, count: int) -> int:
    """Kill `count` writers at random moments; returns the nights there are in the end. Fails where one was lost."""
    rng, forks, finished = random.Random(1), multiprocessing.get_context("fork"), 0  # noqa: S311
    for _ in range(count):
        told, tells = forks.Pipe(duplex=False)
        process = forks.Process(target=write_nights, args=(path, tells))
        process.start()
        tells.close()
        if rng.random() < 0.5:
            assert told.poll(60)
        time.sleep(rng.random() * 0.03)
        process.kill()
        process.join()
        while told.poll():
            try:
                finished = told.recv()
            except EOFError:
                break
        held = held_in(path)
        assert finished <= held <= finished + 1, (finished, held)
        finished = held
    return finished


def write_in_little_room(path: Path, room: int) -> None:
    """One more night, where no file may grow beyond `room` bytes. Raises UsageError."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    with open_baseline(path) as baseline:
        baseline.save(records_of(9))


if __name__ == "__main__":
    _, what, file, number = sys.argv
    if what == "kills":
        print(kill_writers(Path(file), int(number)))
    else:
        try:
            write_in_little_room(Path(file), int(number))
        except UsageError as error:
            print(error)
