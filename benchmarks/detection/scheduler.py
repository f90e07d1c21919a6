"""Run each case in a process of its own, a few at a time, with a time limit. Outcomes survive an interruption."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from benchmarks.detection.cases import Case

Record = dict[str, Any]
Work = Callable[[Case], Record]


class Journal:
    """The outcomes so far, one JSON line per case."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: dict[str, Record] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._take(line)

    def add(self, record: Record) -> None:
        """Append one outcome and flush it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(record) + "\n")
        self.records[record["key"]] = record

    def _take(self, line: str) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            return  # an incomplete line after an interruption
        self.records[record["key"]] = record


def run_all(cases: Iterable[Case], work: Work, journal: Journal, *, jobs: int, seconds: float) -> list[Record]:
    """Return the records of all `cases`, from `journal` or from a run now."""
    wanted = list(cases)
    open_ = [case for case in wanted if case.key not in journal.records]
    done = len(wanted) - len(open_)
    for record in _run(open_, work, jobs, seconds):
        journal.add(record)
        done += 1
        told = record.get("error") or ("caught" if record.get("caught") else "-")
        print(f"{done}/{len(wanted)} {record['key']}: {told}", file=sys.stderr, flush=True)
    return [journal.records[case.key] for case in wanted]


def _run(cases: Iterable[Case], work: Work, jobs: int, seconds: float) -> Iterator[Record]:
    # Forked, so that the contract and its validators are already loaded.
    context = multiprocessing.get_context("fork")
    todo = iter(cases)
    running: dict[Connection, tuple[Case, BaseProcess, float]] = {}
    while True:
        while len(running) < jobs and (case := next(todo, None)) is not None:
            ours, theirs = context.Pipe(duplex=False)
            process: BaseProcess = context.Process(target=_child, args=(work, case, theirs), daemon=False)
            process.start()
            theirs.close()
            running[ours] = case, process, time.monotonic() + seconds
        if not running:
            return
        ready = wait(list(running), timeout=1.0)
        late = [pipe for pipe, (_, _, end) in running.items() if pipe not in ready and time.monotonic() > end]
        for pipe in [*ready, *late]:
            assert isinstance(pipe, Connection)
            case, process, _ = running.pop(pipe)
            yield {**case.to_json(), **_outcome(pipe, process, in_time=pipe not in late)}


def _child(work: Work, case: Case, pipe: Connection) -> None:
    try:
        pipe.send(work(case))
    except Exception as error:
        pipe.send({"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()})
    finally:
        pipe.close()


def _outcome(pipe: Connection, process: BaseProcess, *, in_time: bool) -> Record:
    try:
        outcome = pipe.recv() if in_time else {"error": "took too long"}
    except EOFError:
        outcome = {"error": "ended without an outcome"}
    if not in_time:
        process.terminate()
    process.join()
    pipe.close()
    return outcome if isinstance(outcome, dict) else {"error": "no outcome"}
