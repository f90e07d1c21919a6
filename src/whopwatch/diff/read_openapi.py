"""Read an OpenAPI 3.0 or 3.1 document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from typing import Any

from whopwatch.contract.openapi_inference import not_used
from whopwatch.diff.model import (
    Api,
    ApiOperation,
    ApiParameter,
    ApiResponse,
    Body,
    CallbackKey,
    Facet,
    SecurityScheme,
    Shape,
)
from whopwatch.diff.nodes import Document, Fields, Node, canonical
from whopwatch.diff.read_schema import LIFECYCLE, SchemaReader, is_documentation, without_deprecation

_METHOD_ORDER = ("get", "post", "put", "delete", "options", "head", "patch", "trace")
_METHODS = frozenset(_METHOD_ORDER)
_COMPONENTS = frozenset(
    {"schemas", "responses", "parameters", "examples", "requestBodies", "headers", "securitySchemes", "links"}
    | {"callbacks", "pathItems", "mediaTypes"}
)
"""Parts that are compared where they are used."""
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
_MAX_STATED = 4000
"""Characters of an annotation of behaviour that are kept, so that a change names the parts that differ."""
_BEHAVIOUR = frozenset({"x-list", "x-pagination", "x-rate-limit", "x-public", "x-alternate-paths"})
"""whopwatch's own annotations of what an operation does."""
_NO_EFFECT = frozenset({"allowEmptyValue", "allowReserved"})
"""Keywords that have no effect if they are false."""
_ANY_BODY = Body({"application/json": Shape(nullable=True)}, required=True)
_MAX_SERVERS = 20
_WITHOUT_SCOPES = ("http", "apiKey", "mutualTLS")
"""Security schemes without scopes; OpenAPI 3.1 lets a document name the roles of a key all the same."""
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})
"""Header parameters that a reader of OpenAPI has to ignore."""


def read_openapi(root: Node, name: str, default_version: str | None = None) -> Api:
    """Return the API that a document describes. Raise ContractError, with the place, if the document is malformed."""
    return _OpenApiReader(Document(root, name)).api(default_version)


class _OpenApiReader:
    """Reads one document. Every object is read as `Fields`, so that what was not read is known."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._root = Fields(document.mapping(document.root, "/"))
        self._schemas = SchemaReader(document)
        self._components = Fields(document.mapping(self._root.get("components"), "/components"))
        self._has_no_scopes = {name for name, part, _ in self._scheme_parts() if part.get("type") in _WITHOUT_SCOPES}
        self._security = self._requirements(self._root.get("security"), "/security")
        self._known_responses: dict[int, ApiResponse] = {}
        """By identity: most responses refer to the same shared ones."""

    def api(self, default_version: str | None) -> Api:
        operations: dict[str, ApiOperation] = {}
        for path, item, at in self._document.patterned(self._root, "paths", ""):
            for operation in self._operations(path, item, at):
                # The key of an operation whose ID occurs twice is its request line.
                key = operation.id if operation.id not in operations else f"{operation.method} {operation.path}"
                operations[key] = operation
        events = dict(self._events())
        info = Fields(self._document.mapping(self._root.get("info"), "/info"))
        version = self._document.text(info.get("x-api-version-date"), "/info/x-api-version-date") or default_version
        schemes = dict(self._schemes())
        self._components.pick(_COMPONENTS)
        self._root.get("openapi")
        servers = self._servers(self._root, "")
        return Api(
            name=self._document.name,
            operations=operations,
            events=events,
            types=self._schemas.finish(),
            facets=_FACETS,
            servers=tuple(url for url, _ in servers),
            schemes=schemes,
            default_version=version,
            behaviour=_stated(self._root, _BEHAVIOUR),
            unknown=(
                *(item for _, unknown in servers for item in unknown),
                *_extensions(self._root, "paths"),
                *((f"info {key}", text) for key, text in self._document.unread(info, _is_about)),
                *((f"components {key}", text) for key, text in self._unknown(self._components)),
                *self._unknown_of_flows(),
                *self._unknown(self._root),
            ),
            unused=dict(self._unused()),
        )

    def _unused(self) -> Iterator[tuple[str, str]]:
        """Yield the parts that nothing refers to; of schemas what is compared of others, without documentation."""
        for kind, names in not_used(self._document.root).items():
            if kind in ("links", "securitySchemes"):
                continue  # security schemes are compared wherever they are
            for name in names:
                part = self._schemas.types[name] if kind == "schemas" else self._components[kind][name]
                yield f"{kind} {name}", canonical(repr(part) if kind == "schemas" else part)

    def _operations(self, path: str, node: Node, at: str) -> Iterator[ApiOperation]:
        item = Fields(node)
        shared = list(self._document.items(item, "parameters", at))
        found = item.pick(_METHODS)
        has_servers = "servers" in item
        item.get("$ref")
        unknown = tuple(self._unknown(item))
        for method in sorted(found, key=_METHOD_ORDER.index):
            part = Fields(self._document.mapping(found[method], f"{at}/{method}"))
            servers = self._servers(part if "servers" in part or not has_servers else item, f"{at}/{method}")
            yield self._operation(path, method, part, shared, f"{at}/{method}", servers, unknown)

    def _events(self) -> Iterator[tuple[str, ApiOperation]]:
        for key, item, at in self._document.parts(self._root, "webhooks", ""):
            for place, operation in enumerate(self._operations(key, item, at)):
                node = self._document.mapping(item[operation.method.lower()], at)
                name = self._document.text(node.get("x-event"), f"{at}/x-event", key)
                name = name if place == 0 else f"{name} ({operation.method})"
                # The payload of an untyped event is not described: its schema is a placeholder.
                body = None if node.get("x-untyped") is True else operation.body or _ANY_BODY
                yield name, replace(operation, id=f"webhook:{name}", body=body)

    def _operation(
        self,
        path: str,
        method: str,
        node: Fields,
        shared: list[tuple[Node, str]],
        at: str,
        servers: list[tuple[str, list[tuple[str, str]]]],
        unknown: tuple[tuple[str, str], ...],
    ) -> ApiOperation:
        own = list(self._document.items(node, "parameters", at))
        named = {_key(item) for item, _ in own}
        inherited = [(item, place) for item, place in shared if _key(item) not in named]
        answers, errors = self._responses(node, at)
        body, of_body = self._body(node, at)
        has_own = "security" in node
        security = self._requirements(node["security"], f"{at}/security") if has_own else self._security
        schemes, scopes = security
        if isinstance(node.get("x-scopes"), str | list):  # in whopwatch's own contracts it is an object: see `security`
            unknown = (*unknown, ("x-scopes", canonical(node["x-scopes"])))
        id = self._document.text(node.get("operationId"), f"{at}/operationId") or f"{method.upper()} {path}"
        parameters = [self._parameter(item, place) for item, place in [*inherited, *own] if not _is_ignored(item)]
        node.get("x-event")
        return ApiOperation(
            id=id,
            method=method.upper(),
            path=path,
            parameters=tuple(parameters),
            body=body,
            answers=answers,
            errors=errors,
            scopes=scopes,
            security=schemes,
            deprecated=node.get("deprecated") is True,
            servers=tuple(url for url, _ in servers),
            callbacks=dict(self._callbacks(node, at)),
            lifecycle=_stated(node, LIFECYCLE),
            behaviour=_stated(node, _BEHAVIOUR),
            unknown=(
                *unknown,
                *of_body,
                *(item for _, parts in servers for item in parts),
                *_extensions(node, "responses"),
                *_extensions(node, "callbacks"),
                *(found for _, part, _ in self._document.patterned(node, "callbacks", at) for found in _extended(part)),
                *self._unknown(node),
            ),
        )

    def _callbacks(self, node: Node, at: str) -> Iterator[tuple[CallbackKey, ApiOperation]]:
        for name, callback, place in self._document.patterned(node, "callbacks", at):
            for expression, item, below in self._document.patterned({"callback": callback}, "callback", place):
                for operation in self._operations(expression, item, below):
                    yield (name, operation.method, operation.path), operation

    def _responses(self, node: Node, at: str) -> tuple[dict[str, ApiResponse], dict[str, ApiResponse | None]]:
        """Return the success responses and the others; `default` is a success if no other response is."""
        found = {
            status.upper() if status != "default" else status: self._response(part, place)
            for status, part, place in self._document.patterned(node, "responses", at)
        }
        successes = {status for status in found if status[:1] in ("1", "2", "3")} or {"default"}
        answers = {status: response for status, response in found.items() if status in successes}
        return answers, {status: response for status, response in found.items() if status not in successes}

    def _response(self, item: Node, at: str) -> ApiResponse:
        if id(item) not in self._known_responses:
            self._known_responses[id(item)] = self._read_response(Fields(item), at)
        return self._known_responses[id(item)]

    def _read_response(self, node: Fields, at: str) -> ApiResponse:
        headers = tuple(
            self._parameter({**part, "name": name, "in": "header"}, place)
            for name, part, place in self._document.parts(node, "headers", at)
            if name.lower() != "content-type"
        )
        content, unknown = self._content(node, at)
        return ApiResponse(content, headers, (*unknown, *self._unknown(node)))

    def _parameter(self, part: Node, at: str) -> ApiParameter:
        item = Fields(part)
        where = self._document.text(item.get("in"), f"{at}/in", "query")
        content, unknown = self._content(item, at)
        declared, is_deprecated = without_deprecation(item.get("schema", {}))
        schema = self._schemas.read(declared, f"{at}/schema")
        style = self._document.text(item.get("style"), f"{at}/style", _STYLES.get(where, "form"))
        is_exploded = item.get("explode", style == "form") is True
        stated = next(iter(content), f"{style}, exploded" if is_exploded else style)
        return ApiParameter(
            name=self._document.text(item.get("name"), f"{at}/name"),
            where=where,
            shape=next(iter(content.values()), schema),
            required=item.get("required") is True or where == "path",
            deprecated=item.get("deprecated") is True or is_deprecated,
            style=stated,
            lifecycle=_stated(item, LIFECYCLE),
            unknown=(*unknown, *self._unknown(item)),
        )

    def _body(self, node: Node, at: str) -> tuple[Body | None, tuple[tuple[str, str], ...]]:
        """Return the request body and its unknown keywords."""
        if "requestBody" not in node:
            return None, ()
        body = Fields(self._document.follow(node["requestBody"], f"{at}/requestBody"))
        content, unknown = self._content(body, f"{at}/requestBody")
        return Body(content, body.get("required") is True), (*unknown, *self._unknown(body))

    def _content(self, item: Node, at: str) -> tuple[dict[str, Shape], tuple[tuple[str, str], ...]]:
        """Return the shapes by media type, and the unknown keywords."""
        shapes: dict[str, Shape] = {}
        unknown: list[tuple[str, str]] = []
        for media, node, place in self._document.parts(item, "content", at):
            name, part = _media_type(media), Fields(node)
            if name in shapes:
                unknown.append((f"a second {name}", canonical(node)))
            shapes.setdefault(name, self._schemas.read(part.get("schema", {}), f"{place}/schema"))
            unknown += [(f"{name} {key}", text) for key, text in self._unknown(part)]
        return shapes, tuple(unknown)

    def _servers(self, node: Node, at: str) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return the URLs of the servers with their unknown keywords; a variable gives one URL for each value."""
        if at and "servers" not in node:
            return []
        found: list[tuple[str, list[tuple[str, str]]]] = []
        for part, place in self._document.items(node, "servers", at):
            item = Fields(part)
            urls = [self._document.text(item.get("url"), f"{place}/url")]
            unread = [pair for pair in self._unknown(item) if pair[0] not in ("variables", "name")]
            unknown = [(f"servers {key}", text) for key, text in unread]
            for name, declared, here in self._document.parts(item, "variables", place):
                variable = Fields(declared)
                default = self._document.text(variable.get("default"), f"{here}/default")
                values = list(dict.fromkeys([default, *self._document.strings(variable.get("enum"), f"{here}/enum")]))
                urls = [url.replace(f"{{{name}}}", value) for url in urls for value in values]
                unknown += [(f"servers variable {key}", text) for key, text in self._unknown(variable)]
                if len(urls) > _MAX_SERVERS:
                    unknown.append((f"servers below the first {_MAX_SERVERS}", canonical(part)))
                    urls = urls[:_MAX_SERVERS]
            found += [(url.rstrip("/"), unknown) for url in urls]
        return found

    def _unknown(self, node: Fields) -> Iterator[tuple[str, str]]:
        """Yield the keywords of an object that were not read and are not documentation, with their value as JSON."""
        for key, text in self._document.unread(node, is_documentation):
            if key not in _NO_EFFECT or text != "false":
                yield key, text

    def _requirements(self, value: Any, at: str) -> tuple[frozenset[frozenset[str]], frozenset[str] | None]:
        """Return the alternative sets of schemes and scopes (`scheme: scope`), and the scopes of all of them.

        An empty list says that no scope is needed only for a scheme that has scopes: other keys may need a permission.
        """
        alternatives, scopes, names = set(), set(), set()
        for place, entry in enumerate(self._document.array(value, at)):
            needed: set[str] = set()
            for name, texts in self._document.mapping(entry, f"{at}/{place}").items():
                own = self._document.strings(texts, f"{at}/{place}/{name}")
                needed |= {str(name), *(f"{name}: {scope}" for scope in own)}
                scopes |= set(own)
                names.add(str(name))
            alternatives.add(frozenset(needed))
        is_stated = bool(scopes) or not names & self._has_no_scopes
        return frozenset(alternatives) or frozenset({frozenset()}), frozenset(scopes) if is_stated else None

    def _scheme_parts(self) -> Iterator[tuple[str, Node, str]]:
        return self._document.parts(self._components, "securitySchemes", "/components")

    def _unknown_of_flows(self) -> Iterator[tuple[str, str]]:
        """Yield the keywords of OAuth flows beside URLs and scopes."""
        for _, part, at in self._scheme_parts():
            for flow, entry, _ in self._document.parts(part, "flows", at):
                rest = {key: value for key, value in entry.items() if not str(key).endswith("Url") and key != "scopes"}
                yield from ((f"flow {flow} {key}", text) for key, text in self._unknown(Fields(rest)))

    def _schemes(self) -> Iterator[tuple[str, SecurityScheme]]:
        for name, part, at in self._scheme_parts():
            item = {key: part[key] for key in part if not is_documentation(str(key)) and key != "bearerFormat"}
            if isinstance(item.get("scheme"), str):
                item["scheme"] = item["scheme"].lower()
            addresses, scopes = [canonical(item.pop("openIdConnectUrl", None))], set()
            for flow, entry, place in self._document.parts(item, "flows", at):
                scopes |= {str(scope) for scope in self._document.mapping(entry.get("scopes"), f"{place}/scopes")}
                addresses += [f"{flow} {key} {canonical(entry[key])}" for key in sorted(entry) if key.endswith("Url")]
            if "flows" in item:
                item["flows"] = sorted(map(str, item["flows"]))
            yield name, SecurityScheme(canonical(item), tuple(addresses), frozenset(scopes))


def _key(parameter: Node) -> tuple[str, str]:
    """Return what identifies a parameter of an operation."""
    return str(parameter.get("in")), str(parameter.get("name"))


def _is_ignored(parameter: Node) -> bool:
    return parameter.get("in") == "header" and str(parameter.get("name")).lower() in _IGNORED_HEADERS


def _is_about(key: str) -> bool:
    """Return whether a key of `info` is documentation: all of them but extensions."""
    return not key.startswith("x-") or key == "x-known-versions" or is_documentation(key)


def _stated(node: Fields, names: Set[str]) -> tuple[tuple[str, str], ...]:
    return tuple((key, canonical(value, _MAX_STATED)) for key, value in node.pick(names).items())


def _extensions(node: Node, key: str) -> Iterator[tuple[str, str]]:
    """Yield the extensions of the object `node[key]`, whose other keys are names."""
    value = node.get(key)
    for name, part in value.items() if isinstance(value, Mapping) else ():
        if str(name).startswith("x-") and not is_documentation(str(name)):
            yield f"{key} {name}", canonical(part)


def _extended(node: Node) -> Iterator[tuple[str, str]]:
    """Yield the extensions of a callback, whose other keys are URLs."""
    return _extensions({"callback": node}, "callback")


def _media_type(text: str) -> str:
    """Return a media type with its parameters, without the character set, which is UTF-8 in JSON."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    return ";".join([name, *sorted(part for part in parameters if part and not part.startswith("charset="))])
