"""What a side of a comparison is named by: a version, a folder or a file. Releases have tests of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.diff.documents import TEXT, document
from whopwatch.config.contract_choice import bundled_versions
from whopwatch.contract import edition_dir, load
from whopwatch.core.errors import UsageError
from whopwatch.diff.sides import read_side

OLDEST, NEWEST = min(bundled_versions()), max(bundled_versions())


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which has a document under some names."""
    monkeypatch.chdir(tmp_path)
    for name in ("newest", "1999-01-01", "api.json"):
        (tmp_path / name).write_text(json.dumps(document(answer=TEXT)))
    return tmp_path


@pytest.mark.parametrize("text", ["newest", "1999-01-01", "api.json"])
def test_a_file_is_read_whatever_its_name(own: Path, text: str) -> None:
    side = read_side(text, own)
    assert (side.name, list(side.apis), list(side.apis["v1"].operations)) == (text, ["v1"], ["cats.create"])


@pytest.mark.parametrize(("text", "version"), [("newest", NEWEST), (OLDEST, OLDEST)])
def test_a_version_is_the_bundled_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, version: str
) -> None:
    monkeypatch.chdir(tmp_path)
    side = read_side(text, tmp_path)
    assert side.name == version
    assert side.apis["v1"].operations.keys() == {one.id for one in load(version).operations.values() if one.api == "v1"}


def test_a_folder_is_the_contract_in_it(tmp_path: Path) -> None:
    folder = str(edition_dir(OLDEST))
    side = read_side(folder, tmp_path)
    assert (side.name, side.apis.keys()) == (folder, load(OLDEST).documents.keys())


@pytest.mark.parametrize("text", ["no/such/file.json", "1998-01-01x", "api.tgz"])
def test_what_names_nothing_is_an_error(own: Path, text: str) -> None:
    with pytest.raises(UsageError, match="There is no file or folder") as raised:
        read_side(text, own)
    assert raised.value.hint == "a release is named by its package and version: sdk:0.0.23"
