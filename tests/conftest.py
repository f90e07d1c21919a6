from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from whopwatch.checks import registry
from whopwatch.contract import Contract, load
from whopwatch.run import session

MAX_ID = 100
"""Characters of a generated test id: xdist sends each id to each worker, and a log shows it."""
# On a busy machine any example can take long.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
ONLY_THOROUGH = re.compile(r"^pytestmark = pytest\.mark\.thorough$", re.MULTILINE)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Shorten the id of a long string; pytest numbers ids that become equal. None keeps pytest's own."""
    if not isinstance(val, (str, bytes)) or len(val) <= MAX_ID:
        return None
    return f"{val[: MAX_ID // 2]!a}-{len(val)}-characters"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file of thorough tests where they are not wanted: reading it is a tenth of the time to collect all."""
    if "not thorough" not in config.option.markexpr or collection_path.suffix != ".py":
        return None
    return bool(ONLY_THOROUGH.search(collection_path.read_text(encoding="utf-8"))) or None


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The bundled contract."""
    return load()


@pytest.fixture
def make_check_fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the function of a check raise, named as in the registry, whether it ran before in this process or not."""

    def fails(*_: object) -> None:
        raise OverflowError

    def make(run: str) -> None:
        found = registry._function_of
        monkeypatch.setattr(registry, "_function_of", lambda other: fails if other == run else found(other))

    return make


@pytest.fixture(scope="session", autouse=True)
def no_pause_before_a_repeated_read() -> Iterator[None]:
    """Repeat failed reads of a run at once: no test measures the pause."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "REPEAT_PAUSE", 0.0)
        yield


@pytest.fixture(scope="session")
def packages_read_once(pytestconfig: pytest.Config) -> Iterator[None]:
    """Read each SDK package of the cache once in this process; every reader gets a copy of its own.

    Reading one takes up to three seconds. Packages that a test makes are read each time.
    """
    from whopwatch.contract_build import build
    from whopwatch.contract_build.readers import python, typescript

    cache, kept = pytestconfig.rootpath / ".cache" / "sdk", dict[Path, bytes]()

    def once(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
        def call(archive: Path) -> Any:
            if not archive.resolve().is_relative_to(cache):
                return read(archive)
            if archive not in kept:
                kept[archive] = pickle.dumps(read(archive))
            return pickle.loads(kept[archive])  # noqa: S301

        return call

    with pytest.MonkeyPatch.context() as patch:
        for reader, name in ((python, "read_python_sdk"), (typescript, "read_typescript_sdk")):
            patch.setattr(build, name, once(getattr(build, name)))
            patch.setattr(reader, name, getattr(build, name))
        yield
