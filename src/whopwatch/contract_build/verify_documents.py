"""Checks of the built documents: whole, valid, and free of keywords that nobody interprets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whopwatch.contract_build.counts import count
from whopwatch.contract_build.declared import Sources
from whopwatch.contract_build.folder import VERSIONS, Folder, Problem
from whopwatch.contract_build.layout import ROOT, join
from whopwatch.contract_build.schema_walk import all_schemas
from whopwatch.contract_build.texts import read_yaml
from whopwatch.contract_build.walk import mappings
from whopwatch.contract_build.write import digest

KEYWORDS = frozenset(
    {
        *("type", "format", "enum", "const", "properties", "required", "items", "additionalProperties"),
        *("anyOf", "oneOf", "discriminator", "deprecated", "$ref", "title", "description"),
    }
)


def digests(folder: Folder) -> Iterator[Problem]:
    """The files are those that the bundle was made of."""
    listed = folder.bundle["files"]
    present = {f"{version}/{path.name}": path for version in VERSIONS for path in folder.parts(version)}
    for name in sorted(present.keys() ^ listed.keys()):
        yield Problem("digests", name, f"is missing from the {'bundle' if name in present else 'folder'}")
    for name in sorted(present.keys() & listed.keys()):
        if digest(present[name].read_text(encoding="utf-8")) != listed[name]:
            yield Problem("digests", name, "is not the file that the bundle was made of")


def bundled(folder: Folder) -> Iterator[Problem]:
    """The bundle says what the files say."""
    for version, document in folder.documents.items():
        files = {path.name: read_yaml(path) for path in folder.parts(version)}
        if ROOT not in files:
            yield Problem("bundle", f"{version}/{ROOT}", "is missing")
        elif (join(files) if len(files) > 1 else files[ROOT]) != document:
            yield Problem("bundle", version, "is not what the files say when they are joined")


def references(folder: Folder) -> Iterator[Problem]:
    """Every reference leads to something inside its document."""
    for version, document in folder.documents.items():
        for mapping in mappings(document):
            target = mapping.get("$ref")
            if isinstance(target, str) and not _resolves(document, target):
                yield Problem("references", version, f"nothing stands at {target}")


def _resolves(document: dict[str, Any], target: str) -> bool:
    node: Any = document
    for step in target.removeprefix("#/").split("/"):
        if not isinstance(node, dict) or step not in node:
            return False
        node = node[step]
    return target.startswith("#/")


def valid(folder: Folder) -> Iterator[Problem]:
    """The documents are valid OpenAPI 3.1."""
    # Imported here: it takes longer than all other checks together, and only this one needs it.
    from openapi_spec_validator import OpenAPIV31SpecValidator

    for version, document in folder.documents.items():
        validator = OpenAPIV31SpecValidator(document)
        # The second pass takes a document of the right shape for granted.
        malformed = list(validator.schema_validator.iter_errors(document))
        for error in malformed or validator.iter_errors():
            yield Problem("openapi", f"{version}/{'/'.join(map(str, error.path))}", error.message)


def keywords(folder: Folder) -> Iterator[Problem]:
    """Every schema keyword is one that the checks interpret."""
    for version, document in folder.documents.items():
        for pointer, schema in all_schemas(document):
            for keyword in sorted(set(schema) - KEYWORDS):
                if not keyword.startswith("x-"):
                    yield Problem("keywords", f"{version}{pointer}", f"nobody interprets the keyword {keyword!r}")


def counts(folder: Folder) -> Iterator[Problem]:
    """The v1 document comes to the declared numbers."""
    declared, found = Sources.read(folder.path).counts, count(folder.documents["v1"])
    for name in sorted(declared.keys() | found.keys()):
        if declared.get(name) != found.get(name):
            yield Problem("counts", name, f"is declared as {declared.get(name)} and counted as {found.get(name)}")
