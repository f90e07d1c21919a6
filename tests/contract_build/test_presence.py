"""What the Fern SDK leaves open is decided by a rule, and marked."""

from __future__ import annotations

import pytest

from whopwatch.contract_build.presence import LEGACY_ERRORS, settle_presence
from whopwatch.contract_build.sdk_model import (
    ListOf,
    NamedType,
    Nullable,
    RecordField,
    RecordType,
    Scalar,
    SdkModel,
    SdkOperation,
)

TEXT = Scalar("string")
OPEN = Nullable(TEXT)


def settled(item: RecordField, *, legacy: bool = False, sent: bool = False, method: str = "GET") -> RecordField:
    """Return what becomes of a field of the type Cat, which one operation answers or takes."""
    read = NamedType("Cat")
    operation = SdkOperation(
        "cats.find",
        method,
        "/cats",
        body=(RecordType((RecordField("cat", read, True),)),) if sent else (),
        response=None if sent else ListOf(read),
        errors=LEGACY_ERRORS if legacy else (401,),
    )
    others = tuple(RecordField(f"other{number}", TEXT, True) for number in range(2))
    model = SdkModel("python", "2.6.0", {"cats.find": operation}, {"Cat": RecordType((*others, item))})
    found = settle_presence(model).types["Cat"]
    assert isinstance(found, RecordType)
    return found.fields[-1]


@pytest.mark.parametrize(
    ("documentation", "required", "is_nullable"),
    [
        ("", True, True),
        ("The tail. `null` if there is none.", True, True),
        ("Present once the cat is grown.", False, False),
        ("Omitted from lists; null without a tail.", False, True),
    ],
)
def test_a_native_field(documentation: str, required: bool, is_nullable: bool) -> None:
    found = settled(RecordField("tail", OPEN, None, documentation=documentation))
    assert (found.required, isinstance(found.type, Nullable), found.is_learned) == (required, is_nullable, True)


def test_a_legacy_field_is_always_there() -> None:
    found = settled(RecordField("tail", OPEN, None, documentation="Present once the cat is grown."), legacy=True)
    assert (found.required, found.type, found.is_learned) == (True, OPEN, True)


def test_what_the_source_says_is_not_learned() -> None:
    item = RecordField("tail", TEXT, True)
    assert settled(item) == item
    assert not settled(item).is_learned


def test_an_open_field_of_a_request_may_be_left_out() -> None:
    found = settled(RecordField("tail", OPEN, None), sent=True)
    assert (found.required, found.type, found.is_learned) == (False, TEXT, True)


def test_a_record_that_never_mentions_null_has_optional_fields() -> None:
    fields = tuple(RecordField(f"part{number}", OPEN, None, documentation="A part.") for number in range(6))
    operation = SdkOperation("cats.find", "GET", "/cats", response=NamedType("Cat"), errors=(401,))
    model = SdkModel("python", "2.6.0", {"cats.find": operation}, {"Cat": RecordType(fields)})
    found = settle_presence(model).types["Cat"]
    assert isinstance(found, RecordType)
    assert {(item.required, item.type) for item in found.fields} == {(False, TEXT)}


def test_null_clears_an_optional_field_of_an_update() -> None:
    body = RecordType((RecordField("name", TEXT, True), RecordField("tail", TEXT, False)))
    operation = SdkOperation("cats.update", "PATCH", "/cats/{id}", body=(body,), errors=(401,))
    (found,) = settle_presence(SdkModel("python", "2.6.0", {"cats.update": operation})).operations["cats.update"].body
    assert isinstance(found, RecordType)
    assert [item.type for item in found.fields] == [TEXT, OPEN]
