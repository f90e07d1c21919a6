"""The documented fields of a response as a tree."""

from __future__ import annotations

from whopwatch.contract import Contract
from whopwatch.history.field_tree import FieldNode, field_trees


def node(contract: Contract, *schemas: dict[str, object]) -> FieldNode:
    return FieldNode(contract, "v1", schemas)


def test_branches_of_a_union_are_one_node(contract: Contract) -> None:
    one = {"type": "object", "properties": {"a": {"type": "string"}, "b/c": {}}, "required": ["a"]}
    two = {"type": "object", "properties": {"a": {"enum": ["x", 1]}}, "required": ["a"]}
    union = node(contract, {"anyOf": [one, {"oneOf": [two, {"type": "null"}]}]})
    assert union.nullable
    assert {name: (step, optional) for name, (step, _, optional) in union.children.items()} == {
        "a": ("/a", False),
        "b/c": ("/b~1c", True),
    }
    assert union.children["a"][1].enum_values == {"x"}
    assert union.items is None


def test_an_array_has_a_node_for_its_items(contract: Contract) -> None:
    items = node(contract, {"type": "array", "items": {"type": "null"}}).items
    assert items is not None
    assert items.nullable
    assert not items.children


def test_a_tree_is_built_once(contract: Contract) -> None:
    trees, operation = field_trees(contract), contract.operations["products.list"]
    assert field_trees(contract) is trees
    assert trees.root(operation) is trees.root(operation)
    assert "data" in trees.root(operation).children
    assert "prod_" in trees.id_prefixes
