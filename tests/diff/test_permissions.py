"""Permissions: all of them are needed, or one of them is enough."""

from __future__ import annotations

import pytest

from whopwatch.contract_build.sdk_model import SdkModel, SdkOperation
from whopwatch.diff.compare import compare
from whopwatch.diff.model import Api, ApiOperation, Property, Shape, event
from whopwatch.diff.read_sdk import read_sdk


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


def test_nothing_is_concluded_from_a_method_whose_documentation_lists_no_permission() -> None:
    def released(*scopes: str) -> Api:
        others = {f"a.get{n}": SdkOperation(f"a.get{n}", "GET", f"/a/{n}", scopes=("x",)) for n in range(9)}
        method = SdkOperation("a.update", "PATCH", "/a", scopes=scopes)
        return read_sdk(SdkModel("python", "1.0.0", {**others, method.id: method}), "sdk")

    assert compare(released(), released("y")).changes == compare(released("y"), released()).changes == ()
    assert [one.operation for one in compare(released("y"), released("z")).changes] == ["a.update"]


def test_the_default_version_and_the_host_of_an_sdk_are_compared() -> None:
    def released(version: str | None, host: str | None) -> Api:
        operation = ApiOperation("a.get", "GET", "/a", servers=(host,) if host else ())
        return Api("a", {"a.get": operation}, {}, {}, frozenset({"hosts"}), default_version=version, is_sdk=True)

    found = compare(released(None, None), released("2026-08-21", "vault")).changes
    assert [(one.change.drift_class, one.location, one.change.observed) for one in found] == [
        ("D21", "version", "2026-08-21"),
        ("D22", "server", "vault"),
    ]


def test_nothing_is_concluded_from_an_event_without_a_described_payload() -> None:
    def released(payload: Shape | None) -> Api:
        return Api("a", {}, {"a.made": event("a.made", payload)}, {}, is_sdk=True)

    typed = Shape(frozenset({"object"}), properties=(Property("id", Shape(frozenset({"string"})), True),))
    assert compare(released(typed), released(None)).changes == ()
    assert compare(released(None), released(typed)).changes == ()
