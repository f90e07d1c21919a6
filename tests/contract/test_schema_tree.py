"""Schemas as trees: references, unions, null, `allOf`; ids and undocumented fields of a value."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from whopwatch.contract import Contract, load
from whopwatch.contract.schema_tree import ContractSchemas, SchemaNode, SchemaTree, schemas_of, tree_of

NULL = {"type": "null"}
USER = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "x-resource": "users", "x-id-prefix": ["user_"]},
        "kind": {"type": "string", "const": "User"},
        "name": {"type": "string"},
    },
}
COMPANY = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "x-resource": "companies", "x-id-prefix": ["biz_"]},
        "kind": {"type": "string", "const": "Company"},
        "title": {"type": "string"},
    },
}
POST = {
    "type": "object",
    "properties": {
        "id": {"anyOf": [{"type": "string", "x-resource": "posts"}, NULL]},
        "parent": {"anyOf": [{"$ref": "#/POST"}, NULL]},
        "owner": {"oneOf": [USER, COMPANY, NULL]},
        "metadata": {"type": "object", "additionalProperties": True},
        "product": {"anyOf": [{"type": "string", "x-resource": "products"}, {"$ref": "#/PRODUCT"}]},
        "tags": {"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}}}},
    },
}
PRODUCT = {"type": "object", "properties": {"id": {"type": "string", "x-resource": "products"}}}
DOCUMENT: dict[str, Any] = {"#/POST": POST, "#/PRODUCT": PRODUCT}


def resolve(schema: Any) -> Any:
    return DOCUMENT[schema["$ref"]] if "$ref" in schema else schema


@pytest.fixture
def post() -> SchemaNode:
    return SchemaTree(resolve).read({"$ref": "#/POST"})


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ({"id": "a"}, [("posts", "a")]),
        ({"id": None}, []),
        ({"id": "a", "parent": {"id": "b", "parent": {"id": "c"}}}, [("posts", "a"), ("posts", "b"), ("posts", "c")]),
        ({"owner": {"id": "biz_1", "kind": "Company"}}, [("companies", "biz_1")]),
        ({"owner": {"id": "user_1", "kind": "User"}}, [("users", "user_1")]),
        ({"owner": {"id": "user_1", "name": "x"}}, [("users", "user_1")]),
        ({"owner": None}, []),
        ({"product": "prod_1"}, [("products", "prod_1")]),
        ({"product": {"id": "prod_1"}}, [("products", "prod_1")]),
        ({"metadata": {"id": "x"}}, []),
        ([], []),
        ("text", []),
        (None, []),
        ({"id": 5, "parent": "x", "owner": [1], "tags": {"a": 1}}, []),
    ],
)
def test_ids_are_found_by_resource(post: SchemaNode, value: Any, ids: list[tuple[str, str]]) -> None:
    assert post.ids(value) == ids


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"id": "a"}, []),
        ({"extra": 1}, [(("extra",), None)]),
        ({"parent": {"parent": {"extra": 1}}}, [(("parent", "parent", "extra"), None)]),
        ({"metadata": {"anything": 1}}, []),
        ({"tags": [{"text": "a"}, {"texts": "b"}]}, [(("tags", 1, "texts"), None)]),
        ({"owner": {"kind": "User", "title": "x"}}, [(("owner", "title"), None)]),
        ({"owner": {"kind": "User", "id": "usr_1"}}, [(("owner", "id"), ("user_",))]),
        ({"product": {"name": "x"}}, [(("product", "name"), None)]),
        ({"tags": "not a list", "parent": 7}, []),
    ],
)
def test_undocumented_fields_and_prefixes_are_located(post: SchemaNode, value: Any, expected: list[Any]) -> None:
    assert list(post.undocumented(value)) == expected


def test_a_node_knows_which_ids_it_may_hold(post: SchemaNode) -> None:
    assert post.resources == {"posts", "users", "companies", "products"}


def test_every_read_of_the_contract_shows_its_resource() -> None:
    contract: Contract = load()
    schemas = schemas_of(contract)
    own = [operation for operation in contract.reads if operation.id == f"{operation.resource}.retrieve"]
    assert len(own) == 40
    assert [operation.id for operation in own if operation.resource not in schemas.of(operation).resources] == []
    assert schemas_of(contract) is schemas


def read(schema: Any, **shared: Any) -> SchemaNode:
    document = {f"#/components/schemas/{name}": part for name, part in shared.items()}
    return SchemaTree(lambda reference: document.get(reference["$ref"])).read(schema)


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


TEXT, WHOLE = {"type": "string"}, {"type": "integer"}


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [TEXT, NULL]},
        {"oneOf": [NULL, TEXT]},
        {"type": ["string", "null"]},
        {"type": "string", "nullable": True},
        {"anyOf": [{"anyOf": [TEXT, NULL]}, TEXT]},
        {"anyOf": [ref("Text"), NULL]},
        {**ref("Text"), "nullable": True},
        {"allOf": [ref("Text")], "nullable": True},
        {"enum": ["a", None]},
    ],
)
def test_every_way_to_write_a_nullable_string_is_one(schema: Any) -> None:
    node = read(schema, Text=TEXT)
    assert (node.type, node.nullable, node.variants) == ("string", True, ())


def test_what_is_not_nullable_is_not() -> None:
    for schema in (TEXT, {"anyOf": [TEXT, WHOLE]}, {"allOf": [{"anyOf": [TEXT, NULL]}, TEXT]}, {}):
        assert read(schema).nullable is False


def test_an_enum_beside_an_open_string_is_an_open_set_of_known_values() -> None:
    status = {"anyOf": [{"type": "string", "enum": ["a", "b"]}, TEXT, NULL]}
    node = read(status)
    assert (node.type, node.nullable, node.enum, node.known_values) == ("string", True, None, ("a", "b"))
    closed = read({"anyOf": [{"type": "string", "enum": ["a"]}, {"const": "b"}]})
    assert (closed.enum, closed.known_values) == (("a", "b"), ("a", "b"))
    mixed = read({"anyOf": [{"type": "string", "enum": ["a"]}, WHOLE]})
    assert (sorted(mixed.types), mixed.enum) == (["integer", "string"], None)


def test_all_of_is_merged() -> None:
    base = {"type": "object", "properties": {"id": TEXT, "kind": TEXT}, "required": ["id"]}
    more = {"properties": {"kind": {"const": "x"}, "name": {"anyOf": [TEXT, NULL]}}, "required": ["name"]}
    node = read({"allOf": [ref("Base"), more]}, Base=base)
    assert (node.type, sorted(node.required), list(node.fields)) == ("object", ["id", "name"], ["id", "kind", "name"])
    assert node.fields["kind"].enum == ("x",)
    assert node.fields["name"].nullable
    assert list(node.undocumented({"id": "1", "kind": "x", "name": None, "other": 1})) == [(("other",), None)]


@pytest.mark.parametrize("swapped", [False, True])
def test_all_of_keeps_what_only_one_part_has(swapped: bool) -> None:
    def both(one: Any, other: Any) -> SchemaNode:
        return read({"allOf": [other, one] if swapped else [one, other]})

    listed = {"type": "array", "items": TEXT}
    rest: Any
    for rest in ({"description": "x"}, {"maxItems": 3}, {"items": {"minLength": 1}}):
        node = both(listed, rest)
        assert node.type == "array"
        assert node.items is not None
        assert node.items.type == "string"
    thing = {"type": "object", "properties": {"id": TEXT}, "required": ["id"]}
    for rest in ({"description": "x"}, {"required": ["id"]}, {"properties": {"name": TEXT}}):
        node = both(thing, rest)
        assert list(node.fields)[0 if not swapped else -1] == "id"
        assert sorted(node.required) == ["id"]
    assert both({"type": "number"}, WHOLE).type == "integer"
    assert both({"type": "number"}, {"type": "number"}).type == "number"
    assert both({"type": "string"}, {"description": "x"}).type == "string"


def test_all_of_a_union_is_a_union() -> None:
    one, other = ({"type": "object", "properties": {name: TEXT}} for name in "ab")
    node = read({"allOf": [{"properties": {"id": TEXT}, "required": ["id"]}, {"oneOf": [one, other, NULL]}]})
    assert [sorted(variant.fields) for variant in node.variants] == [["a", "id"], ["b", "id"]]
    assert (sorted(node.required), node.nullable) == (["id"], True)


def test_variants_differ_by_a_discriminator_that_they_do_not_show() -> None:
    union = {
        "oneOf": [ref("Card"), ref("Bank")],
        "discriminator": {"propertyName": "type", "mapping": {"card": "#/components/schemas/Card", "bank": "Bank"}},
    }
    card = {"type": "object", "properties": {"last4": TEXT, "name": TEXT}}
    node = read(union, Card=card, Bank={"type": "object", "properties": {"name": TEXT}})
    assert node.variant_of({"type": "bank", "last4": "1", "name": "x"}) is node.variants[1]
    assert node.variant_of({"type": "card"}) is node.variants[0]


def test_a_union_shows_the_fields_of_all_its_variants() -> None:
    one = {"type": "object", "properties": {"id": TEXT, "a": TEXT}, "required": ["id", "a"]}
    other = {"type": "object", "properties": {"id": WHOLE, "b": TEXT}, "required": ["id"]}
    node = read({"anyOf": [one, other, {"type": "array", "items": TEXT}]})
    assert (list(node.fields), sorted(node.required)) == (["id", "a", "b"], ["id"])
    assert node.fields["id"].types == {"string", "integer"}
    assert node.items is not None
    assert node.items.type == "string"


def test_a_schema_may_refer_to_itself() -> None:
    tree = {
        "type": "object",
        "properties": {"child": {"anyOf": [ref("Tree"), NULL]}, "id": {**TEXT, "x-resource": "t"}},
    }
    node = read(ref("Tree"), Tree=tree)
    assert node.ids({"id": "1", "child": {"id": "2", "child": None}}) == [("t", "2"), ("t", "1")]
    assert node.resources == {"t"}
    assert read(ref("Loop"), Loop={"anyOf": [ref("Loop"), TEXT]}).type == "string"
    assert read(ref("Loop"), Loop={"allOf": [ref("Loop"), {"properties": {"a": TEXT}}]}).alternatives


@pytest.mark.parametrize(
    "schema",
    [
        *(None, True, [], "x", {"$ref": "#/nowhere"}, {"type": 5}, {"properties": []}, {"anyOf": "x"}, {"enum": {}}),
        *({"required": 3}, {"items": 1}, {"anyOf": [None]}, {"discriminator": {"mapping": 1}, "anyOf": [TEXT, WHOLE]}),
    ],
)
def test_what_is_no_schema_is_read_as_one_that_allows_anything(schema: Any) -> None:
    node = read(schema)
    node.prepare()
    assert list(node.undocumented({"a": [1]})) == []
    assert node.ids({"a": ["x"]}) == []


def test_a_union_that_doubles_at_every_step_is_read_in_time() -> None:
    shared: dict[str, Any] = {f"S{n}": {"anyOf": [ref(f"S{n + 1}"), ref(f"S{n + 1}")]} for n in range(60)}
    assert read(ref("S0"), **shared, S60=TEXT).types == {"string"}


def test_of_a_large_value_a_part_is_explained_that_shows_the_same_kinds_of_faults() -> None:
    contract = load()
    operation = contract.operations["products.list"]
    node, validator = schemas_of(contract).of(operation), contract.validator(operation.success.pointer, operation.api)
    small = {"data": [{"id": 7, "more": [1, 2]}], "page_info": None}
    assert node.to_explain(small) is small

    item = {"id": 7, "title": None, "more": {"data": [{"id": n} for n in range(2000)]}}
    part = node.to_explain({"data": [item] * 50, "page_info": {"x": list(range(20_000))}, "unknown": [small] * 500})

    assert len(part["data"]) == 50
    assert part["data"][0] == {"id": 7, "title": None}
    assert "unknown" not in part
    found = {violation.location for violation in validator.violations(part)}
    assert {"/data/*/id", "/data/*/title", "/data/*/created_at", "/page_info/has_next_page"} <= found


def test_of_a_long_text_the_beginning_is_explained() -> None:
    node = SchemaTree(lambda schema: schema).read({"type": "object", "properties": {"a": TEXT, "b": {}}})
    assert node.to_explain({"a": "x" * 3 * 2**20, "b": 1}) == {"a": "x" * 10_000, "b": 1}


def test_a_list_of_a_large_value_is_cut_off() -> None:
    node = SchemaTree(lambda schema: schema).read({"type": "array", "items": {"type": "array", "items": {}}})
    part = node.to_explain([[1] * 1000] * 1000)
    assert len(part) == 50
    assert {len(inner) for inner in part[:-1]} == {200}
    assert sum(map(len, part)) <= 10_000


def test_a_field_of_a_rule_and_an_open_enum_are_found_by_their_path() -> None:
    cat = {
        "type": "object",
        "properties": {"kind": {"const": "cat"}, "name": TEXT, "state": {"enum": ["a"], "x-open-enum": True}},
        "x-whop-learned": ["name"],
    }
    dog = {"type": "object", "properties": {"kind": {"const": "dog"}, "name": TEXT, "state": {"enum": ["a", "c"]}}}
    node = read(
        {"type": "object", "properties": {"pets": {"type": "array", "items": {"anyOf": [cat, dog]}}, "one": cat}}
    )
    value = {
        "pets": [{"kind": "cat", "name": "x", "state": "b"}, {"kind": "dog", "name": "y", "state": "b"}],
        "one": {},
    }
    assert node.is_learned(value, ("pets", 0, "name"))
    assert not node.is_learned(value, ("pets", 1, "name"))
    assert not node.is_learned(value, ("pets", 0, "kind"))
    assert not node.is_learned(value, ("one", "unknown", "name"))
    assert not node.is_learned(value, ())
    assert node.is_learned(value, ("one", "name"))
    assert node.is_open_enum(value, ("pets", 0, "state"))
    assert not node.is_open_enum(value, ("pets", 1, "state"))
    assert not node.is_open_enum(value, ("pets", 0, "unknown"))
    assert not node.is_open_enum(value, ("unknown", 0))
    items = node.fields["pets"].items
    assert items is not None
    assert items.learned == {"name"}
    assert read(dog).learned == frozenset()


def test_the_documented_prefixes_of_a_contract_are_found_in_lists_too() -> None:
    contract = load()
    assert {"prod_", "biz_", "user_"} <= schemas_of(contract).prefixes
    inner = {"anyOf": [{"x-id-prefix": ["a_", "b_"]}, [{"x-id-prefix": ["c_"]}]]}
    made = SimpleNamespace(documents={"v1": {"x": {"allOf": [inner]}, "x-id-prefix": ["d_"], "y": "z"}})
    assert ContractSchemas(made).prefixes == {"a_", "b_", "c_", "d_"}  # type: ignore[arg-type]


def test_a_document_of_any_kind_is_a_tree() -> None:
    document = {
        "a": {"$ref": "#/b"},
        "b": TEXT,
        "loop": {"$ref": "#/other"},
        "other": {"$ref": "#/loop"},
        "bad": {"$ref": 5},
    }
    tree = tree_of(document)
    assert tree.read({"$ref": "#/a"}).type == "string"
    for broken in ("#/loop", "#/nowhere", "#/bad"):
        assert tree.read({"$ref": broken}).is_any


@pytest.mark.parametrize(
    ("one", "other", "values"),
    [(["a", "b", "c"], ["c", "b", "d"], ("b", "c")), (["a"], ["b"], ("a",))],
)
def test_two_enums_of_all_of_leave_what_both_allow(one: list[str], other: list[str], values: tuple[str, ...]) -> None:
    assert read({"allOf": [{"type": "string", "enum": one}, {"type": "string", "enum": other}]}).enum == values


def test_what_other_fields_hold_and_where_they_are_allowed() -> None:
    closed = read({"type": "object", "properties": {"a": TEXT}})
    assert (closed.allows_other_fields, closed.additional) == (False, None)
    assert read({"type": "object"}).allows_other_fields
    open_map = read({"type": "object", "properties": {"a": TEXT}, "additionalProperties": TEXT})
    assert open_map.allows_other_fields
    assert open_map.additional is not None
    assert open_map.additional.type == "string"
    assert read({"type": "string", "format": "date"}).format == "date"
