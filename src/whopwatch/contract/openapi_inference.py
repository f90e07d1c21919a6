"""Infer from an OpenAPI document what checks need and OpenAPI has no keyword for, and list what is not understood.

Only operations that no bundled edition knows are annotated. Every inference is a line for a person to read; an overlay
corrects it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whopwatch.contract.openapi_file import Node
from whopwatch.core.pointers import resolved, unescape_pointer

_PREFIX = re.compile(r"([a-z]{2,8}_)[A-Za-z0-9]{6,}")
_ID = re.compile(r"(\w+?)_?[iI][dD]")
_STYLES = (
    ("cursor, both directions", {"first", "after", "last", "before"}),
    ("cursor", {"first", "after"}),
    ("cursor", {"limit", "starting_after"}),
    ("cursor", {"cursor"}),
    ("pages by number", {"page"}),
    ("offset", {"offset"}),
)


@dataclass(frozen=True, slots=True)
class ImportNote:
    """One thing that was inferred, or that was not understood: the operation (`METHOD /path`) and the sentence."""

    operation: str
    what: str


def infer(document: Node, known: set[tuple[str, str]]) -> Iterator[ImportNote]:
    """Annotate the operations of an adapted document that are not in `known` (method, path), and yield how."""
    collections = _collections(document)
    names = {re.sub("s$", "", re.sub("ies$", "y", name)): name for name in collections.values()}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if (method, path) in known:
                continue
            for what in (
                *_ids(path, operation, collections, names),
                *_paging(document, operation),
                *_public(operation),
            ):
                yield ImportNote(f"{method.upper()} {path}", what)


def not_understood(document: Mapping[str, Any]) -> Iterator[ImportNote]:
    """Yield each part of an OpenAPI document that does not become part of a contract."""
    paths = document.get("paths")
    unread: Counter[str] = Counter()
    for path, item in paths.items() if isinstance(paths, dict) else ():
        found = resolved(document, item)
        if not isinstance(found, dict):
            yield ImportNote(str(path), "the path item is not an object")
            continue
        for method, operation in found.items():
            where = f"{str(method).upper()} {path}"
            if method in ("head", "options", "trace"):
                yield ImportNote(where, "the method is not checked")
            elif isinstance(operation, dict) and method in ("get", "post", "put", "patch", "delete"):
                yield from (ImportNote(where, what) for what in _unread(document, operation))
                unread.update(_unread_responses(document, operation))
    for event, item in (document.get("webhooks") or {}).items():
        yield from _unread_event(document, str(event), resolved(document, item))
    for what, count in sorted(unread.items()):
        yield ImportNote("responses", f"{what} of {count} operations are not checked")


def _unread_responses(document: Mapping[str, Any], operation: Node) -> set[str]:
    """Return the kinds of what the responses of an operation state and nothing checks."""
    responses = {str(status): part for status, part in (operation.get("responses") or {}).items()}
    is_success = any(status[:1] == "2" for status in responses)
    headers = (resolved(document, part) for part in responses.values())
    return {
        *(f"responses {status.upper()}" for status in responses if re.fullmatch("[1345][xX]{2}", status)),
        *(["the default responses"] if "default" in responses and is_success else []),
        *(["response headers"] if any(isinstance(part, dict) and part.get("headers") for part in headers) else []),
    }


def _unread_event(document: Mapping[str, Any], event: str, item: Any) -> Iterator[ImportNote]:
    for method, operation in item.items() if isinstance(item, dict) else ():
        if isinstance(operation, dict) and method in ("get", "post", "put", "patch", "delete", "head", "options"):
            body = resolved(document, operation.get("requestBody"))
            content = body.get("content") if isinstance(body, dict) else None
            if method != "post" or not any("json" in str(media) for media in content or ()):
                yield ImportNote(f"webhook {event}", "only a POST with a JSON body becomes an event")


def not_used(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of the components by kind that nothing of a document refers to: no operation shows them."""
    components = document.get("components")
    parts = {kind: part for kind, part in components.items() if isinstance(part, dict)} if components else {}
    reached: set[tuple[str, str]] = set()
    waiting: list[Any] = [{key: part for key, part in document.items() if key != "components"}]
    while waiting:
        node = waiting.pop()
        waiting += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        for kind, name in _component_names(node) if isinstance(node, dict) else ():
            if (kind, name) not in reached and name in parts.get(kind, ()):
                reached.add((kind, name))
                waiting.append(parts[kind][name])
    found = {
        kind: [str(name) for name in part if (kind, name) not in reached and not str(name).startswith("x-")]
        for kind, part in parts.items()
        if kind != "examples" and not kind.startswith("x-")
    }
    return {kind: names for kind, names in found.items() if names}


def _component_names(node: Node) -> Iterator[tuple[str, str]]:
    """Yield kind and name of the components that an object names: in references, discriminators and requirements."""
    discriminator = node.get("discriminator")
    mapping = discriminator.get("mapping") if isinstance(discriminator, dict) else None
    for reference in (node.get("$ref"), *(mapping.values() if isinstance(mapping, dict) else ())):
        steps = str(reference).split("/", 4)
        if steps[:2] == ["#", "components"] and len(steps) > 3:
            yield steps[2], unescape_pointer(steps[3])
        elif reference:
            yield "schemas", str(reference)
    security = node.get("security")
    for entry in security if isinstance(security, list) else ():
        yield from (("securitySchemes", str(name)) for name in entry) if isinstance(entry, dict) else ()


def _unread(document: Mapping[str, Any], operation: Node) -> Iterator[str]:
    for part in operation.get("parameters") or ():
        found = resolved(document, part)
        if isinstance(found, dict) and found.get("in") == "cookie":
            yield f"the cookie {str(found.get('name'))[:60]} is not sent"
    yield from _other_media("the request body", resolved(document, operation.get("requestBody")))
    for status, response in (operation.get("responses") or {}).items():
        if str(status).startswith("2"):
            yield from _other_media(f"the response {status}", resolved(document, response))
    if operation.get("callbacks"):
        yield "callbacks are not checked"


def _other_media(what: str, carrier: Any) -> Iterator[str]:
    content = carrier.get("content") if isinstance(carrier, dict) else None
    if isinstance(content, dict) and content and not any("json" in str(media) for media in content):
        yield f"{what} has no JSON: {', '.join(sorted(map(str, content)))[:80]}"


def _collections(document: Node) -> dict[str, str]:
    """Return the resource of each path that holds one object by its id: `cats` for `/v1/cats/{cat_id}`."""
    found = {}
    for path, item in document["paths"].items():
        parent, _, last = path.rpartition("/")
        if re.fullmatch(r"\{[^}]+\}", last) and "get" in item and parent in document["paths"]:
            found[path] = item["get"]["tags"][0]
    return found


def _ids(path: str, operation: Node, collections: Mapping[str, str], names: Mapping[str, str]) -> Iterator[str]:
    """Annotate the parameters of an operation that are ids of a resource of the document.

    `collections` are the resources by path, `names` those by the name of one object.
    """
    for parameter in operation["parameters"]:
        schema = parameter.get("schema")
        if not isinstance(schema, dict) or schema.get("type") != "string" or "x-resource" in schema:
            continue
        upto = path.partition(f"{{{parameter['name']}}}")[0] + f"{{{parameter['name']}}}"
        stem = _ID.fullmatch(parameter["name"])
        resource = collections.get(upto) if parameter["in"] == "path" else names.get(stem[1]) if stem else None
        if resource:
            schema["x-resource"] = resource
            yield f"{parameter['in']} parameter {parameter['name']}: an id of {resource}"
        match = _PREFIX.fullmatch(str(parameter.get("example", schema.get("example", ""))))
        if match and resource:
            schema["x-id-prefix"] = [match[1]]
            yield f"{parameter['in']} parameter {parameter['name']}: ids begin with {match[1]}"


def _paging(document: Node, operation: Node) -> Iterator[str]:
    """Say how a list is paged. Only the paging of Whop's lists is checked (the mark `x-list`)."""
    names = {one.get("name") for one in operation["parameters"]}
    style = next((style for style, wanted in _STYLES if names >= wanted), None)
    responses: dict[str, Node] = operation["responses"]
    success: Node = next((part for status, part in sorted(responses.items()) if status.startswith("2")), {})
    content = success.get("content", {}).get("application/json", {})
    schema = resolved(document, content.get("schema")) or {}
    is_array = isinstance(schema, dict) and schema.get("type") == "array"
    if operation.get("x-list"):
        yield f"a list: {style or 'cursor'}; its pages are checked"
    elif style or is_array:
        yield f"a list: {style or 'one page'}; its pages are not checked"


def _public(operation: Node) -> Iterator[str]:
    if operation.get("x-public"):
        yield "works without a key"
