"""The check of transfers: each kind of failure at its location."""

from __future__ import annotations

import pytest

from tests.checks.support import exchange, found, rules
from whopwatch.contract import Contract
from whopwatch.core.exchange import Failure
from whopwatch.core.finding import Severity

LOCATIONS = {
    "write-timeout": "status",
    "read-timeout": "status",
    "deadline": "status",
    "reset": "status",
    "incomplete-body": "",
    "protocol": "status",
    "body-too-large": "",
    "headers-too-large": "status",
    "content-encoding": "header:content-encoding",
}


@pytest.mark.parametrize(("failure", "location"), LOCATIONS.items())
def test_a_failed_transfer_is_found_at_its_location(contract: Contract, failure: str, location: str) -> None:
    (finding,) = found(contract, "wire", exchange("plans.list", failure=Failure(failure)), exchange("plans.list"))

    assert rules([finding]) == [(failure, location)]
    assert (finding.observed, finding.violations, finding.samples) == (failure, 1, 2)
    is_encoding = failure == "content-encoding"
    assert finding.severity is (Severity.HIGH if is_encoding else Severity.MEDIUM)
    assert finding.drift_class == ("D16" if is_encoding else "D22")
    assert finding.message.endswith("(1 of 2 requests).")


@pytest.mark.parametrize("failure", sorted(set(Failure) - LOCATIONS.keys()))
def test_a_host_that_cannot_be_reached_is_no_finding(contract: Contract, failure: Failure) -> None:
    assert found(contract, "wire", exchange("plans.list", failure=failure), exchange("plans.list")) == []
