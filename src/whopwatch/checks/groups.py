"""Which checks are one test together, and of which operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from whopwatch.contract import Contract, Operation
from whopwatch.oracle.expansion import expandable


@dataclass(frozen=True, slots=True)
class Group:
    """Checks that are one test together, for each operation that they apply to."""

    checks: tuple[str, ...]
    applies: Callable[[Contract, Operation], bool]


def _is_list(_: Contract, operation: Operation) -> bool:
    return operation.is_list


def _is_read(_: Contract, operation: Operation) -> bool:
    return operation.is_read


def _is_twin(contract: Contract, operation: Operation) -> bool:
    return operation.id == f"{operation.resource}.retrieve" and list_of(operation) in contract.operations


def list_of(operation: Operation) -> str:
    """The id of the list of the same resource, whether there is one or not."""
    return f"{operation.resource}.list"


GROUPS = {
    "answer": Group(
        (
            *("wire", "latency", "status", "refused", "refusals", "content", "envelope", "deprecation"),
            *("alternate-path", "read-back", "side-effects", "write-refusals", "untouched"),
        ),
        lambda contract, operation: True,
    ),
    "schema": Group(("schema", "fields", "removal"), _is_read),
    "paging": Group(
        ("paging", "walking", "moving", "queries", "page-sizes", "default-order", "parents", "asked-for"), _is_list
    ),
    "twins": Group(("twins",), _is_twin),
    "expansion": Group(("expansion",), lambda contract, operation: bool(expandable(contract, operation))),
}
"""Every check is in one group. Those of `answer` stand for the operation itself: writes have no other."""

WHOLE_TARGET = {"authentication": ("authentication",)}
"""Groups that a run samples over all operations: one test each."""
