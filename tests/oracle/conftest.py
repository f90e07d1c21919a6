from __future__ import annotations

import pytest

from whopwatch.contract import Contract, load


@pytest.fixture(scope="session")
def contract() -> Contract:
    return load()
