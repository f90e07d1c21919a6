"""The declared facts that are kept by hand (API reference, id prefixes, packages), and what a later release changed."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from whopwatch.contract_build.files import read_yaml
from whopwatch.contract_build.schemas import IdRelations
from whopwatch.contract_build.sdk_model import SdkModel
from whopwatch.core.documents import DocumentError, parse_toml_document, read_bounded
from whopwatch.core.errors import SourceError

FOLLOWED_FILE = "followed.yaml"
REFERENCE_FILE = "reference.yaml"
PREFIX_FILE = "id_prefixes.yaml"
"""The id prefixes of an edition. What belongs to no resource is under its last key, `others`."""

Facts = dict[str, Any]


def read_release_changes(contracts: Path) -> Facts:
    """Return the content of `followed.yaml`, empty if the contract is as old as the reference."""
    path = contracts / FOLLOWED_FILE
    return dict(read_yaml(path)) if path.exists() else {}


def apply_release_changes(reference: Facts, changes: Mapping[str, Any]) -> Facts:
    """Return the reference with the operations and events that `changes` adds, without the removed ones."""
    if not changes:
        return reference
    facts = deepcopy(reference)
    gone, come = changes["removed"], changes["added"]
    rows = {row["name"]: row for row in facts["resources"]}
    for row in rows.values():
        row["operations"] = [item for item in row["operations"] if item["id"] not in gone["operations"]]
        row["events"] = [event for event in row["events"] if event not in gone["events"]]
    for item in come["operations"]:
        _row(rows, item["id"].rpartition(".")[0])["operations"].append(item)
    for item in come["events"]:
        _row(rows, item["resource"])["events"].append(item["name"])
    facts["resources"] = [row for row in rows.values() if row["operations"] or row["events"]]
    for row in facts["resources"]:
        row["counted"] = {kind: len(row[kind]) for kind in ("operations", "events")}
    return facts


def release_changes(reference: Facts, model: SdkModel) -> Facts:
    """Return the changes after which `reference` lists exactly what `model` has.

    An operation at another path is removed and added. Of several methods for one request the first is taken.
    """
    listed = {item["id"]: item for row in reference["resources"] for item in row["operations"]}
    events = {event for row in reference["resources"] for event in row["events"]}
    kept, taken = set(), set()
    added = []
    for name, operation in sorted(model.operations.items(), key=lambda item: (item[0] not in listed, item[0])):
        request = (operation.method, operation.path)
        if request in taken:
            continue
        taken.add(request)
        if name in listed and listed[name]["method"] == operation.method:
            kept.add(name)
        else:
            added.append({"id": name, "method": operation.method, "path": operation.path})
    resources = IdRelations(row["name"] for row in reference["resources"])
    new_events = sorted(model.events.keys() - events)
    return {
        "release": model.version,
        "added": {
            "operations": added,
            "events": [{"name": event, "resource": _resource(event, resources)} for event in new_events],
        },
        "removed": {"operations": sorted(listed.keys() - kept), "events": sorted(events - model.events.keys())},
        "undecided": [],
    }


def _row(rows: dict[str, Facts], name: str) -> Facts:
    return rows.setdefault(name, {"name": name, "section": "Followed", "operations": [], "events": []})


def _resource(event: str, resources: IdRelations) -> str:
    """Return the resource of an event by its name: `payments` for `payment.created`."""
    word = event.partition(".")[0]
    return resources.of_object(word) or f"{word}s"


def removed_resources(contracts: Path) -> set[str]:
    """Return the resources of the API reference that the release of a contract does not have."""
    listed = {row["name"] for row in read_yaml(contracts / REFERENCE_FILE)["resources"]}
    return listed - ApiReference.read(contracts).resources.keys()


SDK_LANGUAGES = ("python", "typescript")


def has_reference(contracts: Path) -> bool:
    """Return whether an API reference lists the operations of a contract folder."""
    return (contracts / REFERENCE_FILE).exists()


@dataclass(frozen=True)
class ApiReference:
    """The API reference, as data."""

    data: dict[str, Any]

    @classmethod
    def read(cls, contracts: Path) -> ApiReference:
        """Read `reference.yaml` of a contract folder, and what a later release changed of it.

        Raise `SourceError` if there is none; see `has_reference`.
        """
        return cls(apply_release_changes(read_yaml(contracts / REFERENCE_FILE), read_release_changes(contracts)))

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> ApiReference:
        """Return what a document holds in the form of a reference: of an edition that no reference lists."""
        rows = {tag["name"]: {**tag, "section": "", "operations": [], "events": []} for tag in document["tags"]}
        for path, item in document["paths"].items():
            for method, operation in item.items():
                entry = {"id": operation["operationId"], "method": method.upper(), "path": path}
                rows[operation["tags"][0]]["operations"].append(entry)
        for event, item in document["webhooks"].items():
            rows[item["post"]["tags"][0]]["events"].append(event)
        return cls({"resources": list(rows.values())})

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources by name, in the order of the reference."""
        return {resource["name"]: resource for resource in self.data["resources"]}

    @cached_property
    def operations(self) -> dict[str, dict[str, str]]:
        """The operations by id: `method`, `path` and `scope`, as the reference writes them."""
        return {operation["id"]: operation for row in self.resources.values() for operation in row["operations"]}

    def scopes(self, operation: str) -> list[str]:
        """Return the permission of an operation; none if the reference does not list it."""
        return [self.operations[operation]["scope"]] if "scope" in self.operations[operation] else []

    @cached_property
    def events(self) -> dict[str, str]:
        """The resource of each webhook event."""
        return {event: name for name, row in self.resources.items() for event in row["events"]}


@dataclass(frozen=True)
class Package:
    """One SDK release: where it comes from and the digest that pins it.

    Without a version it only says where releases are: the one that the contract is made of was not published there.
    """

    registry: str
    name: str
    version: str
    file: str
    sha256: str

    @property
    def is_published(self) -> bool:
        """Whether there is such a release."""
        return bool(self.version)


@dataclass(frozen=True)
class OpenApiSource:
    """The OpenAPI document that a contract is made from: where it was read, the copy in the folder, and its digest."""

    location: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Sources:
    """The declared sources: packages by language or one OpenAPI document, and the counts of the resulting document."""

    packages: dict[str, Package]
    counts: dict[str, int]
    openapi: OpenApiSource | None = None

    @property
    def python(self) -> Package:
        """The release of the Python SDK. Raise `SourceError` if the contract is made from something else."""
        if "python" not in self.packages:
            raise SourceError(
                "This contract is not made from a release of the Python SDK.",
                where=self.openapi.location if self.openapi else "sources.toml",
                hint="make a newer one with `whopwatch contract build openapi:FILE` or `npm:VERSION`, and --output DIR",
            )
        return self.packages["python"]

    @classmethod
    def read(cls, contracts: Path) -> Sources:
        """Read `sources.toml` of a contract folder; raises `SourceError` if it is missing or malformed."""
        path = contracts / "sources.toml"
        try:
            declared = parse_toml_document(read_bounded(path).decode())
            if "openapi" in declared:
                return cls({}, declared["counts"], OpenApiSource(**declared["openapi"]))
            packages = {language: Package(**facts) for language, facts in declared["sdk"].items()}
            known = {language: packages[language] for language in SDK_LANGUAGES if language in packages}
            if not known:
                raise KeyError("sdk")
            return cls(known, declared["counts"])
        except FileNotFoundError:
            raise SourceError("the declaration of the sources is missing", where=str(path)) from None
        except (KeyError, TypeError, DocumentError, UnicodeDecodeError) as error:
            raise SourceError(
                "the declaration of the sources cannot be used",
                where=str(path),
                expected="[sdk.python], [sdk.typescript] or both, with registry, name, version, file, sha256; [counts]",
                got=str(error),
            ) from None


def read_prefixes(contracts: Path) -> dict[str, list[str]]:
    """Return the documented id prefixes by resource, and by the other things that have ids."""
    declared = read_yaml(contracts / PREFIX_FILE)
    return {**declared["resources"], **declared["others"]}
