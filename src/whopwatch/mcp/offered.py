"""What an MCP server says and answers, as plain values: nothing above this knows the protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

SAFE_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool as the server lists it. `is_read_only` is its hint, None where it gives none."""

    name: str
    input_schema: Mapping[str, Any]
    is_read_only: bool | None = None

    @property
    def shown(self) -> str:
        """Its name, if it is one that a report can carry."""
        return self.name if SAFE_NAME.fullmatch(self.name) else f"(a name of {len(self.name)} characters)"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of calling a tool: the API's status as far as the server tells, and the text of the result.

    `failure` says why there is none.
    """

    status: int | None
    text: str = ""
    failure: str | None = None


class Server(Protocol):
    """A server that can be asked."""

    def tools(self) -> list[Offered]:
        """Every tool it lists; raises TargetError where it does not."""
        ...

    def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """The answer of one tool; nothing the server does raises."""
        ...
