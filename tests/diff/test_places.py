"""Where a change is found: shared schemas, renames, moves, operations and events."""

from __future__ import annotations

from typing import Any

import pytest

from tests.diff.documents import TEXT, WHOLE, Node, document, found, placed, record
from whopwatch.contract import edition_dir
from whopwatch.core.errors import ContractError
from whopwatch.diff.nodes import Fields, canonical
from whopwatch.diff.operations import compare_behaviour
from whopwatch.diff.read_openapi import read_openapi
from whopwatch.diff.result import compare_sides
from whopwatch.diff.sides import Side

CAT: Node = {"$ref": "#/components/schemas/Cat"}
PAGE = record("data", data={"type": "array", "items": CAT}, best=CAT)


def side(node: Node) -> Side:
    return Side("made up", {"v1": read_openapi(node, "made up")})


def test_the_keys_of_a_part_that_nothing_read_are_the_rest() -> None:
    def fields() -> Fields:
        return Fields({"a": 1, "b": None, "c": 3, "x-d": 4})

    def rest(part: Fields) -> list[str]:
        return part.rest(lambda key: key.startswith("x-"))

    untouched = fields()
    assert (len(untouched), list(untouched), list(untouched.keys())) == (
        4,
        ["a", "b", "c", "x-d"],
        ["a", "b", "c", "x-d"],
    )
    assert "e" not in untouched
    assert (untouched.get("e", 5), untouched.pick({"e"})) == (5, {})
    assert rest(untouched) == ["a", "b", "c"]
    read = fields()
    assert (read["a"], read.get("b", 5)) == (1, None)
    assert rest(read) == ["c"]
    seen = fields()
    assert "a" in seen
    assert list(seen.pick({"c", "b", "e"}).items()) == [("b", None), ("c", 3)]
    assert rest(seen) == []


def test_a_shared_schema_is_one_change_in_all_its_places() -> None:
    old = document(
        answer=PAGE, webhooks={"cat.fed": record(data=CAT)}, schemas={"Cat": record("age", age=WHOLE, name=TEXT)}
    )
    new = document(answer=PAGE, webhooks={"cat.fed": record(data=CAT)}, schemas={"Cat": record(name=TEXT)})
    comparison = compare_sides(side(old), side(new))
    assert [(group.finding.operation, group.finding.location) for group in comparison.changes] == [
        ("schema:Cat", "/age")
    ]
    places = [("cats.create", "/best/age"), ("cats.create", "/data/*/age"), ("webhook:cat.fed", "/data/age")]
    assert sorted((place.operation, place.location) for place in comparison.changes[0].places) == places
    assert len(comparison.places) == 3
    assert len({found.finding.fingerprint for found in comparison.places}) == 3


def test_schemas_that_contain_each_other_end() -> None:
    def schemas(name: Node) -> dict[str, Node]:
        owner = record(cats={"type": "array", "items": CAT}, name=name)
        return {"Cat": record(owner={"$ref": "#/components/schemas/Owner"}), "Owner": owner}

    old, new = document(answer=CAT, schemas=schemas(TEXT)), document(answer=CAT, schemas=schemas(WHOLE))
    assert found(old, new) == [("D7", "replaced", "/owner/name", "critical")]


def test_a_schema_of_another_name_and_the_same_content_is_no_change() -> None:
    other: Node = {"$ref": "#/components/schemas/Feline"}
    old = document(answer=CAT, schemas={"Cat": record(age=WHOLE)})
    assert found(old, document(answer=other, schemas={"Feline": record(age=WHOLE)})) == []
    assert found(old, document(answer=record(age=WHOLE))) == []


def test_a_renamed_field_is_gone_and_come_and_both_say_so() -> None:
    old, new = record("company_name", company_name=TEXT), record("company_names", company_names=TEXT)
    gone, come = placed(document(answer=old), document(answer=new))
    assert (gone.change.drift_class, come.change.drift_class) == ("D5", "D2")
    assert gone.change.relation is not None
    assert come.change.relation is not None
    assert (gone.change.relation.kind, gone.change.relation.other) == ("renamed", "/company_names")
    assert (come.change.relation.kind, come.change.relation.other) == ("renamed", "/company_name")


@pytest.mark.parametrize(
    ("before", "after", "is_renamed"),
    [
        ("origin_account_id", "account_id", True),
        ("tracking_code", "tracking_number", True),
        ("colour", "color", True),
        ("title", "headline", False),
        ("company_id", "plan_id", False),
        ("created_at", "expires_at", False),
    ],
)
def test_a_rename_takes_more_than_the_same_type(before: str, after: str, is_renamed: bool) -> None:
    old, new = record(before, **{before: TEXT}), record(after, **{after: TEXT})
    relations = [it.change.relation is not None for it in placed(document(answer=old), document(answer=new))]
    assert relations == [is_renamed, is_renamed]


def test_of_two_candidates_none_is_the_rename() -> None:
    old = record("tracking_code", tracking_code=TEXT)
    new = record("tracking_url", tracking_url=TEXT, carrier=TEXT)
    assert [it.change.relation for it in placed(document(answer=old), document(answer=new))] == [None, None, None]


def test_a_field_that_left_one_object_for_another_has_moved() -> None:
    old = record("a b", a=record("tax", tax=TEXT), b=record())
    new = record("a b", a=record(), b=record("tax", tax=TEXT))
    old["properties"]["a"]["properties"]["x"] = new["properties"]["a"]["properties"]["x"] = WHOLE
    old["properties"]["b"]["properties"]["x"] = new["properties"]["b"]["properties"]["x"] = WHOLE
    relations = {it.location: it.change.relation for it in placed(document(answer=old), document(answer=new))}
    assert {place: (it.kind, it.other) for place, it in relations.items() if it} == {
        "/a/tax": ("moved", "/b/tax"),
        "/b/tax": ("moved", "/a/tax"),
    }


def operation(name: str, **fields: Node) -> Node:
    content = {"application/json": {"schema": {"type": "object", "properties": fields}}}
    return {"operationId": name, "responses": {"200": {"content": content}}}


def test_operations_gone_new_renamed_and_moved() -> None:
    fields = dict.fromkeys(("id", "label", "colour", "weight"), TEXT)
    old = {
        "openapi": "3.0.3",
        "paths": {
            "/cats/{id}": {"get": operation("cats.retrieve", **fields)},
            "/dogs/{id}": {"get": operation("dogs.retrieve", legs=WHOLE)},
            "/birds": {"get": operation("birds.list", wings=WHOLE)},
            "/fish": {"get": operation("fish.list", fins=WHOLE)},
        },
    }
    new = {
        "openapi": "3.1.0",
        "paths": {
            "/felines/{id}": {"get": operation("felines.retrieve", **fields)},
            "/dogs/{dog}": {"get": operation("dogs.get", legs=WHOLE)},
            "/flying/birds": {"get": operation("birds.list", wings=WHOLE)},
            "/cows": {"get": operation("cows.list", horns=WHOLE)},
        },
    }
    told = {
        (it.operation, it.change.drift_class, it.change.relation.other if it.change.relation else None)
        for it in placed(old, new)
    }
    assert told == {
        ("cats.retrieve", "D1", "felines.retrieve"),
        ("felines.retrieve", "D19", "cats.retrieve"),
        ("dogs.retrieve", "D24", "dogs.get"),
        ("birds.list", "D1", "GET /flying/birds"),
        ("fish.list", "D1", None),
        ("cows.list", "D19", None),
    }


def test_events_gone_new_and_renamed() -> None:
    old = document(webhooks={"cat.fed": record("x", x=TEXT), "cat.lost": record(y=TEXT)})
    new = document(webhooks={"cat.feed": record("x", x=TEXT), "cat.won": record(z=WHOLE)})
    told = {(it.operation, it.change.drift_class, it.change.relation is not None) for it in placed(old, new)}
    assert told == {
        ("webhook:cat.fed", "D1", True),
        ("webhook:cat.feed", "D19", True),
        ("webhook:cat.lost", "D1", False),
        ("webhook:cat.won", "D19", False),
    }


def test_the_parts_of_all_of_are_one_object() -> None:
    base = {"Base": record("id", id=TEXT)}
    old = document(answer={"allOf": [{"$ref": "#/components/schemas/Base"}, record("x", x=TEXT)]}, schemas=base)
    assert found(old, document(answer=record("id x", id=TEXT, x=TEXT))) == []


def test_a_contract_is_like_itself() -> None:
    from whopwatch.diff.sides import read_side

    one = read_side(str(edition_dir()), edition_dir())
    assert set(one.apis) == {"v1", "v2"}
    assert compare_sides(one, one).places == ()


@pytest.mark.parametrize(
    "reference", ["other.yaml#/x", "#/components/parameters/Nowhere", f"#/tags/{'9' * 5000}"], ids=len
)
def test_a_reference_that_leads_nowhere_is_an_error(reference: str) -> None:
    with pytest.raises(ContractError, match="leads nowhere"):
        read_openapi({**document(parameters=[{"$ref": reference}]), "tags": [{"name": "a"}]}, "made up")


def test_every_place_of_a_schema_is_listed_and_what_is_left_out_is_counted() -> None:
    def pages(count: int, age: Node) -> Side:
        fields: dict[str, Any] = {f"cat{number}": CAT for number in range(count)}
        return side(document(answer=record("", **fields), schemas={"Cat": record(age=age)}))

    assert len(compare_sides(pages(60, WHOLE), pages(60, TEXT)).places) == 60
    comparison = compare_sides(pages(1012, WHOLE), pages(1012, TEXT))
    assert len(comparison.places) == 1000
    assert [gap.keyword for gap in comparison.gaps] == ["the schema Cat in 12 more places"]


LONG = {"size": 10, "names": {"next": "after"}, "note": "x" * 190}


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        ({"size": 10}, {"size": 9}, ('x-list {"size": 10}', 'x-list {"size": 9}')),
        (LONG, LONG | {"size": 9}, ("x-list with size 10", "x-list with size 9")),
        (
            LONG,
            LONG | {"names": {}},
            ('x-list with names absent, names/next "after"', "x-list with names {}, names/next absent"),
        ),
        (LONG, LONG | {"size": None}, ("x-list with size 10", "x-list with size null")),
        (LONG | {"note": "y" * 9000}, LONG, ("x-list with ", "x-list with ")),
        ([*"a" * 99], ["b"], ("x-list with value ", "x-list with value ")),
    ],
)
def test_a_long_annotation_is_reported_by_the_parts_that_differ(old: Any, new: Any, facts: tuple[str, str]) -> None:
    sides = [(("x-list", canonical(one, 4000)),) for one in (old, new)]
    (change,) = compare_behaviour(*sides)
    assert change.expected.startswith(facts[0])
    assert change.observed.startswith(facts[1])
    assert change.expected != change.observed
    (gone,) = compare_behaviour(sides[0], ())
    assert gone.observed != gone.expected


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [CAT, record("a", a=TEXT, b=TEXT, c=TEXT)]},
        {"type": "object", "properties": {"data": {"type": "array", "items": CAT}, "a": TEXT, "b": TEXT, "c": TEXT}},
    ],
    ids=["union-of-itself", "list-of-itself"],
)
def test_a_moved_operation_is_recognised_though_its_schema_contains_itself(schema: Node) -> None:
    def cats(path: str) -> Side:
        content = {"application/json": {"schema": CAT}}
        operation = {"operationId": f"{path[1:]}.list", "responses": {"200": {"content": content}}}
        return side(
            {"openapi": "3.1.0", "paths": {path: {"get": operation}}, "components": {"schemas": {"Cat": schema}}}
        )

    comparison = compare_sides(cats("/cats"), cats("/pets"))
    relations = [one.placed.change.relation for one in comparison.changes]
    assert {(one.kind, one.other) for one in relations if one} == {("moved", "pets.list")}
