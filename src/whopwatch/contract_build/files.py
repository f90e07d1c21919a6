"""Read and write the files of a contract folder; the same document always gives the same bytes.

The v1 document is divided into files, one a resource (`split`), and put together again (`join`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END, StringIO
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import yaml

from whopwatch.contract_build.walk import referenced_schemas
from whopwatch.core.documents import DocumentError, parse_yaml_document, read_bounded
from whopwatch.core.errors import SourceError
from whopwatch.core.pointers import escape_pointer, unescape_pointer

Files = dict[str, dict[str, Any]]

ROOT = "openapi.yaml"
SHARED_FILE = "shared.yaml"
EVENTS_FILE = "events.yaml"
_SCHEMAS = "#/components/schemas/"
_COMPONENTS = "#/components/"


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds; raises `SourceError` if it is missing, is no YAML or exceeds the limits."""
    try:
        return parse_yaml_document(read_bounded(path).decode())
    except FileNotFoundError:
        raise SourceError("a file of the contract is missing", where=str(path)) from None
    except (DocumentError, UnicodeDecodeError) as error:
        raise SourceError("a file of the contract is no YAML", where=str(path), got=str(error)) from None


_DIVIDED = ((), ("paths",), ("webhooks",), ("components",), ("components", "schemas"))


class _Dumper(yaml.CSafeDumper):
    """Writes every value where it stands: a reader of a diff must not chase anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def yaml_text(document: dict[str, Any], title: str) -> str:
    """Return a document as YAML, in its own order, under a comment that says who made it."""
    head = f"# {title}. Made by `whopwatch contract build`: change the sources, not this file.\n"
    text, written = StringIO(head), tuple[str, ...]()
    text.seek(0, SEEK_END)
    for keys, part in _entries(document):  # part by part: PyYAML needs 1 KB for each value of what it writes at once
        known = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(keys, written, strict=False)))
        for key in reversed(keys):
            part = {key: part}
        piece = yaml.dump(part, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
        text.write(piece.split("\n", known)[-1])
        written = keys
    return text.getvalue()


def is_yaml_of(path: Path, document: dict[str, Any]) -> bool:
    """Return whether a file is what `yaml_text` makes of a document. Another layout of the same content is not."""
    text = path.read_text(encoding="utf-8")
    return text.partition("\n")[2] == yaml_text(document, "").partition("\n")[2]


def _entries(part: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the entries of a document with their keys: each path, event and shared schema is one of its own."""
    if part and keys in _DIVIDED:
        for key, value in part.items():
            yield from _entries(value, (*keys, key))
    else:
        yield keys, part


def json_text(document: dict[str, Any]) -> str:
    """Return a document as compact JSON, in its own order."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a string, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


CACHE_HINT = "name another folder with --cache-dir"


@contextmanager
def writing_to(folder: Path, what: str, hint: str) -> Iterator[None]:
    """Turn an error of writing below `folder` in the block into a SourceError that begins with `what`."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            what,
            where=str(folder),
            expected="a folder that may be written",
            got=error.strerror or type(error).__name__,
            hint=hint,
        ) from None


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
    escaped = (quote(escape_pointer(step), safe="~") for step in steps)
    return {"$ref": f"{home}#/{'/'.join(escaped)}"}


def _at(files: Files, reference: str) -> Any:
    home, _, pointer = reference.partition("#/")
    node: Any = files[home]
    for step in pointer.split("/"):
        node = node[unescape_pointer(unquote(step))]
    return node
