"""Checks of the documents against what is declared beside them by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from jsonpath_rfc9535 import find

from whopwatch.contract_build.conflicts import without_names
from whopwatch.contract_build.declared import read_prefixes
from whopwatch.contract_build.folder import OVERLAY, Folder, Problem
from whopwatch.contract_build.overlay import read_overlay
from whopwatch.contract_build.schema_walk import all_schemas
from whopwatch.contract_build.texts import read_yaml


def documented(folder: Folder) -> Iterator[Problem]:
    """Operations and events are those of the reference, each where the reference says or a decision covers it."""
    found = {operation["operationId"]: (path, method, operation) for path, method, operation in folder.operations("v1")}
    for name, listed in folder.reference.operations.items():
        if name not in found:
            yield Problem("reference", name, "is in the reference and not in the contract")
            continue
        path, method, operation = found[name]
        paths = {without_names(known) for known in (path, *operation.get("x-alternate-paths", ()))}
        if method != listed["method"].lower() or without_names(listed["path"]) not in paths:
            yield Problem("reference", name, f"is {listed['method']} {listed['path']} in the reference")
        if operation["x-scopes"]["reference"] != folder.reference.scopes(name):
            yield Problem("reference", name, f"takes the scope {listed.get('scope', 'none')} in the reference")
    for name in sorted(found.keys() - folder.reference.operations.keys()):
        yield Problem("reference", name, "is in the contract and not in the reference")
    for event in sorted(folder.documents["v1"]["webhooks"].keys() ^ folder.reference.events.keys()):
        yield Problem("reference", event, "is in only one of the contract and the reference")


def summary(folder: Folder) -> Iterator[Problem]:
    """The rows of the reference's summary table count what its lists name."""
    for name, row in folder.reference.resources.items():
        for kind in ("operations", "events"):
            if row["counted"][kind] != len(row[kind]):
                yield Problem("reference", name, f"counts {row['counted'][kind]} {kind} and lists {len(row[kind])}")


def overlays(folder: Folder) -> Iterator[Problem]:
    """Every action of an overlay still finds what it decided about."""
    for version, name in (("v1", OVERLAY), ("v2", f"v2/{OVERLAY}")):
        for action in read_overlay(folder.path / name):
            # What an action removed cannot be found any more; that it was there, the build has seen.
            if not action.remove and not find(action.target, folder.documents[version]):
                yield Problem("overlay", f"{name}, action {action.number}", f"finds nothing at {action.target}")


def conflicts(folder: Folder) -> Iterator[Problem]:
    """Every conflict has a name of its own, two readings or more, and operations that exist."""
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


def identifications(folder: Folder) -> Iterator[Problem]:
    """Annotated resources exist, and annotated prefixes are declared."""
    prefixes = read_prefixes(folder.path)
    declared = {prefix for group in prefixes.values() for prefix in group}
    for version, document in folder.documents.items():
        for pointer, schema in all_schemas(document):
            resources = [schema["x-resource"]] if "x-resource" in schema else []
            for resource in [*resources, *schema.get("x-resource-alternatives", ())]:
                if resource not in folder.reference.resources:
                    yield Problem("annotations", f"{version}{pointer}", f"names {resource}, which is no resource")
            for prefix in schema.get("x-id-prefix", ()):
                if prefix not in declared:
                    yield Problem("annotations", f"{version}{pointer}", f"has the undeclared prefix {prefix}")
