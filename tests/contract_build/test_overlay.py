from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from whopwatch.contract_build.overlay import OverlayAction, apply_overlay, read_overlay
from whopwatch.core.errors import SourceError


def document() -> dict[str, Any]:
    return {"paths": {"/a": {"get": {"tags": ["x"]}}, "/b": {"get": {"tags": ["y"]}}}, "info": {"title": "old"}}


def test_update_merges_objects_and_replaces_values() -> None:
    changed = document()
    apply_overlay(changed, [OverlayAction(1, "$.info", "why", update={"title": "new", "version": "1"})])
    assert changed["info"] == {"title": "new", "version": "1"}


def test_update_appends_to_arrays_wherever_they_stand() -> None:
    changed = document()
    applied = apply_overlay(changed, [OverlayAction(1, "$.paths.*.get", "why", update={"tags": ["z"]})])
    assert [item["get"]["tags"] for item in changed["paths"].values()] == [["x", "z"], ["y", "z"]]
    assert applied[0].matches == 2


def test_an_update_of_several_places_shares_nothing_between_them() -> None:
    changed = document()
    apply_overlay(changed, [OverlayAction(1, "$.paths.*.get", "why", update={"responses": {"200": {}}})])
    changed["paths"]["/a"]["get"]["responses"]["200"]["seen"] = True
    assert changed["paths"]["/b"]["get"]["responses"]["200"] == {}


def test_an_array_target_takes_one_more_item() -> None:
    changed: dict[str, Any] = {"servers": [{"url": "a"}]}
    apply_overlay(changed, [OverlayAction(1, "$.servers", "why", update={"url": "b"})])
    assert changed["servers"] == [{"url": "a"}, {"url": "b"}]


def test_remove_takes_out_keys_and_several_items_of_one_array() -> None:
    changed: dict[str, Any] = {"info": {"title": "x", "extra": 1}, "tags": ["a", "b", "c", "a"]}
    apply_overlay(
        changed,
        [OverlayAction(1, "$.info.extra", "why", remove=True), OverlayAction(2, "$.tags[0,2]", "why", remove=True)],
    )
    assert changed == {"info": {"title": "x"}, "tags": ["b", "a"]}


def test_the_whole_document_can_be_a_target() -> None:
    changed = document()
    apply_overlay(changed, [OverlayAction(1, "$", "why", update={"x-rate-limit": {"requests": 1}})])
    assert changed["x-rate-limit"] == {"requests": 1}


def test_an_action_that_finds_nothing_says_so() -> None:
    assert apply_overlay(document(), [OverlayAction(1, "$.paths['/c']", "why", update={"x": 1})])[0].matches == 0


def test_a_target_that_is_no_jsonpath() -> None:
    with pytest.raises(SourceError, match="overlay action 7 is no JSONPath"):
        apply_overlay(document(), [OverlayAction(7, "$.paths[", "why", update={})])


@pytest.mark.parametrize(
    "action",
    [
        "{target: $.info, update: {a: 1}}",
        "{target: $.info, description: why}",
        "{target: $.info, description: why, update: {a: 1}, remove: true}",
        "{target: $.info, description: why, update: {a: 1}, reason: none}",
        "{description: why, update: {a: 1}}",
    ],
    ids=["no reason", "nothing to do", "two things to do", "unknown key", "no target"],
)
def test_malformed_actions(tmp_path: Path, action: str) -> None:
    path = tmp_path / "overlay.yaml"
    path.write_text(
        dedent(f"""
            overlay: 1.0.0
            actions:
              - {{target: $.info, description: why, update: {{a: 1}}}}
              - {action}
        """)
    )
    with pytest.raises(SourceError, match="action 2 of the overlay is malformed"):
        read_overlay(path)
