"""The contract as a whole: counts, lookups, and the answer to "which operation is this request?"."""

from __future__ import annotations

from collections import Counter

import pytest

from whopwatch.contract import Contract
from whopwatch.contract.operation import operations_of
from whopwatch.core.errors import UsageError


def test_the_contract_is_the_whole_reference(contract: Contract) -> None:
    v1 = [operation for operation in contract.operations.values() if operation.api == "v1"]
    assert Counter(operation.method for operation in v1) == {"GET": 79, "POST": 46, "PATCH": 15, "DELETE": 9}
    assert len(contract.resources) == 45
    assert len(contract.lists) == 38
    assert len(contract.events) == 27
    assert [operation.id for operation in contract.operations.values() if operation.api == "v2"] == [
        "v2.plans.retrieve"
    ]


def test_every_documented_schema_compiles(contract: Contract) -> None:
    pointers = {
        (operation.api, response.pointer)
        for operation in contract.operations.values()
        for response in operation.responses.values()
        if response.schema is not None
    }
    for api, pointer in pointers:
        assert not contract.validator(pointer, api).is_valid("surely not a documented response")
    for event in contract.events.values():
        assert not contract.validator(event.pointer).is_valid({})


def test_parameters_are_in_the_order_of_the_path_and_before_those_of_the_query() -> None:
    names = (("first", "query"), ("item_id", "path"), ("after", "query"), ("list_id", "path"))
    raw = {
        "operationId": "lists.retrieve_item",
        "tags": ["lists"],
        "parameters": [{"name": name, "in": place, "schema": {"type": "string"}} for name, place in names],
        "responses": {"200": {"description": ""}},
    }
    (operation,) = operations_of("v1", {"paths": {"/lists/{list_id}/items/{item_id}": {"get": raw}}})
    assert [one.name for one in operation.parameters] == ["list_id", "item_id", "first", "after"]
    assert [one.name for one in operation.in_("path")] == ["list_id", "item_id"]


def test_an_unknown_operation_gets_a_suggestion(contract: Contract) -> None:
    with pytest.raises(UsageError, match=r"did you mean 'products\.list'"):
        contract.operation("product.list")


@pytest.mark.parametrize(
    ("method", "path", "id"),
    [
        ("GET", "/products", "products.list"),
        ("GET", "/products/prod_1", "products.retrieve"),
        ("DELETE", "/products/prod_1", "products.delete"),
        ("POST", "/payments/pay_1/refund", "payments.refund"),
        ("GET", "/users/user_1/access/prod_1", "users.check_access"),
        ("GET", "/users/user_1/check_access", "users.check_access"),
        ("PUT", "/products/prod_1", None),
        ("GET", "/products/", None),
        ("GET", "/products/a/b", None),
        ("GET", "/productsx", None),
    ],
)
def test_a_request_is_matched_to_its_operation(contract: Contract, method: str, path: str, id: str | None) -> None:
    operation = contract.match(method, path)
    assert (operation.id if operation else None) == id


def test_parameters_say_what_they_identify(contract: Contract) -> None:
    company = contract.operation("products.list").parameter("company_id")
    assert company is not None
    assert (company.required, company.resource, company.id_prefixes) == (True, "companies", ("biz_",))
    types = contract.operation("products.list").parameter("product_types[]")
    assert types is not None
    assert types.is_array
    assert not types.required


def test_a_template_is_filled(contract: Contract) -> None:
    operation = contract.operation("users.check_access")
    assert operation.fill({"id": "user_1", "resource_id": "prod_1"}) == "/users/user_1/access/prod_1"
