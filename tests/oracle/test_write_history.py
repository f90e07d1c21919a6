"""Each successful write of a run with the reads after it."""

from __future__ import annotations

from typing import Any

from tests.checks.support import exchange, page
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.oracle.written_object import WriteRecord, write_history

READ = Purpose.READ_BACK


def write(name: str, id: str = "prod_1", title: str = "a", **more: Any) -> Exchange:
    path = {} if name == "create" else {"id": id}
    return exchange(
        f"products.{name}",
        more.pop("value", {"id": id, "title": title}),
        sent={"title": title},
        path=path,
        purpose=more.pop("purpose", Purpose.WRITE),
        method="DELETE" if name == "delete" else "POST",
        **more,
    )


def read(title: str, id: str = "prod_1", **more: Any) -> Exchange:
    return exchange("products.retrieve", {"id": id, "title": title}, path={"id": id}, purpose=READ, **more)


def listing(*ids: str) -> Exchange:
    return exchange("products.list", page([{"id": id, "title": "a"} for id in ids]), purpose=READ)


def records(contract: Contract, *exchanges: Exchange) -> list[WriteRecord]:
    return list(write_history(contract, exchanges))


def test_reads_belong_to_the_latest_write(contract: Contract) -> None:
    first, second = records(contract, write("create"), read("a"), write("update", title="b"), read("a"), read("b"))

    assert (first.index, first.operation.id, first.expected.id) == (0, "products.create", "prod_1")
    assert [len(reads) for reads in first.reads.values()] == [1]
    assert (second.index, [set(one.wrong) for one in second.reads["products.retrieve"]]) == (2, [{"/title"}, set()])
    assert (second.before, second.after) == ({"id": "prod_1", "title": "a"}, {"id": "prod_1", "title": "b"})
    assert (first.before, first.after) == (None, {"id": "prod_1", "title": "a"})


def test_the_response_of_a_write_is_compared_if_it_shows_the_object(contract: Contract) -> None:
    wrong = write("create", value={"id": "prod_1", "title": "x"})
    other = write("update", value={"id": "prod_2", "title": "a"})

    assert [one.response and set(one.response.wrong) for one in records(contract, write("create"), wrong, other)] == [
        set(),
        {"/title"},
        None,
    ]
    (listed,) = records(contract, write("update", value=[{"id": "prod_1"}]))
    assert listed.response is None
    (deleted,) = records(contract, write("delete"))
    assert (deleted.response, deleted.expected.is_gone) == (None, True)


def test_lists_before_and_after(contract: Contract) -> None:
    before, after, later = listing("prod_2"), listing("prod_2", "prod_1"), listing()

    (record,) = records(contract, before, write("create"), after, later)

    assert (record.list_before, record.pages) == (before, [after, later])
    assert [set(one.wrong) for one in record.reads["products.list"]] == [set(), {"absent"}]


def test_what_is_left_out(contract: Contract) -> None:
    failed, idless = write("create", status=500), write("create", value={})
    invalid = write("update", purpose=Purpose.INVALID_BODY)

    assert records(contract, failed, idless, invalid, read("a"), exchange("products.list", page([]))) == []


def test_a_rejected_write_ends_the_record_before(contract: Contract) -> None:
    for purpose in (Purpose.WRITE, Purpose.INVALID_BODY, Purpose.NO_KEY, Purpose.WRONG_KEY):
        (record,) = records(contract, write("create"), write("update", status=400, purpose=purpose), read("b"))
        assert record.reads == {}
    (record,) = records(contract, write("create"), write("create", purpose=Purpose.SAME_KEY), read("b"))
    assert record.reads


def test_reads_of_another_object_or_resource_do_not_count(contract: Contract) -> None:
    plan = exchange("plans.retrieve", {"id": "plan_1"}, path={"id": "plan_1"}, purpose=READ)

    (record,) = records(
        contract, read("x", id="prod_2"), write("create"), read("b", id="prod_2"), plan, read("b", status=500)
    )

    assert (record.reads, record.after, record.before) == ({}, None, None)


def test_a_read_without_an_id_is_of_no_object(contract: Contract) -> None:
    nameless = exchange("products.retrieve", {"id": "prod_1", "title": "x"}, purpose=READ)

    (record,) = records(contract, nameless, write("update"))

    assert record.before is None


def test_an_object_is_remembered_as_it_was_last_read(contract: Contract) -> None:
    (record,) = records(contract, read("old"), read("older", status=404), read("x", id="prod_2"), write("update"))

    assert record.before == {"id": "prod_1", "title": "old"}
