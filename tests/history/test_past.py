"""What nights tell the next plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from tests.history.made import night
from tests.history.nights import Nights
from whopwatch.contract import Contract
from whopwatch.history import Records, past_of
from whopwatch.history.records import OperationRecord
from whopwatch.planning.state import OperationHistory


def test_the_days_since_an_operation_was_verified_and_how_often_it_changed() -> None:
    first, second = night(1), replace(night(3), number=2)
    records = Records(salt=b"", nights=[first, second])
    records.operations = {"a.list": OperationRecord(verified_night=2, changes=2), "b.list": OperationRecord()}
    now = datetime(2026, 1, 6, 3, tzinfo=UTC)
    assert past_of(records, now) == {
        "a.list": OperationHistory(days=3.0, changes=2),
        "b.list": OperationHistory(days=5.0, changes=0),
    }
    assert past_of(Records(salt=b""), now) == {}


def test_what_changed_is_counted_for_its_operation(contract: Contract) -> None:
    nights = Nights(contract, ("products.list", "payments.list"))
    for faults in ([], ["field-missing@products.list"], ["field-missing@products.list"], []):
        nights.run(faults)
    changes = {id: record.changes for id, record in nights.records.operations.items()}
    assert changes == {"products.list": 2, "payments.list": 0}
