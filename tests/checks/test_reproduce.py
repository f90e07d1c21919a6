"""A request that anybody can make again, without anybody's ids in it."""

from __future__ import annotations

import json

import pytest

from whopwatch.checks.reproduce import example_request, request_of, values_at
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import RequestExample


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


@pytest.mark.parametrize(
    ("id", "ids", "query", "headers", "path", "request_id"),
    [
        ("products.list", {}, (("first", "-1"),), (("x-request-id", "req_1"),), "/products?first=-1", "req_1"),
        ("products.list", {}, (("after", "secret"), ("first", "3")), (), "/products?after=$AFTER&first=3", None),
        ("payments.retrieve", {"id": "pay_real"}, (), (("cf-ray", "8c1f-FRA"),), "/payments/$ID", "8c1f-FRA"),
        ("payments.retrieve", {"id": "pay_" + "0" * 14}, (), (), f"/payments/pay_{'0' * 14}", None),
        ("payments.retrieve", {"id": "not-an-id!"}, (), (("x-request-id", "\x1b[2J"),), "/payments/not-an-id!", None),
    ],
)
def test_the_request_of_a_finding_shows_what_only_whopwatch_sends(
    contract: Contract,
    id: str,
    ids: dict[str, str],
    query: tuple[tuple[str, str], ...],
    headers: tuple[tuple[str, str], ...],
    path: str,
    request_id: str | None,
) -> None:
    sent = Exchange(id, Purpose.INVALID_SIZE, "GET", "https://api.example", ids, query, status=400, headers=headers)
    assert request_of(contract, sent) == RequestExample(path, id=request_id)


def test_values_at_a_location_are_few_and_short() -> None:
    items = [{"name": f"n{number}", "deep": {"a/b": [number]}} for number in range(9)]
    body = json.dumps({"data": items, "long": "x" * 500}).encode()
    got = Exchange("products.list", Purpose.LIST, "GET", "", status=200, headers=(("etag", "W/1"),), body=body)
    assert values_at(got, "/data/*/name") == ('"n0"', '"n1"', '"n2"')
    assert values_at(got, "/data/*/deep/a~1b/*") == ("0", "1", "2")
    assert values_at(got, "header:etag") == ('"W/1"',)
    assert [len(value) for value in values_at(got, "/long")] == [80]
    exact = Exchange("x", Purpose.LIST, "GET", "", status=200, body=json.dumps({"long": "x" * 78}).encode())
    assert values_at(exact, "/long") == (f'"{"x" * 78}"',)
    odd = Exchange("x", Purpose.LIST, "GET", "", status=200, body='{"*": {"ä": "é"}, "b": ["c"]}'.encode())
    assert values_at(odd, "/*/ä") == ('"é"',)
    assert values_at(odd, "/b/c") == ()
    assert values_at(got, "/data/*/missing") == values_at(got, "status") == values_at(got, "param:first") == ()
