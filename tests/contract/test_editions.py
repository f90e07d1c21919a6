"""Editions: the contract of a name, a folder or a release, and what belongs to it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from whopwatch.contract import Contract, edition_dir, editions, load
from whopwatch.contract.answered_version import AnsweredVersion, supported_versions
from whopwatch.contract.edition import EDITION
from whopwatch.contract.loader import (
    DEFAULT_VERSION,
    closest_version,
    describe_contract,
    describe_edition,
    is_version,
    newer_versions,
    version_at_or_before,
    version_order,
)
from whopwatch.contract.operation import Parameter
from whopwatch.core.errors import ContractError, UsageError
from whopwatch.core.exchange import Exchange, Purpose


@pytest.mark.parametrize("name", [None, "2025-01-01", "sdk:0.0.23"])
def test_a_version_a_release_and_no_name_give_one_contract(name: str | None) -> None:
    contract: Contract = load(name)
    assert contract is load()
    assert (contract.version, contract.edition.release) == ("2025-01-01", "sdk:0.0.23")
    assert str(contract.edition) == "2025-01-01"


def test_newest_is_the_last_of_the_bundled_editions() -> None:
    assert edition_dir("newest") == editions()[-1].folder


def test_an_edition_is_described_without_its_documents() -> None:
    for edition in editions():
        described = describe_contract(load(edition.folder))
        assert describe_edition(edition) == {**described, "sha256": ""}


def test_a_folder_of_editions_gives_the_default_one() -> None:
    assert edition_dir(edition_dir().parent) == edition_dir() == edition_dir(str(edition_dir().parent))


def test_an_unknown_name_is_a_usage_error_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'2025-01-02'") as found:
        load("2025-01-02")
    assert "2025-01-01" in str(found.value.hint)


def test_what_is_declared_belongs_to_the_edition(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(edition_dir(), tmp_path / "other"))
    declared = (folder / "behaviour.toml").read_text()
    (folder / "behaviour.toml").write_text(declared.replace("maximum_size = 100", "maximum_size = 50"))
    other = load(folder)
    assert other.behaviour.pages["maximum_size"] == 50
    assert load().behaviour.pages["maximum_size"] == 100


def test_a_folder_without_edition_file_has_no_version(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(edition_dir(), tmp_path / "own"))
    (folder / EDITION).unlink()
    assert load(folder).version is None
    assert str(load(folder).edition) == "own"


@pytest.mark.parametrize(("content", "what"), [("version = ", "not TOML"), ('colour = "red"', "cannot be read")])
def test_a_damaged_edition_file_is_named(tmp_path: Path, content: str, what: str) -> None:
    folder = Path(shutil.copytree(edition_dir(), tmp_path / "own"))
    (folder / EDITION).write_text(content)
    with pytest.raises(ContractError, match=what):
        load(folder)


def test_the_account_resource_is_declared() -> None:
    account = load().account
    assert (account.resource, account.fields) == ("companies", ("company", "company_id"))
    assert account.resource in load().resources


def test_versions_are_sorted_by_date_and_number() -> None:
    versions = ["2026-10-13-1", "2026-10-09", "2025-01-01", "2026-10-09-2", "2026-10-09-10"]
    expected = ["2025-01-01", "2026-10-09", "2026-10-09-2", "2026-10-09-10", "2026-10-13-1"]
    assert sorted(versions, key=version_order) == expected
    assert all(map(is_version, versions))
    assert not any(map(is_version, ["newest", "2026-1-1", "2026-10-15-", "2026-10-15-1 "]))


def test_the_default_edition_is_bundled() -> None:
    assert DEFAULT_VERSION in [edition.version for edition in editions()]


@pytest.mark.parametrize("text", ["2026-10-15-12345", "２０２６-10-15", "2026-10-15\n", "v2026-10-15", "2026-10-15-"])
def test_other_texts_are_no_version(text: str) -> None:
    assert not is_version(text)
    assert is_version("2026-10-15-1234")
    assert is_version("2026-10-15")


@pytest.mark.parametrize(
    ("version", "older", "closest"),
    [
        ("2026-10-15", "2026-10-15", "2026-10-15"),
        ("2026-10-14", "2026-10-01", "2026-10-15"),
        ("2026-10-02", "2026-10-01", "2026-10-01"),
        ("2020-01-01", None, "2026-10-01"),
        ("2026-10-15-2", "2026-10-15-1", "2026-10-15"),
    ],
)
def test_the_nearest_known_version(version: str, older: str | None, closest: str) -> None:
    known = ["2026-10-15", "2026-10-01", "2026-10-15-1"]
    assert version_at_or_before(version, known) == older
    assert closest_version(version, known) == closest
    assert closest_version(version, []) is None


def test_without_a_version_none_is_known_to_be_newer() -> None:
    assert newer_versions(None, ["2026-10-15"]) == []
    assert newer_versions("9999-01-01", ["9999-01-02-1", "9999-01-02", "2026-10-15"]) == ["9999-01-02", "9999-01-02-1"]


REJECTION = {
    "error": {"param": "Api-Version-Date", "message": "one of 2026-10-15-1, 2025-01-01, 0001-01-01, 2026-01-01"}
}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, REJECTION, ("2025-01-01", "2026-01-01", "2026-10-15-1")),
        (422, REJECTION, None),
        (400, {"error": {"param": "first"}}, None),
        (400, {"error": "2025-01-01"}, None),
        (400, [], None),
    ],
)
def test_the_versions_that_a_rejection_lists(status: int, body: object, expected: tuple[str, ...] | None) -> None:
    exchange = Exchange("a.list", Purpose.LIST, "GET", "", status=status, body=json.dumps(body).encode())
    assert supported_versions(exchange) == expected


def test_of_very_many_versions_the_newest_500_are_read() -> None:
    listed = [f"{year}-01-01" for year in range(2000, 2600)]
    body = json.dumps({"error": {"param": "API-VERSION-DATE", "message": " ".join(listed)}}).encode()
    assert supported_versions(Exchange("a", Purpose.LIST, "GET", "", status=400, body=body)) == tuple(listed[100:])


def test_a_version_that_nothing_showed_is_assumed_to_be_that_of_the_contract() -> None:
    assert AnsweredVersion("2025-01-01").matches
    assert AnsweredVersion("2025-01-01", supported=("2025-01-01",)).to_json() == {
        "requested": "2025-01-01",
        "answered": None,
        "evidence": "unknown",
        "supported": ["2025-01-01"],
    }


@pytest.mark.parametrize(
    ("raw", "size", "expected"),
    [
        ({}, {}, (None, 100, False)),
        ({}, {"default": 10, "maximum": 50}, (10, 50, True)),
        ({"x-pagination": {"default_size": 5, "maximum_size": 20}}, {"default": 10, "maximum": 50}, (5, 20, True)),
    ],
)
def test_the_page_sizes_of_a_list(raw: dict[str, Any], size: dict[str, Any], expected: tuple[Any, ...]) -> None:
    contract = load()
    listed = contract.operation("products.list")
    both = tuple(Parameter(name, "query", False, {}) for name in ("last", "before"))
    first = Parameter("first", "query", False, size)
    for parameters, is_backward in (((first, *both), True), ((first, both[0]), False)):
        paging = contract.paging(replace(listed, parameters=parameters, raw=raw))
        assert (paging.default_size, paging.maximum_size, paging.is_maximum_stated) == expected
        assert paging.is_backward is is_backward
    assert contract.paging(replace(listed, parameters=both, raw={})).default_size is None
