"""Placeholders: the type, the form, the order and the equality of values, and nothing else of them."""

from __future__ import annotations

import json
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whopwatch.contract import load
from whopwatch.contract.behaviour import epoch_seconds
from whopwatch.contract.schema import json_type
from whopwatch.har.pseudonyms import Pseudonymizer, vocabulary_of

WORDS = vocabulary_of(load())


def pseudonymizer(*values: Any, sought: tuple[str, ...] = ()) -> Pseudonymizer:
    return Pseudonymizer(WORDS, values, sought)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_any_value_keeps_its_types_and_can_be_written(value: Any) -> None:
    shown = pseudonymizer(value).value(value)
    assert _types(shown) == _types(value)
    json.dumps(shown, allow_nan=False).encode()


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted(json.dumps(_types(part)) for part in value.values())
    return [_types(part) for part in value] if isinstance(value, list) else json_type(value)


@given(st.lists(st.integers() | st.floats(allow_nan=False), min_size=2))
def test_numbers_keep_their_order_their_sign_and_whether_they_are_whole(numbers: list[int | float]) -> None:
    hidden = pseudonymizer(numbers).value(numbers)
    for one, shown in zip(numbers, hidden, strict=True):
        assert (shown > 0, shown < 0) == (one > 0, one < 0)
        for other, beside in zip(numbers, hidden, strict=True):
            assert (
                (shown == beside or json_type(one) != json_type(other))
                if one == other
                else (shown < beside) == (one < other)
            )


ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))])


@given(st.lists(st.datetimes(timezones=ZONES).map(lambda time: time.isoformat()), min_size=2))
def test_dates_keep_their_order_and_their_form(texts: list[str]) -> None:
    hidden = [pseudonymizer(texts).text(text) for text in texts]
    assert [len(text) for text in hidden] == [len(text) for text in texts]
    order = sorted(range(len(texts)), key=lambda place: epoch_seconds(texts[place]))
    assert sorted(epoch_seconds(text) for text in hidden) == [epoch_seconds(hidden[place]) for place in order]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("visible", "visible"),
        ("prod_AbC123", "prod_00000000000001"),
        ("prod_00000000000000", "prod_00000000000000"),
        ("https://cdn.example/jane.png?signature=abc", "https://example.com/000001?query"),
        ("jane@doe.example", "user000001@example.com"),
        ("12.50", "1.00"),
        ("2026-11-22", "2001-01-02"),
        ("2026-11-22T10:00:00.123+02:00", "2001-01-01T02:01:00.000+02:00"),
        ("2026-13-45T10:00:00Z", "text-000001"),
        ("Jane", "text-000001"),
    ],
)
def test_a_text_keeps_its_form(text: str, shown: str) -> None:
    assert pseudonymizer(text).text(text) == shown


def test_a_link_is_the_same_whatever_it_is_signed_with() -> None:
    one, other = "https://cdn.example/a?x=1", "https://cdn.example/a?x=2"
    hidden = pseudonymizer(one, other)
    assert hidden.text(one) == hidden.text(other)


def test_a_search_still_finds_what_it_found() -> None:
    texts = ("Jane Doe", "John Doe", "Ann")
    hidden = pseudonymizer(*texts, "doe", sought=("doe",))
    assert [hidden.text("doe") in hidden.text(text) for text in texts] == [True, True, False]
    assert not [text for text in texts if hidden.text(text)[:4] == text[:4]]


def test_undocumented_names_are_hidden_unless_the_report_shows_them() -> None:
    value = {"id": None, "jane_doe": None, "seen": None}
    hidden = Pseudonymizer(WORDS, [value], names=["seen"])
    assert list(hidden.value(value)) == ["id", "field1", "seen"]
