"""An OpenAPI document of any origin becomes a contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from whopwatch.contract import Contract, load, openapi_adapter
from whopwatch.contract.openapi_file import check_structure
from whopwatch.core.errors import ContractError
from whopwatch.core.pointers import part_at

TEXT = {"type": "string"}
ITEM = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}


def document(**changes: Any) -> dict[str, Any]:
    """Return a document with shared parameters, references, and what OpenAPI 3.0 writes otherwise."""
    return {
        "openapi": "3.0.3",
        "info": {"title": "Cats", "version": "1"},
        "paths": {
            "/products/{product_id}": {
                "parameters": [{"$ref": "#/components/parameters/Product"}],
                "get": {
                    "operationId": "getProduct",
                    "responses": {"200": {"$ref": "#/components/responses/Product"}, "default": {"description": "no"}},
                },
            },
            "/cats": {
                "get": {
                    "parameters": [
                        {"name": "first", "in": "query", "schema": {"type": "integer"}},
                        {"name": "after", "in": "query", "schema": {"type": "string"}},
                    ],
                    "responses": {
                        "2XX": {
                            "description": "a page",
                            "content": {"application/json; charset=utf-8": {"schema": page()}},
                        }
                    },
                },
                "post": {"requestBody": {"content": {"application/json": {"schema": ITEM}}}, "responses": {}},
            },
            "/cats/{id}/feed": {"post": {"responses": {"204": {"description": "fed"}}}},
        },
        "components": {
            "parameters": {
                "Product": {"name": "product_id", "in": "path", "required": True, "schema": {"type": "string"}}
            },
            "responses": {
                "Product": {
                    "description": "one",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Product"}}},
                }
            },
            "schemas": {
                "Product": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string"},
                        "title": {"type": "string", "nullable": True, "enum": ["a", None]},
                        "size": {"type": ["integer", "null"]},
                    },
                }
            },
        },
        **changes,
    }


def page() -> dict[str, Any]:
    info = {"type": "object", "properties": {"has_next_page": {"type": "boolean"}}}
    return {"type": "object", "properties": {"data": {"type": "array", "items": ITEM}, "page_info": info}}


def loaded(folder: Path, content: Any) -> Contract:
    folder.mkdir(exist_ok=True)
    path = folder / "api.json"
    path.write_text(json.dumps(content))
    return load(path)


@pytest.fixture
def contract(tmp_path: Path) -> Contract:
    return loaded(tmp_path, document())


def test_operations_get_the_ids_of_the_edition_else_those_of_their_path(contract: Contract) -> None:
    assert list(contract.operations) == ["products.retrieve", "cats.list", "cats.create", "cats.feed"]
    assert contract.operation("cats.list").is_list
    assert contract.operation("cats.feed").success.status == 204
    assert contract.operation("cats.create").success.status == 200


def test_references_and_shared_parameters_are_followed(contract: Contract) -> None:
    operation = contract.operation("products.retrieve")
    assert [parameter.name for parameter in operation.in_("path")] == ["product_id"]
    assert contract.resolve(operation.success.schema or {})["properties"].keys() == {"id", "title", "size"}


def test_null_is_read_however_it_is_written(contract: Contract) -> None:
    operation = contract.operation("products.retrieve")
    validator = contract.validator(operation.success.pointer)
    assert validator.is_valid({"title": None, "size": None})
    assert not validator.is_valid({"title": "b"})
    assert not validator.is_valid({"size": "large"})


def test_without_a_version_it_is_like_the_edition_with_most_of_its_operations(contract: Contract) -> None:
    assert (contract.version, str(contract.edition)) == (None, "api.json")
    assert contract.account.resource == "companies"


@pytest.mark.parametrize(
    ("version", "account"),
    [
        ("2025-01-01", "companies"),
        ("2026-09-02-1", "companies"),
        ("2026-10-15-1", "accounts"),
        ("2027-01-01", "accounts"),
    ],
)
def test_its_version_chooses_the_edition_that_is_not_newer(tmp_path: Path, version: str, account: str) -> None:
    contract = loaded(tmp_path, document(info={"title": "", "version": "1", "x-api-version-date": version}))
    assert (contract.version, contract.account.resource) == (version, account)


@pytest.mark.parametrize("name", ["2025-01-01", "newest"])
def test_an_exported_edition_is_the_same_contract(tmp_path: Path, name: str) -> None:
    edition = load(name)
    contract = loaded(tmp_path, edition.documents["v1"])
    mine = {one.id: one for one in edition.operations.values() if one.api == "v1"}
    assert contract.operations.keys() == mine.keys()
    assert contract.events.keys() == edition.events.keys()
    for id, operation in contract.operations.items():
        assert (operation.parameters, operation.body) == (mine[id].parameters, mine[id].body), id
    assert contract.account == edition.account


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"swagger": "2.0"}, "no OpenAPI document"),
        ([], "no OpenAPI document"),
        ({"openapi": "3.1.0"}, "no operation"),
        ({"openapi": "3.1.0", "paths": []}, "is malformed"),
        ({"openapi": "3.1.0", "paths": {"/a": None, "/b": {"get": 1}}}, "is malformed"),
        ({"openapi": "3.1.0", "paths": {"/b": {"get": 1}}}, "no operation"),
    ],
)
def test_what_holds_no_operation_is_refused(tmp_path: Path, content: Any, what: str) -> None:
    with pytest.raises(ContractError, match=what):
        loaded(tmp_path, content)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"components": None}, "/components"),
        (
            {"webhooks": {"cat.fed": {"post": {"requestBody": {"$ref": "#/nowhere"}}}}},
            "/webhooks/cat.fed/post/requestBody",
        ),
        ({"webhooks": []}, "/webhooks"),
        ({"servers": "none"}, "/servers"),
        ({"security": None}, "/security"),
    ],
)
def test_a_malformed_part_is_named_by_its_place(tmp_path: Path, change: dict[str, Any], place: str) -> None:
    with pytest.raises(ContractError, match="is malformed") as raised:
        loaded(tmp_path, document(**change))
    assert place in str(raised.value.where)


def nested(levels: int) -> dict[str, Any]:
    """Return a document whose deepest object is on this level; the document itself is on level 0."""
    node: dict[str, Any] = {}
    for _ in range(levels - 1):
        node = {"a": node}
    return {"paths": node} if levels else node


def parts(*path: str, count: int, name: str = "n") -> dict[str, Any]:
    """Return a document with this many objects at a place."""
    node: dict[str, Any] = {f"{name}{number}": {} for number in range(count)}
    for step in reversed(path):
        node = {step: node}
    return node


@pytest.mark.parametrize(
    ("fits", "too_large", "expected", "place"),
    [
        (nested(120), nested(121), "at most 120 levels", "/paths" + "/a" * 97),
        (parts("paths", count=50_000), parts("paths", count=50_001), "objects, at most 50,000 of them", "/paths"),
        (
            parts("components", "schemas", count=50_000),
            parts("components", "schemas", count=50_001),
            "objects, at most 50,000 of them",
            "/components/schemas",
        ),
        (
            parts("x", "properties", count=5_000),
            parts("x", "properties", count=5_001),
            "objects, at most 5,000 of them",
            "/x/properties",
        ),
        (
            {"x": {"anyOf": [{}] * 5_000}},
            {"x": {"anyOf": [{}] * 5_001}},
            "objects, at most 5,000 of them",
            "/x/anyOf",
        ),
        ({"x": {"anyOf": [{}, True]}}, {"x": {"anyOf": [{}, None]}}, "objects, at most 5,000 of them", "/x/anyOf"),
        ({"x": {"x-note": "a" * 300}}, {"x": {"$ref": "a" * 300}}, "a reference within the document", "/x/$ref"),
    ],
    ids=["levels", "paths", "components", "properties", "variants", "types", "references"],
)
def test_a_part_has_a_largest_size(fits: dict[str, Any], too_large: dict[str, Any], expected: str, place: str) -> None:
    check_structure(fits, "a.json")
    with pytest.raises(ContractError) as raised:
        check_structure(too_large, "a.json")
    assert (raised.value.where, raised.value.expected) == (f"a.json, {place}", expected)
    assert len(raised.value.got or "") <= 200


def test_a_schema_that_is_only_itself_is_loaded(tmp_path: Path) -> None:
    circle = document()
    circle["components"]["schemas"]["Circle"] = {"$ref": "#/components/schemas/Circle"}
    assert "cats.list" in loaded(tmp_path, circle).operations


@pytest.mark.parametrize("version", ["2025-01-01", "newest"])
def test_an_exported_edition_is_imported_as_it_was(version: str, tmp_path: Path) -> None:
    """Operations, schemas, events and annotations, to the last key."""
    exported = load(version)
    file = tmp_path / "exported.json"
    file.write_text(json.dumps(exported.documents["v1"]), encoding="utf-8")
    imported = load(str(file))
    assert imported.documents["v1"] == exported.documents["v1"]
    assert imported.version in (exported.version, None)  # the document of 2025-01-01 does not name its version
    assert imported.events.keys() == exported.events.keys()


def test_hosts_tags_and_extensions_of_a_document_are_kept(tmp_path: Path) -> None:
    vault = [{"url": "https://vault.example.com"}]
    cats = document(tags=[{"name": "cats", "x-mark": 1}, {"name": "unused"}], **{"x-house": True})
    cats["paths"]["/cats"]["get"] |= {"servers": vault, "summary": "List cats"}
    file = tmp_path / "cats.json"
    file.write_text(json.dumps(cats), encoding="utf-8")
    made = load(str(file)).documents["v1"]
    assert made["x-house"] is True
    assert made["tags"] == [{"name": "cats", "x-mark": 1}, {"name": "products"}]
    assert made["paths"]["/cats"]["get"]["servers"] == vault
    assert made["paths"]["/cats"]["get"]["summary"] == "List cats"


def test_references_within_a_schema_with_an_id_start_there(tmp_path: Path) -> None:
    cats = document()
    cats["components"]["schemas"]["House"] = {
        "$id": "https://example.com/house",
        "$defs": {"Room": {"type": "object", "properties": {"in": {"$ref": "https://example.com/house"}}}},
        "type": "object",
        "properties": {"room": {"$ref": "#/$defs/Room"}, "next": {"$ref": "#"}},
    }
    contract = loaded(tmp_path, cats)
    schemas = contract.documents["v1"]["components"]["schemas"]
    here, room = {"$ref": "#/components/schemas/House"}, {"$ref": "#/components/schemas/House_defs_Room"}
    assert schemas["House"]["properties"] == {"room": room, "next": here}
    assert schemas["House_defs_Room"]["properties"]["in"] == here


def test_what_a_schema_refers_to_anywhere_becomes_a_shared_schema(tmp_path: Path) -> None:
    cats = document()
    parameters = [{"name": "sort", "in": "query", "schema": {"enum": ["name", "age"]}}]
    cats["paths"]["/dogs"] = {"get": {"parameters": parameters, "responses": {}}}
    sort = {"$ref": "#/paths/~1dogs/get/parameters/0/schema"}
    cats["paths"]["/cats"]["get"]["parameters"].append({"name": "sort", "in": "query", "schema": sort})
    contract = loaded(tmp_path, cats)
    (schema,) = [one.schema for one in contract.operations["cats.list"].parameters if one.name == "sort"]
    assert contract.resolve(schema) == {"enum": ["name", "age"]}


def test_a_version_in_the_path_is_no_resource(tmp_path: Path) -> None:
    cats = document()
    cats["paths"] = {f"/api/v2{path}": item for path, item in cats["paths"].items()}
    assert {"cats.list", "products.retrieve"} <= set(loaded(tmp_path, cats).operations)


def test_a_reference_may_be_percent_encoded(tmp_path: Path) -> None:
    cats = document()
    cats["paths"]["/cats/{id}"] = {"get": {"responses": {"404": {"description": "no cat"}}}}
    link = {"$ref": "#/paths/~1cats~1%7Bid%7D/get/responses/404"}
    cats["paths"]["/cats"]["get"]["responses"]["404"] = link
    assert loaded(tmp_path, cats).operations["cats.list"].raw["responses"]["404"] == {"description": "no cat"}


def test_a_document_without_servers_gets_those_of_its_own_api_only(tmp_path: Path) -> None:
    cats = document()
    cats["paths"] = {f"/house/{path.strip('/')}": item for path, item in cats["paths"].items()}
    assert loaded(tmp_path, cats).documents["v1"]["servers"] == [{"url": "/"}]


def test_a_reference_to_an_item_of_a_list_has_an_index_of_few_digits(tmp_path: Path) -> None:
    assert part_at({"tags": [{"name": "a"}]}, "#/tags/0/name") == "a"
    assert part_at({"tags": [{"name": "a"}]}, f"#/tags/{'9' * 5000}") is None


def with_shared_schema(users: int, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a document in which many operations share one parameter."""
    shared = {"name": "filter", "in": "query", "schema": schema}
    operation = {"parameters": [{"$ref": "#/components/parameters/Filter"}], "responses": {"204": {"description": ""}}}
    cats = document(paths={f"/cats{number}": {"get": operation} for number in range(users)})
    cats["components"]["parameters"] = {"Filter": shared}
    return cats


def nested_types(levels: int) -> dict[str, Any]:
    """Return a schema of which OpenAPI 3.0 would need three copies at each level."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": ["object", "array", "string"], "items": schema}
    return schema


@pytest.mark.parametrize(
    "content",
    [
        with_shared_schema(100, {"type": "object", "properties": {f"f{n}": TEXT for n in range(100)}}),
        with_shared_schema(1, nested_types(60)),
    ],
    ids=["shared-by-many", "types-of-types"],
)
def test_what_becomes_too_large_once_it_is_written_out_is_refused(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openapi_adapter, "MAX_DOCUMENT_VALUES", 20_000)
    with pytest.raises(ContractError, match="too large"):
        loaded(tmp_path, content)


def test_references_into_a_large_schema_are_limited_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openapi_adapter, "MAX_DOCUMENT_VALUES", 20_000)
    deep: dict[str, Any] = {"type": "object", "properties": {f"f{n}": TEXT for n in range(100)}}
    for _ in range(40):
        deep = {"type": "array", "items": deep}
    links = {f"l{n}": {"$ref": "#/components/schemas/Deep" + "/items" * n} for n in range(1, 40)}
    cats = document()
    cats["components"]["schemas"] |= {"Deep": deep, "Links": {"type": "object", "properties": links}}
    loaded(tmp_path, cats)
    monkeypatch.setattr(openapi_adapter, "MAX_DOCUMENT_VALUES", 5_000)
    with pytest.raises(ContractError, match="too large"):
        loaded(tmp_path / "again", cats)


def test_an_id_that_occurs_often_stays_short(tmp_path: Path) -> None:
    paths: dict[str, Any] = {f"/cats/{'{id}/' * number}feed": {"post": {"responses": {}}} for number in range(30)}
    ids = list(loaded(tmp_path, document(paths=paths)).operations)
    assert ids[:2] == ["cats.feed", "cats.feed_"]
    assert len(set(ids)) == 30
    assert max(map(len, ids)) < 20
