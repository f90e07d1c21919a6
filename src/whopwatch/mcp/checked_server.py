"""The MCP server that is checked, as plain values: its tools and their results, independent of the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from whopwatch.core.redaction import shape_of


def is_shown(name: str) -> bool:
    """Return whether a name of a server may be shown: its parts between dots are identifiers."""
    return all(shape_of(part) is None for part in name.split("."))


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool as the server lists it. `is_read_only` is its `readOnlyHint`, None if the server gives none."""

    name: str
    input_schema: Mapping[str, Any]
    is_read_only: bool | None = None

    @property
    def shown(self) -> str:
        """The name if it is safe to show, otherwise its length."""
        return self.name if is_shown(self.name) else f"(a name of {len(self.name)} characters)"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of calling a tool: the API's status if the server reports it, and the text of the result.

    `failure` says why there is no result.
    """

    status: int | None
    text: str = ""
    failure: str | None = None


class McpToolServer(Protocol):
    """A server whose tools can be listed and called."""

    def tools(self) -> list[OfferedTool]:
        """Return all tools. Raise TargetError if the server does not list them."""
        ...

    def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool. Never raises: a failure is part of the result."""
        ...
