"""Writing at a target that allows it: create, read one's own write, change, act on, delete, and see it gone.

Nothing here decides whether writing is allowed: whoever runs it does, and the client's guard refuses it elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from whopwatch.planning.state import Experiment
from whopwatch.planning.writes.lifecycle import lifecycle, tidy
from whopwatch.planning.writes.writing import WriteState


def plan_writes(writing: WriteState, selected: Collection[str]) -> Iterator[Experiment]:
    """The life of an object of each resource that has a selected write, in the contract's order."""
    for resource in resources(writing, selected):
        yield lifecycle(writing, resource)


def plan_cleanup(writing: WriteState) -> Iterator[Experiment]:
    """Deleting what an experiment that was cut short has left."""
    for resource in list(writing.owned):
        yield tidy(writing, resource)


def resources(writing: WriteState, selected: Collection[str]) -> list[str]:
    """The resources with a selected write."""
    operations = writing.state.contract.operations.values()
    writes = [one for one in operations if not one.is_read and one.api == "v1" and one.id in selected]
    return list(dict.fromkeys(operation.resource for operation in writes))


__all__ = ["WriteState", "plan_cleanup", "plan_writes"]
