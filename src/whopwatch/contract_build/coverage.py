"""What of the API reference the contract covers, a row for each resource."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from whopwatch.contract import Contract, edition_dir
from whopwatch.contract_build.declared import Reference


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """One resource: what the contract holds of it, against what the reference lists.

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

    A resource that the reference does not list comes last, with everything it has as extra.
    """
    reference = Reference.read(edition_dir(contracts))
    others = [resource for resource in contract.resources if resource not in reference.resources]
    return [_row(contract, reference, resource) for resource in [*reference.resources, *others]]


def _row(contract: Contract, reference: Reference, resource: str) -> CoverageRow:
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
