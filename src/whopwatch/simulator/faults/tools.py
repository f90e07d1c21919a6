"""Faults in what the MCP server lists: its tools, their arguments and their annotations."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from whopwatch.contract import Contract
from whopwatch.contract.mcp_tools import DEFINITION, Tool, input_schema, tools_of
from whopwatch.simulator.faults.place import Place, Plan, Table, around
from whopwatch.simulator.pipeline import Call, Proceed

Listed = dict[str, Any]
Change = Callable[[Listed, str], Listed | None]

NAME, HINT = "/name", "/annotations/readOnlyHint"
NEW = "undocumented_argument"
SCALARS = ("string", "integer", "number")


def offered(place: Place, *, how: str) -> Plan | None:
    """List the tool of an operation under another name, with other annotations, or not at all: a key of OFFERS."""
    tool = _tools(place.contract).get(place.operation.id)
    location, is_about_promised, change = OFFERS[how]
    if tool is None or tool.is_promised is not is_about_promised:
        return None
    return _listed(lambda listed: change(listed, tool.name), location)


def argument(place: Place, *, how: str) -> Plan | None:
    """Document one argument of a tool otherwise: a key of ARGUMENTS."""
    tool = _tools(place.contract).get(place.operation.id)
    suits, change = ARGUMENTS[how]
    if tool is None:
        return None
    document = input_schema(place.contract, tool)
    names = (name for name in document["properties"] if suits(document, name))
    name = NEW if how == "new-required" else next(names, None)
    return _listed(lambda listed: change(listed, name), f"param:{name}") if name else None


def _listed(change: Callable[[Listed], Listed | None], location: str) -> Plan:
    def changed(call: Call, proceed: Proceed) -> None:
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


OFFERS: Mapping[str, tuple[str, bool, Change]] = {
    "missing": (NAME, True, lambda listed, name: None),
    "renamed": (NAME, True, _renamed),
    "extra": (NAME, False, _renamed),
    "marked": (HINT, True, _marked),
    "unmarked": (HINT, True, _unmarked),
}
"""Where it shows, whether it is about a tool that the server is known to offer, and what the listing becomes.

A tool that is not known to be offered is a stranger under another name, and nobody misses it under its own.
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


ARGUMENTS: Mapping[str, tuple[Callable[[Mapping[str, Any], str], bool], Callable[[Listed, str], Listed]]] = {
    "removed": (_is_optional, _removed),
    "required": (_is_optional, _required),
    "new-required": (lambda document, name: False, _new_required),
    "another-type": (_is_scalar, _of_another_type),
    "value-lost": (_has_values, _without_a_value),
}
"""Which arguments it can be done to, and what the listing becomes."""


@lru_cache(maxsize=4)
def _tools(contract: Contract) -> Mapping[str, Tool]:
    """The tools by the operation they stand for."""
    return {tool.operation.id: tool for tool in tools_of(contract).values()}


STEPS: Table = {"tool-offered": offered, "tool-argument": argument}
