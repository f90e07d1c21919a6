"""Access to the parts of a document, with an error that names the place if a part is malformed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence, Set
from functools import cached_property
from hashlib import sha256
from typing import Any

from whopwatch.core.errors import ContractError
from whopwatch.core.pointers import escape_pointer, part_at

Node = Mapping[str, Any]
MAX_SHORT_VALUE = 200
DIGEST = "sha256:"
"""The beginning of the text for a long value."""
_MAX_REFERENCES = 100
_MAX_EXPANDED = 3
"""References in a part without a comparison that are followed below each other."""
_TYPES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}


def malformed(name: str, at: str, expected: str, found: Any) -> ContractError:
    """Return the error for a part of the document `name` that has another type than OpenAPI allows."""
    got = found if isinstance(found, str) and found.startswith("a ") else _TYPES.get(type(found), "a number")
    return ContractError("The OpenAPI document is malformed.", where=f"{name}, {at or '/'}", expected=expected, got=got)


def canonical(value: Any, at_most: int = MAX_SHORT_VALUE) -> str:
    """Return a value as JSON, or a digest of it if that is longer than `at_most`; equal values give equal strings."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)
    return text if len(text) <= at_most else f"{DIGEST}{sha256(text.encode()).hexdigest()[:16]}"


class Fields(Mapping[str, Any]):
    """An object of the document that remembers which of its keys were read.

    A difference in a key that nothing read is reported as not compared.
    """

    __slots__ = ("_node", "_read")

    def __init__(self, node: Node) -> None:
        self._node = node
        self._read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self._read.add(key)
        return self._node[key]

    def __contains__(self, key: object) -> bool:
        if key in self._node:
            self._read.add(str(key))
            return True
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._node)

    def __len__(self) -> int:
        return len(self._node)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, which counts as read."""
        return self[key] if key in self._node else default

    def keys(self) -> KeysView[str]:
        """Return the keys; none of them counts as read."""
        return self._node.keys()

    def pick(self, names: Set[str]) -> dict[str, Any]:
        """Return those of several keys that are present, in the order of their names."""
        found = self._node.keys() & names
        self._read |= found
        return {key: self._node[key] for key in sorted(found)} if found else {}

    def rest(self, is_documentation: Callable[[str], bool]) -> list[str]:
        """Return the keys that were not read and are not documentation."""
        return [key for key in self._node if key not in self._read and not is_documentation(str(key))]


class Document:
    """One OpenAPI document. `name` is the user's name for it, for errors."""

    def __init__(self, root: Node, name: str) -> None:
        self.root, self.name = root, name

    def mapping(self, value: Any, at: str) -> Node:
        """Return `value` if it is an object; {} for None. Raise ContractError for anything else."""
        if value is None:
            return {}
        if not isinstance(value, dict | Fields):
            raise malformed(self.name, at, "an object", value)
        return value

    def array(self, value: Any, at: str) -> Sequence[Any]:
        """Return `value` if it is an array; an empty one for None. Raise ContractError for anything else."""
        if value is None:
            return ()
        if not isinstance(value, list):
            raise malformed(self.name, at, "an array", value)
        return value

    def strings(self, value: Any, at: str) -> list[str]:
        """Return `value` if it is an array of strings. Raise ContractError for anything else."""
        texts = self.array(value, at)
        for place, text in enumerate(texts):
            if not isinstance(text, str):
                raise malformed(self.name, f"{at}/{place}", "a string", text)
        return list(texts)

    def text(self, value: Any, at: str, default: str = "") -> str:
        """Return `value` if it is a string, `default` for None. Raise ContractError for anything else."""
        if value is None:
            return default
        if not isinstance(value, str):
            raise malformed(self.name, at, "a string", value)
        return value

    def parts(self, node: Node, key: str, at: str) -> Iterator[tuple[str, Node, str]]:
        """Yield name, object and place of each entry of the object `node[key]`; references are followed."""
        for name, value in self.mapping(node.get(key), f"{at}/{key}").items():
            place = f"{at}/{key}/{escape_pointer(str(name))}"
            yield str(name), self.follow(value, place), place

    def patterned(self, node: Node, key: str, at: str) -> Iterator[tuple[str, Node, str]]:
        """Yield the same as `parts` for an object that may have extensions among its entries; they are left out."""
        value = self.mapping(node.get(key), f"{at}/{key}")
        entries = {str(name): part for name, part in value.items() if not str(name).startswith("x-")}
        yield from self.parts({key: entries}, key, at)

    def items(self, node: Node, key: str, at: str) -> Iterator[tuple[Node, str]]:
        """Yield object and place of each item of the array `node[key]`; references are followed."""
        for place, value in enumerate(self.array(node.get(key), f"{at}/{key}")):
            yield self.follow(value, f"{at}/{key}/{place}"), f"{at}/{key}/{place}"

    def follow(self, value: Any, at: str) -> Node:
        """Return an object, or what its reference leads to. Raise ContractError if it leads nowhere."""
        node = self.mapping(value, at)
        for _ in range(_MAX_REFERENCES):
            if "$ref" not in node:
                return node
            node = self.mapping(self.target(node["$ref"], at), at)
        raise malformed(self.name, at, "a reference that ends", "a reference to itself")

    def target(self, reference: Any, at: str) -> Any:
        """Return what a reference refers to. Raise ContractError if that is not in the document."""
        if isinstance(reference, str) and reference in self.anchors:
            return self.anchors[reference]
        found = part_at(self.root, str(reference))
        if found is None:
            raise ContractError(
                "A reference in the document leads nowhere.",
                where=f"{self.name}, {at or '/'}",
                expected="a reference within the document (#/components/...)",
                got=str(reference)[:MAX_SHORT_VALUE],
                hint="bundle the document into one file first",
            )
        return found

    def unread(self, fields: Fields, is_documentation: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
        """Yield the keys that were not read and are not documentation, with their value and what it refers to."""
        for key in fields.rest(is_documentation):
            yield key, canonical(self._expanded(fields.get(key), frozenset()))

    def _expanded(self, value: Any, above: frozenset[str]) -> Any:
        """Return a value with the targets of its references in their place, as far as they exist."""
        if isinstance(value, list):
            return [self._expanded(item, above) for item in value]
        if not isinstance(value, Mapping):
            return value
        reference = value.get("$ref")
        if isinstance(reference, str) and reference not in above and len(above) < _MAX_EXPANDED:
            try:
                return self._expanded(self.target(reference, ""), above | {reference})
            except ContractError:
                return value
        return {key: self._expanded(item, above) for key, item in value.items()}

    @cached_property
    def anchors(self) -> dict[str, Any]:
        """Return the schemas that `$anchor` or `$dynamicAnchor` name, by the reference to them: `#name`."""
        found: dict[str, Any] = {}
        waiting: list[Any] = [self.root]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Mapping):
                names = (node.get("$anchor"), node.get("$dynamicAnchor"))
                found.update((f"#{name}", node) for name in names if isinstance(name, str))
            waiting += node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
        return found
