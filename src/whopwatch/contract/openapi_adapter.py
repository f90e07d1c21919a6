"""Bring an OpenAPI document of any origin into the form of a contract's documents.

Whop's own document, or an exported one, has other ids, shared parameters, inlined or referred responses,
and keywords of OpenAPI 3.0. It is brought into the form that bundled documents have. What a document cannot say
(which resource an id belongs to, how lists are paged) is taken from the bundled edition next to its version.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from whopwatch.contract.edition import Edition
from whopwatch.contract.model import Contract
from whopwatch.contract.openapi_file import DATA, Node, check_structure, version_of
from whopwatch.contract.openapi_inference import ImportNote, infer
from whopwatch.contract.operation import Operation
from whopwatch.core.documents import MAX_DOCUMENT_VALUES
from whopwatch.core.errors import ContractError
from whopwatch.core.pointers import part_at

JSON_MEDIA_TYPE = "application/json"

_METHODS = ("get", "post", "put", "patch", "delete")
_BY_METHOD = {"get": "retrieve", "post": "create", "put": "update", "patch": "update", "delete": "delete"}
_MARKS = ("x-resource", "x-resource-alternatives", "x-id-prefix")
_KEPT = ("summary", "deprecated", "servers")
"""Keys of an operation that are taken as they are, beside extensions."""
_BASE_PATH = "/api/v1"
_SHARED = re.compile(r"#/components/(schemas|parameters|responses)/[^/]+")
_PREFIX_STEP = re.compile(r"api|rest|v?\d+(\.\d+)*", re.IGNORECASE)
"""Steps at the beginning of all paths that name no resource."""
_MAX_UNDERSCORES = 10
"""A name that occurs more often gets a number instead."""
_MAX_LINKS = 100
"""References that are followed one after another; a longer chain is a cycle."""


def shared_operations(document: Mapping[str, Any], contract: Contract) -> int:
    """Return how many operations of a contract a document has, too, by method and path."""
    return len(_known_operations(document, contract))


def contract_of(path: Path, document: Node, pattern: Contract) -> Contract:
    """Return `document`, read from `path`, as a contract; `pattern` is the bundled edition that it is compared with.

    Raise ContractError if it is malformed or has no operation.
    """
    adapted, _ = adapt(document, pattern, str(path))
    digest = hashlib.sha256(json.dumps(adapted, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return Contract({"v1": adapted}, Edition(pattern.edition.folder, version_of(document), source=path, sha256=digest))


def adapt(document: Node, pattern: Contract, where: str) -> tuple[Node, list[ImportNote]]:
    """Return a document in the form of bundled ones, and what was inferred of operations that `pattern` lacks.

    `where` names the document in errors. Raise ContractError if it is malformed, has no operation, or becomes too large
    once each operation has its own parameters, body and responses.
    """
    check_structure(document, where)
    adapter = _Adapter(document, pattern, where)
    adapted = adapter.document()
    if not adapted["paths"]:
        raise ContractError("The document has no operation.", where=where, expected="paths with methods")
    return adapted, list(infer(adapted, adapter.known_in(adapted)))


def _check_size(part: Any, where: str, others: int = 0) -> int:
    """Return the values of a part of a contract, written out as often as they occur, and of `others`.

    Raise ContractError for more than can be read: shared parameters and bodies are written out where they are used.
    """
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        if not isinstance(node, dict | list):
            return 1
        if id(node) not in sizes:
            sizes[id(node)] = 1 + sum(map(size, node.values() if isinstance(node, dict) else node))
        return sizes[id(node)]

    found = others + size(part)
    if found > MAX_DOCUMENT_VALUES:
        raise ContractError(
            "The document is too large.",
            where=where,
            expected=f"at most {MAX_DOCUMENT_VALUES:,} values once its references are followed",
            got="more",
        )
    return found


def _known_operations(document: Mapping[str, Any], contract: Contract) -> dict[tuple[str, str], Operation]:
    """Return the operations of a contract that a document has, too, by method and path without names."""
    paths = _mapping(document.get("paths"))
    found = {(method.upper(), nameless(str(path))) for path, item in paths.items() for method in _mapping(item)}
    keys = (((one.method, nameless(one.path)), one) for one in contract.operations.values() if one.api == "v1")
    return {key: operation for key, operation in keys if key in found}


def _is_same_api(document: Mapping[str, Any], known: int) -> bool:
    """Return whether a fifth of the operations of a document are known: other APIs share a path by accident."""
    count = sum(len(_mapping(item).keys() & set(_METHODS)) for item in _mapping(document.get("paths")).values())
    return 5 * known >= count


class _FreeNames:
    """Gives each name once: the second `cats.list` is `cats.list_`, and so on."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def take(self, wanted: str) -> str:
        """Return `wanted`, or a name made of it that is free."""
        name = wanted
        while name in self._taken:
            number = self._numbers[wanted] = self._numbers.get(wanted, 0) + 1
            name = wanted + ("_" * number if number < _MAX_UNDERSCORES else f"_{number}")
        self._taken.add(name)
        return name


class _Adapter:
    """Brings one document into the form of bundled ones."""

    def __init__(self, document: Node, pattern: Contract, where: str) -> None:
        self._raw = document
        self._document: Node = _plain_nulls(document)
        self._pattern = pattern
        self._where = where
        known = _known_operations(document, pattern)
        self._known = known if _is_same_api(document, len(known)) else {}
        self._names = _FreeNames()

    def known_in(self, adapted: Node) -> set[tuple[str, str]]:
        """Return method and path of the operations that the pattern has, too."""
        found = ((method, path) for path, item in adapted["paths"].items() for method in item)
        return {(method, path) for method, path in found if (method.upper(), nameless(path)) in self._known}

    def document(self) -> Node:
        """Return the adapted document."""
        paths = self._document.get("paths")
        paths = paths if isinstance(paths, dict) else {}
        strips = bool(paths) and all(str(path).startswith(f"{_BASE_PATH}/") for path in paths)
        made: Node = {}
        for path, item in paths.items():
            shown = str(path).removeprefix(_BASE_PATH) if strips else str(path)
            operations = dict(self._operations(shown, self._follow(item)))
            if operations:
                made[shown] = operations
        components = _mapping(self._document.get("components"))
        adapted = {
            **{key: value for key, value in self._document.items() if key.startswith("x-")},
            "openapi": "3.1.0",
            "info": {"title": "", "version": "", **_mapping(self._document.get("info"))},
            "servers": self._document.get("servers") or self._known_servers(),
            "tags": _tags(_list(self._document.get("tags")), made),
            "paths": made,
            "webhooks": dict(self._webhooks()),
            "components": {**components, "schemas": _mapping(components.get("schemas"))},
        }
        shared = {
            "parameters": lambda raw: self._parameter(self._follow(raw), None),
            "responses": self._response,
        }
        for kind, adapt in shared.items():
            if kind in components:
                parts = ((name, adapt(raw)) for name, raw in _mapping(components[kind]).items())
                adapted["components"][kind] = {name: part for name, part in parts if part}
        values = _check_size(adapted, self._where)
        self._copy_marks(adapted)
        self._hoist(adapted, values)
        return adapted

    def _hoist(self, adapted: Node, values: int) -> None:
        """Make a shared schema of every part that a schema refers to: only these have the same place afterwards.

        `values` is the size of `adapted`.
        """
        schemas, names = adapted["components"]["schemas"], dict[str, str]()
        free = _FreeNames(schemas)
        waiting: list[Any] = [adapted]
        while waiting:
            node = waiting.pop()
            waiting += node if isinstance(node, list) else ()
            if not isinstance(node, dict):
                continue
            reference = node.get("$ref")
            if isinstance(reference, str) and not _SHARED.fullmatch(reference):
                if reference not in names:
                    plain = unquote(reference).removeprefix("#/components/schemas/")
                    names[reference] = free.take(re.sub(r"\W+", "_", plain).strip("_"))
                    part = schemas[names[reference]] = _plain_nulls(part_at(self._raw, reference) or {})
                    values = _check_size(part, self._where, values)
                    waiting.append(schemas[names[reference]])
                node["$ref"] = f"#/components/schemas/{names[reference]}"
            waiting += (part for key, part in node.items() if key not in DATA)

    def _known_servers(self) -> list[Any]:
        """Return the servers of a document that names none: those of the same API, or the root of its own."""
        known: list[Any] = self._pattern.documents["v1"].get("servers", []) if self._known else []
        return known or [{"url": "/"}]

    def _operations(self, path: str, item: Node) -> Iterator[tuple[str, Node]]:
        shared = [self._follow(parameter) for parameter in _list(item.get("parameters"))]
        for method in _METHODS:
            raw = item.get(method)
            if isinstance(raw, dict):
                yield method, self._operation(path, method, raw, shared)

    def _operation(self, path: str, method: str, raw: Node, shared: list[Node]) -> Node:
        known = self._known.get((method.upper(), nameless(path)))
        id = self._id(path, method, raw, known)
        own = _list(raw.get("parameters"))
        names = {(one.get("in"), one.get("name")) for one in map(self._follow, own)}
        inherited = [one for one in shared if (one.get("in"), one.get("name")) not in names]
        made = {key: value for key, value in raw.items() if key.startswith("x-") or key in _KEPT}
        made |= {
            "operationId": id,
            "tags": [id.rpartition(".")[0]],
            "security": list(filter(_is_scheme, _list(raw.get("security", self._document.get("security"))))),
            "parameters": _with_path_names(
                path, list(filter(None, (self._parameter_or_link(one, known) for one in (*inherited, *own))))
            ),
            "responses": self._responses(_mapping(raw.get("responses"))),
        }
        body = self._content(self._follow(raw.get("requestBody")))
        if body:
            required = bool(self._follow(raw["requestBody"]).get("required"))
            made["requestBody"] = {"required": required, "content": body}
        if self._is_list(made, known):
            made["x-list"] = True
        if known is None and raw.get("security") == [] and self._document.get("security"):
            made["x-public"] = True  # it says so; a document without any security does not
        for key in ("x-pagination", "x-public", "x-whop-surface"):
            if known and key in known.raw:
                made.setdefault(key, known.raw[key])
        return made

    def _id(self, path: str, method: str, raw: Node, known: Operation | None) -> str:
        """Return a unique id of the form `resource.method`: the known one, the document's own, or one of the path."""
        given = str(raw.get("operationId", ""))
        if known:
            id = known.id
        elif re.fullmatch(r"\w+(\.\w+)+", given):
            id = given
        else:
            id = _id_of_path(path, method)
        return self._names.take(id)

    def _parameter_or_link(self, raw: Any, known: Operation | None) -> Node | None:
        """Return a parameter, or the reference to a shared header: it belongs to no resource of its own."""
        found = self._follow(raw)
        is_link = _is_link(raw, "parameters") and found.get("in") == "header"
        return dict(raw) if is_link else self._parameter(found, known)

    def _parameter(self, raw: Node, known: Operation | None) -> Node | None:
        if raw.get("in") not in ("path", "query", "header") or not isinstance(raw.get("name"), str):
            return None
        carried = [part.get("schema") for part in _mapping(raw.get("content")).values() if isinstance(part, dict)]
        schema = raw.get("schema") or (carried[0] if carried else None)
        made: Node = {
            key: raw[key]
            for key in ("name", "in", "style", "explode", "deprecated", "example", "examples")
            if key in raw
        }
        made |= {"required": bool(raw.get("required")), "schema": dict(_mapping(schema))}
        same = known.parameter(raw["name"]) if known else None
        if same and same.resource:
            holder = made["schema"].get("items", made["schema"])
            if isinstance(holder, dict):
                holder.setdefault("x-resource", same.resource)
        return made

    def _responses(self, raw: Mapping[str, Any]) -> Node:
        made: Node = {}
        for status, response in raw.items():
            number = "200" if str(status).upper() == "2XX" else str(status)
            if number.isdecimal():
                is_link = _is_link(response, "responses") and self._follow(response) and number[0] != "2"
                made[number] = dict(response) if is_link else self._response(response)
        if not any(status.startswith("2") for status in made):
            default = self._content(self._follow(raw.get("default")))
            made["200"] = {"description": "", **_with("content", {} if made else default)}
        return made

    def _response(self, raw: Any) -> Node:
        found = self._follow(raw)
        return {"description": str(found.get("description", "")), **_with("content", self._content(found))}

    def _content(self, carrier: Node) -> Node:
        """Return the JSON content of a body or a response, under its plain media type; nothing if there is none."""
        for media, part in _mapping(carrier.get("content")).items():
            if "json" in str(media) and isinstance(part, dict):
                return {JSON_MEDIA_TYPE: {"schema": _mapping(part.get("schema"))}}
        return {}

    def _is_list(self, made: Node, known: Operation | None) -> bool:
        """Return whether an operation is a list with cursors: it takes one and answers `data` with `page_info`."""
        if known:
            return known.is_list
        success = next(part for status, part in sorted(made["responses"].items()) if status.startswith("2"))
        schema = self._follow(success.get("content", {}).get(JSON_MEDIA_TYPE, {}).get("schema"))
        names = {parameter.get("name") for parameter in made["parameters"]}
        return names >= {"first", "after"} and _mapping(schema.get("properties")).keys() >= {"data", "page_info"}

    def _webhooks(self) -> Iterator[tuple[str, Node]]:
        for key, item in _mapping(self._document.get("webhooks")).items():
            raw = self._follow(item).get("post")
            content = self._content(self._follow(raw.get("requestBody"))) if isinstance(raw, dict) else {}
            if isinstance(raw, dict) and content:
                event = str(raw.get("x-event", key))
                known = self._pattern.events.get(event)
                tag = known.resource if known else f"{event.partition('.')[0]}s"
                made = {key: value for key, value in raw.items() if key.startswith("x-") or key in _KEPT}
                made |= {"operationId": f"webhook:{event}", "tags": [tag], "x-event": event}
                body = {"required": True, "content": content}
                responses = self._responses(_mapping(raw.get("responses")))
                yield event, {"post": {**made, "requestBody": body, "responses": responses}}

    def _copy_marks(self, adapted: Node) -> None:
        """Mark ids as the pattern does, in components of the same name and in responses of the same operation."""
        theirs = self._pattern.documents["v1"]["components"]["schemas"]
        for name, schema in adapted["components"]["schemas"].items():
            _mark(schema, theirs.get(name))
        for path, item in adapted["paths"].items():
            for method, operation in item.items():
                known = self._known.get((method.upper(), nameless(path)))
                if known:
                    for response in operation["responses"].values():
                        _mark(response.get("content", {}).get(JSON_MEDIA_TYPE, {}).get("schema"), known.success.schema)

    def _follow(self, node: Any) -> Node:
        """Return a mapping, or what its reference leads to within the document; an empty one for anything else."""
        for _ in range(_MAX_LINKS):
            if not isinstance(node, dict):
                return {}
            reference = node.get("$ref")
            if not isinstance(reference, str):
                return node
            node = part_at(self._document, reference)
        return {}


def _with_path_names(path: str, parameters: list[Node]) -> list[Node]:
    """Return the parameters, and a plain one for each other name in the path."""
    stated = {parameter["name"] for parameter in parameters if parameter.get("in") == "path"}
    names = dict.fromkeys(re.findall(r"{([^{}]*)}", path))
    string = {"type": "string"}
    return [
        *({"name": name, "in": "path", "required": True, "schema": string} for name in names if name not in stated),
        *parameters,
    ]


def nameless(path: str) -> str:
    """Return a path whose parameters have no names: two paths that differ in names alone are one."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _id_of_path(path: str, method: str) -> str:
    """Return an id for an operation that no edition knows: `cats.list` for `GET /cats`, `cats.feed` for a POST."""
    steps = [step for step in path.split("/") if step]
    named = [step for step in steps if not step.startswith("{")]
    while len(named) > 1 and _PREFIX_STEP.fullmatch(named[0]):
        named.pop(0)
    fixed = [re.sub(r"\W", "_", step) for step in named] or ["root"]
    ends_in_id = bool(steps) and steps[-1].startswith("{")
    if ends_in_id or method in ("put", "patch", "delete"):
        return f"{fixed[0]}.{_BY_METHOD[method]}" if len(fixed) == 1 else f"{fixed[0]}.{_BY_METHOD[method]}_{fixed[-1]}"
    if len(fixed) == 1:
        return f"{fixed[0]}.{'list' if method == 'get' else _BY_METHOD[method]}"
    return f"{fixed[0]}.{'_'.join(fixed[1:])}"


def _mark(schema: Any, theirs: Any) -> None:
    """Copy the marks of ids from one schema to another of the same place, as deep as both are written out."""
    if not isinstance(schema, dict) or not isinstance(theirs, dict):
        return
    if schema.get("type") == "string":
        plain = _without_null(theirs)
        for key in _MARKS:
            if key in plain and plain.get("type") == "string":
                schema.setdefault(key, plain[key])
    for name, part in _mapping(schema.get("properties")).items():
        _mark(part, _mapping(_without_null(theirs).get("properties")).get(name))
    if "items" in schema:
        _mark(schema["items"], _without_null(theirs).get("items"))
    for part in _list(schema.get("anyOf")):
        _mark(part, theirs)


def _without_null(schema: Node) -> Node:
    branches = [branch for branch in _list(schema.get("anyOf")) if branch != {"type": "null"}]
    return branches[0] if len(branches) == 1 and isinstance(branches[0], dict) else schema


def _plain_nulls(node: Any) -> Any:
    """Return a copy in which null is a branch of `anyOf`, whether it was `nullable` or one of several types."""
    if isinstance(node, list):
        return [_plain_nulls(part) for part in node]
    if not isinstance(node, dict):
        return node
    made = {str(name): _plain_nulls(part) for name, part in node.items()}
    types = made.get("type")
    is_nullable = made.pop("nullable") if isinstance(made.get("nullable"), bool) else False
    if isinstance(types, list) and all(isinstance(one, str) for one in types):
        is_nullable = is_nullable or "null" in types
        plain = [one for one in types if one != "null"]
        if len(plain) == 1:
            made["type"] = plain[0]
        elif plain:
            rest = {name: part for name, part in made.items() if name != "type"}
            branches = [{**rest, "type": one} for one in plain]
            return {"anyOf": [*branches, *([{"type": "null"}] if is_nullable else [])]}
    if not is_nullable or made.get("type") == ["null"]:
        return made
    if isinstance(made.get("enum"), list):
        made["enum"] = [value for value in made["enum"] if value is not None]
    return {"anyOf": [made, {"type": "null"}]}


def _tags(declared: list[Any], paths: Node) -> list[Node]:
    """Return the tags of a document, and those of its operations that it does not declare."""
    known = [tag for tag in declared if isinstance(tag, dict) and isinstance(tag.get("name"), str)]
    used = {operation["tags"][0]: None for item in paths.values() for operation in item.values()}
    kept = [tag for tag in known if tag["name"] in used]
    return [*kept, *({"name": name} for name in used if name not in {tag["name"] for tag in kept})]


def _is_link(node: Any, kind: str) -> bool:
    """Check that `node` refers to a component of a kind in the same document."""
    return isinstance(node, dict) and str(node.get("$ref")).startswith(f"#/components/{kind}/")


def _is_scheme(entry: Any) -> bool:
    """Check that an entry of `security` has the form that OpenAPI gives it: lists of scopes by scheme."""
    return isinstance(entry, dict) and all(isinstance(scopes, list) for scopes in entry.values())


def _with(key: str, value: Node) -> Node:
    return {key: value} if value else {}


def _mapping(node: Any) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}


def _list(node: Any) -> list[Any]:
    return node if isinstance(node, list) else []
