"""The contract as tools: names, inputs, and requests as arguments and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from whopwatch.contract import Contract, load
from whopwatch.contract.arguments import arguments_of, request_from_arguments
from whopwatch.contract.mcp_tools import Tool, input_schema, tools_of
from whopwatch.contract.operation import Parameter

CONTRACT = load()
TOOLS = tools_of(CONTRACT)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return CONTRACT


def test_every_operation_of_v1_is_a_tool_of_its_own(contract: Contract) -> None:
    assert {tool.operation.id for tool in TOOLS.values()} == {
        operation.id for operation in contract.operations.values() if operation.api == "v1"
    }
    assert sum(tool.is_promised for tool in TOOLS.values()) == 111
    assert TOOLS["list_fees_payments"].operation.id == "payments.list_fees"


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name)
def test_an_input_is_a_schema_that_stands_alone(contract: Contract, tool: Tool) -> None:
    schema = input_schema(contract, tool)
    jsonschema.Draft202012Validator.check_schema(schema)
    text = repr(schema)
    assert "#/components" not in text
    assert "'x-" not in text
    missing = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors({})]
    assert len(missing) == len(tool.required)


def test_the_addresses_are_declared() -> None:
    assert CONTRACT.mcp_server.transports.keys() == {"streamable-http", "sse"}


def test_a_request_becomes_typed_arguments_and_back(contract: Contract) -> None:
    operation = contract.operation("plans.list")
    query = (("company_id", "biz_1"), ("first", "3"), ("product_ids[]", "prod_1"), ("product_ids[]", "prod_2"))
    arguments = arguments_of(contract, operation, {}, query)
    assert arguments == {"company_id": "biz_1", "first": 3, "product_ids": ["prod_1", "prod_2"]}
    assert request_from_arguments(operation, arguments) == ({}, query, {})


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("boolean", "True", "True"),
        ("integer", "-3", -3),
        ("integer", "3.5", "3.5"),
        ("number", "3.5", 3.5),
        ("number", "many", "many"),
        ("string", "true", "true"),
        ("string", "3", "3"),
    ],
)
def test_a_value_has_the_type_of_its_parameter(contract: Contract, type: str, text: str, value: Any) -> None:
    operation = contract.operation("plans.list")
    others = tuple(one for one in operation.parameters if one.name != "first")
    typed = replace(operation, parameters=(*others, Parameter("first", "query", False, {"type": type})))
    arguments = arguments_of(contract, typed, {}, (("first", text), ("unknown", "3")))
    assert arguments == {"first": value, "unknown": "3"}
    assert arguments["first"].__class__ is value.__class__
    assert request_from_arguments(typed, {"first": value}) == ({}, (("first", text),), {})


def test_what_is_no_parameter_is_of_the_body(contract: Contract) -> None:
    operation = contract.operation("products.update")
    assert request_from_arguments(operation, {"id": "prod_1", "title": "x"}) == ({"id": "prod_1"}, (), {"title": "x"})


def test_a_text_of_another_type_stays_a_text(contract: Contract) -> None:
    assert arguments_of(contract, contract.operation("plans.list"), {}, (("first", "many"),)) == {"first": "many"}
