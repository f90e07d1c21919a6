"""A list whose items have no id may show equal ones; that they are as many in pages of any size still has to hold."""

from __future__ import annotations

import pytest

from whopwatch.contract import Contract
from whopwatch.run import check
from whopwatch.simulator import embedded

LIST = "payments.list_fees"


@pytest.mark.parametrize(("faults", "rules"), [((), []), ((f"item-twice-on-a-page@{LIST}",), ["/data/*"])])
def test_equal_items_are_counted_in_pages_of_two_sizes(
    contract: Contract, faults: tuple[str, ...], rules: list[str]
) -> None:
    with embedded(contract, faults=faults) as simulator:
        report = check(contract, simulator.target(), only=[LIST], budget=60)

    assert [(finding.operation, finding.location) for finding in report.findings] == [(LIST, rule) for rule in rules]
