"""Read an OpenAPI 3.0 or 3.1 document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from whopwatch.diff.model import Api, ApiOperation, ApiParameter, ApiResponse, Body, Facet, Shape, event
from whopwatch.diff.nodes import Document, Node, canonical
from whopwatch.diff.read_schema import LIFECYCLE, SchemaReader, is_documentation

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_FACETS: frozenset[Facet] = frozenset(
    {
        "statuses",
        "errors",
        "scopes",
        "security",
        "headers",
        "media",
        "servers",
        "array-names",
        "deprecations",
        "serialization",
    }
)
_STYLES = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}
_ROOT = frozenset({"openapi", "info", "servers", "paths", "components", "webhooks", "security", "jsonSchemaDialect"})
_PATH = frozenset({"$ref", "parameters", "servers", *_METHODS})
_OPERATION = frozenset(
    {"operationId", "parameters", "requestBody", "responses", "callbacks", "deprecated", "security", "servers"}
    | {"x-event", "x-scopes", "x-public", "x-list", "x-pagination", "x-rate-limit", "x-alternate-paths", *LIFECYCLE}
)
_PARAMETER = frozenset(
    {"name", "in", "required", "deprecated", "schema", "content", "style", "explode", "x-resource", "x-id-prefix"}
)
_NO_EFFECT = {"allowEmptyValue": False, "allowReserved": False}
_BODY_PARTS = frozenset({"schema"})
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that OpenAPI tells a reader to ignore."""


def read_openapi(root: Node, name: str) -> Api:
    """Return the API that a document describes. Raises ContractError, with the place, if the document is malformed."""
    return _OpenApiReader(Document(root, name)).api()


class _OpenApiReader:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._root = document.mapping(document.root, "/")
        self._schemas = SchemaReader(document)
        self._components = document.mapping(self._root.get("components"), "/components")
        self._security = self._requirements(self._root.get("security"), "/security")

    def api(self) -> Api:
        operations: dict[str, ApiOperation] = {}
        for path, item, at in self._document.parts(self._root, "paths", ""):
            for operation in self._operations(path, item, at):
                # The key of an operation whose ID occurs twice is its request line.
                key = operation.id if operation.id not in operations else f"{operation.method} {operation.path}"
                operations[key] = operation
        events = dict(self._events())
        unknown = tuple(_unknown(self._root, _ROOT))
        return Api(
            name=self._document.name,
            operations=operations,
            events=events,
            types=self._schemas.finish(),
            facets=_FACETS,
            servers=self._servers(self._root, ""),
            schemes=self._schemes(),
            unknown=unknown,
        )

    def _operations(self, path: str, item: Node, at: str) -> Iterator[ApiOperation]:
        shared = list(self._document.items(item, "parameters", at))
        unknown = tuple(_unknown(item, _PATH))
        for method in _METHODS:
            if method in item:
                node = self._document.mapping(item[method], f"{at}/{method}")
                servers = self._servers(node if "servers" in node else item, at)
                yield self._operation(path, method, node, shared, f"{at}/{method}", servers, unknown)

    def _events(self) -> Iterator[tuple[str, ApiOperation]]:
        for key, item, at in self._document.parts(self._root, "webhooks", ""):
            for operation in self._operations(key, item, at):
                node = self._document.mapping(item[operation.method.lower()], at)
                name = self._document.text(node.get("x-event"), f"{at}/x-event", key)
                if operation.body is None:
                    yield name, event(name, Shape(nullable=True))
                else:
                    yield name, operation

    def _operation(
        self,
        path: str,
        method: str,
        node: Node,
        shared: list[tuple[Node, str]],
        at: str,
        servers: tuple[str, ...] = (),
        unknown: tuple[tuple[str, str], ...] = (),
    ) -> ApiOperation:
        own = list(self._document.items(node, "parameters", at))
        named = {_key(item) for item, _ in own}
        inherited = [(item, place) for item, place in shared if _key(item) not in named]
        answers, errors = self._responses(node, at)
        body, of_body = self._body(node, at)
        has_own = "security" in node
        security = self._requirements(node["security"], f"{at}/security") if has_own else self._security
        schemes, scopes = security
        return ApiOperation(
            id=self._document.text(node.get("operationId"), f"{at}/operationId") or f"{method.upper()} {path}",
            method=method.upper(),
            path=path,
            parameters=tuple(
                self._parameter(item, place)
                for item, place in [*inherited, *own]
                if not (item.get("in") == "header" and str(item.get("name")).lower() in _IGNORED_HEADERS)
            ),
            body=body,
            answers=answers,
            errors=errors,
            scopes=scopes,
            security=schemes,
            deprecated=node.get("deprecated") is True,
            servers=servers,
            callbacks=dict(self._callbacks(node, at)),
            lifecycle=tuple((key, canonical(node[key])) for key in LIFECYCLE if key in node),
            unknown=(*unknown, *of_body, *_unknown(node, _OPERATION)),
        )

    def _callbacks(self, node: Node, at: str) -> Iterator[tuple[str, ApiOperation]]:
        for name, callback, place in self._document.parts(node, "callbacks", at):
            for expression, item in callback.items():
                if not str(expression).startswith("x-"):
                    path = self._document.follow(item, f"{place}/{expression}")
                    for operation in self._operations(str(expression), path, place):
                        yield name, operation

    def _responses(self, node: Node, at: str) -> tuple[dict[str, ApiResponse], dict[str, ApiResponse | None]]:
        """Return the success responses and the others; `default` is a success if no other response is."""
        found = {
            status: self._response(part, place) for status, part, place in self._document.parts(node, "responses", at)
        }
        found = {status: response for status, response in found.items() if not status.startswith("x-")}
        successes = {status for status in found if status[:1] in ("1", "2", "3")} or {"default"}
        answers = {status: response for status, response in found.items() if status in successes}
        return answers, {status: response for status, response in found.items() if status not in successes}

    def _response(self, node: Node, at: str) -> ApiResponse:
        headers = tuple(
            self._parameter({**part, "name": name, "in": "header"}, place)
            for name, part, place in self._document.parts(node, "headers", at)
            if name.lower() != "content-type"
        )
        content, unknown = self._content(node, at)
        return ApiResponse(content, headers, (*unknown, *_unknown(node, frozenset({"headers", "content"}))))

    def _parameter(self, item: Node, at: str) -> ApiParameter:
        where = self._document.text(item.get("in"), f"{at}/in", "query")
        content, unknown = self._content(item, at)
        schema = item.get("schema", {})
        style = self._document.text(item.get("style"), f"{at}/style", _STYLES.get(where, "form"))
        is_exploded = item.get("explode", style == "form") is True
        stated = next(iter(content), f"{style}, exploded" if is_exploded else style)
        return ApiParameter(
            name=self._document.text(item.get("name"), f"{at}/name"),
            where=where,
            shape=next(iter(content.values()), None) or self._schemas.read(schema, f"{at}/schema"),
            required=item.get("required") is True or where == "path",
            deprecated=item.get("deprecated") is True,
            style=stated,
            unknown=(*unknown, *_unknown(item, _PARAMETER)),
        )

    def _body(self, node: Node, at: str) -> tuple[Body | None, tuple[tuple[str, str], ...]]:
        """Return the request body and its unknown keywords."""
        if "requestBody" not in node:
            return None, ()
        body = self._document.follow(node["requestBody"], f"{at}/requestBody")
        content, unknown = self._content(body, f"{at}/requestBody")
        return Body(content, body.get("required") is True), (*unknown, *_unknown(body, {"content", "required"}))

    def _content(self, item: Node, at: str) -> tuple[dict[str, Shape], tuple[tuple[str, str], ...]]:
        """Return the shapes by media type, without the parameters of media types, and the unknown keywords."""
        shapes: dict[str, Shape] = {}
        unknown: list[tuple[str, str]] = []
        for media, part, place in self._document.parts(item, "content", at):
            name = _media_type(media)
            shapes.setdefault(name, self._schemas.read(part.get("schema", {}), f"{place}/schema"))
            unknown += [(f"{name} {key}", text) for key, text in _unknown(part, _BODY_PARTS)]
        return shapes, tuple(unknown)

    def _servers(self, node: Node, at: str) -> tuple[str, ...]:
        if at and "servers" not in node:
            return ()
        return tuple(self._server(item, place) for item, place in self._document.items(node, "servers", at))

    def _server(self, item: Node, at: str) -> str:
        """Return the URL of a server, with the default of each variable."""
        url = self._document.text(item.get("url"), f"{at}/url")
        for name, variable, place in self._document.parts(item, "variables", at):
            url = url.replace(f"{{{name}}}", self._document.text(variable.get("default"), f"{place}/default"))
        return url.rstrip("/")

    def _requirements(self, value: Any, at: str) -> tuple[frozenset[frozenset[str]], frozenset[str]]:
        """Return the alternative sets of schemes, and the permissions of all of them."""
        alternatives, scopes = set(), set()
        for place, entry in enumerate(self._document.array(value, at)):
            needed = self._document.mapping(entry, f"{at}/{place}")
            alternatives.add(frozenset(map(str, needed)))
            for name, texts in needed.items():
                scopes |= set(self._document.strings(texts, f"{at}/{place}/{name}"))
        return frozenset(alternatives) or frozenset({frozenset()}), frozenset(scopes)

    def _schemes(self) -> dict[str, str]:
        """Return what a client has to do for each security scheme, as JSON."""
        parts = self._document.parts(self._components, "securitySchemes", "/components")
        return {
            name: canonical({key: part[key] for key in part if not is_documentation(key)}) for name, part, _ in parts
        }


def _key(parameter: Node) -> tuple[str, str]:
    """Return what identifies a parameter of an operation."""
    return str(parameter.get("in")), str(parameter.get("name"))


def _unknown(node: Node, known: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the keywords of an object that are not compared and not documentation, with their value as JSON."""
    for key, value in node.items():
        if key not in known and not is_documentation(str(key)) and _NO_EFFECT.get(str(key), ...) is not value:
            yield str(key), canonical(value)


def _media_type(text: str) -> str:
    return text.partition(";")[0].strip().lower()
