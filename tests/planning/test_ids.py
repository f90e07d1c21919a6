from __future__ import annotations

from whopwatch.planning.ids import IdPool


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
