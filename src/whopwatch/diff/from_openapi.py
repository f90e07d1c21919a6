"""A promise as an OpenAPI document tells it, 3.0 or 3.1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from whopwatch.core.errors import ContractError
from whopwatch.diff.from_schema import SchemaReader
from whopwatch.diff.model import Api, Body, Facet, Operation, Parameter, Shape

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
FACETS: frozenset[Facet] = frozenset(
    {"statuses", "errors", "scopes", "security", "headers", "media", "servers", "array-names", "deprecations"}
)

Node = Mapping[str, Any]


def api_of(document: Node, name: str) -> Api:
    """The promise in `document`, called `name`.

    Raises `ContractError` where a reference leads out of the document or nowhere.
    """
    reader = _Reader(document, name)
    components = document.get("components", {})
    operations = {}
    for path, item in document.get("paths", {}).items():
        for operation in reader.operations(path, reader.follow(item)):
            operations[operation.id] = operation
    return Api(
        name=name,
        operations=operations,
        events=dict(reader.events(document.get("webhooks", {}))),
        types={key: reader.schemas.read(schema) for key, schema in components.get("schemas", {}).items()},
        facets=FACETS,
        servers=tuple(str(server.get("url", "")) for server in document.get("servers", ())),
    )


class _Reader:
    def __init__(self, document: Node, name: str) -> None:
        self._document = document
        self._name = name
        self.schemas = SchemaReader(document.get("components", {}).get("schemas", {}))

    def operations(self, path: str, item: Node) -> Iterator[Operation]:
        shared = item.get("parameters", ())
        for method in METHODS:
            if method in item:
                yield self._operation(path, method, item[method], shared)

    def events(self, webhooks: Node) -> Iterator[tuple[str, Shape]]:
        for key, item in webhooks.items():
            for method, operation in self.follow(item).items():
                body = self._body(operation) if method in METHODS else None
                if body is not None:
                    yield str(operation.get("x-event", key)), body.shape

    def _operation(self, path: str, method: str, node: Node, shared: Any) -> Operation:
        own = [self.follow(item) for item in node.get("parameters", ())]
        named = {(item.get("in"), item.get("name")) for item in own}
        inherited = [item for item in map(self.follow, shared) if (item.get("in"), item.get("name")) not in named]
        responses = {str(status): self.follow(answer) for status, answer in node.get("responses", {}).items()}
        security = node.get("security", self._document.get("security", []))
        return Operation(
            id=str(node.get("operationId") or f"{method.upper()} {path}"),
            method=method.upper(),
            path=path,
            parameters=tuple(self._parameter(item) for item in [*inherited, *own]),
            body=self._body(node),
            answers={status: self._content(answer) for status, answer in responses.items() if status[0] in "23"},
            errors={
                status: next(iter(self._content(answer).values()), None)
                for status, answer in responses.items()
                if status[0] not in "23"
            },
            scopes=frozenset(str(scope) for entry in security for scopes in entry.values() for scope in scopes),
            security=frozenset(scheme for entry in security for scheme in entry) or frozenset({"none"}),
            deprecated=bool(node.get("deprecated")),
        )

    def _parameter(self, item: Node) -> Parameter:
        carried = [part.get("schema") for part in item.get("content", {}).values()]
        return Parameter(
            name=str(item.get("name", "")),
            where=str(item.get("in", "query")),
            shape=self.schemas.read(item.get("schema", carried[0] if carried else {})),
            required=bool(item.get("required")),
            deprecated=bool(item.get("deprecated")),
        )

    def _body(self, node: Node) -> Body | None:
        if "requestBody" not in node:
            return None
        body = self.follow(node["requestBody"])
        return Body(self._content(body), bool(body.get("required")))

    def _content(self, item: Node) -> dict[str, Shape]:
        return {media: self.schemas.read(part.get("schema", {})) for media, part in item.get("content", {}).items()}

    def follow(self, node: Node) -> Node:
        """`node`, or what its reference leads to."""
        for _ in range(len(self._document) + 100):  # a chain of references that never ends is cut
            if "$ref" not in node:
                return node
            node = self._at(str(node["$ref"]))
        return {}

    def _at(self, reference: str) -> Node:
        found: Any = self._document
        for step in reference.removeprefix("#/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if not reference.startswith("#/") or not isinstance(found, Mapping) or key not in found:
                raise ContractError(
                    "A reference of the document leads nowhere.",
                    where=self._name,
                    expected="references within the one document (#/components/...)",
                    got=reference,
                    hint="bundle the document into one file first",
                )
            found = found[key]
        return found if isinstance(found, Mapping) else {}
