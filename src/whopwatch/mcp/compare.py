"""Compare the tools of a server with the tools that the contract derives from its operations.

The server that is checked is plain values here, independent of the protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from whopwatch.contract import Contract
from whopwatch.contract.mcp_tools import MCP_PREFIX, Tool, input_schema, tools_of
from whopwatch.contract.schema_tree import SchemaNode, tree_of
from whopwatch.core.finding import Confidence, Finding, Severity
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


_CHECK = "mcp-tools"
_READ_ONLY_HINT = "/annotations/readOnlyHint"
_SIMILAR = 0.8
"""Two tools with at least this share of common arguments are one tool that was renamed."""


def compare_tools(contract: Contract, offered: Sequence[OfferedTool]) -> tuple[Finding, ...]:
    """Return the differences between the contract's tools and the tools that a server offers."""
    expected = tools_of(contract)
    names = {tool.name for tool in offered}
    unknown = [
        tool for tool in offered if tool.name not in expected and tool.name not in contract.mcp_server.other_tools
    ]
    missing = [tool for tool in expected.values() if tool.is_promised and tool.name not in names]
    renamed = _renamed(contract, missing, unknown)
    findings = [_missing(tool, renamed.get(tool.name)) for tool in missing]
    findings += [_undocumented(tool) for tool in unknown if tool not in renamed.values()]
    for tool in offered:
        if tool.name in expected:
            findings += _differences(contract, expected[tool.name], tool)
    return tuple(findings)


def _missing(tool: Tool, successor: OfferedTool | None) -> Finding:
    name = f"offered as {successor.shown}" if successor else "no such tool"
    message = f"Tool {tool.name} was renamed." if successor else f"Tool {tool.name} is missing."
    return _finding("D1", Severity.CRITICAL, tool.name, "/name", "the tool", name, message)


def _undocumented(tool: OfferedTool) -> Finding:
    # Info only, as an undocumented field is: it breaks no existing call.
    return _finding(
        "D19", Severity.INFO, tool.shown, "/name", "no such tool", "a tool", f"Tool {tool.shown} is not documented."
    )


def _renamed(contract: Contract, missing: Sequence[Tool], unknown: Sequence[OfferedTool]) -> dict[str, OfferedTool]:
    """Map each missing tool to the unknown tool with the most similar arguments, if exactly one is the best."""
    found: dict[str, OfferedTool] = {}
    for tool in missing:
        own = _read(input_schema(contract, tool))
        scores = [_similarity(contract, tool, own, one) for one in unknown]
        best = max(scores, default=0.0)
        if best >= _SIMILAR and scores.count(best) == 1:
            found[tool.name] = unknown[scores.index(best)]
    taken = [id(one) for one in found.values()]
    return {name: one for name, one in found.items() if taken.count(id(one)) == 1}


def _similarity(contract: Contract, tool: Tool, own: SchemaNode, other: OfferedTool) -> float:
    """Return the share of common arguments; 0 if the required ones differ or no word of the names is common."""
    offered = _read(other.input_schema)
    mine, theirs = set(own.fields), set(offered.fields) - contract.mcp_server.other_arguments
    words = set(tool.name.split("_")) & set(other.name.replace("-", "_").split("_"))
    if offered.required != own.required or not words:
        return 0.0
    return len(mine & theirs) / len(mine | theirs) if mine | theirs else 1.0


def _differences(contract: Contract, tool: Tool, offered: OfferedTool) -> Iterator[Finding]:
    is_read = tool.operation.is_read
    if offered.is_read_only and not is_read:
        yield _finding(
            "D17", Severity.CRITICAL, tool.name, _READ_ONLY_HINT, "not marked as read-only", "marked as read-only",
            f"{tool.name} changes data and is marked as read-only: a host runs it without confirmation.",
        )  # fmt: skip
    elif is_read and not offered.is_read_only:
        yield _finding(
            "D6", Severity.MEDIUM, tool.name, _READ_ONLY_HINT, "marked as read-only", "not marked as read-only",
            f"{tool.name} only reads and is not marked as read-only: a host asks before each call.",
        )  # fmt: skip
    mine, theirs = _read(input_schema(contract, tool)), _read(offered.input_schema)
    yield from _arguments(contract, tool, mine, theirs)
    for name in sorted(mine.fields.keys() & theirs.fields.keys()):
        yield from _types(tool, name, mine.fields[name], theirs.fields[name])


def _read(schema: Mapping[str, Any]) -> SchemaNode:
    return tree_of(schema).read(schema)


def _arguments(contract: Contract, tool: Tool, mine: SchemaNode, theirs: SchemaNode) -> Iterator[Finding]:
    for name in sorted(mine.fields.keys() - theirs.fields.keys()):
        drift_class = "D5" if name in mine.required else "D6"
        yield _argument(drift_class, Severity.MEDIUM, tool, name, "an argument", "no such argument", "is missing")
    for name in sorted(theirs.fields.keys() - mine.fields.keys() - contract.mcp_server.other_arguments):
        if name in theirs.required:
            yield _argument("D2", Severity.CRITICAL, tool, name, "no such argument", "required", "is newly required")
        else:
            yield _argument("D19", Severity.LOW, tool, name, "no such argument", "optional", "is not documented")
    for name in sorted((theirs.required - mine.required) & mine.fields.keys()):
        yield _argument("D3", Severity.CRITICAL, tool, name, "optional", "required", "became required")
    for name in sorted((mine.required - theirs.required) & theirs.fields.keys()):
        yield _argument("D4", Severity.INFO, tool, name, "required", "optional", "became optional")


def _types(tool: Tool, name: str, mine: SchemaNode, theirs: SchemaNode) -> Iterator[Finding]:
    if mine.types and theirs.types and not _covers(theirs.types, mine.types):
        expected, observed = ", ".join(sorted(mine.types)), ", ".join(sorted(theirs.types))
        yield _argument("D7", Severity.CRITICAL, tool, name, expected, observed, "has another type")
        return
    if mine.enum is not None and theirs.enum is not None:
        yield from _values(tool, name, _scalars(mine), _scalars(theirs))
    elif mine.enum is None and theirs.enum is not None:
        yield _argument("D11", Severity.HIGH, tool, name, "any value", "a closed set of values", "takes fewer values")
    if mine.items and theirs.items:
        yield from _types(tool, f"{name}[]", mine.items, theirs.items)


def _values(tool: Tool, name: str, mine: frozenset[Any], theirs: frozenset[Any]) -> Iterator[Finding]:
    if lost := mine - theirs:
        observed = f"without {_value_names(lost)}"
        yield _argument("D10", Severity.HIGH, tool, name, "every documented value", observed, "lost a value")
    if new := theirs - mine:
        observed = f"{len(new)} more: {_value_names(new)}"
        yield _argument("D10", Severity.INFO, tool, name, "the documented values", observed, "takes more values")


def _scalars(node: SchemaNode) -> frozenset[Any]:
    return frozenset(value for value in node.enum or () if isinstance(value, (str, int, float)))


def _covers(theirs: frozenset[str], mine: frozenset[str]) -> bool:
    """Return whether every documented type is accepted; `number` includes integers."""
    wider = theirs | {"integer"} if "number" in theirs else theirs
    return mine <= wider


def _value_names(values: frozenset[Any]) -> str:
    """Return the first few values that look like names: they are part of the server's documentation, not data."""
    shown = sorted(str(value) for value in values if is_shown(str(value)))
    return ", ".join(shown[:5]) + (" …" if len(shown) > 5 else "") if shown else f"{len(values)} values"


def _argument(
    drift_class: str, severity: Severity, tool: Tool, name: str, expected: str, observed: str, what: str
) -> Finding:
    shown = name if is_shown(name.removesuffix("[]")) else f"(a name of {len(name)} characters)"
    message = f"Argument {shown} of {tool.name} {what}."
    return _finding(drift_class, severity, tool.name, f"param:{shown}", expected, observed, message)


def _finding(
    drift_class: str, severity: Severity, tool: str, location: str, expected: str, observed: str, message: str
) -> Finding:
    # Confirmed at once: a list of tools is static, so asking again adds nothing.
    return Finding(
        drift_class=drift_class,
        check=_CHECK,
        severity=severity,
        operation=f"{MCP_PREFIX}{tool}",
        location=location,
        expected=expected,
        observed=observed,
        message=message,
        confidence=Confidence.CONFIRMED,
    )
