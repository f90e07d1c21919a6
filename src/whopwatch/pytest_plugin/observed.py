"""The one observation of a session, however many workers share it."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from whopwatch.contract import Contract, load
from whopwatch.core.report import Report
from whopwatch.pytest_plugin import options
from whopwatch.pytest_plugin.cases import Case
from whopwatch.run.target import open_target

_FILE = "record.pickle"


@dataclass(frozen=True)
class Record:
    """What the tests are judged by: the report, and which kinds of request each operation was sent.

    It holds no value of a response, so that workers can share it through a file.
    """

    report: Report
    asked: frozenset[tuple[str, str]]

    def was_asked(self, operation: str, purpose: str) -> bool:
        """Whether a request of `purpose` was made of `operation`; of any one where that is empty."""
        return any(purpose == made and operation in ("", id) for id, made in self.asked)


_RECORD = pytest.StashKey[Record]()
_FOLDER = pytest.StashKey[Path]()


def observed(session: pytest.Session) -> Record:
    """The session's record; the first one to ask makes the observation, the others wait for it."""
    config = session.config
    if _RECORD not in config.stash:
        folder = getattr(config, "workerinput", {}).get("whopwatch_folder")
        config.stash[_RECORD] = _shared(Path(folder), session) if folder else _observe(session)
    return config.stash[_RECORD]


def known_record(config: pytest.Config) -> Record | None:
    """The record of this session, if anyone made one: in this process, or in a worker."""
    if _RECORD in config.stash:
        return config.stash[_RECORD]
    folder = config.stash.get(_FOLDER, None)
    return _read(folder) if folder else None


def shared_folder(config: pytest.Config) -> Path:
    """A private folder for the workers of this session, made when it is first asked for."""
    if _FOLDER not in config.stash:
        config.stash[_FOLDER] = Path(tempfile.mkdtemp(prefix="whopwatch-"))
    return config.stash[_FOLDER]


def delete_shared_folder(config: pytest.Config) -> None:
    """Delete the workers' folder; without workers there is none."""
    folder = config.stash.get(_FOLDER, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _shared(folder: Path, session: pytest.Session) -> Record:
    from filelock import FileLock

    with FileLock(folder / "lock"):
        record = _read(folder)
        if record is None:
            record = _observe(session)
            partial = folder / f"{_FILE}.partial"
            partial.write_bytes(pickle.dumps(record))
            partial.rename(folder / _FILE)
    return record


def _read(folder: Path) -> Record | None:
    try:
        # Written by a worker of this very session, in a folder that only this user can open.
        record: Record = pickle.loads((folder / _FILE).read_bytes())  # noqa: S301
    except FileNotFoundError:
        return None
    return record


def _observe(session: pytest.Session) -> Record:
    from whopwatch import run

    chosen, contract = options.read(session.config), load()
    with open_target(
        contract, chosen.target, os.environ, config=chosen.config, seed=chosen.seed, rate=chosen.rate
    ) as target:
        observation = run.observe(
            contract,
            target,
            budget=chosen.budget,
            selected=_wanted(session, contract),
            seed=chosen.seed,
        )
    if observation.stopped == run.INTERRUPTED:
        raise KeyboardInterrupt
    asked = frozenset((exchange.operation, str(exchange.purpose)) for exchange in observation.exchanges)
    return Record(run.judge(contract, observation, target.name), asked)


def _wanted(session: pytest.Session, contract: Contract) -> frozenset[str] | None:
    """The reads that the collected tests are about: `-k products` spends no request on anything else.

    None, which means all of them, where no test is about a single operation.
    """
    specs = (getattr(item, "callspec", None) for item in session.items)
    cases = (spec.params.get("whop_case") for spec in specs if spec is not None)
    named = {case.operation for case in cases if isinstance(case, Case) and case.operation}
    return frozenset(id for id in named if contract.operations[id].is_read) if named else None
