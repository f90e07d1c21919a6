from __future__ import annotations

from pathlib import Path

import pytest

from whopwatch.authoring.build import build
from whopwatch.contract import contracts_dir
from whopwatch.errors import SourceError

Archives = dict[str, Path]


def rebuild(contracts: Path, archives: Archives) -> tuple[str, ...]:
    return build(
        contracts,
        cache_dir=contracts,
        python_archive=archives["python"],
        typescript_archive=archives["typescript"],
    ).changed


def test_the_committed_contract_is_what_its_sources_make(contracts: Path, sdk_archives: Archives) -> None:
    made = [*(contracts / "v1").glob("*.yaml"), contracts / "v2" / "openapi.yaml", contracts / "bundle.json"]
    for path in made:
        path.unlink()
    changed = rebuild(contracts, sdk_archives)
    assert sorted(changed) == sorted(str(path.relative_to(contracts)) for path in made)
    for name in changed:
        assert (contracts / name).read_bytes() == (contracts_dir() / name).read_bytes(), name


def test_only_what_was_edited_is_written_again(contracts: Path, sdk_archives: Archives) -> None:
    path = contracts / "v1" / "products.yaml"
    path.write_text(path.read_text().replace("type: integer", "type: string"))
    assert rebuild(contracts, sdk_archives) == ("v1/products.yaml",)


def test_an_overlay_action_that_finds_nothing_stops_the_build(contracts: Path, sdk_archives: Archives) -> None:
    with (contracts / "overlay.yaml").open("a") as overlay:
        overlay.write("""\n  - {target: "$.paths['/cats']", description: why, update: {x-cat: true}}\n""")
    with pytest.raises(SourceError, match="finds nothing") as raised:
        rebuild(contracts, sdk_archives)
    assert raised.value.where == "$.paths['/cats']"


def test_another_package_than_the_pinned_one_is_refused(contracts: Path, sdk_archives: Archives) -> None:
    swapped = {"python": sdk_archives["typescript"], "typescript": sdk_archives["python"]}
    with pytest.raises(SourceError, match="is not the pinned package"):
        rebuild(contracts, swapped)


def test_nothing_of_the_sdks_prose_is_in_the_contract() -> None:
    # Descriptions are the contract's own: statuses, servers, and the answer to an event.
    text = (contracts_dir() / "bundle.json").read_text(encoding="utf-8")
    assert text.count('"description":') < 250
    assert "Required permissions" not in text
