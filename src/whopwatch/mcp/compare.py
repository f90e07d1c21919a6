"""The tools that a server lists, held against those that the contract derives from its operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.mcp_tools import Tool, input_schema, tools_of
from whopwatch.contract.schema_tree import SchemaNode, tree_of
from whopwatch.core.finding import Confidence, Finding, Severity
from whopwatch.mcp.offered import SAFE_NAME, Offered

CHECK = "mcp-tools"
PREFIX = "mcp:"
HINT = "/annotations/readOnlyHint"
ALIKE = 0.8
"""The share of arguments that two tools have in common at least where the one is the other by a new name."""


def compared(contract: Contract, offered: Sequence[Offered]) -> tuple[Finding, ...]:
    """What moved between the contract's tools and those that a server offers."""
    expected = tools_of(contract)
    names = {tool.name for tool in offered}
    strangers = [
        tool for tool in offered if tool.name not in expected and tool.name not in contract.mcp_server.other_tools
    ]
    missing = [tool for tool in expected.values() if tool.is_promised and tool.name not in names]
    renamed = _renamed(contract, missing, strangers)
    findings = [_gone(tool, renamed.get(tool.name)) for tool in missing]
    findings += [_stranger(tool) for tool in strangers if tool not in renamed.values()]
    for tool in offered:
        if tool.name in expected:
            findings += _differences(contract, expected[tool.name], tool)
    return tuple(findings)


def _gone(tool: Tool, successor: Offered | None) -> Finding:
    name = f"offered as {successor.shown}" if successor else "no such tool"
    message = f"The tool {tool.name} has another name." if successor else f"The tool {tool.name} is gone."
    return _finding("D1", Severity.CRITICAL, tool.name, "/name", "the tool", name, message)


def _stranger(tool: Offered) -> Finding:
    # Worth knowing, as an undocumented field is: nobody's calls break by it.
    return _finding(
        "D19", Severity.INFO, tool.shown, "/name", "no such tool", "a tool", f"The tool {tool.shown} is not documented."
    )


def _renamed(contract: Contract, missing: Sequence[Tool], strangers: Sequence[Offered]) -> dict[str, Offered]:
    """For each missing tool the one stranger that takes the same: the best, where there is a single best."""
    found: dict[str, Offered] = {}
    for tool in missing:
        own = _read(input_schema(contract, tool))
        scores = [_likeness(contract, tool, own, one) for one in strangers]
        best = max(scores, default=0.0)
        if best >= ALIKE and scores.count(best) == 1:
            found[tool.name] = strangers[scores.index(best)]
    taken = [id(one) for one in found.values()]
    return {name: one for name, one in found.items() if taken.count(id(one)) == 1}


def _likeness(contract: Contract, tool: Tool, own: SchemaNode, other: Offered) -> float:
    """How much of what two tools take is the same; 0 where they differ in what they need or in what they are about."""
    offered = _read(other.input_schema)
    mine, theirs = set(own.fields), set(offered.fields) - contract.mcp_server.other_arguments
    words = set(tool.name.split("_")) & set(other.name.replace("-", "_").split("_"))
    if offered.required != own.required or not words:
        return 0.0
    return len(mine & theirs) / len(mine | theirs) if mine | theirs else 1.0


def _differences(contract: Contract, tool: Tool, offered: Offered) -> Iterator[Finding]:
    is_read = tool.operation.is_read
    if offered.is_read_only and not is_read:
        yield _finding(
            "D17", Severity.CRITICAL, tool.name, HINT, "not marked as read-only", "marked as read-only",
            f"{tool.name} changes data and is marked as read-only: hosts will run it without asking.",
        )  # fmt: skip
    elif is_read and not offered.is_read_only:
        yield _finding(
            "D6", Severity.MEDIUM, tool.name, HINT, "marked as read-only", "not marked as read-only",
            f"{tool.name} only reads and is not marked as such: hosts will ask before each call.",
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
        yield _argument(drift_class, Severity.MEDIUM, tool, name, "an argument", "no such argument", "is gone")
    for name in sorted(theirs.fields.keys() - mine.fields.keys() - contract.mcp_server.other_arguments):
        if name in theirs.required:
            yield _argument("D2", Severity.CRITICAL, tool, name, "no such argument", "required", "is asked for")
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
        observed = f"without {_listed(lost)}"
        yield _argument("D10", Severity.HIGH, tool, name, "every documented value", observed, "lost a value")
    if new := theirs - mine:
        observed = f"{len(new)} more: {_listed(new)}"
        yield _argument("D10", Severity.INFO, tool, name, "the documented values", observed, "takes more values")


def _scalars(node: SchemaNode) -> frozenset[Any]:
    return frozenset(value for value in node.enum or () if isinstance(value, (str, int, float)))


def _covers(theirs: frozenset[str], mine: frozenset[str]) -> bool:
    """Whether every type that is documented is let through; a number takes integers."""
    wider = theirs | {"integer"} if "number" in theirs else theirs
    return mine <= wider


def _listed(values: frozenset[Any]) -> str:
    """A few of the values: they are part of the server's own documentation, as long as they look like names."""
    shown = sorted(str(value) for value in values if SAFE_NAME.fullmatch(str(value)))
    return ", ".join(shown[:5]) + (" …" if len(shown) > 5 else "") if shown else f"{len(values)} values"


def _argument(
    drift_class: str, severity: Severity, tool: Tool, name: str, expected: str, observed: str, what: str
) -> Finding:
    shown = name if SAFE_NAME.fullmatch(name.removesuffix("[]")) else f"(a name of {len(name)} characters)"
    message = f"The argument {shown} of {tool.name} {what}."
    return _finding(drift_class, severity, tool.name, f"param:{shown}", expected, observed, message)


def _finding(
    drift_class: str, severity: Severity, tool: str, location: str, expected: str, observed: str, message: str
) -> Finding:
    # A list of tools is what the server says of itself: there is nothing to ask twice.
    return Finding(
        drift_class=drift_class,
        check=CHECK,
        severity=severity,
        operation=f"{PREFIX}{tool}",
        location=location,
        expected=expected,
        observed=observed,
        message=message,
        confidence=Confidence.CONFIRMED,
    )
