from __future__ import annotations

from collections.abc import Iterator

import pytest

from whopwatch.run import session


@pytest.fixture(scope="session", autouse=True)
def no_pause_before_a_repeated_read() -> Iterator[None]:
    """Repeat failed reads of a run at once: no test measures the pause."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "REPEAT_PAUSE", 0.0)
        yield
