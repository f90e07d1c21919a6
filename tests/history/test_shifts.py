"""Slower operations, and numbers whose unit changed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

from whopwatch.history.profile import MAGNITUDES, OperationProfile
from whopwatch.history.records import OperationRecord, Records
from whopwatch.history.rules import history_rules
from whopwatch.history.shifts import find_slowdowns, find_unit_changes, is_slower, log_ratio

RULES = history_rules()
PLACE = ("payments.list", "/data/*/amount")


def usual(count: int) -> list[float]:
    rng = random.Random(5)  # noqa: S311
    return [0.2 * rng.lognormvariate(0, 0.3) for _ in range(count)]


def test_three_slow_nights_are_a_shift_and_two_are_not() -> None:
    before = usual(20)
    assert not is_slower([*before, 1.3, 1.2], RULES.latency)
    assert is_slower([*before, 1.3, 1.2, 1.4], RULES.latency)
    assert not is_slower([*before[:5], 1.3, 1.2, 1.4], RULES.latency)
    assert is_slower([*before[: RULES.latency.min_history], 1.3, 1.2, 1.4], RULES.latency)
    assert not is_slower([*before[: RULES.latency.min_history - 1], 1.3, 1.2, 1.4], RULES.latency)
    assert not is_slower([0.002, *[0.001] * 20, 0.02, 0.02, 0.02], RULES.latency)


def test_a_slow_night_exceeds_each_limit() -> None:
    """No night before varies, so that the deviation is exceeded by any."""
    rule = replace(RULES.latency, factor=1.5, seconds=0.25, nights=1, min_history=3)
    assert not is_slower([1.0, 1.0, 1.0, 1.5], rule)  # 1.5 times, and no more
    assert is_slower([1.0, 1.0, 1.0, 1.501], rule)
    assert not is_slower([0.25, 0.25, 0.25, 0.5], rule)  # 0.25 s more, and no more
    assert is_slower([0.25, 0.25, 0.25, 0.501], rule)


def test_the_finding_names_the_smallest_factor_of_the_nights() -> None:
    record = OperationRecord(latencies=[*[0.1] * 12, None, 0.5, 0.4, 0.6])
    (finding,) = find_slowdowns({"o.list": record}, RULES.latency)
    assert finding.message == (
        "o.list: responses take at least 4.0 times as long as before (3 nights in a row, compared with 12 earlier "
        "nights)."
    )
    assert (finding.samples, finding.violations, finding.drift_class) == (15, 3, "D22")


def test_an_operation_that_was_not_measured_tonight_is_not_called_slower() -> None:
    record = OperationRecord(latencies=[*[0.1] * 12, 0.5, 0.4, 0.6, None])
    assert list(find_slowdowns({"o.list": record, "never.list": OperationRecord()}, RULES.latency)) == []


def test_cents_for_dollars_move_every_number_and_a_price_that_rises_does_not() -> None:
    before = {"0": 40, "1": 200, "2": 60}
    assert log_ratio(before, {"2": 4, "3": 20, "4": 6}, 2) > 50
    assert log_ratio(before, {"1": 4, "2": 26}, 2) < 0
    assert log_ratio({"1": 300}, {"2": 30}, 2) == 0


def changes(before: dict[str, int], now: dict[str, int]) -> list[str]:
    records, profile = Records(salt=b""), OperationProfile()
    records.tallies[PLACE] = {MAGNITUDES: Counter(before)}
    profile.tallies[PLACE[1]].kinds[MAGNITUDES] = Counter(now)
    return [finding.observed for finding in find_unit_changes(records, {PLACE[0]: profile}, RULES)]


def test_a_change_of_unit_is_found_in_both_directions() -> None:
    assert changes({"1": 60}, {"3": 30}) == ["numbers about 100 times larger"]
    assert changes({"3": 60}, {"0": 30}) == ["numbers about 1000 times smaller"]


def test_too_few_numbers_say_nothing() -> None:
    assert changes({"1": RULES.unit.min_known - 1}, {"3": 30}) == []
    assert changes({"1": 60}, {"3": RULES.unit.min_tonight - 1}) == []
    assert changes({"1": 60}, {"3": RULES.unit.min_tonight + 1}) == ["numbers about 100 times larger"]
