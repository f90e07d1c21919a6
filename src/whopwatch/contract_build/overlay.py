"""OpenAPI Overlay 1.0: the decisions made by hand, applied to a document.

An action updates or removes what its JSONPath `target` finds. Objects are merged, arrays appended to, and everything
else replaced.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonpath_rfc9535 import JSONPathError, find

from whopwatch.contract_build.files import read_yaml
from whopwatch.core.errors import SourceError

_ACTION_KEYS = {"target", "description", "update", "remove"}


@dataclass(frozen=True)
class OverlayAction:
    """One decision: where, what, and the reason."""

    number: int
    target: str
    description: str
    update: Any = None
    remove: bool = False


@dataclass(frozen=True)
class AppliedAction:
    """An action and how many places of the document it found."""

    action: OverlayAction
    matches: int


def read_overlay(path: Path) -> list[OverlayAction]:
    """Return the actions of an overlay file.

    Raise `SourceError` if an action has no reason, an unknown key, or not exactly one of `update` and `remove`.
    """
    actions = []
    for number, action in enumerate(read_yaml(path)["actions"], start=1):
        known = set(action) <= _ACTION_KEYS and {"target", "description"} <= set(action)
        if not known or ("update" in action) == bool(action.get("remove")):
            raise SourceError(
                f"action {number} of the overlay is malformed",
                where=str(path),
                expected="target, description (the reason), and one of update and remove",
                got=", ".join(sorted(action)),
            )
        actions.append(OverlayAction(number, **action))
    return actions


def apply_overlay(document: dict[str, Any], actions: list[OverlayAction]) -> list[AppliedAction]:
    """Apply `actions` in order to `document`, in place; returns each with its number of matches.

    Raise `SourceError` if a target is no JSONPath.
    """
    applied = []
    for action in actions:
        try:
            nodes = find(action.target, document)
        except JSONPathError as error:
            raise SourceError(
                f"the target of overlay action {action.number} is no JSONPath",
                where=action.target,
                got=str(error),
            ) from None
        # Removing from the end keeps the indexes of an array valid.
        for node in reversed(list(nodes)):
            _apply_at(document, node.location, action)
        applied.append(AppliedAction(action, len(nodes)))
    return applied


def _apply_at(document: dict[str, Any], location: tuple[int | str, ...], action: OverlayAction) -> None:
    if not location:
        _merge(document, action.update)
        return
    parent: Any = document
    for step in location[:-1]:
        parent = parent[step]
    if action.remove:
        del parent[location[-1]]
    else:
        parent[location[-1]] = _merge(parent[location[-1]], action.update)


def _merge(target: Any, update: Any) -> Any:
    if isinstance(target, dict) and isinstance(update, dict):
        for key, value in update.items():
            target[key] = _merge(target[key], value) if key in target else copy.deepcopy(value)
        return target
    if isinstance(target, list):
        return [*target, *copy.deepcopy(update if isinstance(update, list) else [update])]
    return copy.deepcopy(update)
