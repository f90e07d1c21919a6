"""Which objects are worth requesting, which fields can be expanded, which properties are deprecated."""

from __future__ import annotations

from whopwatch.contract import Contract
from whopwatch.oracle.documented_fields import deprecated_properties, expandable
from whopwatch.planning.state import MAX_WORD_LENGTH, MOST_EMPTY, features, fullness


def test_a_fuller_object_has_fewer_empty_fields() -> None:
    assert fullness({"a": 1}) == 0
    assert fullness({"a": None, "b": {"c": None, "d": [None, {"e": []}]}}) == -4
    assert fullness({"a": {}, "b": ""}) == 0
    assert fullness({"a": [None] * 999}) > -MOST_EMPTY


def test_features_are_fields_and_short_words() -> None:
    made = features(
        {"state": "past_due", "title": "A title", "at": None, "tags": ["new", 3], "owner": {"id": "user_1"}}
    )

    assert made == {
        ("*", "state", "=", "past_due"),
        ("*", "title"),
        ("*", "at", "= null"),
        ("*", "tags", "*", "=", "new"),
        ("*", "tags", "*"),
        ("*", "owner", "id"),
    }


def test_how_long_a_word_is() -> None:
    assert features("a" * MAX_WORD_LENGTH) == {("*", "=", "a" * MAX_WORD_LENGTH)}
    assert features("a" * (MAX_WORD_LENGTH + 1)) == {("*",)}
    assert features("") == features("a b") == {("*",)}


def test_what_the_contract_marks(contract: Contract) -> None:
    operations = contract.operations

    assert expandable(contract, operations["v2.plans.retrieve"]) == ("product",)
    assert expandable(contract, operations["plans.list"]) == ()
    assert deprecated_properties(contract, "v2.plans.retrieve") == ("access_pass", "card_payments")
    assert deprecated_properties(contract, "plans.list") == deprecated_properties(contract, "plans.delete") == ()
