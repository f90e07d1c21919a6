"""Editions: the contract of a name, a folder or a release, and what belongs to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from whopwatch.contract import Contract, edition_dir, editions, load
from whopwatch.contract.edition import EDITION
from whopwatch.contract.loader import DEFAULT_VERSION, is_version, version_order
from whopwatch.core.errors import ContractError, UsageError


@pytest.mark.parametrize("name", [None, "2025-01-01", "sdk:0.0.23"])
def test_a_version_a_release_and_no_name_give_one_contract(name: str | None) -> None:
    contract: Contract = load(name)
    assert contract is load()
    assert (contract.version, contract.edition.release) == ("2025-01-01", "sdk:0.0.23")
    assert str(contract.edition) == "2025-01-01"


def test_newest_is_the_last_of_the_bundled_editions() -> None:
    assert edition_dir("newest") == editions()[-1].folder


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
