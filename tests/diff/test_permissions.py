"""Permissions: all of them are needed, or one of them is enough."""

from __future__ import annotations

import pytest

from whopwatch.diff.compare import compare
from whopwatch.diff.model import Api, ApiOperation


def api(scopes: set[str], any_scope: bool) -> Api:
    operation = ApiOperation("a.get", "GET", "/a", scopes=frozenset(scopes), any_scope=any_scope)
    return Api("a", {"a.get": operation}, {}, {}, frozenset({"scopes"}), is_sdk=True)


@pytest.mark.parametrize(
    ("old", "new", "movement"),
    [
        (({"x"}, False), ({"x", "y"}, False), "added"),
        (({"x", "y"}, False), ({"x"}, False), "removed"),
        (({"x"}, False), ({"y"}, False), "added"),
        (({"x"}, False), ({"x", "y"}, True), "removed"),
        (({"x", "y"}, True), ({"x"}, False), "added"),
        (({"x", "y"}, True), ({"x", "y"}, False), "added"),
        (({"x"}, False), ({"x"}, True), None),
    ],
)
def test_a_permission(old: tuple[set[str], bool], new: tuple[set[str], bool], movement: str | None) -> None:
    found = [one.change.movement for one in compare(api(*old), api(*new)).changes]
    assert found == ([movement] if movement else [])
