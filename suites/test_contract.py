"""Whether the target keeps the contract: `pytest suites --target NAME|URL`."""

from __future__ import annotations

from whopwatch.plugin.cases import BoundCase


def test_contract(whop_case: BoundCase) -> None:
    """One test for each check group and operation, from one observation of the target."""
    whop_case.check()
