"""The one statistical rule: what it is sure of, and what it waits for."""

from __future__ import annotations

from math import exp, log

import pytest

from whopwatch.history.records import TraitRecord
from whopwatch.history.rules import log_none, log_some, rules
from whopwatch.history.silence import Count, listen

EVIDENCE = rules().evidence
VALUE = rules().traits["value"]


def nights_until_told(units: int, hits: int, fresh: int, lost: int = 0) -> int:
    """Nights of `fresh` objects without the trait, and `lost` known ones on the first, until it is drift."""
    record = TraitRecord(1, units=units, hits=hits)
    for night in range(1, 100):
        count = Count(units=units, fresh=fresh, lost=lost if night == 1 else 0)
        if listen(record, count, VALUE, EVIDENCE, night):
            return night
    return 100


def test_the_prediction_is_a_probability() -> None:
    assert sum(exp(log_some(30, 7, 12, k)) for k in range(13)) == pytest.approx(1.0)
    assert exp(log_none(0, 0, 1)) == pytest.approx(0.5)
    assert log_none(300, 300, 5) < log_none(300, 150, 5) < log_none(300, 10, 5) < 0


def test_the_rarer_a_trait_the_longer_its_silence_is_borne() -> None:
    waits = [nights_until_told(300, hits, 25) for hits in (300, 150, 75, 30, 3)]
    assert waits == sorted(waits)
    assert waits[0] == 1
    assert waits[-1] > 30


def test_known_objects_that_lose_a_trait_tell_most() -> None:
    assert nights_until_told(5, 5, 0, lost=5) == 1
    assert nights_until_told(5, 5, 0, lost=2) == 100


def test_an_object_that_was_deleted_takes_many_links_along() -> None:
    linked, record = rules().traits["linked"], TraitRecord(1, units=300, hits=300)
    assert not listen(record, Count(units=300, lost=300), linked, EVIDENCE, 2)
    assert listen(record, Count(units=300, fresh=10), linked, EVIDENCE, 3)


def test_one_that_still_has_it_ends_a_silence() -> None:
    record = TraitRecord(1, units=300, hits=300, gap=40, quiet=20.0)
    assert not listen(record, Count(units=340, fresh=20, fresh_with=1), VALUE, EVIDENCE, 9)
    assert (record.gap, record.quiet, record.longest, record.units, record.hits) == (0, 0.0, 40, 360, 301)


def test_a_silence_as_long_as_one_before_is_none() -> None:
    record = TraitRecord(1, units=300, hits=150, longest=100)
    assert not listen(record, Count(units=300, fresh=200), VALUE, EVIDENCE, 9)
    assert listen(record, Count(units=300, fresh=200), VALUE, EVIDENCE, 10)


def test_objects_of_one_night_count_less_than_those_of_many() -> None:
    assert EVIDENCE.effective(1) == 1
    assert EVIDENCE.effective(100) == pytest.approx(16.8, abs=0.1)
    assert EVIDENCE.effective(0) == 0


def test_another_beginning_of_ids_is_drift_where_there_was_only_one() -> None:
    prefix = rules().traits["prefix"]
    record = TraitRecord(1)
    assert listen(record, Count(units=300, fresh=30, fresh_with=30), prefix, EVIDENCE, 2)
    assert listen(record, Count(units=330, kept=0, fresh=30, fresh_with=9), prefix, EVIDENCE, 3)
    assert not listen(record, Count(units=360, fresh=30), prefix, EVIDENCE, 4)
    assert not listen(TraitRecord(1), Count(units=3, fresh=30, fresh_with=30), prefix, EVIDENCE, 2)


def test_the_limit_is_the_declared_error_rate() -> None:
    assert pytest.approx(log(1e-7)) == EVIDENCE.limit
