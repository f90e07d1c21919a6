"""Violations: where, which kind, and never the value."""

from __future__ import annotations

from typing import Any

import pytest

from whopwatch.contract.schema import SchemaStore, Validator, is_enum_value, json_type, pointer_of
from whopwatch.core.redaction import document_names

SECRET = "do-not-print-me"  # noqa: S105 - any value of a response

DOCUMENT: dict[str, Any] = {
    "components": {
        "schemas": {
            "Color": {"type": "string", "enum": ["red", "green"]},
            "Dated": {
                "anyOf": [
                    {
                        "type": "object",
                        "properties": {"at": {"type": "string", "format": "date-time"}},
                        "required": ["at"],
                    },
                    {"type": "null"},
                ]
            },
            "Owner": {
                "oneOf": [
                    {
                        "type": "object",
                        "properties": {
                            "kind": {"const": "User"},
                            "age": {"type": "integer"},
                            "mood": {"enum": ["good", "bad"]},
                        },
                        "required": ["kind", "age"],
                    },
                    {"type": "object", "properties": {"kind": {"const": "Company"}}, "required": ["kind"]},
                ],
                "discriminator": {"propertyName": "kind"},
            },
            "Thing": {
                "type": "object",
                "properties": {
                    "dated": {"$ref": "#/components/schemas/Dated"},
                    "owner": {"$ref": "#/components/schemas/Owner"},
                    "color": {"anyOf": [{"$ref": "#/components/schemas/Color"}, {"type": "null"}]},
                    "counts": {"type": "array", "items": {"type": "integer"}},
                },
                "required": ["dated", "owner", "color"],
            },
        }
    }
}
VALID: dict[str, Any] = {"dated": None, "owner": {"kind": "Company"}, "color": None, "counts": [1, 2]}


@pytest.fixture(scope="module")
def validator() -> Validator:
    return SchemaStore(DOCUMENT).validator("/components/schemas/Thing")


def test_a_valid_value_has_no_violation(validator: Validator) -> None:
    assert validator.is_valid(VALID)
    assert list(validator.violations(VALID)) == []


@pytest.mark.parametrize(
    ("change", "location", "kind", "expected"),
    [
        ({"dated": {}}, "/dated/at", "required", "present"),
        ({"dated": {"at": SECRET}}, "/dated/at", "format", "date-time"),
        ({"dated": {"at": None}}, "/dated/at", "null", "string"),
        ({"dated": SECRET}, "/dated", "type", "object"),
        ({"owner": None}, "/owner", "null", "not null"),
        ({"owner": {"kind": SECRET}}, "/owner", "union", "one of the documented variants"),
        ({"owner": {"kind": "User", "age": SECRET}}, "/owner/age", "type", "integer"),
        ({"owner": {"kind": "User"}}, "/owner/age", "required", "present"),
        ({"owner": {"kind": "User", "age": 1, "mood": SECRET}}, "/owner/mood", "enum", "good, bad"),
        ({"color": SECRET}, "/color", "enum", "red, green"),
        ({"color": 3}, "/color", "type", "string"),
        ({"counts": [1, None, 2]}, "/counts/*", "null", "integer"),
        ({"counts": [1, SECRET]}, "/counts/*", "type", "integer"),
        ({"counts": 1.5}, "/counts", "type", "array"),
    ],
)
def test_a_violation_is_located_and_named(
    validator: Validator, change: dict[str, Any], location: str, kind: str, expected: str
) -> None:
    value = {**VALID, **change}
    assert not validator.is_valid(value)
    (violation,) = validator.violations(value)
    assert (violation.location, violation.kind, violation.expected) == (location, kind, expected)
    assert SECRET not in repr(violation)


def test_every_violation_is_reported_once(validator: Validator) -> None:
    value = {"dated": {"at": 3}, "color": 3, "counts": ["a", "b"]}
    found = sorted((violation.path, violation.kind) for violation in validator.violations(value))
    assert found == [
        (("color",), "type"),
        (("counts", 0), "type"),
        (("counts", 1), "type"),
        (("dated", "at"), "type"),
        (("owner",), "required"),
    ]


def test_pointers_escape_and_star() -> None:
    document_names(["a/b", "c~d"])  # no identifiers: they are shown because a contract documents them
    assert pointer_of(("data", 3, "a/b", "c~d")) == "/data/*/a~1b/c~0d"


@pytest.mark.parametrize("name", ["x" * 10_000, "\x1b[2J" * 500, "\ud800", "a\nb\u202ec", "é" * 79 + "/~"])
def test_names_of_an_answer_are_bounded_and_printable(name: str) -> None:
    shown = pointer_of(("data", 0, name))
    assert shown.isprintable()
    assert len(shown) < 100
    assert shown == pointer_of(("data", 0, f"{name}x"))  # names that are data share the location of their shape


@pytest.mark.parametrize(
    ("value", "name"),
    [(None, "null"), (True, "boolean"), (1, "integer"), (1.0, "integer"), (1.5, "number"), ("", "string"),
     ([], "array"), ({}, "object")],
)  # fmt: skip
def test_json_types(value: object, name: str) -> None:
    assert json_type(value) == name


@pytest.mark.parametrize(
    ("value", "is_shown"),
    [
        ("on_hold", True),
        ("PAUSED", True),
        ("v2_beta", True),
        ("", True),
        ("Jane", False),
        ("jane doe", False),
        ("jane@doe.example", False),
        ("usr_83hf72kq91", False),
        ("2026-01-01", False),
        ("a" * 200, False),
        ("paused\x1b[2J", False),
        (7, False),
    ],
)
def test_an_enum_value_is_shown_if_it_can_be_nothing_else(value: object, is_shown: bool) -> None:
    assert is_enum_value(value) is is_shown
