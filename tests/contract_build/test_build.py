from __future__ import annotations

from pathlib import Path

import pytest

from whopwatch.contract import edition_dir
from whopwatch.contract_build.build import build, require_settled, require_used_actions
from whopwatch.contract_build.merge import Disagreement
from whopwatch.contract_build.overlay import AppliedAction, OverlayAction
from whopwatch.core.errors import SourceError

pytestmark = pytest.mark.thorough

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
        assert (contracts / name).read_bytes() == (edition_dir() / name).read_bytes(), name


def test_only_what_was_edited_is_written_again(contracts: Path, sdk_archives: Archives) -> None:
    path = contracts / "v1" / "products.yaml"
    path.write_text(path.read_text().replace("type: integer", "type: string"))
    assert rebuild(contracts, sdk_archives) == ("v1/products.yaml",)


def test_an_overlay_action_that_finds_nothing_stops_the_build() -> None:
    action = OverlayAction(3, "$.paths['/cats']", "why", update={"x-cat": True})
    require_used_actions([AppliedAction(action, matches=1)])
    with pytest.raises(SourceError, match="overlay action 3 finds nothing") as raised:
        require_used_actions([AppliedAction(action, matches=0)])
    assert raised.value.where == "$.paths['/cats']"


def test_another_package_than_the_pinned_one_is_refused(contracts: Path, sdk_archives: Archives) -> None:
    swapped = {"python": sdk_archives["typescript"], "typescript": sdk_archives["python"]}
    with pytest.raises(SourceError, match="is not the pinned package"):
        rebuild(contracts, swapped)


FOUND = [Disagreement("Cat/legs", "integer", "string"), Disagreement("Cat/tail", "absent", "present")]


def test_settled_disagreements_of_the_sdks_let_the_build_go_on() -> None:
    require_settled(FOUND, {"Cat/legs", "Cat/tail"})


def test_an_open_disagreement_of_the_sdks_stops_the_build() -> None:
    with pytest.raises(SourceError, match="disagree in 1 places") as raised:
        require_settled(FOUND, {"Cat/legs"})
    assert raised.value.got == "absent in Python, present in TypeScript"


def test_a_settled_disagreement_that_is_gone_stops_the_build() -> None:
    with pytest.raises(SourceError, match="that there is not") as raised:
        require_settled(FOUND, {"Cat/legs", "Cat/tail", "Cat/whiskers"})
    assert raised.value.where == "Cat/whiskers"


def test_nothing_of_the_sdks_prose_is_in_the_contract() -> None:
    # Descriptions are the contract's own: statuses, servers, and the answer to an event.
    text = (edition_dir() / "bundle.json").read_text(encoding="utf-8")
    assert text.count('"description":') < 250
    assert "Required permissions" not in text
