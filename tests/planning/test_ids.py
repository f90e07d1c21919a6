from __future__ import annotations

from dataclasses import replace

from whopwatch.contract import Contract, load
from whopwatch.contract.operation import Operation, Parameter
from whopwatch.planning.ids import IdPool, documented_samples, required_parameters


def test_own_ids_come_before_mentioned_ones_and_named_ones_before_both() -> None:
    pool = IdPool()
    pool.add("products", "mentioned")
    pool.add("products", "own", own=True)
    pool.prefer("products", "named")
    assert pool.candidates("products") == ["named", "own", "mentioned"]


def test_a_mentioned_id_that_turns_out_to_be_own_moves_up_and_never_down() -> None:
    pool = IdPool()
    pool.add("products", "a", own=True)
    pool.add("products", "b")
    assert pool.candidates("products") == ["a", "b"]
    pool.add("products", "a")
    pool.add("products", "c", own=True)
    assert pool.candidates("products")[2] == "b"
    pool.add("products", "b", own=True)
    assert set(pool.candidates("products")) == {"a", "b", "c"}


def test_a_pinned_id_is_the_only_candidate() -> None:
    pool = IdPool()
    pool.add("companies", "biz_other", own=True)
    pool.pin("companies", "biz_mine")
    pool.add("companies", "biz_third", own=True)
    assert pool.candidates("companies") == ["biz_mine"]
    assert pool.resource_of("biz_mine") == "companies"


def test_the_order_depends_on_the_seed_and_not_on_the_order_of_arrival() -> None:
    ids = [f"id{number}" for number in range(20)]
    forward, backward, other = IdPool(1), IdPool(1), IdPool(2)
    for id in ids:
        forward.add("products", id)
        other.add("products", id)
    for id in reversed(ids):
        backward.add("products", id)
    assert forward.candidates("products") == backward.candidates("products") != other.candidates("products")


def test_a_pool_is_bounded_and_keeps_what_came_first() -> None:
    pool = IdPool(limit=3)
    for number in range(10):
        pool.add("products", str(number))
    assert sorted(pool.candidates("products")) == ["0", "1", "2"]
    assert pool.resource_of("9") is None


def samples(contract: Contract, *parameters: Parameter) -> list[tuple[str, ...]]:
    operation: Operation = replace(contract.operation("products.list"), parameters=parameters)
    return [documented_samples(contract, operation, parameter) for parameter in parameters]


def needed(name: str, *examples: object, **schema: object) -> Parameter:
    return Parameter(name, "query", required=True, schema=schema, examples=examples)


def test_a_parameter_without_an_id_gets_what_its_schema_documents() -> None:
    found = samples(
        load(),
        needed("metric", "net_revenue", type="string", default="x"),
        needed("kind", type="string", default="one", enum=["one", "two"]),
        needed("side", type="string", enum=["one", "two"]),
        needed("full", type="boolean"),
        needed("days", type="integer", minimum=7),
        needed("count", type="integer"),
        needed("query", type="string"),
    )
    assert found == [("net_revenue", "x"), ("one",), ("one", "two"), ("true", "false"), ("7",), ("1",), ()]


def test_required_dates_are_a_range_that_ends_on_the_day_of_the_edition() -> None:
    contract = load("newest")
    times = [needed(name, type="string", format="date-time") for name in ("from", "to")]
    assert samples(contract, *times) == [("2026-09-15T00:00:00Z",), ("2026-10-15T00:00:00Z",)]
    assert samples(contract, needed("on", type="string", format="date")) == [("2026-10-15",)]


def test_every_required_parameter_of_the_newest_edition_takes_an_id_or_has_a_documented_value() -> None:
    contract = load("newest")
    for operation in contract.reads:
        for one in required_parameters(contract, operation):
            assert one.resources or one.values, (operation.id, one.parameter.name)
