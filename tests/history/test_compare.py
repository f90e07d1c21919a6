"""Whole nights: quiet ones stay quiet, and what no schema shows is found by what was seen before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.history.factories import night
from tests.history.nights import Nights, states
from whopwatch.config.accepted import AcceptedEntry
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange
from whopwatch.core.finding import FindingState, Severity
from whopwatch.core.report import State, Verdict
from whopwatch.history import Records, plan_priorities
from whopwatch.history.records import OperationRecord
from whopwatch.history.store import baseline_to_json
from whopwatch.planning.state import OperationHistory
from whopwatch.simulator.faults import fault_catalogue, first_place
from whopwatch.simulator.world.tables import World

pytestmark = pytest.mark.thorough

SOME = ("products.list", "payments.list")


@pytest.mark.parametrize("changing", [False, True])
def test_sixty_quiet_nights_find_nothing(contract: Contract, changing: bool) -> None:
    nights = Nights(contract, SOME, changing=changing)
    assert nights.quiet(60) == []
    assert all(report.verdict is Verdict.CLEAN for report in nights.reports)
    last = nights.reports[-1]
    assert last.memory is not None
    assert last.memory.nights == 59
    row = next(row for row in last.operations if row.id == "products.list")
    assert row.history == (State.VERIFIED,) * 28
    assert len(row.latencies) == 28


HISTORIES = ("optional-field-vanished", "amount-in-cents-everywhere")


@pytest.mark.parametrize("changing", [False, True])
@pytest.mark.parametrize("name", HISTORIES)
def test_what_only_history_shows_is_found_and_gone_again(contract: Contract, name: str, changing: bool) -> None:
    fault = fault_catalogue()[name]
    planted = first_place(contract, World(contract), fault)
    assert planted
    operation = planted.operation.id
    nights = Nights(contract, (operation, "companies.retrieve"), changing=changing)
    assert nights.quiet(6) == []
    told = [states(nights.run([f"{name}@{operation}"])) for _ in range(3)]
    key = next(key for key in told[-1] if key[0] == fault.drift_class and key[1] == operation)
    assert [each.get(key) for each in told][-1] == "known"
    assert next(each[key] for each in told if key in each) == "new"
    assert states(nights.run()) == {key: "fixed"}
    assert states(nights.run()) == {}


def test_the_memory_says_on_how_much_it_rests_and_since_when(contract: Contract) -> None:
    nights = Nights(contract, ("payments.list",))
    nights.quiet(3)
    first = nights.run(["amount-in-cents-everywhere@payments.list"])
    second = nights.run(["amount-in-cents-everywhere@payments.list"])
    (finding,) = (one for one in second.findings if one.check == "memory")
    assert finding.first_seen == first.started_at
    assert finding.samples >= 5
    assert finding.severity is Severity.HIGH
    assert second.verdict is Verdict.DRIFT
    assert finding.witnesses == {
        "reference": "silent",
        "sdk": "silent",
        "live": "as observed",
        "last night": "as observed",
    }
    (before,) = (one for one in first.findings if one.check == "memory")
    assert (before.witnesses["last night"], before.moved) == ("as expected", "live")


def test_a_night_that_looks_elsewhere_leaves_drift_open(contract: Contract) -> None:
    nights = Nights(contract, SOME)
    nights.run()
    nights.run(["field-missing@products.list"])
    elsewhere = nights.run(operations=("payments.list",))
    assert [one.state for one in elsewhere.findings] == [FindingState.KNOWN] * len(elsewhere.findings)
    assert elsewhere.verdict is Verdict.DRIFT
    assert "Not rechecked since" in elsewhere.findings[0].message
    back = nights.run()
    assert {one.state for one in back.findings} == {FindingState.FIXED}
    assert back.verdict is Verdict.CLEAN


def test_what_comes_and_goes_is_flapping(contract: Contract) -> None:
    nights = Nights(contract, ("products.list",))
    fault = ["field-missing@products.list"]
    nights.run()
    told = [states(nights.run(fault if on else ())) for on in (True, False, True, True, False)]
    assert [set(each.values()) for each in told] == [{"new"}, {"fixed"}, {"flapping"}, {"flapping"}, {"fixed"}]


def test_a_night_that_ended_early_is_compared_as_far_as_it_went_and_is_not_clean(contract: Contract) -> None:
    nights = Nights(contract, SOME)
    nights.run()
    early = nights.run(stopped="the target can no longer be reached")
    assert (early.verdict, bool(nights.records.nights[-1].succeeded)) == (Verdict.COULD_NOT_CHECK, False)
    assert nights.run(["field-missing@products.list"], stopped="no longer").verdict is Verdict.DRIFT
    assert nights.records.operations["products.list"].verified_night == 3
    assert nights.records.operations["products.list"].matched_night == 2


def test_no_value_reaches_what_is_kept(contract: Contract) -> None:
    nights = Nights(contract, SOME)
    nights.quiet(2)
    text = baseline_to_json(nights.records)
    world = World(contract, seed=0)
    for table in ("products", "payments", "members", "users", "companies"):
        for entity in world.table(table).values():
            assert entity.id not in text
            title = entity.values.get("title") or entity.values.get("username")
            assert not title or json.dumps(title) not in text


def test_the_days_since_an_operation_was_verified_and_how_often_it_changed() -> None:
    first, second = night(1), replace(night(3), number=2)
    records = Records(salt=b"", nights=[first, second])
    records.operations = {"a.list": OperationRecord(verified_night=2, changes=2), "b.list": OperationRecord()}
    now = datetime(2026, 1, 6, 3, tzinfo=UTC)
    assert plan_priorities(records, now) == {
        "a.list": OperationHistory(days=3.0, changes=2),
        "b.list": OperationHistory(days=5.0, changes=0),
    }
    assert plan_priorities(Records(salt=b""), now) == {}


def test_what_changed_is_counted_for_its_operation(contract: Contract) -> None:
    nights = Nights(contract, ("products.list", "payments.list"))
    for faults in ([], ["field-missing@products.list"], ["field-missing@products.list"], []):
        nights.run(faults)
    changes = {id: record.changes for id, record in nights.records.operations.items()}
    assert changes == {"products.list": 2, "payments.list": 0}


def test_another_type_explains_what_else_changed_in_a_value(contract: Contract) -> None:
    def as_string(exchange: Exchange) -> Exchange:
        if not isinstance(exchange.json, dict) or "data" not in exchange.json:
            return exchange
        items = [{**item, "initial_price": str(item["initial_price"])} for item in exchange.json["data"]]
        return replace(exchange, body=json.dumps({**exchange.json, "data": items}).encode())

    nights = Nights(contract, ("plans.list",))
    nights.quiet(6)
    assert {(one.drift_class, one.location) for one in nights.run(change=as_string, keep_checks=True).findings} == {
        ("D7", "/data/*/initial_price")
    }


def without_permission(exchange: Exchange) -> Exchange:
    """Refuse every request for payments."""
    if not exchange.operation.startswith("payments."):
        return exchange
    return replace(exchange, status=403, body=b'{"error": {"type": "forbidden", "message": "no"}}')


def test_a_lost_permission_is_drift_until_it_is_back(contract: Contract) -> None:
    nights = Nights(contract, SOME)
    nights.quiet(2)
    first, second = (nights.run(change=without_permission) for _ in range(2))
    assert states(first) == {("D17", "payments.list", "header:authorization"): "new"}
    assert states(second) == {("D17", "payments.list", "header:authorization"): "known"}
    (row,) = (row for row in first.operations if row.id == "payments.list")
    assert (first.verdict, row.state) == (Verdict.DRIFT, State.DRIFT)
    assert row.reason is not None
    assert "permission" in row.reason
    assert first.findings[0].moved == "live"
    back = nights.run()
    assert states(back) == {("D17", "payments.list", "header:authorization"): "fixed"}
    assert back.verdict is Verdict.CLEAN


def emptied(exchange: Exchange) -> Exchange:
    """Return an empty page for every list of payments."""
    if exchange.operation != "payments.list" or not exchange.ok:
        return exchange
    info = {"has_next_page": False, "has_previous_page": False, "start_cursor": None, "end_cursor": None}
    return replace(exchange, body=json.dumps({"data": [], "page_info": info}).encode())


def test_a_list_that_became_empty_says_that_it_had_items_and_is_no_drift(contract: Contract) -> None:
    nights = Nights(contract, SOME)
    nights.quiet(2)
    empty, again = (nights.run(change=emptied) for _ in range(2))
    for report in (empty, again):
        (row,) = (row for row in report.operations if row.id == "payments.list")
        assert row.state is State.COULD_NOT_CHECK
        assert row.reason is not None
        assert row.reason.endswith("it had items on 2026-01-02: they were deleted, or the key no longer sees them")
        assert states(report) == {}
        assert report.verdict is Verdict.CLEAN
    (row,) = (row for row in nights.run().operations if row.id == "payments.list")
    assert (row.state, row.reason) == (State.VERIFIED, None)


def test_a_list_that_never_had_items_is_only_empty(contract: Contract) -> None:
    nights = Nights(contract, SOME)
    for report in (nights.run(change=emptied), nights.run(change=emptied)):
        (row,) = (row for row in report.operations if row.id == "payments.list")
        assert row.reason == "the list is empty, so there is no item to check"


def test_a_lost_permission_is_found_beside_a_finding_about_its_error(contract: Contract) -> None:
    def refuse(exchange: Exchange) -> Exchange:
        refused = without_permission(exchange)
        return refused if refused is exchange else replace(refused, body=b'{"message": "no"}')

    nights = Nights(contract, SOME)
    nights.quiet(2)
    first, second = (nights.run(change=refuse, keep_checks=True) for _ in range(2))
    key = ("D17", "payments.list", "header:authorization")
    assert {one.drift_class for one in first.findings if one.operation == "payments.list"} >= {"D15", "D17"}
    assert (states(first)[key], states(second)[key]) == ("new", "known")
    (lost,) = (one for one in second.findings if one.drift_class == "D17" and one.operation == "payments.list")
    assert (lost.severity, lost.expected) == (Severity.HIGH, "a successful response (allowed on 2026-01-02)")


def test_an_operation_whose_findings_are_accepted_says_so(contract: Contract) -> None:
    nights = Nights(contract, SOME)
    fault = ["field-missing@products.list"]
    nights.run()
    entries = [AcceptedEntry(one.fingerprint, "known") for one in nights.run(fault).findings]
    rows = {row.id: row for row in nights.run(fault, accepted=entries).operations}
    assert (rows["products.list"].state, rows["products.list"].reason) == (State.DRIFT, "all findings are accepted")
    assert rows["products.list"].history[-1] is State.DRIFT
    other = nights.run([*fault, "enum-value-upper-case@products.list"], accepted=entries)
    assert next(row.reason for row in other.operations if row.id == "products.list") is None


def test_another_undocumented_value_makes_a_finding_worse(contract: Contract) -> None:
    def visible_as(value: str) -> Callable[[Exchange], Exchange]:
        return lambda exchange: replace(
            exchange, body=re.sub(rb'"visibility":\s*"\w+"', f'"visibility": "{value}"'.encode(), exchange.body)
        )

    nights = Nights(contract, ("products.list",))
    key = ("D10", "products.list", "/data/*/visibility")
    seen = [states(nights.run(change=visible_as(value), keep_checks=True))[key] for value in ("x", "x", "y")]
    assert seen == ["new", "known", "worse"]


def test_an_accepted_loss_of_a_permission_is_not_drift(contract: Contract) -> None:
    nights = Nights(contract, SOME)
    nights.quiet(2)
    lost = nights.run(change=without_permission).findings[0].fingerprint
    entry = AcceptedEntry(lost, "the key is meant to read less", "1", date(2026, 12, 31))
    accepted = nights.run(change=without_permission, accepted=[entry])
    (row,) = (row for row in accepted.operations if row.id == "payments.list")
    assert (accepted.verdict, row.state) == (Verdict.CLEAN, State.COULD_NOT_CHECK)
