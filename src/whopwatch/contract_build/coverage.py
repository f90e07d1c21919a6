"""Count what a contract holds beside what the API reference lists, and list where its sources disagree."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whopwatch.contract import Contract, Operation, edition_dir, load
from whopwatch.contract_build.files import read_yaml
from whopwatch.contract_build.sources import ApiReference, has_reference
from whopwatch.contract_build.walk import all_schemas


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """One resource: what the contract has, beside what the reference lists.

    `methods` counts operations by HTTP method. `missing` are documented operations and events that the contract
    lacks, `extra` those it has beyond the reference. `notes` give the reason of every zero.
    """

    resource: str
    section: str
    methods: dict[str, int]
    operations: int
    lists: int
    events: int
    documented_operations: int
    documented_events: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_covered(self) -> bool:
        """Whether the contract holds exactly what the reference lists."""
        return not self.missing and not self.extra


def coverage(contract: Contract, contracts: Path | None = None) -> list[CoverageRow]:
    """Return a row for each resource of v1, in the order of the reference in `contracts` (the bundled one by default).

    A resource that the reference does not list comes last, with everything it has as extra. An edition without a
    reference is compared with its own document.
    """
    folder = edition_dir(contracts)
    is_listed = has_reference(folder)
    reference = ApiReference.read(folder) if is_listed else ApiReference.of_document(contract.documents["v1"])
    others = [resource for resource in contract.resources if resource not in reference.resources]
    return [_row(contract, reference, resource) for resource in [*reference.resources, *others]]


def _row(contract: Contract, reference: ApiReference, resource: str) -> CoverageRow:
    listed = reference.resources.get(resource, {"section": "", "operations": [], "events": []})
    operations = [
        operation
        for operation in contract.operations.values()
        if operation.api == "v1" and operation.resource == resource
    ]
    events = [event.name for event in contract.events.values() if event.resource == resource]
    documented = {*(operation["id"] for operation in listed["operations"]), *listed["events"]}
    covered = {*(operation.id for operation in operations), *events}
    lists = sum(operation.is_list for operation in operations)
    return CoverageRow(
        resource=resource,
        section=listed["section"],
        methods=dict(Counter(operation.method for operation in operations)),
        operations=len(operations),
        lists=lists,
        events=len(events),
        documented_operations=len(listed["operations"]),
        documented_events=len(listed["events"]),
        missing=tuple(sorted(documented - covered)),
        extra=tuple(sorted(covered - documented)),
        notes=tuple(_notes(len(operations), lists, len(events), listed)),
    )


def _notes(operations: int, lists: int, events: int, listed: dict[str, list[object]]) -> list[str]:
    notes = []
    if not operations:
        notes.append("no operation: the contract lacks the resource")
    elif not lists:
        notes.append("no list: the reference documents none")
    if not events and not listed["events"]:
        notes.append("no event: the reference documents none")
    elif not events:
        notes.append("no event: the contract lacks them")
    return notes


def count(document: dict[str, Any], v2: dict[str, Any] | None = None) -> dict[str, int]:
    """Return the counts of the v1 document, by the names that `sources.toml` declares them under.

    Of the document of `v2`, if there is one, only the operations are counted.
    """
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    methods = Counter(method for item in document["paths"].values() for method in item)
    queries = [
        parameter
        for operation in operations
        for parameter in operation.get("parameters", ())
        if parameter.get("in") == "query"
    ]
    # An enum of one value is a constant that identifies a variant or an event.
    listed = (schema.get("enum", ()) for _, schema in all_schemas(document))
    enums = {json.dumps(values) for values in listed if len(values) > 1}  # a value may be an object
    return {
        "operations": len(operations),
        **({"operations_v2": sum(map(len, v2["paths"].values()))} if v2 else {}),
        "resources": len({operation["tags"][0] for operation in operations}),
        **{method: methods[method] for method in ("get", "post", "patch", "delete")},
        "paths": len(document["paths"]),
        "lists": sum(bool(operation.get("x-list")) for operation in operations),
        "events": len(document["webhooks"]),
        "query_parameters": len(queries),
        "required_query_parameters": sum(parameter["required"] for parameter in queries),
        "array_query_parameters": sum(parameter["name"].endswith("[]") for parameter in queries),
        "bodies": sum("requestBody" in operation for operation in operations),
        "bodies_of_several_variants": sum(_has_variants(operation) for operation in operations),
        "boolean_answers": sum(_answers_boolean(document, operation) for operation in operations),
        "enums": len(enums),
    }


def _has_variants(operation: dict[str, Any]) -> bool:
    content = operation.get("requestBody", {}).get("content", {})
    return any("anyOf" in carried["schema"] for carried in content.values())


def _answers_boolean(document: dict[str, Any], operation: dict[str, Any]) -> bool:
    success = next(response for status, response in operation["responses"].items() if status.startswith("2"))
    schema = success.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return bool(document["components"]["schemas"].get(name, schema).get("type") == "boolean")


_SDKS = "both SDKs"
_REFERENCE = "API reference"


@dataclass(frozen=True, slots=True)
class Reading:
    """The statement of one source."""

    source: str
    says: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """One disagreement: its readings, the one that the contract takes, and why.

    `group` is the kind of a computed conflict, and None for one kept by hand.
    """

    id: str
    subject: str
    operations: tuple[str, ...]
    readings: tuple[Reading, ...]
    takes: str
    why: str
    group: str | None = None


def conflicts(contracts_dir: Path) -> list[Conflict]:
    """Return every conflict: those of `conflicts.yaml`, then the computed ones in the order of the reference.

    Raise `SourceError` or `ContractError` if the folder is no contract.
    """
    declared = read_yaml(contracts_dir / "conflicts.yaml")
    by_hand = [
        Conflict(
            id=entry["id"],
            subject=entry["subject"],
            operations=tuple(entry["operations"]),
            readings=tuple(Reading(**reading) for reading in entry["readings"]),
            takes=entry["takes"],
            why=entry["why"],
        )
        for entry in declared["conflicts"]
    ]
    settled = {name for conflict in by_hand for name in conflict.operations}
    if not has_reference(contracts_dir):
        return by_hand
    contract, reference = load(contracts_dir), ApiReference.read(contracts_dir)
    return [*by_hand, *_derived(contract, reference, declared["derived"], settled)]


def _derived(
    contract: Contract, reference: ApiReference, groups: dict[str, Any], settled: set[str]
) -> Iterator[Conflict]:
    for name, documented in reference.operations.items():
        operation = contract.operations.get(name)
        if operation is None:
            continue
        group = _scope_conflict(operation)
        if group is not None:
            scopes = operation.raw["x-scopes"]
            yield _computed(group, groups[group], name, ", ".join(scopes["reference"]), ", ".join(scopes["sdk"]))
        if documented["path"] != operation.path and name not in settled:
            group = "parameter-names"
            yield _computed(group, groups[group], name, documented["path"], operation.path)


def _scope_conflict(operation: Operation) -> str | None:
    scopes = operation.raw["x-scopes"]
    if not scopes["sdk"]:
        return "scopes-unconfirmed"
    return None if set(scopes["reference"]) <= set(scopes["sdk"]) else "scopes-differ"


def _computed(group: str, text: dict[str, str], operation: str, reference: str, sdk: str) -> Conflict:
    return Conflict(
        id=f"{group}:{operation}",
        subject=text["subject"].format(operation=operation),
        operations=(operation,),
        readings=(Reading(_REFERENCE, reference), Reading(_SDKS, sdk or "nothing")),
        takes=text["takes"],
        why=text["why"],
        group=group,
    )


def without_names(path: str) -> str:
    """Return a path template whose parameters have no names: two such templates are the same path."""
    return re.sub(r"\{\w+\}", "{}", path)
