"""What writes do beyond their schemas, as `writes.toml` of an edition declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from whopwatch.contract.operation import Operation


@dataclass(frozen=True, slots=True)
class Action:
    """What an action does to its object; the keys are explained in `writes.toml`."""

    body: Mapping[str, Any] = field(default_factory=dict)
    sets: Mapping[str, Any] = field(default_factory=dict)
    adds: Mapping[str, str] = field(default_factory=dict)
    removes: Mapping[str, str] = field(default_factory=dict)
    shows_body: bool = False
    makes: bool = False


@dataclass(frozen=True, slots=True)
class WriteEffects:
    """What is declared of writes.

    `simulator_only` gives a reason by resource or operation, and under `*` for what `allowed` does not name; `texts` a
    string pattern by field name, `renamed` the shown name of a sent field by resource, `actions` the effect of an
    operation.
    """

    simulator_only: Mapping[str, str]
    texts: Mapping[str, str]
    renamed: Mapping[str, Mapping[str, str]]
    actions: Mapping[str, Action]
    allowed: frozenset[str] = frozenset()

    def reason_against(self, operation: Operation) -> str | None:
        """Return why this write is sent to the simulator only, None if it may be sent elsewhere."""
        names = (operation.id, operation.resource, operation.resource.partition(".")[0])
        reason = next((self.simulator_only[name] for name in names if name in self.simulator_only), None)
        is_named = not self.allowed.isdisjoint(names[:2])
        return reason or (None if is_named else self.simulator_only.get("*"))

    def of_action(self, operation: Operation) -> Action | None:
        """Return what is declared of an action; an empty one for an action that is not; None for any other write."""
        declared = self.actions.get(operation.id)
        is_action = operation.method == "POST" and "{" in operation.path and operation.method_name != "create"
        return declared or (Action() if is_action else None)

    def text(self, name: str, unique: str) -> str:
        """Return a string for the field `name` that contains `unique`."""
        pattern = next(pattern for pattern in self.texts if fnmatchcase(name, pattern))
        return self.texts[pattern].replace("{}", unique)


def read_write_effects(content: Mapping[str, Any]) -> WriteEffects:
    """Return the declarations that the parsed `writes.toml` holds."""
    actions = {id: Action(**entry) for id, entry in content["actions"].items()}
    allowed = frozenset(content.get("allowed", ()))
    return WriteEffects(content["simulator_only"], content["texts"], content["renamed"], actions, allowed)
