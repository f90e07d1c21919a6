"""Each class, on both sides: the same movement weighs differently on what is sent and on what is received."""

from __future__ import annotations

from typing import Any

import pytest

from tests.diff.documents import TEXT, WHOLE, Node, document, found, placed, record

NULLABLE: Node = {"anyOf": [TEXT, {"type": "null"}]}
COLOURS: Node = {"type": "string", "enum": ["red", "green"]}
MORE: Node = {"type": "string", "enum": ["red", "green", "blue"]}
NUMBER: Node = {"type": "number"}


@pytest.mark.parametrize(
    ("old", "new", "drift_class", "movement", "sent", "received"),
    [
        (record(y=TEXT), record("x", x=TEXT, y=TEXT), "D2", "added", "critical", "info"),
        (record(y=TEXT), record(x=TEXT, y=TEXT), "D19", "added", "low", "low"),
        (record(x=TEXT), record("x", x=TEXT), "D3", "tightened", "critical", "info"),
        (record("x", x=TEXT), record(x=TEXT), "D4", "loosened", "info", "high"),
        (record("x", x=TEXT, y=TEXT), record(y=TEXT), "D5", "removed", "medium", "critical"),
        (record(x=TEXT, y=TEXT), record(y=TEXT), "D6", "removed", "medium", "medium"),
        (record(x=TEXT), record(x=WHOLE), "D7", "replaced", "critical", "critical"),
        (record(x=WHOLE), record(x=NUMBER), "D8", "widened", "info", "high"),
        (record(x=NUMBER), record(x=WHOLE), "D8", "narrowed", "critical", "info"),
        (record(x=TEXT), record(x={}), "D8", "widened", "info", "high"),
        (record(x=COLOURS), record(x=TEXT), "D8", "widened", "info", "high"),
        (record(x=TEXT), record(x={"type": ["string", "integer"]}), "D8", "widened", "info", "high"),
        (record(x=TEXT), record(x=NULLABLE), "D9", "widened", "info", "high"),
        (record(x=NULLABLE), record(x=TEXT), "D9", "narrowed", "high", "info"),
        (record(x=TEXT), record(x={"type": "string", "nullable": True}), "D9", "widened", "info", "high"),
        (record(x=COLOURS), record(x=MORE), "D10", "added", "info", "medium"),
        (record(x=MORE), record(x=COLOURS), "D10", "removed", "high", "info"),
        (record(x=TEXT), record(x={**TEXT, "maxLength": 9}), "D11", "tightened", "high", "info"),
        (record(x={**WHOLE, "minimum": 2}), record(x={**WHOLE, "minimum": 1}), "D11", "loosened", "info", "medium"),
        (record(x=TEXT), record(x={**TEXT, "pattern": "^a"}), "D11", "tightened", "high", "info"),
        (record(x=TEXT), record(x={**TEXT, "format": "date-time"}), "D12", "replaced", "high", "high"),
        (
            record(x={**TEXT, "x-id-prefix": ["a_"]}),
            record(x={**TEXT, "x-id-prefix": ["b_"]}),
            "D12",
            "replaced",
            "high",
            "high",
        ),
        (record(x={**WHOLE, "default": 10}), record(x={**WHOLE, "default": 20}), "D13", "replaced", "high", "low"),
        (record(x=TEXT), record(x={**TEXT, "deprecated": True}), "D21", "added", "medium", "medium"),
        (
            record(x={"anyOf": [record("a", a=TEXT), record("b", b=TEXT)]}),
            record(x={"anyOf": [record("a", a=TEXT), record("c", c=TEXT), record("b", b=TEXT)]}),
            "D18",
            "widened",
            "info",
            "high",
        ),
    ],
)
def test_class_and_polarity(old: Node, new: Node, drift_class: str, movement: str, sent: str, received: str) -> None:
    expected = [(drift_class, movement, "/x")]
    answers = found(document(answer=old), document(answer=new))
    assert [it[:3] for it in answers] == expected
    assert answers[0][3] == received
    bodies = found(document(body=old), document(body=new))
    assert [(*it[:2], it[2].removeprefix("body:")) for it in bodies] == expected
    assert bodies[0][3] == sent
    event = found(document(webhooks={"cat.fed": old}), document(webhooks={"cat.fed": new}))
    assert event == answers


def test_nothing_moved() -> None:
    same = document(answer=record("x", x=COLOURS), body=record(y=NULLABLE), webhooks={"cat.fed": record(z=WHOLE)})
    assert found(same, same) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {"security": [{"key": ["cat:read"]}]}, ("D17", "added", "security", "critical")),
        ({"deprecated": False}, {"deprecated": True}, ("D21", "added", "path", "medium")),
        (
            {"responses": {"200": {}}},
            {"responses": {"200": {}, "202": {}}},
            ("D14", "added", "status", "medium"),
        ),
        (
            {"responses": {"200": {}, "404": {}}},
            {"responses": {"200": {}}},
            ("D15", "removed", "status", "low"),
        ),
        (
            {"responses": {"200": {"content": {"text/csv": {"schema": TEXT}}}}},
            {"responses": {"200": {"content": {"text/plain": {"schema": TEXT}}}}},
            ("D16", "removed", "", "high"),
        ),
    ],
)
def test_whole_operation(old: dict[str, Any], new: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert expected in found(document(**old), document(**new))


def query(name: str, schema: Node = TEXT, required: bool = False) -> Node:
    return {"name": name, "in": "query", "required": required, "schema": schema}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], [query("x")], [("D19", "added", "param:x", "low")]),
        ([], [query("x", required=True)], [("D2", "added", "param:x", "critical")]),
        ([query("x")], [], [("D6", "removed", "param:x", "medium")]),
        ([query("x", required=True)], [], [("D5", "removed", "param:x", "medium")]),
        ([query("x")], [query("x", required=True)], [("D3", "tightened", "param:x", "critical")]),
        ([query("x", COLOURS)], [query("x", MORE)], [("D10", "added", "param:x", "info")]),
        (
            [query("x[]", {"type": "array", "items": MORE})],
            [query("x[]", {"type": "array", "items": COLOURS})],
            [("D10", "removed", "param:x[]", "high")],
        ),
        (
            [query("x[]", {"type": "array", "items": TEXT})],
            [query("x", {"type": "array", "items": TEXT})],
            [("D12", "replaced", "param:x[]", "high")],
        ),
        (
            [{"name": "X-Pin", "in": "header", "required": True, "schema": TEXT}],
            [],
            [("D16", "removed", "header:X-Pin", "high")],
        ),
    ],
)
def test_parameters(old: list[Node], new: list[Node], expected: list[tuple[str, ...]]) -> None:
    assert found(document(parameters=old), document(parameters=new)) == expected


def test_a_union_written_as_one_object_is_one_change_and_no_field_is_lost() -> None:
    union = {"anyOf": [record("a", a=TEXT), record("b", b=TEXT)]}
    assert found(document(body=union), document(body=record(a=TEXT, b=TEXT))) == [("D18", "widened", "body:", "info")]


def test_variants_are_paired_by_their_constant() -> None:
    def variant(kind: str, **fields: Node) -> Node:
        return record("kind", kind={"type": "string", "enum": [kind]}, **fields)

    old = {"oneOf": [variant("cat", legs=WHOLE), variant("dog", legs=WHOLE)]}
    new = {"oneOf": [variant("dog", legs=WHOLE), variant("cat", legs=NUMBER)]}
    assert found(document(answer=old), document(answer=new)) == [("D8", "widened", "/legs", "high")]


BY_NAME = record("name", name=TEXT, note=TEXT)
BY_MAIL = record("mail", mail=TEXT, note=TEXT)
BY_ANY = record(name=TEXT, mail=TEXT, note=TEXT)
BY_ID = record("id", id=TEXT, note=TEXT)


def test_a_variant_that_another_takes_in_is_not_gone() -> None:
    apart, together = {"anyOf": [BY_NAME, BY_MAIL, BY_ID]}, {"anyOf": [BY_ANY, BY_ID]}
    assert "D18" not in {kind for kind, *_ in found(document(body=record(x=apart)), document(body=record(x=together)))}
    assert "D18" not in {kind for kind, *_ in found(document(body=record(x=together)), document(body=record(x=apart)))}
    strict = {"anyOf": [record("name mail", name=TEXT, mail=TEXT, note=TEXT), BY_ID]}
    assert ("D18", "narrowed", "body:/x", "critical") in found(
        document(body=record(x=apart)), document(body=record(x=strict))
    )


def error(**schemas: Node) -> Node:
    """A response with a schema for each media type, in a document whose operation has it for 404."""
    content = {name.replace("_", "/"): {"schema": schema} for name, schema in schemas.items()}
    response = {"description": "", **({"content": content} if content else {})}
    return document(responses={"200": {"description": ""}, "404": response})


JSON_A = {"application_json": record("a", a=TEXT)}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({}, {}, []),
        (JSON_A, JSON_A, []),
        (JSON_A, {}, [("replaced", "high", "404 with a body", "404 with no body")]),
        ({}, JSON_A, [("replaced", "high", "404 with no body", "404 with a body")]),
        (
            JSON_A,
            {"application_json": record("a", a=WHOLE)},
            [("replaced", "high", "the body of 404: object", "another body of 404: /a is integer")],
        ),
        (
            JSON_A,
            {"application_json": record(a=TEXT)},
            [("replaced", "high", "the body of 404: object", "another body of 404: /a is optional")],
        ),
        (
            {"application_json": record(a=TEXT)},
            JSON_A,
            [("widened", "info", "the body of 404: object", "another body of 404: /a is required")],
        ),
        (
            JSON_A,
            {"application_json": record("a", a=TEXT, b=TEXT)},
            [("widened", "info", "the body of 404: object", "another body of 404: /b is optional, string")],
        ),
        (
            JSON_A,
            {"text_plain": record("a", a=TEXT)},
            [
                ("replaced", "high", "404 as application/json", "404: no longer application/json"),
                ("widened", "info", "404 as application/json", "404: text/plain as well"),
            ],
        ),
        (
            {"application_json": TEXT, "text_plain": TEXT},
            {"application_json": TEXT},
            [("replaced", "high", "404 as application/json, text/plain", "404: no longer text/plain")],
        ),
    ],
)
def test_bodies_of_errors(old: Node, new: Node, expected: list[tuple[str, ...]]) -> None:
    changes = [(one.change, one) for one in placed(error(**old), error(**new))]
    assert {(change.drift_class, one.location) for change, one in changes} == (
        {("D15", "status")} if expected else set()
    )
    assert [
        (change.movement, str(change.severity(one.direction)), change.expected, change.observed)
        for change, one in changes
    ] == expected
