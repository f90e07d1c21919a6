"""The one run of a session, which all tests and all workers of pytest-xdist share."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

import pytest

from whopwatch.checks.acceptance import accept_in_report
from whopwatch.config import SIMULATOR, target_name
from whopwatch.config.accepted import load_accepted
from whopwatch.contract import Contract
from whopwatch.http import SharedBudget
from whopwatch.pytest_plugin import options
from whopwatch.pytest_plugin.cases import Case, SessionRun
from whopwatch.pytest_plugin.folder import WORKERS_FOLDER, shared_folder
from whopwatch.run.target import open_target
from whopwatch.usage.impact import add_impacts, choose_profile

_FILE = "run.pickle"


_RUN = pytest.StashKey[SessionRun]()


def session_run(session: pytest.Session) -> SessionRun:
    """Return the run of the session. The first caller observes the target, the others wait for it."""
    config = session.config
    if _RUN not in config.stash:
        folder = getattr(config, "workerinput", {}).get("whopwatch_folder")
        config.stash[_RUN] = _shared(Path(folder), session) if folder else _observe(session)
    return config.stash[_RUN]


def finished_run(config: pytest.Config) -> SessionRun | None:
    """Return the run of this session if it was made, in this process or in a worker, else None."""
    if _RUN in config.stash:
        return config.stash[_RUN]
    folder = config.stash.get(WORKERS_FOLDER, None)
    return _read(folder) if folder else None


def session_budget(config: pytest.Config) -> SharedBudget:
    """Return the budget that every worker and every suite of the session takes its requests from.

    The simulator has no limit unless --whop-budget sets one.
    """
    chosen = options.plugin_options(config)
    is_simulated = target_name(chosen.target, os.environ) == SIMULATOR
    budget = sys.maxsize if is_simulated and chosen.given_budget is None else chosen.budget
    given = getattr(config, "workerinput", {}).get("whopwatch_folder")
    return SharedBudget((Path(given) if given else shared_folder(config)) / "sent", budget)


def _shared(folder: Path, session: pytest.Session) -> SessionRun:
    from filelock import FileLock

    with FileLock(folder / "lock"):
        found = _read(folder)
        if found is None:
            found = _observe(session)
            partial = folder / f"{_FILE}.partial"
            partial.write_bytes(pickle.dumps(found))
            partial.rename(folder / _FILE)
    return found


def _read(folder: Path) -> SessionRun | None:
    try:
        # Safe: a worker of this session wrote it, in a folder that only this user can open.
        found: SessionRun = pickle.loads((folder / _FILE).read_bytes())  # noqa: S301
    except FileNotFoundError:
        return None
    return found


def _observe(session: pytest.Session) -> SessionRun:
    from whopwatch import run

    chosen = options.plugin_options(session.config)
    contract = options.session_contract(chosen)
    entries, profile = load_accepted(chosen.accepted, chosen.config), choose_profile(chosen.usage, chosen.config)
    with open_target(
        contract,
        chosen.target,
        os.environ,
        config=chosen.config,
        seed=chosen.seed,
        rate=chosen.rate,
        allow_unchecked=chosen.allow_unchecked,
    ) as target:
        observation = run.observe(
            contract,
            target,
            budget=chosen.budget,
            selected=_wanted(session, contract),
            seed=chosen.seed,
            shared=session_budget(session.config),
        )
    if observation.stopped == run.INTERRUPTED:
        raise KeyboardInterrupt
    requested = frozenset((exchange.operation, str(exchange.purpose)) for exchange in observation.exchanges)
    report = run.judge(contract, observation, target.name)
    return SessionRun(add_impacts(accept_in_report(contract, report, entries), profile), requested)


def _wanted(session: pytest.Session, contract: Contract) -> frozenset[str] | None:
    """Return the ids of the reads that the collected tests need, so that `-k products` sends nothing else.

    None, which means all of them, if no test is about a single operation.
    """
    specs = (getattr(item, "callspec", None) for item in session.items)
    cases = (spec.params.get("whop_case") for spec in specs if spec is not None)
    named = {case.operation for case in cases if isinstance(case, Case) and case.operation}
    return frozenset(id for id in named if contract.operations[id].is_read) if named else None
