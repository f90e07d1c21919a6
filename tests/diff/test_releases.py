"""Published releases: against changes read by hand, and against the other language's SDK."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.diff.conftest import Read
from whopwatch.contract_build.files import read_yaml
from whopwatch.diff.result import Comparison, compare_sides
from whopwatch.diff.sides import read_side

pytestmark = pytest.mark.thorough

KNOWN: list[dict[str, Any]] = read_yaml(Path(__file__).with_name("releases.yaml"))
PAIRS = [(entry["old"], entry["new"]) for entry in KNOWN]


def moved(comparison: Comparison) -> set[tuple[str, str, str, str]]:
    """What moved, without the words, which name types as each language does."""
    return {
        (it.finding.drift_class, it.placed.change.movement, it.finding.operation, it.finding.location)
        for it in comparison.places
    }


@pytest.mark.parametrize("known", KNOWN, ids=[f"{old}-{new}" for old, new in PAIRS])
def test_changes_read_by_hand_are_found_with_their_class(release: Read, known: dict[str, Any]) -> None:
    comparison = compare_sides(release(f"sdk:{known['old']}"), release(f"sdk:{known['new']}"))
    told = {(operation, place, kind) for kind, _, operation, place in moved(comparison)}
    assert {(it["operation"], it["where"], it["class"]) for it in known["changes"]} <= told


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_both_languages_tell_the_same_history(release: Read, old: str, new: str) -> None:
    python = compare_sides(release(f"sdk:{old}"), release(f"sdk:{new}"))
    typescript = compare_sides(release(f"npm:{old}"), release(f"npm:{new}"))
    assert moved(python) == moved(typescript)
    assert len(moved(python)) > 30


@pytest.mark.parametrize("version", ["0.0.22", "0.0.23", "0.0.25"])
def test_two_builds_of_one_release_do_not_differ(release: Read, version: str) -> None:
    assert compare_sides(release(f"sdk:{version}"), release(f"npm:{version}")).places == ()


def test_a_wheel_and_a_source_archive_do_not_differ(release: Read, package_cache: Path, tmp_path: Path) -> None:
    wheel = release("sdk:0.0.23")
    source = tmp_path / "whop_sdk-0.0.23.tar.gz"
    with (
        zipfile.ZipFile(package_cache / "whop_sdk-0.0.23-py3-none-any.whl") as built,
        tarfile.open(source, "w:gz") as to,
    ):
        for name in reversed(built.namelist()):
            entry = tarfile.TarInfo(f"whop_sdk-0.0.23/src/{name}")
            entry.size = len(built.read(name))
            to.addfile(entry, io.BytesIO(built.read(name)))
    assert compare_sides(wheel, read_side(str(source), tmp_path)).places == ()


def test_the_contract_is_what_its_release_says(release: Read) -> None:
    from whopwatch.contract import edition_dir

    contract = read_side(str(edition_dir()), edition_dir())
    assert compare_sides(contract, release("sdk:0.0.23")).places == ()
    assert compare_sides(release("npm:0.0.23"), contract).places == ()
