"""Ids of responses that the prober may put into a path."""

from __future__ import annotations

import json

import pytest

from tests.prober.support import CONTRACT
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.prober.probe_requests import RecentIds


def learned(*shown: str) -> str | None:
    recent = RecentIds(CONTRACT, ["products"], clock=lambda: 0.0)
    body = json.dumps({"data": [{"id": id} for id in shown]}).encode()
    exchange = Exchange("products.list", Purpose.LIST, "GET", "", status=200, body=body)
    recent.learn(CONTRACT.operation("products.list"), exchange)
    return recent.best("products")


@pytest.mark.parametrize("id", ["a/b", "..", "a;b", "a%2fb", "?x", "x" * 200, ""], ids=lambda id: repr(id)[:9])
def test_an_id_that_could_change_the_path_is_not_learned(id: str) -> None:
    assert learned(id) is None
    assert learned(id, "prod_1") == "prod_1"
    assert learned("prod_1", id) == "prod_1"


def test_a_list_that_comes_again_is_not_parsed_to_see_whether_it_is_empty() -> None:
    recent = RecentIds(CONTRACT, ["products"], clock=lambda: 0.0)
    operation = CONTRACT.operation("products.list")

    def page(*ids: str, status: int = 200) -> Exchange:
        body = json.dumps({"data": [{"id": id} for id in ids]}).encode()
        return Exchange("products.list", Purpose.LIST, "GET", "", status=status, body=body)

    for first, again in ((page(), page()), (page("prod_1"), page("prod_1")), (page(), page())):
        is_empty = not first.json["data"]
        assert recent.is_empty_list(operation, first) is is_empty
        assert recent.is_empty_list(operation, again) is is_empty
        assert "parsed" not in vars(again)
    assert not recent.is_empty_list(operation, page(status=500)), "a failed request shows nothing"
