"""Strategies: every schema of the contract has valid values, and they are as varied as it allows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from whopwatch.contract import Contract, load
from whopwatch.core.errors import ContractError
from whopwatch.generate import Strategies

CONTRACT = load()
STRATEGIES = {api: Strategies(CONTRACT, api) for api in CONTRACT.documents}
SEARCH = settings(max_examples=500, database=None, phases=[Phase.generate])
SCHEMAS = [(api, name) for api, document in CONTRACT.documents.items() for name in document["components"]["schemas"]]
BROAD = settings(max_examples=3, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(("api", "name"), SCHEMAS)
def test_every_named_schema_has_values_and_they_are_valid(api: str, name: str) -> None:
    pointer = f"/components/schemas/{name}"
    validator = CONTRACT.validator(pointer, api)

    @BROAD
    @given(STRATEGIES[api].at(pointer))
    def valid(value: Any) -> None:
        assert list(validator.violations(value)) == []

    valid()


def _find(schema: dict[str, Any], condition: Any, contract: Contract = CONTRACT) -> Any:
    return find(Strategies(contract).of(schema), condition, settings=SEARCH)


@pytest.mark.parametrize(
    ("schema", "condition"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, lambda value: value is None),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, lambda value: isinstance(value, str)),
        ({"type": "object", "properties": {"a": {"type": "boolean"}}}, lambda value: value == {}),
        ({"type": "object", "properties": {"a": {"type": "boolean"}}}, lambda value: value == {"a": True}),
        ({"type": "object", "additionalProperties": True}, lambda value: len(value) == 2),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            lambda value: {type(part) for part in value.values()} == {int},
        ),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, lambda value: value == ["b", "a", "b"]),
        ({"type": "number"}, lambda value: isinstance(value, float) and not value.is_integer()),
        ({"type": "string", "x-id-prefix": ["prod_"]}, lambda value: value.startswith("prod_")),
        ({"type": "string", "format": "date-time"}, lambda value: value.endswith("Z")),
        ({"const": "User"}, lambda value: value == "User"),
        ({}, lambda value: value == []),
    ],
)
def test_what_a_schema_allows_is_met(schema: dict[str, Any], condition: Any) -> None:
    assert condition(_find(schema, condition))


@pytest.mark.parametrize("variant", ["CardPaymentMethod", "CashappPaymentMethod", "BasePaymentMethod"])
def test_every_variant_of_a_union_is_met(variant: str) -> None:
    schema = {"$ref": "#/components/schemas/PaymentMethodRetrieveResponse"}
    assert _find(schema, lambda value: value["typename"] == variant)["typename"] == variant


@pytest.mark.parametrize("schema", [{"type": "string", "format": "ipv4"}, {"type": "file"}])
def test_an_unsupported_schema_is_an_error(schema: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match="Cannot generate values"):
        Strategies(CONTRACT).of(schema)


@given(st.data())
@settings(max_examples=20, derandomize=True, database=None)
def test_a_schema_that_holds_itself_ends(data: st.DataObject) -> None:
    node = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/components/schemas/Node"}, {"type": "null"}]}},
        "required": ["next"],
    }
    document = {**CONTRACT.documents["v1"], "components": {"schemas": {"Node": node}}}
    strategies = Strategies(Contract({"v1": {**document, "paths": {}, "webhooks": {}}}, CONTRACT.edition))
    value = data.draw(strategies.of({"$ref": "#/components/schemas/Node"}))
    while value is not None:
        value = value["next"]
