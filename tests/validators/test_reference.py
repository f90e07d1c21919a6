"""The fast validator says of every value what the reference implementation of JSON Schema says."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from whopwatch.contract import load
from whopwatch.contract.schema import DIALECT, SchemaStore
from whopwatch.generate import Strategies, broken

CONTRACT = load()
STRATEGIES = {api: Strategies(CONTRACT, api) for api in CONTRACT.documents}
NAMED = [(api, name) for api, document in CONTRACT.documents.items() for name in document["components"]["schemas"]]
AGREEING = settings(max_examples=150, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@cache
def _registry(api: str) -> Registry[Any]:
    document = DRAFT202012.create_resource(CONTRACT.documents[api])
    empty: Registry[Any] = Registry()
    registry: Registry[Any] = empty.with_resource(f"urn:reference:{api}", document)
    return registry


def _reference(api: str, name: str) -> Any:
    schema = {"$schema": DIALECT, "$ref": f"urn:reference:{api}#/components/schemas/{name}"}
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, registry=_registry(api), format_checker=checker)


def test_the_reference_knows_the_format_that_the_contract_uses() -> None:
    assert "date-time" in jsonschema.Draft202012Validator.FORMAT_CHECKER.checkers


@AGREEING
@given(st.sampled_from(NAMED), st.data())
def test_both_agree_on_valid_and_on_broken_values(named: tuple[str, str], data: st.DataObject) -> None:
    api, name = named
    ours, reference = CONTRACT.validator(f"/components/schemas/{name}", api), _reference(api, name)
    schema = {"$ref": f"#/components/schemas/{name}"}
    valid = data.draw(STRATEGIES[api].of(schema))
    assert ours.is_valid(valid)
    assert reference.is_valid(valid)
    wrong = data.draw(broken(STRATEGIES[api], schema)).value
    assert ours.is_valid(wrong) == reference.is_valid(wrong)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=8), parts, max_size=4),
    max_leaves=12,
)


@settings(AGREEING, max_examples=60)
@given(st.sampled_from(NAMED), ANYTHING)
def test_both_agree_on_anything(named: tuple[str, str], value: Any) -> None:
    api, name = named
    ours, reference = CONTRACT.validator(f"/components/schemas/{name}", api), _reference(api, name)
    assert ours.is_valid(value) == reference.is_valid(value)


@pytest.mark.parametrize(
    "text",
    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123+02:00", "2026-01-01t00:00:00z", "2026-01-01 00:00:00Z",
     "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01", "", "1767225600"],
)  # fmt: skip
def test_both_agree_on_dates(text: str) -> None:
    document = {"components": {"schemas": {"Date": {"type": "string", "format": "date-time"}}}}
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    reference = jsonschema.Draft202012Validator({"type": "string", "format": "date-time"}, format_checker=checker)
    ours = SchemaStore(document).validator("/components/schemas/Date")
    assert ours.is_valid(text) == reference.is_valid(text)
