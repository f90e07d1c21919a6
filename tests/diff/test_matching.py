"""Which operations, events and fields of two APIs belong together, under another name or at another place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.diff.documents import TEXT, document, placed, record
from whopwatch.diff.change import Change, Placed, Relation
from whopwatch.diff.compare import (
    base_path,
    full_path,
    match_events,
    match_renamed,
    pair_operations,
    request_line,
)
from whopwatch.diff.model import Api, ApiOperation, ApiParameter, ApiResponse, Body, Direction, Property, Shape, event
from whopwatch.diff.renames import (
    api_wide_renames,
    mark_moved,
    name_of,
    name_similarity,
    object_of,
    rename_words,
    renamed_words,
    singular,
)
from whopwatch.diff.shapes import Comparer

STRING = Shape(frozenset({"string"}))
INTEGER = Shape(frozenset({"integer"}))


def fields(*names: str, shape: Shape = STRING) -> Shape:
    return Shape(frozenset({"object"}), properties=tuple(Property(name, shape, True) for name in names))


def operation(id: str, path: str, answer: Shape | None = None, method: str = "GET", **facts: Any) -> ApiOperation:
    answers = {"200": ApiResponse({"application/json": answer})} if answer else {}
    return ApiOperation(id, method, path, answers=answers, **facts)


def api(*operations: ApiOperation, types: dict[str, Shape] | None = None, **facts: Any) -> Api:
    return Api("api", {one.id: one for one in operations}, facts.pop("events", {}), types or {}, **facts)


def successors(old: Api, new: Api) -> dict[str, str]:
    return {name: after.id for name, after in pair_operations(old, new).successors.items()}


def test_operations_are_paired_by_method_and_path_then_by_url_then_by_id() -> None:
    old = api(
        operation("cats.get", "/cats/{id}"),
        operation("dogs.list", "/dogs"),
        operation("birds.list", "/birds"),
        operation("fish.list", "/fish"),
        servers=("https://a/v1",),
    )
    new = api(
        operation("felines.get", "/cats/{cat}/"),
        operation("dogs.list", "/dogs", method="POST"),
        operation("all_birds.list", "/v1/birds"),
        operation("cows.list", "/cows"),
        servers=("https://a/",),
    )
    found = pair_operations(old, new)
    assert [(one.id, two.id) for one, two in found.same] == [
        ("cats.get", "felines.get"),
        ("birds.list", "all_birds.list"),
    ]
    assert [(one.id, two.method) for one, two in found.moved] == [("dogs.list", "POST")]
    assert [one.id for one in found.gone] == ["fish.list"]
    assert [one.id for one in found.come] == ["cows.list"]


def test_urls_are_paired_only_if_both_sides_state_a_server() -> None:
    one, two = operation("birds.list", "/birds"), operation("all.list", "/v1/birds", servers=("https://b",))
    assert pair_operations(api(one, servers=("https://a/v1",)), api(two)).same == ()
    assert pair_operations(api(one), api(two, servers=("https://b",))).same == ()
    assert pair_operations(api(one, servers=("https://a/v1",)), api(two, servers=("https://b",))).same == ((one, two),)


def test_of_two_operations_with_one_path_the_one_with_the_more_similar_id_is_the_same() -> None:
    old = api(operation("cats.list", "/cats/{a}"))
    new = api(operation("x.y", "/cats/{a}"), operation("cats.lists", "/cats/{b}"))
    assert [(one.id, two.id) for one, two in pair_operations(old, new).same] == [("cats.list", "cats.lists")]
    assert [one.id for one in pair_operations(old, new).come] == ["x.y"]


@pytest.mark.parametrize(
    ("servers", "own", "expected"),
    [((), (), "/a/{}"), (("https://x/v1/",), (), "/v1/a/{}"), (("https://x/v1",), ("https://y/v2",), "/v2/a/{}")],
)
def test_the_path_of_a_url(servers: tuple[str, ...], own: tuple[str, ...], expected: str) -> None:
    one = operation("a.get", "/a/{id}/", servers=own)
    assert full_path(one, api(one, servers=servers)) == ("GET", expected)
    assert request_line(one) == ("GET", "/a/{}")


def test_a_server_url_that_is_none_has_no_path() -> None:
    assert [base_path(url) for url in ("https://[x/v1", "https://x/v1/", "/v2", "https://x")] == ["", "/v1", "/v2", ""]


A, B, C, D, E = "alpha", "beta", "gamma", "delta", "epsilon"


@pytest.mark.parametrize(
    ("before", "after", "is_successor"),
    [
        ((A, B, C), (A, B, C), True),
        ((A, B, C), (A, B, C, D, E), True),  # 3 of 5
        ((A, B, C, D), (A, B, C, "x", "y"), False),  # 3 of 6
        ((A, B), (A, B), False),  # two fields in common are no evidence
        ((A, B, "page_info"), (A, B, "page_info"), False),  # all lists have page_info
    ],
)
def test_a_removed_operation_has_a_successor_with_similar_fields(
    before: tuple[str, ...], after: tuple[str, ...], is_successor: bool
) -> None:
    old, new = api(operation("cats.get", "/cats", fields(*before))), api(operation("pets.get", "/pets", fields(*after)))
    assert successors(old, new) == ({"cats.get": "pets.get"} if is_successor else {})


def test_parameters_bodies_and_responses_count_as_fields() -> None:
    def sent(id: str, path: str, *parameters: str) -> ApiOperation:
        declared = tuple(ApiParameter(name, "query", STRING, False) for name in parameters)
        body = Body({"application/json": fields("b")})
        return operation(id, path, fields("a"), parameters=declared, body=body)

    assert successors(api(sent("a.get", "/a", "q")), api(sent("b.get", "/b", "q[]"))) == {"a.get": "b.get"}
    assert successors(api(sent("a.get", "/a", "first")), api(sent("b.get", "/b", "first"))) == {}
    path = (ApiParameter("q", "path", STRING, True),)
    body = Body({"application/json": fields("b")})
    one, two = (operation(f"{n}.get", f"/{n}", fields("a"), parameters=path, body=body) for n in "ab")
    assert successors(api(one), api(two)) == {}


def test_a_successor_has_the_same_method_and_the_same_kind_of_id() -> None:
    shape = fields(A, B, C)
    old = api(operation("cats.get", "/cats", shape))
    assert successors(old, api(operation("pets.list", "/pets", shape))) == {}
    assert successors(old, api(operation("pets.get", "/pets", shape, method="POST"))) == {}


def test_the_most_similar_operations_are_paired_first_and_each_once() -> None:
    old = api(operation("a.get", "/a", fields(A, B, C, D)), operation("b.get", "/b", fields(A, B, C, D, E)))
    new = api(operation("c.get", "/c", fields(A, B, C, D, E)), operation("d.get", "/d", fields("x")))
    assert successors(old, new) == {"b.get": "c.get"}
    both = api(operation("d.get", "/d", fields(A, B, C)), operation("c.get", "/c", fields(A, B, C)))
    equal = api(operation("b.get", "/b", fields(A, B, C)), operation("a.get", "/a", fields(A, B, C)))
    assert successors(equal, both) == {"a.get": "c.get", "b.get": "d.get"}


def test_the_items_of_a_list_the_variants_of_a_union_and_shared_schemas_are_compared() -> None:
    cat = Shape(variants=(fields(A), fields(B)))
    page = Shape(
        frozenset({"object"}),
        properties=(
            Property("data", Shape(frozenset({"array"}), items=Shape(ref="Cat")), True),
            Property("total", INTEGER, True),
        ),
    )
    old, new = (api(operation(f"{n}.list", f"/{n}", page), types={"Cat": cat}) for n in "ab")
    assert successors(old, new) == {"a.list": "b.list"}
    # `data` that is no list is a field like others.
    flat = fields("data", A, B)
    assert successors(api(operation("a.get", "/a", flat)), api(operation("b.get", "/b", flat))) == {"a.get": "b.get"}


def test_renamed_words_show_more_successors() -> None:
    old = api(
        operation("companies.list", "/companies"), operation("company.get", "/company"), operation("x.list", "/x")
    )
    new = api(operation("accounts.list", "/accounts"), operation("account.get", "/account"), operation("y.list", "/y"))
    matches = pair_operations(old, new)
    assert matches.successors == {}
    found = match_renamed(matches, {"company": "account"}, old, new).successors
    assert {name: after.id for name, after in found.items()} == {
        "companies.list": "accounts.list",
        "company.get": "account.get",
    }
    back = match_renamed(pair_operations(new, old), {"account": "company"}, new, old).successors
    assert {name: after.id for name, after in back.items()} == {
        "accounts.list": "companies.list",
        "account.get": "company.get",
    }


def test_fields_with_renamed_words_are_the_same_fields() -> None:
    old = api(operation("cats.get", "/cats", fields("company_id", "company_name", A)))
    new = api(operation("pets.get", "/pets", fields("account_id", "account_name", A)))
    matches = pair_operations(old, new)
    assert matches.successors == {}
    found = match_renamed(matches, {"company": "account"}, old, new).successors
    assert {name: after.id for name, after in found.items()} == {"cats.get": "pets.get"}


def test_an_operation_that_is_a_successor_already_is_not_taken_twice() -> None:
    shape = fields(A, B, C)
    old = api(operation("cats.get", "/cats", shape), operation("dogs.get", "/dogs"))
    new = api(operation("pets.get", "/pets", shape))
    matches = pair_operations(old, new)
    found = match_renamed(matches, {"dog": "pet"}, old, new).successors
    assert {name: after.id for name, after in found.items()} == {"cats.get": "pets.get"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"cat.created": fields("a")}, {"cat.create": fields("a")}, {"cat.created": "cat.create"}),
        ({"cat.created": fields("a")}, {"cat.create": fields("a", shape=INTEGER)}, {}),
        ({"cat.created": None}, {"cat.create": fields("a")}, {"cat.created": "cat.create"}),
        ({"cat.created": fields("a")}, {"cat.create": None}, {"cat.created": "cat.create"}),
        ({"cat.created": None}, {"refund.paid": None}, {}),
        ({"cat.created": None, "cat.x": None}, {"cat.created": None, "cat.y": None}, {"cat.x": "cat.y"}),
        # Each added event once, by name.
        ({"cat.aa": None, "cat.ab": None}, {"cat.a": None}, {"cat.aa": "cat.a"}),
        ({"cat.a": None}, {"cat.ac": None, "cat.ab": None}, {"cat.a": "cat.ab"}),
    ],
)
def test_events_with_a_similar_name_and_the_same_payload(
    old: dict[str, Shape | None], new: dict[str, Shape | None], expected: dict[str, str]
) -> None:
    one, two = (api(events={name: event(name, payload) for name, payload in events.items()}) for events in (old, new))
    assert match_events(one, two, Comparer(one, two)) == expected


@pytest.mark.parametrize(
    ("one", "other", "similarity"),
    [("a", "a", 1.0), ("company_id", "id_company", 1.0), ("companyId", "company_id", 1.0), ("ab", "cd", 0.0)],
)
def test_the_similarity_of_two_names(one: str, other: str, similarity: float) -> None:
    assert name_similarity(one, other) == similarity


def test_names_are_similar_by_letters_or_by_words() -> None:
    assert name_similarity("colour", "color") == pytest.approx(10 / 11)
    assert name_similarity("a_b_c", "c_d") == pytest.approx(0.25)
    assert name_similarity("zz_yy", "xx_zz") == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("location", "name"),
    [("param:a", "a"), ("header:X", "X"), ("/a/b", "b"), ("body:/a", "a"), ("status", ""), ("", "")],
)
def test_the_name_of_a_location(location: str, name: str) -> None:
    assert name_of(location) == name


def test_words_of_resources() -> None:
    assert [singular(name) for name in ("companies", "plans", "status", "fish")] == ["company", "plan", "statu", "fish"]
    assert renamed_words({"company_id": "account_id", "a": "b_c", "x_y": "z_w"}) == {"company": "account"}
    assert rename_words("company_id_company", {"company": "account"}) == "account_id_account"


def change(drift_class: str, movement: Any, operation: str, location: str, words: str, **facts: Any) -> Placed:
    sides = ("absent", words) if movement == "added" else (words, "absent")
    return Placed(operation, location, Direction.RECEIVED, Change(drift_class, movement, "", *sides), **facts)


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        (["user_email"], ["user_email_address"], {"/user_email": "/user_email_address"}),
        (["user_email", "user_email_old"], ["user_email_new"], {"/user_email": "/user_email_new"}),
        (["user_email"], ["user_email_one", "user_email_two_words"], {"/user_email": "/user_email_one"}),
        (["first", "last"], ["firsts", "lasts"], {"/first": "/firsts", "/last": "/lasts"}),
        (["first"], ["other"], {}),
    ],
)
def test_a_field_is_renamed_to_the_most_similar_one_and_to_no_other(
    old: list[str], new: list[str], pairs: dict[str, str]
) -> None:
    found = placed(
        document(answer=record("", **dict.fromkeys(old, TEXT))), document(answer=record("", **dict.fromkeys(new, TEXT)))
    )
    assert {one.location for one in found} == {f"/{name}" for name in (*old, *new)}
    relations = {one.location: one.change.relation for one in found}
    assert {place for place, relation in relations.items() if relation} == {*pairs, *pairs.values()}
    for gone, come in pairs.items():
        assert [relations[gone], relations[come]] == [Relation("renamed", come), Relation("renamed", gone)]


@pytest.mark.parametrize(
    ("others", "is_moved"),
    [
        ([("D2", "added", "products.get", "/plan/price", "number")], True),
        ([("D2", "added", "products.get", "param:price", "number")], True),
        ([("D2", "added", "products.get", "/plan/price", "string")], False),  # another description
        ([("D2", "added", "products.get", "/plan/cost", "number")], False),  # another name
        ([("D2", "added", "plans.get", "/plan/price", "number")], False),  # another operation
        ([("D5", "removed", "products.get", "/plan/price", "number")], False),  # removed, too
        ([("D2", "added", "products.get", place, "number") for place in ("/a/price", "/b/price")], False),
        ([], False),
    ],
)
def test_a_field_moved_if_exactly_one_like_it_was_added(others: list[Any], is_moved: bool) -> None:
    gone = change("D5", "removed", "products.get", "/price", "number")
    come = [change(*other) for other in others]
    marked = list(mark_moved([gone, *come]))
    assert [one.location for one in marked] == [one.location for one in (gone, *come)]
    expected = [Relation("moved", come[0].location), Relation("moved", "/price")] if is_moved else [None] * len(marked)
    assert [one.change.relation for one in marked] == expected


@pytest.mark.parametrize(("drift_class", "movement"), [("D6", "narrowed"), ("D11", "removed"), ("D5", "replaced")])
def test_only_a_removed_field_moved(drift_class: str, movement: str) -> None:
    changed = change(drift_class, movement, "products.get", "/price", "number")
    sides = [changed, change("D2", "added", "products.get", "/plan/price", "number")]
    assert list(mark_moved(sides)) == sides


def test_a_field_that_was_renamed_did_not_move() -> None:
    gone = change("D5", "removed", "products.get", "/price", "number")
    come = change("D2", "added", "products.get", "/plan/price", "number")
    renamed = Relation("renamed", "/cost")
    for pair in ((True, False), (False, True), (True, True)):
        sides = [
            replace(one, change=replace(one.change, relation=renamed)) if is_renamed else one
            for one, is_renamed in zip((gone, come), pair, strict=True)
        ]
        assert list(mark_moved(sides)) == sides


def renamed(old: str, new: str, objects: int, kept: int = 0, words: str = "required, string") -> list[Placed]:
    """`old` was removed in `objects` operations and `new` added; in `kept` more only `old` was removed."""
    gone = [change("D5", "removed", f"{n}.get", f"/{old}", words) for n in range(objects + kept)]
    return gone + [change("D2", "added", f"{n}.get", f"/{new}", words) for n in range(objects)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (renamed("company_id", "account_id", 3), {"company_id": "account_id"}),
        (renamed("company_id", "account_id", 2), {}),
        (renamed("company_id", "account_id", 3, kept=3), {"company_id": "account_id"}),
        (renamed("company_id", "account_id", 3, kept=4), {}),
        (renamed("company", "company_id", 3), {"company": "company_id"}),
        (renamed("members", "members_ids", 3), {"members": "members_ids"}),
        (renamed("company", "account", 3), {"company": "account"}),
        (renamed("company", "account_id", 3), {}),
        (renamed("company_id", "account_name", 3), {}),
        # The one with more evidence; of two equal ones the more similar name.
        (renamed("a_id", "b_id", 3) + renamed("a_id", "c_id", 2)[2:], {"a_id": "b_id"}),
        (
            renamed("old_company_id", "xyz_id", 3) + renamed("old_company_id", "new_company_id", 3)[3:],
            {"old_company_id": "new_company_id"},
        ),
        ([one for one in renamed("company_id", "account_id", 3) if one.change.movement == "removed"], {}),
    ],
)
def test_fields_with_another_name_in_the_whole_api(changes: list[Placed], expected: dict[str, str]) -> None:
    assert api_wide_renames(changes) == expected


def test_a_field_of_another_type_is_not_the_renamed_one() -> None:
    gone = renamed("company_id", "x", 3)[:3]
    for words, expected in (("optional, string or null", {"company_id": "account_id"}), ("required, integer", {})):
        come = [change("D2", "added", f"{n}.get", "/account_id", words) for n in range(3)]
        assert api_wide_renames(gone + come) == expected


def test_a_shared_schema_is_one_object_wherever_it_is_used() -> None:
    gone, come = change("D5", "removed", "a.get", "/x/y", "w"), change("D2", "added", "b.get", "/x/z", "w")
    assert object_of(gone) == ("a.get", Direction.RECEIVED, "/x")
    assert object_of(change("D5", "removed", "a.get", "param:q", "w")) == ("a.get", Direction.RECEIVED, "parameters")
    assert object_of(change("D5", "removed", "a.get", "header:q", "w")) == ("a.get", Direction.RECEIVED, "parameters")
    assert object_of(change("D5", "removed", "a.get", "/q/y", "w", schema="Cat", within="/o/y")) == ("Cat", "/o")
    assert object_of(come) != object_of(gone)
