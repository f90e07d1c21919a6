"""Read an OpenAPI document of any origin, and check that its parts have the types that OpenAPI allows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from whopwatch.contract.bundle import ROOT_FILE, bundle_document
from whopwatch.core.documents import DocumentError, parse_document, read_bounded
from whopwatch.core.errors import ContractError
from whopwatch.core.pointers import escape_pointer, leads_somewhere, mappings

EXPECTED = "an OpenAPI 3.0.x or 3.1.x document in JSON or YAML"

_MAX_LEVELS = 120
DATA = frozenset({"example", "examples", "default", "enum", "const", "links", "mapping", "scopes"})
"""Keywords whose value is data, which may look like a schema."""
_NAMED_PARTS = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "paths", "webhooks", "responses", "content", "headers"}
    | {"callbacks", "variables", "encoding"}
)
"""Keywords of objects whose keys are names and whose values are objects."""
_SCHEMA_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "parameters"})
_MAX_PARTS = 5_000
_MAX_PATHS = 50_000
"""Paths, or components of one kind."""
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

_COMPONENTS = (None, "components")

Node = dict[str, Any]
Place = tuple["Place", str] | None
"""A place in a document: the place of what contains it, and its key. A path in one string would be copied for each."""


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
    if any("$id" in node or "%" in str(node.get("$ref")) for node in mappings(document)):
        document = _with_references_from_the_root(document)
    items = document.get("paths")
    refers = isinstance(items, dict) and any("$ref" in item for item in items.values() if isinstance(item, dict))
    return bundle_document(path.parent) if refers and path.name == ROOT_FILE else document


def _with_references_from_the_root(document: Node) -> Node:
    """Return a copy in which every reference starts at the root, without percent-encoding.

    Within a schema with an `$id`, a reference starts at that schema.
    """
    places: dict[str, str] = {}

    def read(node: Any, at: Place, owner: tuple[Place, Node]) -> Any:
        if isinstance(node, list):
            return [read(part, (at, str(place)), owner) for place, part in enumerate(node)]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$id"), str):
            owner = (at, node)
            places.setdefault(node["$id"], _pointer(at))
        parts = {key: part for key, part in node.items() if key != "$id" or not isinstance(part, str)}
        made = {key: read(part, (at, str(key)), owner) for key, part in parts.items()}
        reference = node.get("$ref")
        if isinstance(reference, str) and reference[:1] == "#":
            reference = reference if leads_somewhere(owner[1], reference) else unquote(reference)
            starts_here = owner[0] and leads_somewhere(owner[1], reference)
            made["$ref"] = f"#{_pointer(owner[0])}{reference[1:]}" if starts_here else reference
        return made

    rooted: Node = read(document, None, (None, document))
    for node in mappings(rooted):
        if isinstance(node.get("$ref"), str) and node["$ref"] in places:
            node["$ref"] = f"#{places[node['$ref']]}"
    return rooted


def version_of(document: Mapping[str, Any]) -> str | None:
    """Return the dated version that a document names, None if it names none."""
    info = document.get("info")
    version = info.get("x-api-version-date") if isinstance(info, dict) else None
    return version if isinstance(version, str) else None


def check_structure(document: Node, where: str) -> None:
    """Raise ContractError, with the place, for a value of another type than OpenAPI allows. `where` names the document.

    The same holds for a `$ref` that leads nowhere, and for more levels or schemas in one place than can be read.
    """
    waiting: list[tuple[Any, Place, int, bool]] = [(document, None, 0, False)]
    while waiting:
        node, at, level, are_names = waiting.pop()
        if level > _MAX_LEVELS:
            raise _malformed(where, at, f"at most {_MAX_LEVELS} levels", "more")
        of_components = at is not None and at[0] == _COMPONENTS
        if isinstance(node, dict) and not are_names:
            for key in node.keys() & _EXPECTED.keys() if at != _COMPONENTS else ():
                expected = _EXPECTED[key]
                if not isinstance(node[key], expected):
                    raise _malformed(where, (at, key), _TYPE_NAMES[expected], type(node[key]).__name__)
            if "$ref" in node and not leads_somewhere(document, node["$ref"]):
                hint = "bundle the document into one file first"
                place = (at, "$ref")
                raise _malformed(where, place, "a reference within the document", node["$ref"][:200], hint)
        elif are_names or (at and at[1] in _SCHEMA_LISTS):
            parts = [part for key, part in node.items() if str(key)[:2] != "x-"] if isinstance(node, dict) else node
            most = _MAX_PATHS if of_components or at == (None, "paths") else _MAX_PARTS
            if any(not isinstance(part, dict | bool) for part in parts) or len(parts) > most:
                raise _malformed(where, at, f"objects, at most {most:,} of them", "another type, or more")
        for key, part in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(part, dict | list) and key not in DATA and not str(key).startswith("x-"):
                is_map = at == _COMPONENTS or (key in _NAMED_PARTS and not are_names)
                waiting.append((part, (at, str(key)), level + 1, is_map))


def _pointer(place: Place) -> str:
    """Return a place as a JSON pointer."""
    steps = []
    while place:
        place, step = place
        steps.append(f"/{escape_pointer(step)}")
    return "".join(reversed(steps))


def _malformed(where: str, at: Place, expected: str, got: str, hint: str | None = None) -> ContractError:
    where = f"{where}, {_pointer(at)[:200] or '/'}"
    return ContractError("The OpenAPI document is malformed.", where=where, expected=expected, got=got, hint=hint)
