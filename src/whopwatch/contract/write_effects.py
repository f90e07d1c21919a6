"""What is declared of writes beyond their schemas: `contracts/writes.toml`, loaded."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from whopwatch.contract import Operation
from whopwatch.contract.loader import contracts_dir


@dataclass(frozen=True, slots=True)
class Action:
    """What an action does to its object: see `contracts/writes.toml`."""

    body: Mapping[str, Any] = field(default_factory=dict)
    sets: Mapping[str, Any] = field(default_factory=dict)
    adds: Mapping[str, str] = field(default_factory=dict)
    removes: Mapping[str, str] = field(default_factory=dict)
    shows_body: bool = False
    makes: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """The declarations: reasons by resource or operation, patterns of texts, names by resource, actions."""

    simulator_only: Mapping[str, str]
    texts: Mapping[str, str]
    renamed: Mapping[str, Mapping[str, str]]
    actions: Mapping[str, Action]

    def reason_against(self, operation: Operation) -> str | None:
        """Why this write is left alone everywhere but at the simulator, None where it is not."""
        return self.simulator_only.get(operation.id) or self.simulator_only.get(operation.resource)

    def text(self, name: str, unique: str) -> str:
        """A text for the field called `name`, with `unique` in it."""
        pattern = next(pattern for pattern in self.texts if fnmatchcase(name, pattern))
        return self.texts[pattern].replace("{}", unique)


@cache
def declared() -> Declared:
    """The declarations, read once."""
    content = tomllib.loads((contracts_dir() / "writes.toml").read_text(encoding="utf-8"))
    actions = {id: Action(**entry) for id, entry in content.pop("actions").items()}
    return Declared(**content, actions=actions)
