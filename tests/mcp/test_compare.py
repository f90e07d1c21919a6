"""Each difference in a list of tools is one finding with its drift class and location, and nothing else is."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from whopwatch.contract import load
from whopwatch.contract.mcp_tools import input_schema, tools_of
from whopwatch.core.finding import Finding
from whopwatch.mcp import OfferedTool, compare_tools

CONTRACT = load()
TOOLS = {
    name: OfferedTool(name, input_schema(CONTRACT, tool), tool.operation.is_read or None)
    for name, tool in tools_of(CONTRACT).items()
}
Schema = dict[str, Any]


def found(changed: dict[str, OfferedTool]) -> list[Finding]:
    return list(compare_tools(CONTRACT, list(changed.values())))


def with_schema(name: str, change: Callable[[Schema], object]) -> dict[str, OfferedTool]:
    schema = copy.deepcopy(dict(TOOLS[name].input_schema))
    change(schema)
    return {**TOOLS, name: replace(TOOLS[name], input_schema=schema)}


def without(name: str) -> dict[str, OfferedTool]:
    return {other: tool for other, tool in TOOLS.items() if other != name}


def test_the_tools_of_the_contract_are_no_drift() -> None:
    assert found(TOOLS) == []


def test_an_operation_that_never_had_a_tool_is_no_drift() -> None:
    assert found(without("list_refunds")) == []


def test_tools_and_arguments_of_no_operation_are_known() -> None:
    extra = {**TOOLS, "search_docs": OfferedTool("search_docs", {"type": "object"})}
    assert found(extra) == []
    assert (
        found(with_schema("list_plans", lambda schema: schema["properties"].update(jq_filter={"type": "string"}))) == []
    )


@pytest.mark.parametrize(
    ("change", "drift_class", "severity", "location"),
    [
        (lambda schema: schema["properties"].pop("order"), "D6", "medium", "param:order"),
        (lambda schema: schema["properties"].pop("company_id"), "D5", "medium", "param:company_id"),
        (lambda schema: schema["required"].clear(), "D4", "info", "param:company_id"),
        (lambda schema: schema["required"].append("first"), "D3", "critical", "param:first"),
        (lambda schema: schema["properties"].update(why={"type": "string"}), "D19", "low", "param:why"),
        (lambda schema: schema["properties"]["first"].update(type="string"), "D7", "critical", "param:first"),
        (lambda schema: schema["properties"]["order"]["enum"].remove("id"), "D10", "high", "param:order"),
        (lambda schema: schema["properties"]["order"]["enum"].append("new"), "D10", "info", "param:order"),
        (lambda schema: schema["$defs"]["PlanType"]["enum"].pop(), "D10", "high", "param:plan_types[]"),
        (lambda schema: schema["properties"]["after"].update(enum=["a"]), "D11", "high", "param:after"),
    ],
)
def test_a_changed_argument(change: Callable[[Schema], object], drift_class: str, severity: str, location: str) -> None:
    findings = found(with_schema("list_plans", change))
    assert [(one.drift_class, str(one.severity), one.operation, one.location) for one in findings] == [
        (drift_class, severity, "mcp:list_plans", location)
    ]


def test_a_new_argument_that_is_required_breaks() -> None:
    def change(schema: Schema) -> None:
        schema["properties"]["why"] = {"type": "string"}
        schema["required"].append("why")

    assert [(one.drift_class, one.location) for one in found(with_schema("list_plans", change))] == [
        ("D2", "param:why")
    ]


def test_a_wider_type_is_no_drift() -> None:
    def change(schema: Schema) -> None:
        schema["properties"]["first"] = {"anyOf": [{"type": "number"}, {"type": "string"}, {"type": "null"}]}

    assert found(with_schema("list_plans", change)) == []


def test_a_missing_tool() -> None:
    assert [(one.drift_class, one.operation, one.observed) for one in found(without("list_plans"))] == [
        ("D1", "mcp:list_plans", "no such tool")
    ]


def test_a_tool_by_another_name_is_one_finding() -> None:
    changed = {**without("list_plans"), "plans_list": replace(TOOLS["list_plans"], name="plans_list")}
    assert [(one.drift_class, one.operation, one.observed) for one in found(changed)] == [
        ("D1", "mcp:list_plans", "offered as plans_list")
    ]


def test_a_tool_that_nothing_documents() -> None:
    changed = {**TOOLS, "launch": OfferedTool("launch", {"type": "object"})}
    assert [(one.drift_class, one.operation) for one in found(changed)] == [("D19", "mcp:launch")]


def test_a_write_marked_as_a_read_is_critical() -> None:
    changed = {**TOOLS, "delete_plans": replace(TOOLS["delete_plans"], is_read_only=True)}
    assert [(one.drift_class, str(one.severity)) for one in found(changed)] == [("D17", "critical")]


def test_a_read_that_is_not_marked() -> None:
    changed = {**TOOLS, "list_plans": replace(TOOLS["list_plans"], is_read_only=None)}
    assert [(one.drift_class, str(one.severity)) for one in found(changed)] == [("D6", "medium")]


@pytest.mark.parametrize("name", ["\x1b[31mred", "a" * 5000, "<script>", "\u202e"])
def test_an_unsafe_name_is_not_in_the_report(name: str) -> None:
    (finding,) = found({**TOOLS, name: OfferedTool(name, {"type": "object"})})
    report = json.dumps(finding.to_json(), ensure_ascii=False)
    assert json.dumps(name, ensure_ascii=False)[1:-1] not in report
    assert finding.operation == f"mcp:(a name of {len(name)} characters)"


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"properties": {"order": 7}},
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#/anyOf/0"}]},
        {"required": [1, None]},
        {"properties": {"order": {"$ref": "#/$defs/loop"}}, "$defs": {"loop": {"$ref": "#/$defs/loop"}}},
        {"anyOf": "no list"},
    ],
)
def test_a_malformed_schema_gives_findings(schema: Schema) -> None:
    findings = found({**TOOLS, "list_plans": replace(TOOLS["list_plans"], input_schema=schema)})
    assert {one.operation for one in findings} == {"mcp:list_plans"}
    assert ("D5", "param:company_id") in {(one.drift_class, one.location) for one in findings}
