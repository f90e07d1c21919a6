"""What a session says at its end, and why it does not pass where the target could not be checked."""

from __future__ import annotations

from collections import Counter

import pytest

from whopwatch.core.errors import EXIT_COULD_NOT_CHECK


class Summary:
    """Counts the contract tests where their outcomes arrive: in the only process, or in xdist's controller."""

    def __init__(self, config: pytest.Config, marker: str) -> None:
        self._config = config
        self._marker = marker
        self._outcomes: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what became of each contract test; one that fails or is skipped in its set-up counts as well."""
        if self._marker in report.keywords and (report.when == "call" or report.outcome != "passed"):
            self._outcomes[report.outcome] += 1

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A session that could not check what it was to check ends with 3, whatever else passed."""
        is_worker = hasattr(self._config, "workerinput")
        if exitstatus == pytest.ExitCode.OK and not is_worker and self._why_not_checked():
            session.exitstatus = EXIT_COULD_NOT_CHECK

    def _why_not_checked(self) -> str | None:
        """Why the contract tests of this session say nothing of the target; None where they do, or there are none."""
        from whopwatch.core.report import Verdict
        from whopwatch.pytest_plugin.observed import known_record

        record = known_record(self._config) if self._outcomes else None
        if record and record.report.verdict is Verdict.COULD_NOT_CHECK:
            return record.report.reason or "nothing was verified"
        if self._outcomes and self._outcomes.keys() == {"skipped"}:
            return "every contract test was skipped"
        return None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the target, the requests spent, and what is known of the operations."""
        if not self._outcomes:
            return
        from whopwatch.pytest_plugin.observed import known_record
        from whopwatch.reports.text import plain, requests_line, states_line

        record = known_record(self._config)
        if record is None:
            return
        report = record.report
        terminalreporter.section("whopwatch", "-")
        terminalreporter.line(f"target      {plain(report.target)}")
        terminalreporter.line(states_line(report))
        terminalreporter.line(requests_line(report))
        reason = self._why_not_checked()
        if reason:
            terminalreporter.line(f"COULD NOT CHECK: {plain(reason)}", red=True, bold=True)
