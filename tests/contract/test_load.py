"""Loading: the bundle as long as it is of these files, the files themselves otherwise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from whopwatch.contract import Contract, edition_dir, load
from whopwatch.contract.bundle import bundle, bundle_document
from whopwatch.contract.edition import read_toml
from whopwatch.contract.loader import describe_contract, file_digests, forget_contracts
from whopwatch.core.errors import ContractError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(edition_dir(), tmp_path / "contracts"))


def test_the_bundle_says_what_the_files_say() -> None:
    assert load().documents == bundle(edition_dir())


def test_an_edited_file_takes_effect_although_the_bundle_does_not_know(folder: Path) -> None:
    file = folder / "v1" / "reviews.yaml"
    file.write_text(file.read_text().replace("List reviews", "List all reviews"))
    edited: Contract = load(folder)
    assert edited.operations["reviews.list"].raw["summary"] == "List all reviews"
    assert edited.sha256 != load().sha256


def test_a_folder_without_a_bundle_is_read_from_its_files(folder: Path) -> None:
    (folder / "bundle.json").unlink()
    assert load(folder).sha256 == load().sha256


def test_a_damaged_bundle_is_an_error_that_says_what_to_do(folder: Path) -> None:
    (folder / "bundle.json").write_text("{")
    with pytest.raises(ContractError, match=r"bundle\.json[\s\S]*got: Expecting property name[\s\S]*restore the file"):
        load(folder)


def test_a_forgotten_contract_is_read_again(folder: Path) -> None:
    before = load(folder), load()
    assert (load(folder), load()) == before
    forget_contracts()
    assert load(folder) is not before[0]
    assert load() is not before[1]


@pytest.mark.parametrize(
    ("content", "got"),
    [(b"a = [", "got: Invalid value"), (b"a = '\xff'", "got: text that is not UTF-8"), (None, "got: No")],
)
def test_a_declared_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes | None, got: str) -> None:
    file = tmp_path / "edition.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ContractError, match=got):
        read_toml(file)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v1/reviews.yaml", "a: [", "line 2"),
        ("v1/reviews.yaml", "- a list", "not an OpenAPI document"),
        ("v1/reviews.yaml", "paths: {}", "leads nowhere"),
        ("v1/extra.yaml", "components: {schemas: {Currency: {type: string}}}", "defined twice"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(folder: Path, name: str, content: str, message: str) -> None:
    (folder / "bundle.json").unlink()
    (folder / name).write_text(content)
    with pytest.raises(ContractError, match=message):
        load(folder)


def test_a_folder_that_holds_no_contract_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no contract in this folder"):
        load(tmp_path)


def test_the_bundle_is_one_compact_line_of_json() -> None:
    text = (edition_dir() / "bundle.json").read_text()
    assert json.loads(text)["format"] == 2
    assert len(text) < 1_000_000


@pytest.mark.parametrize(
    ("root", "place"),
    [
        ("paths: 7", "#/paths"),
        ("paths: {/a: [x]}", "#/paths//a"),
        ("paths: {/a: {$ref: 7}}", "leads nowhere"),
        ("paths: {/a: {$ref: 'p.yaml#/x'}}", "leads nowhere"),
        ("paths: {/a: {$ref: 'p.yaml#/y'}}", "#/p.yaml"),
        ("components: [x]", "#/components"),
        ("components: {schemas: x}", "#/components/schemas"),
    ],
)
def test_a_malformed_document_of_a_contract_is_named_with_its_place(tmp_path: Path, root: str, place: str) -> None:
    (tmp_path / "openapi.yaml").write_text(root, encoding="utf-8")
    (tmp_path / "p.yaml").write_text("y: 7", encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        bundle_document(tmp_path)
    assert place in str(caught.value)


def test_digests_are_those_of_the_files_that_exist(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"abc")
    (tmp_path / "folder").mkdir()
    assert file_digests(tmp_path, dict.fromkeys(("a.yaml", "missing.yaml", "folder"), "")) == {
        "a.yaml": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    }


def test_a_report_counts_the_operations_of_both_apis_and_the_newer_versions() -> None:
    contract = load("2025-01-01")
    described = describe_contract(contract, ["2999-01-01"])
    in_v2 = [operation for operation in contract.operations.values() if operation.api == "v2"]
    assert described["operations_v2"] == len(in_v2) > 0
    assert described["operations"] + described["operations_v2"] == len(contract.operations)
    assert (described["version"], described["newest_known"]) == ("2025-01-01", "2999-01-01")
    assert described["newer_versions"] == 1 + describe_contract(contract)["newer_versions"]
    assert "events" not in described
    assert describe_contract(contract, of_events=True)["events"] == len(contract.events)
