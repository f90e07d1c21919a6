"""How far generated tests may go at the target of this session."""

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
    """Here every session has a target, whether an option names it or the environment."""
    check_options(config)


def is_simulated(config: pytest.Config) -> bool:
    """Whether the session's target is the embedded simulator, which may be asked anything as often as one likes."""
    return target_name(options.plugin_options(config).target, os.environ) == SIMULATOR


@pytest.fixture(scope="session")
def generation(request: pytest.FixtureRequest) -> Callable[[str], settings]:
    """Hypothesis's settings for the test of one thing, whose failed examples are kept under its name.

    At the simulator examples are generated and shrunk, in CI always the same ones. At any other target nothing new is
    generated: only what failed before is tried again.
    """
    calm = settings(deadline=None, suppress_health_check=list(HealthCheck))
    if is_simulated(request.config) and "CI" in os.environ:
        return lambda _: settings(calm, derandomize=True, database=None, print_blob=True)
    phases = None if is_simulated(request.config) else [Phase.explicit, Phase.reuse]

    def remembered(name: str) -> settings:
        base = settings(calm, database=DirectoryBasedExampleDatabase(FAILED_BEFORE / name))
        return settings(base, phases=phases) if phases else base

    return remembered
