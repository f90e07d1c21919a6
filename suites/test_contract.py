"""Whether the target keeps the contract: `pytest suites --target NAME|URL`."""

from __future__ import annotations

import pytest

from whopwatch.pytest_plugin.cases import BoundCase


def test_contract(whop_case: BoundCase) -> None:
    """One test for each check group and operation, from one observation of the target."""
    whop_case.check()


@pytest.mark.whop_resource("v2")
def test_v2(whop_case: BoundCase) -> None:
    """The same for v2: each of its checks, from the same observation."""
    whop_case.check()
