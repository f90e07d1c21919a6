"""An OpenAPI document of any origin as the document of a contract.

Whop's own document, or an exported one, has other ids, shared parameters, inlined or referred responses,
and keywords of OpenAPI 3.0. It is brought into the form that bundled documents have. What a document cannot say
(which resource an id belongs to, how lists are paged) is taken from the bundled edition next to its version.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from whopwatch.contract.bundle import ROOT_FILE, bundle_document
from whopwatch.contract.edition import Edition
from whopwatch.contract.model import Contract
from whopwatch.contract.openapi_inference import ImportNote, infer
from whopwatch.contract.operation import Operation, escape_pointer
from whopwatch.core.documents import DocumentError, parse_document, read_bounded
from whopwatch.core.errors import ContractError

JSON_MEDIA_TYPE = "application/json"
EXPECTED = "an OpenAPI 3.0.x or 3.1.x document in JSON or YAML"

_METHODS = ("get", "post", "put", "patch", "delete")
_BY_METHOD = {"get": "retrieve", "post": "create", "put": "update", "patch": "update", "delete": "delete"}
_MARKS = ("x-resource", "x-resource-alternatives", "x-id-prefix")
_KEPT = ("summary", "deprecated", "servers")
"""Keys of an operation that are taken as they are, beside extensions."""
_BASE_PATH = "/api/v1"
_MAX_LEVELS = 120
_DATA = frozenset({"example", "examples", "default", "enum", "const", "links", "mapping", "scopes"})
"""Keywords whose value is data, which may look like a schema."""
_NAMED_PARTS = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "paths", "webhooks", "responses", "content", "headers"}
    | {"callbacks", "variables", "encoding"}
)
"""Keywords of objects whose keys are names and whose values are objects."""
_SCHEMA_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "parameters"})
_MAX_PARTS = 5_000
_EXPECTED: dict[str, Any] = {
    **dict.fromkeys(("$ref", "operationId", "name", "in", "pattern", "format", "x-resource", "x-event"), str),
    **dict.fromkeys((*_NAMED_PARTS, "components", "requestBody"), dict),
    **dict.fromkeys((*_SCHEMA_LISTS, "required", "enum", "security", "servers", "tags"), list),
    **dict.fromkeys(("schema", "additionalProperties", "not", "if", "then", "else", "contains"), dict | bool),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "multipleOf"), int | float
    ),
    "items": dict | bool | list,
    "type": str | list,
    "required": list | bool,
    "x-id-prefix": list,
}
"""The types of the values of keywords; `required` is a boolean for a parameter or body."""
_TYPE_NAMES = {
    str: "a string",
    dict: "an object",
    list: "an array",
    dict | bool: "an object or a boolean",
    int | float: "a number",
    dict | bool | list: "an object or a boolean",
    str | list: "a string or an array",
    list | bool: "an array or a boolean",
}
_ENCODED_REFERENCE = re.compile(r"""\$ref["']?\s*:\s*["']?#[^"'\s]*%""")
_SHARED = re.compile(r"#/components/(schemas|parameters|responses)/[^/]+")
_PREFIX_STEP = re.compile(r"api|rest|v?\d+(\.\d+)*", re.IGNORECASE)
"""Steps at the beginning of all paths that name no resource."""
_MAX_LINKS = 100
"""References that are followed one after another; a longer chain is a cycle."""

Node = dict[str, Any]


def read_openapi_file(path: Path, expected: str = EXPECTED) -> Node:
    """Return the OpenAPI document in a file. Raise ContractError, which says `expected`, for anything else."""
    try:
        text = read_bounded(path).decode()
        document = parse_document(text)
    except OSError as error:
        raise ContractError("The document cannot be read.", where=str(path), got=error.strerror) from None
    except ValueError as error:
        raise ContractError(
            "The document cannot be read.",
            where=str(path),
            expected="JSON or YAML in UTF-8",
            got=str(error) if isinstance(error, DocumentError) else "text that is not UTF-8",
            hint=expected,
        ) from None
    if isinstance(document, dict) and "openapi" not in document and "v1" in document:
        document = document["v1"]  # the bundle of a contract folder
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        declared = document.get("openapi", document.get("swagger")) if isinstance(document, dict) else None
        raise ContractError(
            "The file is no OpenAPI document.",
            where=str(path),
            expected="openapi: 3.0.x or 3.1.x",
            got=f"version {str(declared)[:20]}" if declared else "no version",
            hint="convert it first" if declared else expected,
        )
    if "$id" in text or _ENCODED_REFERENCE.search(text):
        document = _with_references_from_the_root(document)
    items = document.get("paths")
    refers = isinstance(items, dict) and any("$ref" in item for item in items.values() if isinstance(item, dict))
    return bundle_document(path.parent) if refers and path.name == ROOT_FILE else document


def _with_references_from_the_root(document: Node) -> Node:
    """Return a copy in which every reference starts at the root, without percent-encoding.

    Within a schema with an `$id`, a reference starts at that schema.
    """
    places: dict[str, str] = {}

    def read(node: Any, at: str, owner: tuple[str, Node]) -> Any:
        if isinstance(node, list):
            return [read(part, f"{at}/{place}", owner) for place, part in enumerate(node)]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$id"), str):
            owner = (at, node)
            places.setdefault(node["$id"], at)
        parts = {key: part for key, part in node.items() if key != "$id" or not isinstance(part, str)}
        made = {key: read(part, f"{at}/{escape_pointer(str(key))}", owner) for key, part in parts.items()}
        reference = node.get("$ref")
        if isinstance(reference, str) and reference[:1] == "#":
            reference = reference if leads_somewhere(owner[1], reference) else unquote(reference)
            starts_here = owner[0] and leads_somewhere(owner[1], reference)
            made["$ref"] = f"#{owner[0]}{reference[1:]}" if starts_here else reference
        return made

    def named(node: Any) -> None:
        for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            named(part)
        if isinstance(node, dict) and isinstance(node.get("$ref"), str) and node["$ref"] in places:
            node["$ref"] = f"#{places[node['$ref']]}"

    rooted: Node = read(document, "", ("", document))
    named(rooted)
    return rooted


def version_of(document: Mapping[str, Any]) -> str | None:
    """Return the dated version that a document names, None if it names none."""
    info = document.get("info")
    version = info.get("x-api-version-date") if isinstance(info, dict) else None
    return version if isinstance(version, str) else None


def shared_operations(document: Mapping[str, Any], contract: Contract) -> int:
    """Return how many operations of a document a contract has, too, by method and path."""
    paths = _mapping(document.get("paths"))
    found = {(method.upper(), nameless(str(path))) for path, item in paths.items() for method in _mapping(item)}
    return sum((one.method, nameless(one.path)) in found for one in contract.operations.values() if one.api == "v1")


def contract_of(path: Path, document: Node, pattern: Contract) -> Contract:
    """Return `document`, read from `path`, as a contract; `pattern` is the bundled edition that it is compared with.

    Raise ContractError if it has no operation.
    """
    _check_structure(document, path)
    adapted, _ = adapt(document, pattern)
    if not adapted["paths"]:
        raise ContractError("The document has no operation.", where=str(path), expected="paths with methods")
    digest = json.dumps(adapted, sort_keys=True, separators=(",", ":"))
    edition = Edition(pattern.edition.folder, version_of(document), source=path)
    contract = Contract({"v1": adapted}, edition)
    return Contract(contract.documents, replace(edition, sha256=_sha256(digest)))


def _check_structure(document: Node, path: Path) -> None:
    """Raise ContractError, with the place, for a value of another type than OpenAPI allows.

    The same holds for a `$ref` that leads nowhere, and for more levels or schemas in one place than can be read.
    """
    waiting: list[tuple[Any, str, int, bool]] = [(document, "", 0, False)]
    while waiting:
        node, at, level, are_names = waiting.pop()
        if level > _MAX_LEVELS:
            raise _malformed(path, at, f"at most {_MAX_LEVELS} levels", "more")
        if isinstance(node, dict) and not are_names:
            for key in node.keys() & _EXPECTED.keys() if at != "/components" else ():
                expected = _EXPECTED[key]
                if not isinstance(node[key], expected):
                    raise _malformed(path, f"{at}/{key}", _TYPE_NAMES[expected], type(node[key]).__name__)
            if "$ref" in node and not leads_somewhere(document, node["$ref"]):
                hint = "bundle the document into one file first"
                raise _malformed(path, f"{at}/$ref", "a reference within the document", node["$ref"][:200], hint)
        elif are_names or at.rpartition("/")[2] in _SCHEMA_LISTS:
            parts = [part for key, part in node.items() if str(key)[:2] != "x-"] if isinstance(node, dict) else node
            if any(not isinstance(part, dict | bool) for part in parts) or len(parts) > _MAX_PARTS:
                raise _malformed(path, at, f"objects, at most {_MAX_PARTS:,} of them", "another type, or more")
        for key, part in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(part, dict | list) and key not in _DATA and not str(key).startswith("x-"):
                is_map = at == "/components" or (key in _NAMED_PARTS and not are_names)
                waiting.append((part, f"{at}/{key}", level + 1, is_map))


def _malformed(path: Path, at: str, expected: str, got: str, hint: str | None = None) -> ContractError:
    where = f"{path}, {at[:200] or '/'}"
    return ContractError("The OpenAPI document is malformed.", where=where, expected=expected, got=got, hint=hint)


def leads_somewhere(document: Mapping[str, Any], reference: str) -> bool:
    """Return whether a reference leads to a part of the document."""
    return part_at(document, reference) is not None


def part_at(document: Mapping[str, Any], reference: str) -> Any:
    """Return the part of the document that a reference leads to, None if there is none."""
    node: Any = document if reference == "#" or reference.startswith("#/") else None
    for step in reference.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list):
            node = node[int(key)] if key.isdecimal() and len(key) < 10 and int(key) < len(node) else None
        else:
            node = node.get(key) if isinstance(node, dict) else None
    return node


def _free_name(wanted: str, taken: Mapping[str, Any]) -> str:
    while wanted in taken:
        wanted += "_"
    return wanted


def _is_same_api(document: Mapping[str, Any], pattern: Contract) -> bool:
    """Return whether a fifth of the operations of a document are known: other APIs share a path by accident."""
    count = sum(len(_mapping(item).keys() & set(_METHODS)) for item in _mapping(document.get("paths")).values())
    return 5 * shared_operations(document, pattern) >= count


def adapt(document: Node, pattern: Contract) -> tuple[Node, list[ImportNote]]:
    """Return a document in the form of bundled ones, and what was inferred of operations that `pattern` lacks."""
    adapter = _Adapter(document, pattern)
    adapted = adapter.document()
    return adapted, list(infer(adapted, adapter.known_in(adapted)))


def _sha256(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode()).hexdigest()


class _Adapter:
    """Brings one document into the form of bundled ones."""

    def __init__(self, document: Node, pattern: Contract) -> None:
        self._raw = document
        self._document: Node = _plain_nulls(document)
        self._pattern = pattern
        self._known = {
            (operation.method, nameless(operation.path)): operation
            for operation in pattern.operations.values()
            if operation.api == "v1" and _is_same_api(document, pattern)
        }
        self._ids: set[str] = set()

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
        self._copy_marks(adapted)
        self._hoist(adapted)
        return adapted

    def _hoist(self, adapted: Node) -> None:
        """Make a shared schema of every part that a schema refers to: only these have the same place afterwards."""
        schemas, names = adapted["components"]["schemas"], dict[str, str]()
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
                    names[reference] = _free_name(re.sub(r"\W+", "_", plain).strip("_"), schemas)
                    schemas[names[reference]] = _plain_nulls(part_at(self._raw, reference) or {})
                    waiting.append(schemas[names[reference]])
                node["$ref"] = f"#/components/schemas/{names[reference]}"
            waiting += (part for key, part in node.items() if key not in _DATA)

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
        while id in self._ids:
            id += "_"
        self._ids.add(id)
        return id

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
