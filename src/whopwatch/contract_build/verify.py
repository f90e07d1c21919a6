"""Check that a contract folder is whole, valid, and what its declarations say it is."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonpath_rfc9535 import find
from jsonschema_rs import Draft202012Validator, ValidationError, meta

from whopwatch.contract.bundle import APIS
from whopwatch.contract.edition import EDITION
from whopwatch.contract.loader import BUNDLE, documents_sha256, read_edition
from whopwatch.contract_build.coverage import count, without_names
from whopwatch.contract_build.files import ROOT, is_yaml_of, join, read_yaml, sha256_of
from whopwatch.contract_build.official import disagreements_with, read_official
from whopwatch.contract_build.overlay import read_overlay
from whopwatch.contract_build.sources import ApiReference, Sources, has_reference, read_prefixes
from whopwatch.contract_build.walk import all_schemas
from whopwatch.core.errors import SourceError
from whopwatch.core.pointers import escape_pointer, leads_somewhere, mappings

OVERLAY = "overlay.yaml"
JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema"
_SHOWN = 300
"""Characters of a message that are shown: a validator quotes whole documents."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a contract: the check, the place, and the sentence."""

    check: str
    where: str
    what: str


@dataclass(frozen=True)
class ContractFolder:
    """A contract folder and its bundle."""

    path: Path

    @cached_property
    def bundle(self) -> dict[str, Any]:
        """The content of `bundle.json`; raises `SourceError` if it is missing or no bundle."""
        where = self.path / "bundle.json"
        try:
            loaded: dict[str, Any] = json.loads(where.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SourceError("the contract has no bundle", where=str(where), hint="build the contract") from None
        except ValueError as error:
            raise SourceError("the bundle is no JSON", where=str(where), got=str(error)) from None
        return loaded

    @cached_property
    def documents(self) -> dict[str, dict[str, Any]]:
        """The bundled documents by API (`v1`, `v2`)."""
        return {api: self.bundle[api] for api in APIS if api in self.bundle}

    @cached_property
    def reference(self) -> ApiReference | None:
        """The facts of the API reference; None where the edition is made from an SDK alone."""
        return ApiReference.read(self.path) if has_reference(self.path) else None

    @cached_property
    def resources(self) -> frozenset[str]:
        """The resources of v1."""
        return frozenset(tag["name"] for tag in self.documents["v1"]["tags"])

    def parts(self, version: str) -> list[Path]:
        """Return the files that the document of `version` is made of."""
        return [path for path in sorted((self.path / version).glob("*.yaml")) if path.name != OVERLAY]

    def operations(self, version: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Path, method and content of every operation of `version`."""
        for path, item in self.documents[version]["paths"].items():
            for method, operation in item.items():
                yield path, method, operation


KEYWORDS = frozenset(
    {
        *("type", "format", "enum", "const", "properties", "required", "items", "additionalProperties"),
        *("anyOf", "oneOf", "discriminator", "deprecated", "$ref", "title", "description", "examples"),
    }
)


def check_digests(folder: ContractFolder) -> Iterator[Problem]:
    """Check that the bundle was made from the files."""
    listed = folder.bundle["files"]
    present = {f"{version}/{path.name}": path for version in APIS for path in folder.parts(version)}
    for name in sorted(present.keys() ^ listed.keys()):
        yield Problem("digests", name, f"is missing from the {'bundle' if name in present else 'folder'}")
    if folder.bundle.get("sha256") != documents_sha256(folder.documents):
        yield Problem("digests", BUNDLE, "has another digest than its documents")
    for name in sorted(present.keys() & listed.keys()):
        if sha256_of(present[name].read_text(encoding="utf-8")) != listed[name]:
            yield Problem("digests", name, "is not the file that the bundle was made of")


def check_bundle(folder: ContractFolder) -> Iterator[Problem]:
    """Check that the bundle has the content of the files."""
    for version, document in folder.documents.items():
        parts = folder.parts(version)
        if [path.name for path in parts] == [ROOT] and is_yaml_of(parts[0], document):
            continue  # to parse the YAML of a large document takes ten times as long
        files = {path.name: read_yaml(path) for path in parts}
        if ROOT not in files:
            yield Problem("bundle", f"{version}/{ROOT}", "is missing")
        elif (join(files) if len(files) > 1 else files[ROOT]) != document:
            yield Problem("bundle", version, "is not what the files say when they are joined")


def check_references(folder: ContractFolder) -> Iterator[Problem]:
    """Check that every reference resolves inside its document."""
    for version, document in folder.documents.items():
        for mapping in mappings(document):
            target = mapping.get("$ref")
            if isinstance(target, str) and not leads_somewhere(document, target):
                yield Problem("references", version, f"the reference {target} resolves to nothing")


def check_openapi(folder: ContractFolder) -> Iterator[Problem]:
    """Check that the documents are valid OpenAPI 3.1, their schemas JSON Schema, and their operations distinct."""
    # Imported here: it takes longer than all other checks together, and only this one needs it.
    from openapi_spec_validator.schemas import schema_v31

    validator = Draft202012Validator(dict(schema_v31))
    for version, document in folder.documents.items():
        malformed = list(validator.iter_errors(document))
        for error in malformed:
            yield Problem("openapi", f"{version}/{'/'.join(map(str, error.instance_path))}", error.message[:_SHOWN])
        if malformed:
            continue  # what follows takes a document of the right shape for granted
        for name, schema in document["components"]["schemas"].items():
            try:
                meta.validate({"$schema": JSON_SCHEMA, **schema})
            except ValidationError as error:
                where = f"{version}/components/schemas/{name}/{'/'.join(map(str, error.instance_path))}"
                yield Problem("openapi", where.rstrip("/"), error.message[:_SHOWN])
        yield from _indistinct_operations(folder, version)


def _indistinct_operations(folder: ContractFolder, version: str) -> Iterator[Problem]:
    """Yield the operation ids that occur twice, and the parameters that a path does not agree about."""
    ids = Counter(operation.get("operationId") for _, _, operation in folder.operations(version))
    for name, times in ids.items():
        if times > 1:
            yield Problem("openapi", version, f"the operation id {name!r} occurs {times} times")
    shared = folder.documents[version]["components"].get("parameters", {})
    for path, method, operation in folder.operations(version):
        given = (shared.get(one.get("$ref", "").rpartition("/")[2], one) for one in operation.get("parameters", ()))
        declared = {one["name"] for one in given if one.get("in") == "path"}
        named = set(re.findall(r"\{([^}]*)\}", path))
        for name in (*sorted(named - declared), *sorted(declared - named)):
            known = "declares" if name in declared else "does not declare"
            where = f"{version}/paths/{escape_pointer(path)}/{method}"
            yield Problem("openapi", where, f"{known} the path parameter {name!r}")


def check_keywords(folder: ContractFolder) -> Iterator[Problem]:
    """Check that every schema keyword is one that the checks interpret; an imported document has what it has."""
    if Sources.read(folder.path).openapi:
        return
    for version, document in folder.documents.items():
        for pointer, schema in all_schemas(document):
            for keyword in sorted(set(schema) - KEYWORDS):
                if not keyword.startswith("x-"):
                    yield Problem("keywords", f"{version}{pointer}", f"no check interprets the keyword {keyword!r}")
            for keyword in sorted({"anyOf", "oneOf"} & set(schema)):
                if "type" in schema:
                    yield Problem("keywords", f"{version}{pointer}", f"the type restricts every variant of {keyword}")


def check_counts(folder: ContractFolder) -> Iterator[Problem]:
    """Check that the documents have the declared counts."""
    declared = Sources.read(folder.path).counts
    found = count(folder.documents["v1"], folder.documents.get("v2"))
    for name in sorted(declared.keys() | found.keys()):
        if declared.get(name) != found.get(name):
            yield Problem("counts", name, f"is declared as {declared.get(name)} and counted as {found.get(name)}")


def check_reference(folder: ContractFolder) -> Iterator[Problem]:
    """Check that operations and events are the ones of the reference, at the listed or a decided path."""
    reference = folder.reference
    if reference is None:
        return
    found = {operation["operationId"]: (path, method, operation) for path, method, operation in folder.operations("v1")}
    for name, listed in reference.operations.items():
        if name not in found:
            yield Problem("reference", name, "is in the reference and not in the contract")
            continue
        path, method, operation = found[name]
        paths = {without_names(known) for known in (path, *operation.get("x-alternate-paths", ()))}
        if method != listed["method"].lower() or without_names(listed["path"]) not in paths:
            yield Problem("reference", name, f"is {listed['method']} {listed['path']} in the reference")
        if operation["x-scopes"]["reference"] != reference.scopes(name):
            yield Problem("reference", name, f"takes the scope {listed.get('scope', 'none')} in the reference")
    for name in sorted(found.keys() - reference.operations.keys()):
        yield Problem("reference", name, "is in the contract and not in the reference")
    for event in sorted(folder.documents["v1"]["webhooks"].keys() ^ reference.events.keys()):
        yield Problem("reference", event, "is in only one of the contract and the reference")


def check_edition(folder: ContractFolder) -> Iterator[Problem]:
    """Check that edition.toml names the version of the document."""
    named, found = read_edition(folder.path).version, folder.documents["v1"]["info"].get("x-api-version-date")
    if found and named != found:
        yield Problem("edition", EDITION, f"names the version {named}, the document is of {found}")


def check_official(folder: ContractFolder) -> Iterator[Problem]:
    """Check that the document agrees with the facts of Whop's own document."""
    for fact, aspect, found in disagreements_with(folder.documents["v1"], read_official(folder.path)):
        said = fact.says.get(aspect)
        yield Problem("official", str(fact), f"{aspect} is {said} in the official document, {found} in the contract")


def check_summary(folder: ContractFolder) -> Iterator[Problem]:
    """Check that the summary table of the reference counts what its lists name."""
    for name, row in folder.reference.resources.items() if folder.reference else ():
        for kind in ("operations", "events"):
            if row["counted"][kind] != len(row[kind]):
                yield Problem("reference", name, f"counts {row['counted'][kind]} {kind} and lists {len(row[kind])}")


def check_overlays(folder: ContractFolder) -> Iterator[Problem]:
    """Check that every overlay action finds its target."""
    for version, name in (("v1", OVERLAY), ("v2", f"v2/{OVERLAY}")):
        if version not in folder.documents:
            continue
        for action in read_overlay(folder.path / name):
            # What an action removed cannot be found any more; that it was there, the build has seen.
            if not action.remove and not find(action.target, folder.documents[version]):
                yield Problem("overlay", f"{name}, action {action.number}", f"finds nothing at {action.target}")


def check_conflicts(folder: ContractFolder) -> Iterator[Problem]:
    """Check that every conflict has a unique id, two readings or more, and existing operations."""
    known = {
        operation["operationId"]
        for document in folder.documents.values()
        for section in ("paths", "webhooks")
        for item in document.get(section, {}).values()
        for operation in item.values()
    }
    entries = read_yaml(folder.path / "conflicts.yaml")["conflicts"]
    for name, times in Counter(entry["id"] for entry in entries).items():
        if times > 1:
            yield Problem("conflicts", name, f"stands {times} times")
    for entry in entries:
        for operation in entry["operations"]:
            if operation not in known:
                yield Problem("conflicts", entry["id"], f"names {operation}, which is no operation and no event")
        if len(entry["readings"]) < 2:
            yield Problem("conflicts", entry["id"], "has fewer than two readings")


def check_id_annotations(folder: ContractFolder) -> Iterator[Problem]:
    """Check that annotated resources exist and annotated prefixes are declared."""
    prefixes = read_prefixes(folder.path)
    declared = {prefix for group in prefixes.values() for prefix in group}
    for version, document in folder.documents.items():
        for pointer, schema in all_schemas(document):
            resources = [schema["x-resource"]] if "x-resource" in schema else []
            for resource in [*resources, *schema.get("x-resource-alternatives", ())]:
                if resource not in folder.resources:
                    yield Problem("annotations", f"{version}{pointer}", f"names {resource}, which is no resource")
            for prefix in schema.get("x-id-prefix", ()):
                if prefix not in declared:
                    yield Problem("annotations", f"{version}{pointer}", f"has the undeclared prefix {prefix}")


CONTRACT_CHECKS: tuple[Callable[[ContractFolder], Iterator[Problem]], ...] = (
    check_digests,
    check_bundle,
    check_references,
    check_openapi,
    check_keywords,
    check_counts,
    check_edition,
    check_official,
    check_reference,
    check_summary,
    check_overlays,
    check_conflicts,
    check_id_annotations,
)


def verify(contracts_dir: Path) -> list[Problem]:
    """Return everything that is wrong with the contract in a folder; an empty list if nothing is.

    Raise `SourceError` if a file that the checks stand on is missing or unreadable.
    """
    folder = ContractFolder(contracts_dir)
    return [problem for check in CONTRACT_CHECKS for problem in check(folder)]
