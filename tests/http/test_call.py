"""From a call to its URL."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.support import BASE, call, target
from whopwatch.http import url_of
from whopwatch.http.call import is_usable


def test_a_list_is_asked_for_below_the_base_url() -> None:
    assert url_of(call("products.list"), target()) == f"{BASE}/products"


def test_query_arrays_are_named_as_on_the_wire_and_keep_their_order() -> None:
    query = (("company_id", "biz_1"), ("product_types[]", "b"), ("product_types[]", "a"))
    url = url_of(call("products.list", query=query), target())
    assert url == f"{BASE}/products?company_id=biz_1&product_types%5B%5D=b&product_types%5B%5D=a"


def test_version_2_has_its_own_base() -> None:
    assert url_of(call("v2.plans.retrieve", id="plan_1"), target()) == ("https://api.example.com/api/v2/plans/plan_1")


def test_an_alternate_path_can_be_asked_for() -> None:
    operation = call("users.check_access").operation
    wanted = call("users.check_access", id="user_1", resource_id="prod_1", template=operation.alternate_paths[0])
    assert url_of(wanted, target()) == f"{BASE}/users/user_1/check_access"


def test_a_missing_path_parameter_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        url_of(call("products.retrieve"), target())


@given(st.text(min_size=1), st.lists(st.tuples(st.text(), st.text())))
def test_whatever_is_filled_in_comes_out_again(id: str, query: list[tuple[str, str]]) -> None:
    parts = urlsplit(url_of(call("products.retrieve", id=id, query=tuple(query)), target()))
    assert unquote(parts.path.rsplit("/", 1)[1]) == id
    assert parse_qsl(parts.query, keep_blank_values=True) == query
    assert parts.netloc == "api.example.com"


def test_half_a_surrogate_pair_in_an_id_is_no_crash() -> None:
    assert url_of(call("products.retrieve", id="\ud800"), target()) == f"{BASE}/products/%ED%A0%80"


@pytest.mark.parametrize("id", ["prod_1", "a.b-c~d:e@f+g=", "...a", "x" * 128])
def test_an_id_that_a_path_can_hold_is_usable(id: str) -> None:
    assert is_usable(id)


@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "a;b", "a%2fb", "?x", "#y", "a\\b", "x" * 129, "é", "a b", "a\n"])
def test_an_id_that_could_change_the_path_is_not_used(id: str) -> None:
    assert not is_usable(id)
