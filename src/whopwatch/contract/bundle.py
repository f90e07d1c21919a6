"""One self-contained OpenAPI document out of a root file and the files that it refers to."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from whopwatch.core.documents import DocumentError, parse_yaml_document, read_bounded
from whopwatch.core.errors import ContractError
from whopwatch.core.pointers import pointer_steps

ROOT_FILE = "openapi.yaml"
APIS = ("v1", "v2")
SECTIONS = ("schemas", "responses", "parameters", "requestBodies", "headers")


def bundle(folder: Path) -> dict[str, Any]:
    """Return the documents of a contract folder by API version, each with internal references only.

    Raise ContractError if a root document is missing, a file is not YAML, or a component name occurs twice.
    """
    return {version: bundle_document(folder / version) for version in APIS if (folder / version).is_dir()} or (
        _missing(folder)
    )


def bundle_document(folder: Path) -> dict[str, Any]:
    """Return the document whose root is `openapi.yaml` in `folder`; files beside it add their components."""
    root = _read(folder / ROOT_FILE)
    files = {path.name: _read(path) for path in sorted(folder.glob("*.yaml")) if path.name != ROOT_FILE}
    document = {key: value for key, value in root.items() if key != "components"}
    for section in ("paths", "webhooks"):
        if section in root:
            paths = _mapping(root[section], folder / ROOT_FILE, section)
            document[section] = {
                name: _internal(_follow(_mapping(item, folder / ROOT_FILE, f"{section}/{name}"), files, folder))
                for name, item in paths.items()
            }
    document["components"] = _merge_components(root, files, folder)
    return document


def _merge_components(root: dict[str, Any], files: dict[str, Any], folder: Path) -> dict[str, Any]:
    declared = {
        file: _mapping(content.get("components", {}), folder / file, "components")
        for file, content in ((ROOT_FILE, root), *files.items())
    }
    components: dict[str, Any] = {
        name: section for name, section in declared[ROOT_FILE].items() if name not in SECTIONS
    }
    for section in SECTIONS:
        merged: dict[str, Any] = {}
        for file, sections in declared.items():
            for name, value in _mapping(sections.get(section, {}), folder / file, f"components/{section}").items():
                if name in merged:
                    raise ContractError(
                        f"The component {name!r} is defined twice.",
                        where=f"{folder / file}#/components/{section}/{name}",
                        expected="a name that is unique over all files of the document",
                        hint="rename or delete one of the two",
                    )
                merged[name] = _internal(value)
        if merged:
            components[section] = dict(sorted(merged.items()))
    return components


def _follow(item: dict[str, Any], files: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return `item`, or the node that its `file.yaml#/pointer` refers to."""
    reference = item.get("$ref")
    if reference is None:
        return item
    file, _, pointer = str(reference).partition("#")
    try:
        node: Any = files[file.removeprefix("./")]
        for step in pointer_steps(unquote(pointer)):
            node = node[step]
        return dict(_mapping(node, folder / ROOT_FILE, str(reference)))
    except (KeyError, TypeError, IndexError):
        raise ContractError(
            "A reference of the root document leads nowhere.",
            where=str(folder / ROOT_FILE),
            got=str(reference),
            hint="correct the reference, or restore the file it names",
        ) from None


def _internal(node: Any) -> Any:
    """Return `node` with every reference `file.yaml#/components/...` replaced by `#/components/...`."""
    if isinstance(node, dict):
        return {
            key: "#" + value.partition("#")[2] if key == "$ref" and isinstance(value, str) else _internal(value)
            for key, value in node.items()
        }
    return [_internal(item) for item in node] if isinstance(node, list) else node


def _mapping(value: Any, file: Path, place: str) -> dict[str, Any]:
    """Return `value`, which is at `place` of `file`. Raise ContractError if it is no mapping."""
    if not isinstance(value, dict):
        raise ContractError("A part of the contract is malformed.", where=f"{file}#/{place}", expected="a mapping")
    return value


def _read(path: Path) -> dict[str, Any]:
    try:
        content = parse_yaml_document(read_bounded(path).decode())
    except OSError as error:
        raise ContractError("A file of the contract cannot be read.", where=str(path), got=error.strerror) from None
    except ValueError as error:
        got = str(error) if isinstance(error, DocumentError) else "text that is not UTF-8"
        raise ContractError("A file of the contract is not YAML.", where=str(path), got=got) from None
    if not isinstance(content, dict):
        raise ContractError("A file of the contract is not an OpenAPI document.", where=str(path), expected="a mapping")
    return content


def _missing(folder: Path) -> dict[str, Any]:
    raise ContractError(
        "There is no contract in this folder.",
        where=str(folder),
        expected=f"{APIS[0]}/{ROOT_FILE}",
        hint="name a folder made by `whopwatch contract build`, or leave the option out to use the bundled one",
    )
