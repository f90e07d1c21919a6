"""Which operations a table of probes.toml is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from whopwatch.contract import Contract, Operation
from whopwatch.core.errors import ConfigError, did_you_mean
from whopwatch.prober import values

SELECTOR: dict[str, values.Reader] = {
    "gets": values.flag,
    "operations": values.texts,
    "resources": values.texts,
    "tags": values.texts,
    "except": values.texts,
}


@dataclass(frozen=True, slots=True)
class Selector:
    """Operations by id, by resource, by tag, or all GETs of v1; without those called or of a resource in `without`."""

    gets: bool = False
    operations: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    where: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is selected."""
        return not (self.gets or self.operations or self.resources or self.tags)

    def select(self, contract: Contract) -> list[Operation]:
        """The operations in the contract's order. Raises ConfigError for a name it does not know, and for a write."""
        self._refuse_unknown(contract)
        return [operation for operation in contract.operations.values() if self._has(operation)]

    def _has(self, operation: Operation) -> bool:
        if operation.id in self.without or operation.resource in self.without:
            return False
        if operation.id in self.operations:
            return True
        return (
            operation.is_read
            and operation.api == "v1"
            and (self.gets or operation.resource in self.resources or not set(self.tags).isdisjoint(tags(operation)))
        )

    def _refuse_unknown(self, contract: Contract) -> None:
        every = contract.operations.values()
        self._refuse("operation", self.operations, contract.operations)
        self._refuse("resource", self.resources, contract.resources)
        self._refuse("tag", self.tags, {tag for operation in every for tag in tags(operation)})
        self._refuse("operation or resource", self.without, {*contract.operations, *contract.resources})
        for id in self.operations:
            if not contract.operations[id].is_read:
                raise ConfigError(
                    f"{id} changes data, and probes only read.",
                    where=self.where,
                    expected="operations that are GET requests",
                    got=f"{contract.operations[id].method} {contract.operations[id].path}",
                )

    def _refuse(self, kind: str, names: Iterable[str], known: Iterable[str]) -> None:
        known = tuple(known)
        for name in names:
            if name not in known:
                raise ConfigError(
                    f"There is no {kind} {name!r} in the contract.",
                    where=self.where,
                    hint=did_you_mean(name, known) or "`whopwatch contract show` lists them",
                )


def tags(operation: Operation) -> tuple[str, ...]:
    """The tags that the contract gives an operation."""
    return tuple(operation.raw.get("tags", ()))


def read_selector(read: Mapping[str, Any], where: str, *, may_be_empty: bool = False) -> Selector:
    """The selector in a table that was read. Raises ConfigError where it selects nothing, unless it may."""
    selector = Selector(
        gets=read.get("gets", False),
        operations=read.get("operations", ()),
        resources=read.get("resources", ()),
        tags=read.get("tags", ()),
        without=read.get("except", ()),
        where=where,
    )
    if selector.is_empty and not may_be_empty:
        raise ConfigError(
            "A table selects no operation.",
            where=where,
            expected="gets = true, or operations, resources or tags",
            got="none of them",
        )
    return selector
