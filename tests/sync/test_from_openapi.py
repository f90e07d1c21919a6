"""An edition made from an OpenAPI document: whole, rebuildable, and with all that was inferred in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from whopwatch.cli import main
from whopwatch.contract import edition_dir, load
from whopwatch.contract.loader import read_edition
from whopwatch.contract_build.build import build
from whopwatch.contract_build.releases import fetch_release
from whopwatch.contract_build.sources import OpenApiSource
from whopwatch.contract_build.verify import verify
from whopwatch.core.errors import SourceError, UsageError
from whopwatch.diff.result import compare_sides
from whopwatch.diff.sides import read_side
from whopwatch.sync.from_openapi import COPY, import_openapi, rebuild_imported

pytestmark = pytest.mark.thorough
CACHE = Path(__file__).parents[2] / ".cache" / "sdk"

CAT = {"type": "object", "properties": {"id": {"type": "string"}, "mother": {"$ref": "#/components/schemas/Cat"}}}
OK = {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Cat"}}}}


def by_id(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "example": "cat_9fJq2LmX", "schema": {"type": "string"}}


def cats() -> dict[str, Any]:
    """Return a document of another API, with a cyclic schema, 3.0 keywords, and parts that have no JSON."""
    page = {"name": "page", "in": "query", "schema": {"type": "integer"}}
    mother = {"name": "cat_id", "in": "query", "schema": {"type": "string"}}
    array = {"type": "array", "items": {"$ref": "#/components/schemas/Cat"}}
    upload = {"content": {"multipart/form-data": {"schema": {"type": "object"}}}}
    return {
        "openapi": "3.0.1",
        "info": {"title": "Cats", "version": "1"},
        "security": [{"key": []}],
        "paths": {
            "/cats": {
                "get": {
                    "parameters": [page, mother],
                    "security": [],
                    "responses": {"200": {"description": "", "content": {"application/json": {"schema": array}}}},
                },
                "head": {"responses": {"200": OK}},
            },
            "/cats/{cat_id}": {"get": {"parameters": [by_id("cat_id")], "responses": {"200": OK}}},
            "/cats/{cat_id}/photo": {
                "parameters": [by_id("cat_id")],
                "post": {
                    "parameters": [{"name": "session", "in": "cookie", "schema": {"type": "string"}}],
                    "requestBody": upload,
                    "responses": {"200": OK},
                },
            },
        },
        "components": {"schemas": {"Cat": CAT, "Toy": {"allOf": [{"$ref": "#/components/schemas/Cat"}]}}},
    }


def written(folder: Path, document: dict[str, Any]) -> str:
    file = folder / "document.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return str(file)


def test_a_document_of_another_api_becomes_an_edition(tmp_path: Path) -> None:
    made = import_openapi(written(tmp_path, cats()), tmp_path / "cats")
    assert (made.operations, made.events) == (3, 0)
    assert verify(made.folder) == []
    notes = yaml.safe_load((made.folder / "inferred.yaml").read_text(encoding="utf-8"))
    assert notes["inferred"]["GET /cats"] == [
        "query parameter cat_id: an id of cats",
        "a list: pages by number; its pages are not checked",
        "works without a key",
    ]
    assert "path parameter cat_id: ids begin with cat_" in notes["inferred"]["GET /cats/{cat_id}"]
    assert notes["not_understood"] == {
        "HEAD /cats": ["the method is not checked"],
        "POST /cats/{cat_id}/photo": [
            "the cookie session is not sent",
            "the request body has no JSON: multipart/form-data",
        ],
    }
    contract = load(made.folder)
    retrieve = next(one for one in contract.operations.values() if one.path == "/cats/{cat_id}")
    assert (retrieve.parameters[0].resource, retrieve.parameters[0].id_prefixes) == ("cats", ("cat_",))
    assert next(one for one in contract.operations.values() if one.path == "/cats").is_public


def test_what_is_not_read_or_not_used_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = cats()
    responses = document["paths"]["/cats"]["get"]["responses"]
    responses["200"]["headers"] = {"X-Total": {"schema": {"type": "integer"}}}
    responses |= {"4XX": {"description": "wrong"}, "default": {"description": "other"}}
    json_body = {"content": {"application/json": {"schema": CAT}}}
    document["webhooks"] = {"cat.fed": {"post": {"requestBody": json_body}}, "cat.ping": {"get": {}}}
    components = document["components"]
    components["schemas"] |= {f"Old{number}": {"$ref": "#/components/schemas/Older"} for number in range(12)}
    components["schemas"]["Older"] = CAT
    components["schemas"]["Kept"] = {"oneOf": [], "discriminator": {"propertyName": "kind", "mapping": {"cat": "Cat"}}}
    components["parameters"] = {"Unused": by_id("cat_id")}
    components["securitySchemes"] = {"key": {"type": "http"}, "other": {"type": "http"}}
    assert main(["contract", "build", f"openapi:{written(tmp_path, document)}", "-o", str(tmp_path / "cats")]) in (0, 1)
    notes = yaml.safe_load((tmp_path / "cats" / "inferred.yaml").read_text(encoding="utf-8"))
    assert notes["not_understood"]["webhook cat.ping"] == ["only a POST with a JSON body becomes an event"]
    assert notes["not_understood"]["responses"] == [
        "response headers of 1 operations are not checked",
        "responses 4XX of 1 operations are not checked",
        "the default responses of 1 operations are not checked",
    ]
    old = "Old0, Old1, Old2, Old3, Old4, Old5, Old6, Old7, Old8"
    assert notes["not_used"] == {
        "components.schemas": [f"15: Toy, {old} and 5 more"],
        "components.parameters": ["1: Unused"],
        "components.securitySchemes": ["1: other"],
    }
    assert "Components that nothing in the document refers to, parameters, 1: Unused" in capsys.readouterr().out


def test_an_overlay_corrects_what_was_inferred(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = import_openapi(written(tmp_path, cats()), tmp_path / "cats").folder
    overlay = folder / "overlay.yaml"
    action = {"target": "$.paths['/cats'].get['x-public']", "description": "It needs a key.", "remove": True}
    overlay.write_text(overlay.read_text().replace("actions: []", yaml.safe_dump({"actions": [action]})))
    assert main(["contract", "build", "--contract", str(folder)]) == 0
    assert "3 operations and 0 events" in capsys.readouterr().out
    assert "x-public" not in load(folder).documents["v1"]["paths"]["/cats"]["get"]


def test_an_exported_edition_is_the_same_edition_once_imported(tmp_path: Path) -> None:
    exported = load("newest").documents["v1"]
    made = import_openapi(written(tmp_path, exported), tmp_path / "made")
    assert (made.inferred, made.ignored) == ((), ())
    assert load(made.folder).documents["v1"] == exported
    assert load(made.folder).version == load("newest").version


def test_a_changed_copy_is_refused(tmp_path: Path) -> None:
    folder = import_openapi(written(tmp_path, cats()), tmp_path / "cats").folder
    source = OpenApiSource("x", COPY, "0" * 64)
    with pytest.raises(SourceError, match="not the pinned one"):
        rebuild_imported(folder, source)


def test_permissions_come_from_the_edition_where_the_document_has_none(tmp_path: Path) -> None:
    exported = json.loads(json.dumps(load().documents["v1"]))
    for item in exported["paths"].values():
        for operation in item.values():
            operation["security"] = [{"bearerAuth": []}]
            del operation["x-scopes"]
    made = import_openapi(written(tmp_path, exported), tmp_path / "made", edition_dir())
    assert load(made.folder).operation("plans.list", where="").scopes == ("plan:basic:read",)


@pytest.mark.usefixtures("packages_read_once")
def test_what_only_the_sdk_has_is_listed_and_not_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch_release("pypi", "whop-sdk", "2.6.0", CACHE)
    document = json.loads(json.dumps(load("newest").documents["v1"]))
    path = load("newest").operation("plans.list", where="").path
    del document["paths"][path], document["webhooks"]["payment.succeeded"]
    scopes = document["paths"]["/products"]["get"].pop("x-scopes")
    document["paths"]["/products"]["get"]["security"] = [{"bearerAuth": []}]
    folder = tmp_path / "made"
    sources = [f"openapi:{written(tmp_path, document)}", "sdk:2.6.0"]
    assert main(["contract", "build", *sources, "-o", str(folder), "--cache-dir", str(CACHE)]) == 0
    printed = capsys.readouterr().out
    assert "3 only in the SDK, listed in inferred.yaml" in printed
    only = yaml.safe_load((folder / "inferred.yaml").read_text(encoding="utf-8"))["only_in_sdk"]
    assert only["GET /plans"] == ["only the SDK has plans.list; not added"]
    assert only["payment.succeeded"] == ["only the SDK has the event; not added"]
    made = load(folder)
    assert "plans.list" not in made.operations
    assert "payment.succeeded" not in made.events
    assert made.operation("products.list", where="").scopes == tuple(scopes["sdk"])
    assert main(["contract", "build", "--contract", str(folder)]) == 0
    assert load(folder).documents == made.documents


@pytest.mark.usefixtures("packages_read_once")
def test_a_release_for_typescript_alone_becomes_a_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch_release("npm", "@whop/sdk", "0.0.25", CACHE)
    folder = tmp_path / "made"
    assert main(["contract", "build", "npm:0.0.25", "-o", str(folder), "--cache-dir", str(CACHE)]) == 0
    assert "check at the simulator of the new contract: no findings" in capsys.readouterr().out
    assert compare_sides(read_side(str(folder), CACHE), read_side("npm:0.0.25", CACHE)).places == ()
    assert read_edition(folder).release == "npm:0.0.25"
    assert build(folder, cache_dir=CACHE).changed == ()


@pytest.mark.parametrize("location", ["http://example.com/openapi.json", "ftp://example.com/x"])
def test_a_document_is_fetched_over_https_only(location: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="over https only"):
        import_openapi(location, tmp_path / "new")


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written there"):
        import_openapi(written(tmp_path, cats()), tmp_path)


@pytest.mark.parametrize(
    "arguments", [["openapi:x.json"], ["npm:0.0.23", "sdk:0.0.23", "-o", "x"], ["sdk:1.0", "sdk:2.0", "-o", "x"]]
)
def test_a_new_contract_needs_sources_and_a_folder(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "build", *arguments]) == 2
    assert "needs sources and a folder" in capsys.readouterr().err


def test_a_new_contract_is_checked_at_its_own_simulator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, load().documents["v1"])
    assert main(["contract", "build", f"openapi:{file}", "-o", str(tmp_path / "new")]) == 0
    assert "check at the simulator of the new contract: no findings" in capsys.readouterr().out
