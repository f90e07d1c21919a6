"""Check the target against the contract: `pytest suites --target NAME|URL`."""

from __future__ import annotations

import pytest

from whopwatch.pytest_plugin.cases import BoundCase


def test_contract(whop_case: BoundCase) -> None:
    """Check one check group of one operation. All tests share one observation of the target."""
    whop_case.check()


@pytest.mark.whop_resource("v2")
def test_v2(whop_case: BoundCase) -> None:
    """Check one check of v2, from the same observation."""
    whop_case.check()
