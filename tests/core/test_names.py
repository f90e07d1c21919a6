"""Names of fields are shown; names that are data are described."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whopwatch.contract import load
from whopwatch.core.redaction import (
    SHAPES,
    describe_names,
    document_names,
    forget_all,
    name_token,
    placeholder,
    remember,
    shape_of,
)
from whopwatch.har.pseudonyms import vocabulary_of


@pytest.mark.parametrize(
    "name",
    [
        "nickname",
        "favouriteColour",
        "line1",
        "oauth2_token",
        "$ref",
        "_links",
        "x",
        "a-b",
        "items[]",
        # As many letters, digits and changes as a name of a field may have, and a part of eleven characters.
        "a" * 20,
        "_".join(["word"] * 9 + ["abc"]),
        "a_12_34",
        "a1b",
        "abcde1fghij",
        "aBcD",
    ],
)
def test_a_name_like_a_field_is_shown(name: str) -> None:
    assert shape_of(name) is None
    assert name_token(name) == name


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("alice@example.com", "email"),
        ("Alice <alice@example.com>", "email"),
        ("4242424242424242", "digits"),
        ("4242 4242 4242 4242", "digits"),
        ("+49 170 1234567", "digits"),
        ("ssn_123456789", "token"),
        ("4242_4242", "token"),
        ("user_3kTfa8Zx", "token"),
        ("AKIAIOSFODNN7EXAMPLE", "token"),
        ("biz_AbCdEfGhIjKlMn", "token"),
        ("eyJhbGciOiJIUzI1NiJ9", "token"),
        ("sk_live_51H", "token"),
        ("https://example.com/?a", "url"),
        ("2026-01-01T00:00:00Z", "time"),
        ("Alice Smith", "text"),
        ("", "text"),
        ("a\n::error::", "text"),
        ("\ud800", "text"),
        ("a" * 2**20, "token"),
        ("a" * 21, "token"),
        ("_".join(["word"] * 10), "token"),
        ("a_12_345", "token"),
        ("a1b2c", "token"),
        ("abcde1fghijk", "token"),
        ("aBcDeFgH", "token"),
    ],
)
def test_a_name_that_is_data_is_described(name: str, shape: str) -> None:
    assert shape_of(name) == shape
    assert name_token(name) == f"{{{shape}}}"


def test_a_name_with_a_known_secret_is_hidden() -> None:
    remember("correct-horse-battery")
    try:
        assert shape_of("correct_horse_battery") == "token"
    finally:
        forget_all()


@pytest.mark.parametrize("edition", ["2025-01-01", "2026-10-15-1"])
def test_every_documented_name_is_shown(edition: str) -> None:
    contract = load(edition)
    for operation in contract.reads:
        if operation.success.schema is not None:
            contract.validator(operation.success.pointer, operation.api).prepare()
    hidden = {name for name in vocabulary_of(contract).names if shape_of(name)}
    assert all(name.isdigit() for name in hidden)  # members of a write's body


@pytest.mark.parametrize("shape", sorted(SHAPES.keys() - {"name"}))
@given(number=st.integers(min_value=1, max_value=10**6))
@settings(max_examples=20)
def test_a_placeholder_has_the_shape_that_it_is_for(shape: str, number: int) -> None:
    assert shape_of(placeholder(shape, number)) == shape


@given(st.text())
def test_any_name_has_a_token_that_prints_and_fits(name: str) -> None:
    token = name_token(name)
    assert token.isprintable()
    assert len(token) <= 100
    assert "/" not in token


def test_the_names_of_a_map_are_summed_up() -> None:
    assert describe_names("email", [f"user{n}@example.com" for n in range(312)]) == (
        "a map with 312 keys like e-mail addresses"
    )


def test_a_single_name_has_a_keyed_digest() -> None:
    forget_all()
    assert describe_names("email", ["a@b.c"]) == "a field whose name looks like an e-mail address"
    remember("a key of some length")
    one, again, other = (describe_names("email", [name]) for name in ("a@b.c", "a@b.c", "b@b.c"))
    forget_all()
    assert one == again != other
    remember("another key of a target")
    assert describe_names("email", ["a@b.c"]) != one
    forget_all()


def test_a_name_that_a_contract_documents_is_shown_whatever_it_looks_like() -> None:
    assert shape_of("4242-4242") == "digits"
    document_names(["4242-4242", "plain_name"])
    assert shape_of("4242-4242") is None
