"""Exchange and the strict, bounded JSON parser behind it."""

from __future__ import annotations

import json
from typing import Any

import jiter
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whopwatch.core.exchange import Exchange, Failure, Purpose
from whopwatch.core.strict_json import (
    BodyProblem,
    has_more_values_than,
    memory_weight,
    nests_deeper_than,
    parse_json,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_every_json_document_is_parsed_to_its_value(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == (value, None)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", BodyProblem.EMPTY),
        (b" \r\n", BodyProblem.EMPTY),
        (b'"\xff"', BodyProblem.NOT_UTF8),
        (b"<html></html>", BodyProblem.NOT_JSON),
        (b'{"data": [{"id": "x"', BodyProblem.NOT_JSON),
        (b"[{}]{", BodyProblem.NOT_JSON),
        (b"[1, NaN]", BodyProblem.NOT_A_NUMBER),
        (b"-Infinity", BodyProblem.NOT_A_NUMBER),
        (b'{"a": 1, "a": 1}', BodyProblem.DUPLICATE_KEY),
        (b"[" * 100 + b"]" * 100, BodyProblem.TOO_DEEP),
        (b"[" * 100_000, BodyProblem.TOO_DEEP),
        (b'{"a":' * 100 + b"1" + b"}" * 100, BodyProblem.TOO_DEEP),
    ],
)
def test_what_is_not_a_json_document_is_named(body: bytes, problem: BodyProblem) -> None:
    assert parse_json(body) == (None, problem)


def test_depth_is_bounded_exactly() -> None:
    assert parse_json(b"[" * 64 + b"]" * 64)[1] is None
    assert parse_json(b"[" * 65 + b"]" * 65)[1] is BodyProblem.TOO_DEEP
    # The parser accepts neither; the second one also nests too deep.
    assert parse_json(b"[" * 64 + b"1 1" + b"]" * 64)[1] is BodyProblem.NOT_JSON
    assert parse_json(b"[" * 65 + b"1 1" + b"]" * 65)[1] is BodyProblem.TOO_DEEP
    assert parse_json(b"[" * 65 + b"NaN" + b"]" * 65)[1] is BodyProblem.TOO_DEEP


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (rb'["\ud800"]', BodyProblem.NOT_UTF8),
        (rb'["\uDFFF"]', BodyProblem.NOT_UTF8),
        (rb'["\ud83d\ude00"]', None),
        (rb'{"a": NaN, "b": "\ud800"}', BodyProblem.NOT_A_NUMBER),
    ],
)
def test_half_of_a_surrogate_pair_is_no_unicode(body: bytes, problem: BodyProblem | None) -> None:
    assert parse_json(body)[1] is problem


@pytest.mark.parametrize(
    ("depth", "body", "is_deeper"),
    [
        (2, b"[[]]", False),
        (1, b"[[]]", True),
        (1, b"[],[],[]", False),
        (20, b"[" * 21 + b"]" * 21, True),
        (20, b"[" * 20 + b"]" * 20, False),
        (1, b"]][[", False),
        (2, b"]][[[[[", True),
        (1, rb'["[[[\"[[["]', False),
    ],
)
def test_levels_are_counted_without_parsing(depth: int, body: bytes, is_deeper: bool) -> None:
    assert nests_deeper_than(depth, body) is is_deeper


@given(JSON)
def test_brackets_inside_strings_do_not_count(value: object) -> None:
    text = json.dumps(json.dumps(value) * 3 + '[[[[\\"{{{').encode()
    assert not nests_deeper_than(0, text)


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (b"1", 1),
        (b'[{"a":1,"b":[true,"x,[{y"]},null]', 7),
        (b'{"' + b",[{" * 50 + b'":"' + b"," * 50 + b'"}', 2),
        (rb'["\\\"", "\\", 1]', 4),
    ],
)
def test_values_are_counted_without_parsing(body: bytes, values: int) -> None:
    assert has_more_values_than(values - 1, body)
    assert not has_more_values_than(values, body)


@given(JSON)
def test_the_count_of_values_is_that_of_the_parsed_document(value: object) -> None:
    def count(node: object) -> int:
        parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return 1 + sum(map(count, parts)) + (isinstance(node, dict | list) and not node)

    body = json.dumps(value).encode()
    assert has_more_values_than(count(value) - 1, body)
    assert not has_more_values_than(count(value), body)


def test_a_body_with_too_many_values_is_not_parsed() -> None:
    assert parse_json(b"[" + b"0," * (99_998) + b"0]")[1] is None
    assert parse_json(b"[" + b"0," * (99_999) + b"0]") == (None, BodyProblem.TOO_MANY_VALUES)
    assert parse_json(b"[" * 200_000)[1] is BodyProblem.TOO_DEEP


def test_a_large_body_is_dropped_once_it_is_parsed() -> None:
    padding = b" " * 16_384
    exchange = Exchange("products.list", Purpose.LIST, "GET", "", status=200, body=b'{"data": [1]}' + padding)
    exchange.forget_large_body()
    assert (exchange.body, exchange.json, exchange.parsed) == (b"", {"data": [1]}, ({"data": [1]}, None))
    broken = Exchange("products.list", Purpose.LIST, "GET", "", status=200, body=b"{" + padding)
    broken.forget_large_body()
    assert broken.parsed == (None, BodyProblem.NOT_JSON)
    for body in (b"{}", b"{}" + b" " * 16_382):
        small = Exchange("products.list", Purpose.LIST, "GET", "", status=200, body=body)
        small.forget_large_body()
        assert small.body == body


@pytest.mark.parametrize(("body", "weight"), [(b"", 0), (b"12", 2), (b'[1,{"a":2}]', 11 + 3 * 64)])
def test_the_weight_of_a_response_counts_bytes_and_values(body: bytes, weight: int) -> None:
    assert memory_weight(body) == weight


@pytest.mark.parametrize(("members", "problem"), [(2000, None), (2001, BodyProblem.TOO_MANY_VALUES)])
def test_an_object_with_too_many_members_is_not_checked(members: int, problem: BodyProblem | None) -> None:
    large = {str(number): number for number in range(members)}
    assert parse_json(json.dumps({"data": [{"a": large}]}).encode())[1] is problem


def test_header_names_match_in_any_case_and_media_types_lose_their_parameters() -> None:
    exchange = Exchange(
        operation="products.list",
        purpose=Purpose.LIST,
        method="GET",
        url="http://localhost/products",
        query=(("product_types[]", "regular"), ("product_types[]", "app")),
        status=200,
        headers=(("content-type", "Application/JSON; charset=utf-8"),),
        body=b"{}",
    )
    assert exchange.header("Content-Type") == "Application/JSON; charset=utf-8"
    assert exchange.media_type == "application/json"
    assert exchange.query_value("product_types[]") == "regular"
    assert exchange.query_value("first") is None
    assert exchange.ok
    assert exchange.json == {}


@given(JSON, st.sampled_from(['"a": 1', '": x": 1', '"a" : 1', '"a\\\\": 1', '"\\"": 1', '"b": ":"', '"b": "\\":"']))
def test_a_name_is_found_twice_however_it_is_written(value: object, member: str) -> None:
    inner = json.dumps(value, separators=(",", ":"))
    for text in (f"[{inner},{{{member},{member}}}]", f'{{{member},"z":{inner},{member}}}'):
        assert parse_json(text.encode()) == (None, BodyProblem.DUPLICATE_KEY)
    once = f"[{inner},{{{member}}}]"
    assert parse_json(once.encode()) == (json.loads(once), None)


def received(**facts: Any) -> Exchange:
    return Exchange("products.list", Purpose.LIST, "GET", "", **facts)


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ((("ratelimit-remaining", "7"),), 7.0),
        ((("x-ratelimit-remaining", " 8 "),), 8.0),
        ((("ratelimit-remaining", "7"), ("x-ratelimit-remaining", "8")), 7.0),
        ((("ratelimit-remaining", "many"), ("x-ratelimit-remaining", "8")), 8.0),
        ((("ratelimit-remaining", "-1"),), None),
        ((("ratelimit-remaining", "\u0667"),), None),
        ((("ratelimit-remaining", "1234567890123"),), 123456789012.0),
        ((), None),
    ],
)
def test_the_number_of_a_rate_limit_header(headers: tuple[tuple[str, str], ...], number: float | None) -> None:
    assert received(status=200, headers=headers).rate_limit("remaining") == number


@pytest.mark.parametrize(
    ("facts", "transient", "kind", "ok"),
    [
        ({"status": 200}, False, None, True),
        ({"status": 299}, False, None, True),
        ({"status": 199}, False, None, False),
        ({"status": 300}, False, None, False),
        ({"status": 404}, False, None, False),
        ({"status": 429}, True, 429, False),
        ({"status": 499}, False, None, False),
        ({"status": 500}, True, 500, False),
        ({"failure": Failure.RESET}, True, Failure.RESET, False),
    ],
)
def test_failures_that_may_not_repeat(facts: dict[str, Any], transient: bool, kind: object, ok: bool) -> None:
    exchange = received(**facts)
    assert (exchange.may_be_transient, exchange.failure_kind, exchange.ok) == (transient, kind, ok)


def test_the_object_of_a_request_is_the_last_one_of_its_path() -> None:
    assert received(path_params={"company_id": "biz_1", "id": "prod_2"}).subject_id == "prod_2"
    assert received().subject_id is None
    assert received().media_type is None


def test_an_exchange_is_shown_without_its_content() -> None:
    shown = repr(received(headers=(("a", "private"),), body=b"private", request_body={"a": "private"}))
    assert "private" not in shown
    assert received().attempt == 1


NAMES = st.sampled_from(
    ['"a"', '"\\u0061"', '"b"', '""', '":"', '"\\":"', '"a\\\\"', '"\\ud83d\\ude00"', '"\\ud800"', '"\u00e9"']
)
SCALARS = st.sampled_from(
    ["0", "-1.5e3", "1e999", "1" * 30, "9" * 5000, "NaN", "-Infinity", "true", "null", "01", "\ufeff"]
)
SPACES = st.sampled_from(["", " ", "\n\t"])
WRITTEN = st.recursive(
    SCALARS | NAMES,
    lambda parts: (
        st.lists(parts, max_size=4).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(NAMES, SPACES, SPACES, parts), max_size=4).map(
            lambda members: "{" + ",".join(f"{name}{a}:{b}{part}" for name, a, b, part in members) + "}"
        )
        | st.tuples(st.integers(1, 210), parts).map(lambda nested: "[" * nested[0] + nested[1] + "]" * nested[0])
    ),
    max_leaves=12,
)
"""JSON text with duplicate names at any depth, and much that is not quite JSON."""


@given(WRITTEN, st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=2)), max_size=2))
@example('{"a":{"b":[{"\\u0061":1,"a":2}]}}', [])
@example('\ufeff{"a":1}', [])
@example('{"a\\\\":1,"a\\\\":":"}', [])
def test_counted_names_show_the_same_duplicates_as_the_parser_that_compares_them(
    text: str, edits: list[tuple[int, bytes]]
) -> None:
    body = text.encode()
    for at, inserted in edits:
        body = body[:at] + inserted + body[at + 1 :]
    try:
        expected = jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError:
        assert parse_json(body)[1] is not None
        return
    is_deep = nests_deeper_than(64, body)
    assert parse_json(body) == ((None, BodyProblem.TOO_DEEP) if is_deep else (expected, None))
