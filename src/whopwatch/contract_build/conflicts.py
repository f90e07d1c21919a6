"""List where sources disagree: conflicts written by hand, and conflicts computed from the sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whopwatch.contract import Contract, Operation, load
from whopwatch.contract_build.files import read_yaml
from whopwatch.contract_build.sources import ApiReference, has_reference

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
