from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from whopwatch.contract import Contract, load
from whopwatch.run import session

MAX_ID = 100
"""Characters of a generated test id: xdist sends each id to each worker, and a log shows it."""
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


@pytest.fixture(scope="session", autouse=True)
def no_pause_before_a_repeated_read() -> Iterator[None]:
    """Repeat failed reads of a run at once: no test measures the pause."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "REPEAT_PAUSE", 0.0)
        yield
