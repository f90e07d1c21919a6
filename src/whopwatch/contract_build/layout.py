"""The v1 document as a folder of files, one a resource, and back again."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from whopwatch.contract_build.walk import referenced_schemas

Files = dict[str, dict[str, Any]]

ROOT = "openapi.yaml"
SHARED_FILE = "shared.yaml"
EVENTS_FILE = "events.yaml"
_SCHEMAS = "#/components/schemas/"
_COMPONENTS = "#/components/"


def split(document: dict[str, Any]) -> Files:
    """Return the document's files by name; references between them are relative."""
    homes = _homes(document)
    files: Files = {ROOT: {}}
    for resource in (tag["name"] for tag in document["tags"]):
        files[_file_of(resource)] = {"paths": {}, "components": {"schemas": {}}}
    files[SHARED_FILE] = {"components": {"schemas": {}}}
    files[EVENTS_FILE] = {"webhooks": {}, "components": {"schemas": {}}}
    for path, item in document["paths"].items():
        home = _file_of(_resource(item))
        files[home]["paths"][path] = _relocated(item, home, homes)
    for event, item in document["webhooks"].items():
        files[EVENTS_FILE]["webhooks"][event] = _relocated(item, EVENTS_FILE, homes)
    for name, schema in document["components"]["schemas"].items():
        files[homes[name]]["components"]["schemas"][name] = _relocated(schema, homes[name], homes)
    files[ROOT] = _root(document, homes)
    for content in files.values():
        if not content.get("components", {}).get("schemas", True):
            del content["components"]
    return files


def join(files: Files) -> dict[str, Any]:
    """Return the one document that `files` are the parts of; the inverse of `split`."""
    root = files[ROOT]
    document: dict[str, Any] = {}
    for key, value in root.items():
        if key in {"paths", "webhooks"}:
            document[key] = {name: _internal(_at(files, item["$ref"])) for name, item in value.items()}
        elif key == "components":
            document[key] = {kind: _internal(parts) for kind, parts in value.items()}
        else:
            document[key] = value
    schemas: dict[str, Any] = {}
    for content in files.values():
        schemas |= content.get("components", {}).get("schemas", {})
    document["components"]["schemas"] = dict(sorted(_internal(schemas).items()))
    return document


def _root(document: dict[str, Any], homes: dict[str, str]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for key, value in document.items():
        if key == "paths":
            root[key] = {path: _pointer(_file_of(_resource(item)), key, path) for path, item in value.items()}
        elif key == "webhooks":
            root[key] = {event: _pointer(EVENTS_FILE, key, event) for event in value}
        elif key == "components":
            root[key] = {kind: _relocated(parts, ROOT, homes) for kind, parts in value.items() if kind != "schemas"}
        else:
            root[key] = value
    return root


def _homes(document: dict[str, Any]) -> dict[str, str]:
    """Return the file of each schema: the one resource that uses it, the events, or the shared file."""
    schemas = document["components"]["schemas"]
    users: dict[str, set[str]] = {name: set() for name in schemas}
    entries = [(_file_of(_resource(item)), item) for item in document["paths"].values()]
    entries += [(EVENTS_FILE, item) for item in document["webhooks"].values()]
    for home, item in entries:
        seen: set[str] = set()
        open_names = referenced_schemas(item)
        while open_names:
            name = open_names.pop()
            seen.add(name)
            open_names |= referenced_schemas(schemas[name]) - seen
        for name in seen:
            users[name].add(home)
    return {name: _home(using) for name, using in users.items()}


def _home(using: set[str]) -> str:
    # An event's payload refers to the object of its resource; that is where a reader looks for it.
    resources = using - {EVENTS_FILE}
    if len(resources) == 1:
        return next(iter(resources))
    return EVENTS_FILE if using == {EVENTS_FILE} else SHARED_FILE


def _file_of(resource: str) -> str:
    """Return the file of a resource; its name differs from that of files with another purpose."""
    name = f"{resource}.yaml"
    return f"{resource}_resource.yaml" if name in {ROOT, SHARED_FILE, EVENTS_FILE} else name


def _resource(item: dict[str, Any]) -> str:
    tags: list[str] = next(iter(item.values()))["tags"]
    return tags[0]


def _relocated(node: Any, here: str, homes: dict[str, str]) -> Any:
    """Return a copy of `node` whose references lead to the files that hold their targets."""
    if isinstance(node, dict):
        return {key: _relocated(value, here, homes) for key, value in node.items()}
    if isinstance(node, list):
        return [_relocated(value, here, homes) for value in node]
    if isinstance(node, str) and node.startswith(_COMPONENTS):
        home = homes[node.removeprefix(_SCHEMAS)] if node.startswith(_SCHEMAS) else ROOT
        return node if home == here else f"{home}{node}"
    return node


def _internal(node: Any) -> Any:
    """Return a copy of `node` whose references lead into the one document."""
    if isinstance(node, dict):
        return {key: _internal(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_internal(value) for value in node]
    if isinstance(node, str) and f".yaml{_COMPONENTS}" in node:
        return node[node.index("#") :]
    return node


def _pointer(home: str, *steps: str) -> dict[str, str]:
    escaped = (quote(step.replace("~", "~0").replace("/", "~1"), safe="~") for step in steps)
    return {"$ref": f"{home}#/{'/'.join(escaped)}"}


def _at(files: Files, reference: str) -> Any:
    home, _, pointer = reference.partition("#/")
    node: Any = files[home]
    for step in pointer.split("/"):
        node = node[unquote(step).replace("~1", "/").replace("~0", "~")]
    return node
