"""The exit code of a run, from its report and what the user wants to fail on."""

from __future__ import annotations

from whopwatch.core.errors import EXIT_CLEAN, EXIT_COULD_NOT_CHECK, EXIT_DRIFT
from whopwatch.core.finding import INACTIVE, Finding, FindingState, Impact, Severity
from whopwatch.core.report import Report, Verdict

FAIL_ON_NEW = "new"
FAIL_ON_HITS = "hits"
FAIL_ON = (*map(str, Severity), FAIL_ON_NEW, FAIL_ON_HITS)
"""The values of --fail-on: the mildest severity that fails, `new` for what earlier nights did not show, or `hits`."""
DEFAULT_FAIL_ON = str(Severity.LOW)

EXIT_CODES = {
    Verdict.CLEAN: EXIT_CLEAN,
    Verdict.DRIFT: EXIT_DRIFT,
    Verdict.COULD_NOT_CHECK: EXIT_COULD_NOT_CHECK,
}
"""The exit code of each verdict."""


def exit_code(report: Report, fail_on: str = DEFAULT_FAIL_ON) -> int:
    """Return 1 if a finding fails the run, else 3 if the run is incomplete or verified nothing, else 0.

    It is 3 in any case if a part of whopwatch failed, since what that part would have found is unknown, or if the
    findings are all of earlier nights because this one verified nothing. Of several targets, the findings of one that
    verified nothing do not count. `fail_on` is one of `FAIL_ON`. Fixed and accepted findings never fail a run.
    """
    if report.failed_inside or report.is_not_compared:
        return EXIT_COULD_NOT_CHECK
    if fail_on == DEFAULT_FAIL_ON:
        return EXIT_CODES[report.verdict]
    not_compared = {target.name for target in report.targets if target.is_not_compared}
    compared = (one for one in report.findings if not one.targets or set(one.targets) - not_compared)
    if any(_fails(finding, fail_on) for finding in compared):
        return EXIT_DRIFT
    is_incomplete = report.reason is not None or report.verdict is Verdict.COULD_NOT_CHECK
    return EXIT_COULD_NOT_CHECK if is_incomplete else EXIT_CLEAN


def _fails(finding: Finding, fail_on: str) -> bool:
    if finding.state in INACTIVE:
        return False
    if fail_on == FAIL_ON_NEW:
        return finding.breaks and finding.state in (None, FindingState.NEW, FindingState.WORSE)
    if fail_on == FAIL_ON_HITS:
        return finding.breaks and finding.impact is Impact.HITS
    return finding.severity.rank <= Severity(fail_on).rank
