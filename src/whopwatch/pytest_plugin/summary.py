"""The summary at the end of a session, and the failed test of a session that could not check its target.

Every session of pytest loads this module, with or without contract tests: what is heavy is imported where it is used.
"""

from __future__ import annotations

from collections import Counter

import pytest

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
