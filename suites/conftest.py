"""Settings of generated tests, by the target of the session."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from whopwatch.config import SIMULATOR, target_name
from whopwatch.pytest_plugin import check_options, options

FAILED_BEFORE = Path(".hypothesis") / "whopwatch"


def pytest_configure(config: pytest.Config) -> None:
    """Reject an unusable target: every session here has one, from an option or the environment."""
    check_options(config)


def is_simulated(config: pytest.Config) -> bool:
    """Check that the session's target is the embedded simulator, which may get any number of requests."""
    return target_name(options.plugin_options(config).target, os.environ) == SIMULATOR


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
