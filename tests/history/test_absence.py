"""The absence test: when a missing trait is a finding, and when it may be chance."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import pytest

from tests.history.factories import finding, night
from whopwatch.core.finding import Finding
from whopwatch.history.absence import (
    NightCounts,
    condition_of,
    drop_oldest_objects,
    find_trait_changes,
    update_absence_test,
)
from whopwatch.history.profile import OperationProfile
from whopwatch.history.records import FindingRecord, OperationRecord, Records, TraitRecord, VersionRecord
from whopwatch.history.rules import history_rules, log_likelihood, log_likelihood_none
from whopwatch.history.store import decode_delta_varints

RULES = history_rules()
RULE = RULES.absence
VALUE = RULES.traits["value"]


def nights_until_detected(eligible: int, hits: int, new: int, lost: int = 0) -> int:
    """Return the nights of `new` objects without the trait, and `lost` known ones on the first, until it is drift."""
    record = TraitRecord(1, eligible=eligible, hits=hits)
    for number in range(1, 100):
        counts = NightCounts(eligible=eligible, new=new, lost=lost if number == 1 else 0)
        if update_absence_test(record, counts, VALUE, RULE, number):
            return number
    return 100


def test_the_likelihoods_of_all_outcomes_add_up_to_one() -> None:
    assert sum(exp(log_likelihood(30, 7, 12, k)) for k in range(13)) == pytest.approx(1.0)
    assert exp(log_likelihood_none(0, 0, 1)) == pytest.approx(0.5)
    assert log_likelihood_none(300, 300, 5) < log_likelihood_none(300, 150, 5) < log_likelihood_none(300, 10, 5) < 0


def test_the_limit_is_the_declared_error_rate() -> None:
    assert pytest.approx(log(1e-7)) == RULE.limit
    assert pytest.approx(log(0.02)) == RULE.log_loss


def test_objects_of_one_night_count_less_than_those_of_many() -> None:
    assert RULE.effective(1) == 1
    assert RULE.effective(100) == pytest.approx(16.8, abs=0.1)
    assert RULE.effective(0) == 0


def test_the_rarer_a_trait_the_longer_it_may_be_missing() -> None:
    waits = [nights_until_detected(300, hits, 25) for hits in (300, 150, 75, 30, 3)]
    assert waits == sorted(waits)
    assert waits[0] == 1
    assert waits[-1] > 30


def test_known_objects_that_lose_a_trait_are_the_strongest_evidence() -> None:
    assert nights_until_detected(5, 5, 0, lost=5) == 1
    assert nights_until_detected(5, 5, 0, lost=2) == 100


@pytest.mark.parametrize("kind", RULES.traits)
def test_only_formats_are_findings_when_they_appear(kind: str) -> None:
    """A field, a value or an item that was never there before is allowed by the contract; another format is not."""
    appeared = NightCounts(eligible=300, new=25, new_with=25)
    record = TraitRecord(1, eligible=300)
    assert update_absence_test(record, appeared, RULES.traits[kind], RULE, 2) is (kind in ("time", "prefix"))
    assert update_absence_test(record, NightCounts(eligible=325, new=5), RULES.traits[kind], RULE, 3) is False


def test_one_deleted_object_clears_many_links_which_is_not_drift() -> None:
    linked, record = RULES.traits["linked"], TraitRecord(1, eligible=300, hits=300)
    assert not update_absence_test(record, NightCounts(eligible=300, lost=300), linked, RULE, 2)
    assert record.gap == 0
    assert update_absence_test(record, NightCounts(eligible=300, new=10), linked, RULE, 3)


def test_a_rule_without_counts_new_ignores_new_objects() -> None:
    fraction, record = RULES.traits["fraction"], TraitRecord(1, eligible=300, hits=300)
    assert not update_absence_test(record, NightCounts(eligible=300, new=50), fraction, RULE, 2)
    assert (record.gap, record.new_misses, record.lost) == (0, 0.0, 0.0)
    assert update_absence_test(record, NightCounts(eligible=300, lost=5), fraction, RULE, 3)


def test_one_night_adds_its_effective_counts_to_the_gap() -> None:
    record = TraitRecord(1, eligible=300, hits=2)
    update_absence_test(record, NightCounts(eligible=300, new=6, lost=2), VALUE, RULE, 2)
    assert record.gap == 8
    assert record.new_misses + record.lost == pytest.approx(RULE.effective(8))
    assert record.new_misses == pytest.approx(3 * record.lost)


def test_one_object_with_the_trait_ends_the_gap() -> None:
    record = TraitRecord(1, eligible=300, hits=300, gap=40, new_misses=20.0, lost=1.0, first_night=2)
    assert not update_absence_test(record, NightCounts(eligible=340, new=20, new_with=1), VALUE, RULE, 9)
    assert record == TraitRecord(1, eligible=360, hits=301, longest_gap=40, first_night=2, last_night=9)


def test_a_gap_must_be_three_times_as_long_as_any_before() -> None:
    record = TraitRecord(1, eligible=300, hits=150, longest_gap=100)
    assert not update_absence_test(record, NightCounts(eligible=300, new=200), VALUE, RULE, 9)
    assert not update_absence_test(record, NightCounts(eligible=300, new=99), VALUE, RULE, 10)
    assert update_absence_test(record, NightCounts(eligible=300, new=1), VALUE, RULE, 11)


def test_a_trait_that_never_occurred_cannot_be_missing() -> None:
    record = TraitRecord(1)
    assert not update_absence_test(record, NightCounts(eligible=300, new=200), VALUE, RULE, 2)
    assert (record.eligible, record.gap) == (500, 0)


def test_a_new_id_prefix_is_drift_where_there_was_only_one() -> None:
    prefix = RULES.traits["prefix"]
    record = TraitRecord(1)
    assert update_absence_test(record, NightCounts(eligible=300, new=30, new_with=30), prefix, RULE, 2)
    assert (record.is_unexpected, record.last_night) == (True, 2)
    assert update_absence_test(record, NightCounts(eligible=330, kept=0, new=30, new_with=9), prefix, RULE, 3)
    assert not update_absence_test(record, NightCounts(eligible=360, new=30), prefix, RULE, 4)
    assert not record.is_unexpected
    few = TraitRecord(1)
    assert not update_absence_test(few, NightCounts(eligible=3, new=30, new_with=30), prefix, RULE, 2)
    assert few.hits == 30


def profile(*titles: bool, first: int = 0) -> dict[str, OperationProfile]:
    """One object of `o.list` for each of `titles`; True for a title that is not null."""
    one = OperationProfile()
    for number, has_title in enumerate(titles, first):
        seen = {("/data/*/title", "seen")} | ({("/data/*/title", "value")} if has_title else set())
        one.objects["/data/*", f"{number:012}"] |= seen
    return {"o.list": one}


def test_a_nullable_field_that_is_always_null_is_one_finding_with_its_numbers() -> None:
    records = Records(salt=b"")

    def compared(number: int, *titles: bool, first: int = 0) -> list[Finding]:
        return list(find_trait_changes(records, profile(*titles, first=first), RULES, night(number)))

    assert compared(1, *[True] * 20) == []
    (finding,) = compared(2, *[False] * 15, first=10)
    assert (finding.drift_class, finding.operation, finding.location) == ("D6", "o.list", "/data/*/title")
    assert (finding.samples, finding.violations) == (15, 15)
    assert finding.message == (
        "o.list: /data/*/title no longer has a value in any response (0 of 15 now, 20 of 20 before)."
    )
    night_seen, numbers = records.objects["o.list", "/data/*", f"{12:012}"]
    seen = records.traits["o.list", "/data/*", "/data/*/title", "seen"].number
    assert (night_seen, set(decode_delta_varints(numbers))) == (2, {seen})
    assert compared(3, True, first=12) == []


def test_a_response_is_no_object_that_is_stored() -> None:
    records, one = Records(salt=b""), OperationProfile()
    one.objects["header", "answer 7"] = {("header", "answered"), ("header:sunset", "header")}
    assert list(find_trait_changes(records, {"o.list": one}, RULES, night(1))) == []
    assert (len(records.traits), records.objects) == (2, {})


def test_details_of_one_kind_are_bounded() -> None:
    records, one = Records(salt=b""), OperationProfile()
    one.objects["/data/*", "0"] = {("/data/*/id", f"prefix:{number}") for number in range(36)}
    list(find_trait_changes(records, {"o.list": one}, RULES, night(1)))
    assert len(records.traits) == 12


def test_what_an_object_must_have_before_a_trait_can_be_missing() -> None:
    traits = RULES.traits
    assert condition_of(("/data/*/title", "value"), VALUE) == ("/data/*/title", "seen")
    assert condition_of(("header:sunset", "header"), traits["header"]) == ("header", "answered")
    assert condition_of(("param:first", "size:default:20"), traits["size"]) == ("param:first", "asked:default")


def test_the_objects_seen_last_are_kept() -> None:
    objects = {("o.list", "/data/*", str(number)): (number, b"") for number in range(6)}
    objects["other.list", "/data/*", "x"] = (0, b"")
    drop_oldest_objects(objects, 2)
    assert {key[2] for key in objects} == {"4", "5", "x"}


def test_only_some_kinds_of_traits_may_not_appear() -> None:
    prefix = replace(RULES.traits["prefix"], may_appear=False)
    assert not update_absence_test(TraitRecord(1), NightCounts(eligible=300, new=30, new_with=30), prefix, RULE, 2)


def test_a_field_that_used_to_name_another_object_is_reported_as_a_lost_link() -> None:
    records = Records(salt=b"")

    def compared(number: int, *, has_user: bool, first: int) -> list[Finding]:
        one = OperationProfile()
        for place in range(first, first + 20):
            traits = {("/data/*/user", "seen")}
            traits |= {("/data/*/user", "value"), ("/data/*/user", "link")} if has_user else set()
            one.objects["/data/*", f"{place:012}"] |= traits
        return list(find_trait_changes(records, {"o.list": one}, RULES, night(number)))

    assert compared(1, has_user=True, first=0) == []
    (finding,) = compared(2, has_user=False, first=30)
    assert finding.message.startswith("o.list: /data/*/user no longer refers to another object in any response")


def test_the_objects_of_a_night_with_the_trait_count_as_eligible() -> None:
    record = TraitRecord(1)
    update_absence_test(record, NightCounts(eligible=5, new=3, new_with=2, gained=1), VALUE, RULE, 2)
    assert (record.eligible, record.hits, record.first_night, record.last_night) == (8, 3, 2, 2)


def test_what_is_new_has_counted_nothing_yet() -> None:
    assert TraitRecord(7) == TraitRecord(7, 0, 0, 0.0, 0.0, 0, 0, 0, 0, False)
    assert OperationRecord() == OperationRecord(0, 0, 0, [], [], [], {}, "", 0)
    assert FindingRecord(finding(), "2026-01-01") == FindingRecord(finding(), "2026-01-01", True, 1, 0, [], [])
    assert VersionRecord("2026-01-01").is_listed
    assert NightCounts() == NightCounts(0, 0, 0, 0, 0, 0)
    assert NightCounts(9, new_with=1, gained=2, kept=4, lost=8).with_trait == 7


def test_traits_are_numbered_from_one_and_no_number_is_used_twice() -> None:
    records = Records(salt=b"")
    assert [records.next_trait_number(), records.next_trait_number()] == [1, 2]
    known = Records(salt=b"", traits={("a", "", "", "x"): TraitRecord(4), ("a", "", "", "y"): TraitRecord(9)})
    assert [known.next_trait_number(), known.next_trait_number()] == [10, 11]


def test_everything_of_an_operation_is_dropped() -> None:
    records = Records(salt=b"")
    for id in ("a", "b"):
        records.operations[id] = OperationRecord()
        records.traits[id, "", "", ""] = TraitRecord(1)
        records.objects[id, "", ""] = (1, b"")
        records.tallies[id, ""] = {}
        records.findings[id] = FindingRecord(finding(id), "")
    records.drop_operations({"a"})
    kept = (records.operations, records.traits, records.objects, records.tallies, records.findings)
    assert [next(iter(one)) for one in kept] == ["b", ("b", "", "", ""), ("b", "", ""), ("b", ""), "b"]
    assert {len(one) for one in kept} == {1}
