"""A request that anybody can make again, without anybody's ids in it."""

from __future__ import annotations

import pytest

from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.run.reproduce import example_request


@pytest.mark.parametrize(
    ("id", "query", "shown"),
    [
        (
            "products.list",
            (("company_id", "biz_x"), ("first", "100")),
            "/products?company_id=$WHOP_COMPANY_ID&first=100",
        ),
        ("products.list", (("order", "created_at"),), "/products?order=created_at"),
        ("products.list", (("order", "jane"), ("first", "x$(rm)")), "/products?order=$ORDER&first=$FIRST"),
        ("payments.retrieve", (), "/payments/$ID"),
        ("members.list", (("product_ids[]", "prod_x"),), "/members?product_ids[]=$PRODUCT_IDS"),
    ],
)
def test_values_are_variables(contract: Contract, id: str, query: tuple[tuple[str, str], ...], shown: str) -> None:
    operation = contract.operation(id)
    purpose = Purpose.LIST if operation.is_list else Purpose.RETRIEVE
    asked = [Exchange(id, purpose, "GET", "https://api.example", {"id": "pay_x"}, query)]
    assert example_request(contract, operation, asked) == shown


def test_an_operation_that_was_not_asked_shows_what_it_needs(contract: Contract) -> None:
    operation = next(one for one in contract.reads if one.required_query)
    assert all(
        f"{parameter.name}=$" in example_request(contract, operation, ()) for parameter in operation.required_query
    )
