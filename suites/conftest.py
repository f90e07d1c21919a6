"""Settings of generated tests, by the target of the session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from whopwatch.config import SIMULATOR, target_name
from whopwatch.core.errors import BudgetExhaustedError
from whopwatch.core.finding import Finding
from whopwatch.core.report import Report
from whopwatch.http import RunBudget
from whopwatch.pytest_plugin import check_options, options
from whopwatch.pytest_plugin.session_run import session_budget
from whopwatch.reports.text import impact_words
from whopwatch.usage.impact import add_impacts, choose_profile
from whopwatch.usage.profile import Profile

FAILED_BEFORE = Path(".hypothesis") / "whopwatch"


def pytest_configure(config: pytest.Config) -> None:
    """Reject an unusable target: every session here has one, from an option or the environment."""
    check_options(config)


def is_simulated(config: pytest.Config) -> bool:
    """Check that the session's target is the embedded simulator, which may get any number of requests."""
    return target_name(options.plugin_options(config).target, os.environ) == SIMULATOR


def client_budget(config: pytest.Config, most: int) -> RunBudget:
    """Return a budget of `most` requests for one client, taken from the budget of the session."""
    return RunBudget(most, shared=session_budget(config))


def usage_profile(config: pytest.Config) -> Profile | None:
    """Return the usage profile of the session, as the contract tests have it."""
    chosen = options.plugin_options(config)
    return choose_profile(chosen.usage, chosen.config)


def weighed(config: pytest.Config, report: Report) -> Report:
    """Return the report with the impact of each finding on the code of the session's usage profile."""
    return add_impacts(report, usage_profile(config))


def finding_texts(found: Iterable[Finding]) -> str:
    """Return one line for each finding, with its impact if that is known."""
    return "\n".join(
        f"{one.drift_class} {one.location}: {one.message}" + (f" ({impact_words(one)})" if one.impact else "")
        for one in found
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Skip a test for which the session has no request left: it can neither pass nor fail."""
    try:
        yield
    except BudgetExhaustedError as error:
        pytest.skip(error.what)


@pytest.fixture(scope="session")
def generation(request: pytest.FixtureRequest) -> Callable[[str], settings]:
    """Return Hypothesis's settings for one test by its name. Failed examples are stored under this name.

    At the simulator, examples are generated and shrunk, in CI always the same ones. At any other target, only examples
    that failed before run again.
    """
    calm = settings(deadline=None, suppress_health_check=list(HealthCheck))
    if is_simulated(request.config) and "CI" in os.environ:
        return lambda _: settings(calm, derandomize=True, database=None, print_blob=True)
    phases = None if is_simulated(request.config) else [Phase.explicit, Phase.reuse]

    def stored(name: str) -> settings:
        base = settings(calm, database=DirectoryBasedExampleDatabase(FAILED_BEFORE / name))
        return settings(base, phases=phases) if phases else base

    return stored
