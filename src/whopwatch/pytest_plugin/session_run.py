"""The one run of a session, which all tests and all workers of pytest-xdist share, and its summary at the end."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from whopwatch.checks.acceptance import accept_in_report
from whopwatch.config import SIMULATOR, target_name
from whopwatch.config.accepted import load_accepted
from whopwatch.contract import Contract
from whopwatch.http import SharedBudget
from whopwatch.pytest_plugin import options
from whopwatch.pytest_plugin.cases import Case, SessionRun
from whopwatch.run.target import open_target
from whopwatch.usage.impact import add_impacts, choose_profile

_FILE = "run.pickle"


_RUN = pytest.StashKey[SessionRun]()
_FOLDER = pytest.StashKey[Path]()


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
    folder = config.stash.get(_FOLDER, None)
    return _read(folder) if folder else None


def shared_folder(config: pytest.Config) -> Path:
    """Return a private folder for the workers of this session; create it at the first call."""
    if _FOLDER not in config.stash:
        config.stash[_FOLDER] = Path(tempfile.mkdtemp(prefix="whopwatch-"))
    return config.stash[_FOLDER]


def session_budget(config: pytest.Config) -> SharedBudget:
    """Return the budget that every worker and every suite of the session takes its requests from.

    The simulator has no limit unless --whop-budget sets one.
    """
    chosen = options.plugin_options(config)
    is_simulated = target_name(chosen.target, os.environ) == SIMULATOR
    budget = sys.maxsize if is_simulated and chosen.given_budget is None else chosen.budget
    given = getattr(config, "workerinput", {}).get("whopwatch_folder")
    return SharedBudget((Path(given) if given else shared_folder(config)) / "sent", budget)


def delete_shared_folder(config: pytest.Config) -> None:
    """Delete the folder of the workers, if there is one."""
    folder = config.stash.get(_FOLDER, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


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


FAILED_TEST = "whopwatch::target_was_checked"
"""The test that fails in a session that could not check the target."""


class Summary:
    """Count the contract tests where their outcomes arrive: in the only process, or the controller of pytest-xdist."""

    def __init__(self, config: pytest.Config, marker: str) -> None:
        self._config = config
        self._marker = marker
        self._outcomes: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the outcome of each contract test, including failures and skips during set-up."""
        if self._marker in report.keywords and (report.when == "call" or report.outcome != "passed"):
            self._outcomes[report.outcome] += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Add a failed test if the target could not be checked, whatever else passed.

        pytest uses 3, the code of other commands for this, for its own internal errors.
        """
        is_worker = hasattr(self._config, "workerinput")
        reason = self._why_not_checked() if exitstatus == pytest.ExitCode.OK and not is_worker else None
        if reason:
            self._config.hook.pytest_runtest_logreport(report=_failed_report(reason))
            session.testsfailed += 1
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _why_not_checked(self) -> str | None:
        """Return why the contract tests checked nothing; None if they did, or if there are none."""
        from whopwatch.core.report import Verdict
        from whopwatch.pytest_plugin.session_run import finished_run

        run = finished_run(self._config) if self._outcomes else None
        if run and run.report.verdict is Verdict.COULD_NOT_CHECK:
            return run.report.reason or "nothing was verified"
        if self._outcomes and self._outcomes.keys() == {"skipped"}:
            return "every contract test was skipped"
        return None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the target, the states of the operations and the requests sent."""
        if not self._outcomes:
            return
        from whopwatch.core.redaction import sanitize
        from whopwatch.pytest_plugin.session_run import finished_run, session_budget
        from whopwatch.reports.text import requests_line, states_line

        run = finished_run(self._config)
        if run is None:
            return
        report = run.report
        terminalreporter.section("whopwatch", "-")
        terminalreporter.line(f"target      {sanitize(report.target)}")
        terminalreporter.line(f"operations  {states_line(report)}")
        terminalreporter.line(f"requests    {requests_line(report)}")
        shared = session_budget(self._config)
        if shared.sent != report.sent:
            terminalreporter.line(f"all suites  {shared.sent} requests sent")
        for finding in report.findings:
            if finding.check == "accepted":
                terminalreporter.line(f"warning     {sanitize(finding.message)}", yellow=True)
        reason = self._why_not_checked()
        if reason:
            terminalreporter.line(f"COULD NOT CHECK: {sanitize(reason)}", red=True, bold=True)


def _failed_report(reason: str) -> pytest.TestReport:
    """Return the report of a test that fails because the target could not be checked."""
    from whopwatch.core.redaction import sanitize

    return pytest.TestReport(
        nodeid=FAILED_TEST,
        location=("whopwatch", None, FAILED_TEST.rpartition("::")[2]),
        keywords={},
        outcome="failed",
        longrepr=f"COULD NOT CHECK: {sanitize(reason)}",
        when="call",
    )
