"""Find operations, fields and models of a contract by the names that code uses for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache

from whopwatch.contract import Contract, Operation
from whopwatch.contract.mcp_tools import tools_of
from whopwatch.contract.schema_tree import SchemaNode, schemas_of
from whopwatch.core.pointers import escape_pointer

Steps = tuple[str, ...]
ANY_EVENT = "webhook:*"
"""The owner of event data before its type is known."""
MODEL = "model:"
"""The prefix of an owner that only the name of an SDK model is known of."""
_API_ADDRESS = re.compile(r"(?:^|//)(?:[\w.-]*\.)?whop\.com(?::\d+)?(?:/api)?/(v\d+)(?=/)|^\0*/?(?:api/)?(v\d+)(?=/)")
_HOST = re.compile(r"^(?:https?:)?//[\w.-]+(?::\d+)?")
_UNKNOWN = "\0"


def plain(name: str) -> str:
    """Return a name without case and underscores: `listFees` and `list_fees` are the same."""
    return name.replace("_", "").lower()


class ApiIndex:
    """The names of one contract."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._schemas = schemas_of(contract)
        self._methods = {tuple(map(plain, id.split("."))): one for id, one in contract.operations.items()}
        self.resources = {chain[:length] for chain in self._methods for length in range(1, len(chain))}
        self.node = lru_cache(maxsize=None)(self._node)
        self.match = lru_cache(maxsize=10_000)(contract.match)

    def method(self, chain: Steps) -> Operation | None:
        """Return the operation of an SDK call such as `client.payments.list`, without the client."""
        names = tuple(map(plain, chain))
        return self._methods.get(names) or self._methods.get((*names[:-1], {"del": "delete"}.get(names[-1], "")))

    def _node(self, owner: str, steps: Steps) -> SchemaNode | None:
        """Return what is documented at `steps` of a response or payload; None if nothing is, or it is not known."""
        node = self._root(owner)
        for step in steps:
            if node is None:
                return None
            node = node.items if step == "*" else node.fields.get(step) or node.additional
        return node

    def _root(self, owner: str) -> SchemaNode | None:
        if owner == ANY_EVENT:
            return None
        if owner.startswith(MODEL):
            operation, steps = self.models[owner.removeprefix(MODEL)][0]
            return self.node(operation, steps)
        if owner.startswith("webhook:"):
            return self._schemas.event(owner.removeprefix("webhook:"))
        return self._schemas.of(self.contract.operations[owner])

    def body(self, operation: Operation) -> SchemaNode | None:
        """Return the node of an operation's request body."""
        return self._schemas.read(operation.body, operation.api) if operation.body else None

    def has_field(self, owner: str, steps: Steps) -> bool:
        """Return whether the last of `steps` is a documented field."""
        above = self.node(owner, steps[:-1])
        return above is not None and steps[-1] in above.fields

    @cached_property
    def models(self) -> dict[str, list[tuple[str, Steps]]]:
        """Map the names of SDK models to the operations and events that return them, with the place in the data."""
        found: dict[str, list[tuple[str, Steps]]] = {}
        for operation in self.contract.operations.values():
            success = [status for status in operation.responses if 200 <= status < 300]
            schema = operation.success.schema if success else None
            for name, steps in self._names(schema or {}, operation.api):
                found.setdefault(name, []).append((operation.id, steps))
        for event in self.contract.events.values():
            for name, steps in self._names(event.schema, "v1"):
                found.setdefault(name, []).append((f"webhook:{event.name}", steps))
        return found

    def _names(self, schema: object, api: str, steps: Steps = ()) -> Iterator[tuple[str, Steps]]:
        """Yield the names of schemas at the top, in `data` and for its items."""
        if not isinstance(schema, dict) or len(steps) > 2:
            return
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference.rpartition("/")[2], steps
            schema = self.contract.resolve(schema, api)
        if isinstance(schema.get("items"), dict):
            yield from self._names(schema["items"], api, (*steps, "*"))
        properties = schema.get("properties")
        if not steps and isinstance(properties, dict) and "data" in properties:
            yield from self._names(properties["data"], api, ("data",))

    @cached_property
    def tools(self) -> frozenset[str]:
        """The names of the MCP tools."""
        return frozenset(tools_of(self.contract))

    def match_address(self, method: str, parts: tuple[str | None, ...]) -> tuple[Operation | None, bool, str]:
        """Return the operation that an address belongs to, whether the address is certainly the API's, and its query.

        A part of None is one that is not known.
        """
        text = "".join(_UNKNOWN if part is None else part for part in parts)
        address, _, query = text.partition("?")
        found = _API_ADDRESS.search(address)
        if found:
            api, path, is_certain = found[1] or found[2], address[found.end() :], "whop.com" in found[0]
        else:
            host = _HOST.match(address)
            api, path, is_certain = "v1", address.lstrip(_UNKNOWN), False
            if host:
                return None, False, query
        path = "/" + path.strip("/").replace(_UNKNOWN, "x")
        return self.match(method.upper(), path, api), is_certain, query


def pointer(steps: Steps) -> str:
    """Return steps as the location of a finding: `/data/*/title`."""
    return "".join(f"/{escape_pointer(step)}" for step in steps)
