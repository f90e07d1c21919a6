"""Faults in the tools that the MCP server lists: names, arguments and annotations."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.mcp_tools import DEFINITION, Tool, input_schema, tools_of
from whopwatch.simulator.api.pipeline import ApiCall, Proceed
from whopwatch.simulator.faults.context import FaultContext, FaultPlan, FaultSteps, around, setting_of

Listed = dict[str, Any]
Change = Callable[[Listed, str], Listed | None]

NAME_LOCATION, HINT_LOCATION = "/name", "/annotations/readOnlyHint"
NEW_ARGUMENT = "undocumented_argument"
SCALARS = ("string", "integer", "number")


def change_tool(context: FaultContext, *, how: str) -> FaultPlan | None:
    """List an operation's tool with another name or annotation, or hide it: `how` is a key of TOOL_CHANGES."""
    tool = _tools(context.contract).get(context.operation.id)
    location, needs_promise, change = setting_of(TOOL_CHANGES, "how", how)
    if tool is None or tool.is_promised is not needs_promise:
        return None
    return _listed(lambda listed: change(listed, tool.name), location)


def change_argument(context: FaultContext, *, how: str) -> FaultPlan | None:
    """Change one argument of a tool: `how` is a key of ARGUMENT_CHANGES."""
    tool = _tools(context.contract).get(context.operation.id)
    suits, change = setting_of(ARGUMENT_CHANGES, "how", how)
    if tool is None:
        return None
    document = input_schema(context.contract, tool)
    names = (name for name in document["properties"] if suits(document, name))
    name = NEW_ARGUMENT if how == "new-required" else next(names, None)
    return _listed(lambda listed: change(listed, name), f"param:{name}") if name else None


def _listed(change: Callable[[Listed], Listed | None], location: str) -> FaultPlan:
    def changed(call: ApiCall, proceed: Proceed) -> None:
        proceed()
        if call.payload is not None:
            call.payload = change(copy.deepcopy(call.payload))

    return around("offer", changed, location)


def _renamed(listed: Listed, name: str) -> Listed:
    return {**listed, "name": f"{name}_renamed"}


def _marked(listed: Listed, _: str) -> Listed:
    return {**listed, "annotations": {"readOnlyHint": True}}


def _unmarked(listed: Listed, _: str) -> Listed:
    return {**listed, "annotations": {}}


TOOL_CHANGES: Mapping[str, tuple[str, bool, Change]] = {
    "missing": (NAME_LOCATION, True, lambda listed, name: None),
    "renamed": (NAME_LOCATION, True, _renamed),
    "extra": (NAME_LOCATION, False, _renamed),
    "marked": (HINT_LOCATION, True, _marked),
    "unmarked": (HINT_LOCATION, True, _unmarked),
}
"""The location of the fault, whether it suits a promised tool, and the change.

A tool that the server need not offer is an unknown tool under another name, and is not missed under its own.
"""


def _removed(listed: Listed, name: str) -> Listed:
    del listed["inputSchema"]["properties"][name]
    return listed


def _required(listed: Listed, name: str) -> Listed:
    listed["inputSchema"]["required"].append(name)
    return listed


def _new_required(listed: Listed, name: str) -> Listed:
    listed["inputSchema"]["properties"][name] = {"type": "string"}
    return _required(listed, name)


def _of_another_type(listed: Listed, name: str) -> Listed:
    listed["inputSchema"]["properties"][name] = {"type": "boolean"}
    return listed


def _without_a_value(listed: Listed, name: str) -> Listed:
    schema = _schema(listed["inputSchema"], name)
    listed["inputSchema"]["properties"][name] = {**schema, "enum": schema["enum"][:-1]}
    return listed


def _is_optional(document: Mapping[str, Any], name: str) -> bool:
    return name not in document["required"]


def _is_scalar(document: Mapping[str, Any], name: str) -> bool:
    schema = _schema(document, name)
    return schema.get("type") in SCALARS and "enum" not in schema


def _has_values(document: Mapping[str, Any], name: str) -> bool:
    return len(_schema(document, name).get("enum", ())) > 1


def _schema(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    schema: Mapping[str, Any] = document["properties"][name]
    reference = schema.get("$ref")
    return document["$defs"][reference.removeprefix(DEFINITION)] if reference else schema


ARGUMENT_CHANGES: Mapping[str, tuple[Callable[[Mapping[str, Any], str], bool], Callable[[Listed, str], Listed]]] = {
    "removed": (_is_optional, _removed),
    "required": (_is_optional, _required),
    "new-required": (lambda document, name: False, _new_required),
    "another-type": (_is_scalar, _of_another_type),
    "value-lost": (_has_values, _without_a_value),
}
"""Which arguments the change suits, and the change."""


@lru_cache(maxsize=4)
def _tools(contract: Contract) -> Mapping[str, Tool]:
    """Return the tools by operation."""
    return {tool.operation.id: tool for tool in tools_of(contract).values()}


TOOL_FAULTS: FaultSteps = {"tool-offered": change_tool, "tool-argument": change_argument}
