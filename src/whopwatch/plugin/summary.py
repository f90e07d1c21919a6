"""What a session says at its end, and why it does not pass where nothing was verified."""

from __future__ import annotations

from collections import Counter

import pytest

from whopwatch.errors import EXIT_COULD_NOT_CHECK


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

    @property
    def _verified_nothing(self) -> bool:
        return bool(self._outcomes["skipped"]) and not (self._outcomes["passed"] or self._outcomes["failed"])

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A session whose contract tests were all skipped has checked nothing: it ends with 3."""
        is_worker = hasattr(self._config, "workerinput")
        if exitstatus == pytest.ExitCode.OK and self._verified_nothing and not is_worker:
            session.exitstatus = EXIT_COULD_NOT_CHECK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the target, the requests spent, and what is known of the operations."""
        if not self._outcomes:
            return
        from whopwatch.plugin.observed import known_record
        from whopwatch.report.text import plain, requests_line, states_line

        record = known_record(self._config)
        if record is None:
            return
        report = record.report
        terminalreporter.section("whopwatch", "-")
        terminalreporter.line(f"target      {plain(report.target)}")
        terminalreporter.line(states_line(report))
        terminalreporter.line(requests_line(report))
        if self._verified_nothing:
            reason = plain(report.reason or "every contract test was skipped")
            terminalreporter.line(f"COULD NOT CHECK: nothing was verified. {reason}", red=True, bold=True)
