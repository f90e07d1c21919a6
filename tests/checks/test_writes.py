"""The checks of writes: read back, side effects, rejections, and traversals while the run writes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import JSON_HEADER, exchange, found, page, rules
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Finding, Severity, Source

READ = Purpose.READ_BACK
CREATE, UPDATE, DELETE = "products.create", "products.update", "products.delete"


def product(id: str = "prod_1", title: str = "a", **more: Any) -> dict[str, Any]:
    return {"id": id, "title": title, **more}


def create(sent: dict[str, Any] | None = None, value: Any = None, **more: Any) -> Exchange:
    return _write(
        CREATE, "POST", sent or {"title": "a", "kind": "b"}, product(kind="b") if value is None else value, more
    )


def update(sent: dict[str, Any] | None = None, value: Any = None, *, id: str = "prod_1", **more: Any) -> Exchange:
    sent = sent or {"title": "new"}
    return _write(UPDATE, "PATCH", sent, product(**sent) if value is None else value, {"path": {"id": id}, **more})


def delete(id: str = "prod_1", **more: Any) -> Exchange:
    return _write(DELETE, "DELETE", None, True, {"path": {"id": id}, **more})


def _write(operation: str, method: str, sent: Any, value: Any, more: dict[str, Any]) -> Exchange:
    return exchange(operation, value, sent=sent, method=method, **{"purpose": Purpose.WRITE, **more})


def read(value: Any = None, *, id: str = "prod_1", status: int = 200) -> Exchange:
    return exchange("products.retrieve", value, path={"id": id}, purpose=READ, status=status)


def listing(*items: Any, **info: Any) -> Exchange:
    return exchange("products.list", page(items, **info), purpose=READ)


def placed(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """Return operation, rule and location of each finding."""
    return [(one.operation, *rules([one])[0]) for one in findings]


RETRIEVE, LIST = "products.retrieve", "products.list"
GOOD = product(kind="b")
READ_BACK: list[tuple[tuple[Exchange, ...], list[tuple[str, str, str]]]] = [
    ((create(), read(GOOD), listing(GOOD)), []),
    ((delete(), read(status=404), listing()), []),
    ((create(), read(status=404), read(GOOD)), [(RETRIEVE, "not-there", "status")]),  # late
    ((create(), read(status=404)), [(CREATE, "not-there", "")]),  # no read shows it
    ((create(), read(GOOD), listing()), [(LIST, "not-there", "/data")]),
    ((delete(), read(GOOD)), [(DELETE, "not-deleted", "")]),
    ((delete(), read(status=404), listing(GOOD)), [(LIST, "not-deleted", "/data")]),
    ((update(), read(product())), [(UPDATE, "not-written", "")]),  # all that was sent
    (
        (read(product(kind="a")), update({"title": "new", "kind": "b"}), read(product(title="new", kind="a"))),
        [(UPDATE, "not-written", "/kind")],
    ),
    ((update(value=product()), read(product(title="new"))), [(UPDATE, "stale-response", "")]),
    ((update(), read(product(title="new")), listing(product())), [(LIST, "not-shown", "/data/*")]),
    (
        (
            update({"title": "new", "kind": "b"}),
            read(product(title="new", kind="b")),
            listing(product(title="new", kind="a")),
        ),
        [(LIST, "not-shown", "/data/*/kind")],
    ),
    ((update(), read(product()), read(product(title="new"))), [(RETRIEVE, "shown-late", "")]),
    # nothing was read, and the response shows the old values
    ((update(value=product()),), [(UPDATE, "not-written", "")]),
    ((update(status=400), read(product())), []),
]


@pytest.mark.parametrize(("exchanges", "expected"), READ_BACK)
def test_reads_show_what_was_written(
    contract: Contract, exchanges: tuple[Exchange, ...], expected: list[tuple[str, str, str]]
) -> None:
    findings = found(contract, "read-back", *exchanges)

    assert placed(findings) == expected
    for one in findings:
        is_critical = (one.rule or "").endswith(("not-there", "not-deleted"))
        assert one.severity is (Severity.CRITICAL if is_critical else Severity.HIGH)
        assert (one.drift_class, one.source, one.samples) == ("D20", Source.LIVE_LIVE, 1)


OLD, OTHER = product("prod_9", "old", kind="x"), product("prod_9", kind="b")
DATE = "Fri, 02 Jan 2026 00:00:10 GMT"
EARLY, NOW = "2026-01-02T00:00:00Z", "2026-01-02T00:00:06Z"


def dated(date: str, **more: Any) -> dict[str, Any]:
    return product(updated_at=date, **more)


def at(date: str | None = DATE) -> dict[str, Any]:
    return {"headers": (*JSON_HEADER, ("date", date))} if date else {}


SIDE_EFFECTS: list[tuple[tuple[Exchange, ...], list[tuple[str, str, str]]]] = [
    ((listing(), create(), listing(GOOD)), []),
    ((listing(), create(), listing(GOOD, OTHER)), [(CREATE, "second-object", "/id")]),
    ((listing(OTHER), create(), listing(GOOD, OTHER)), []),  # it was there before
    ((create(), listing(GOOD, OTHER)), []),  # the list before is unknown
    ((listing(), create(), listing(GOOD, OLD)), []),  # of another user
    ((listing(), create({"title": "a"}, product()), listing(GOOD, product("prod_9", "b"))), []),
    (
        (
            listing(),
            create(),
            create(value=product("prod_9", kind="b"), purpose=Purpose.INVALID_BODY),
            listing(GOOD, OTHER),
        ),
        [],
    ),
    # another object takes over what was sent
    (
        (listing(product(), OLD), update(), listing(product(title="new"), product("prod_9", "new"))),
        [(UPDATE, "other-object-changed", "")],
    ),
    ((listing(product(), OLD), update(), listing(product(title="new"), OLD)), []),
    (
        (
            listing(product(), product("prod_9", "new")),
            update(),
            listing(product(title="new"), product("prod_9", "new")),
        ),
        [],
    ),
    ((listing(product()), update(), listing(product(title="new"), product("prod_9", "new"))), []),
    # the date of the last change
    (
        (read(dated(EARLY)), update(**at()), read(dated(EARLY, title="new"))),
        [(UPDATE, "date-unchanged", "/updated_at")],
    ),
    ((read(dated(EARLY)), update(**at()), read(dated(NOW, title="new"))), []),
    ((read(dated(NOW)), update(**at()), read(dated(NOW, title="new"))), []),  # seconds ago
    ((read(dated(EARLY)), update(**at(None)), read(dated(EARLY, title="new"))), []),
    ((read(dated("soon")), update(**at()), read(dated("soon", title="new"))), []),
    ((read(dated(EARLY)), update(**at("soon")), read(dated(EARLY, title="new"))), []),
    ((read(dated(EARLY)), delete(**at()), read(dated(EARLY))), []),
    ((update(**at()), read(dated(EARLY, title="new"))), []),
    ((read(dated(EARLY)), update(**at())), []),
    ((read(product()), update(**at()), read(product(title="new"))), []),
]


@pytest.mark.parametrize(("exchanges", "expected"), SIDE_EFFECTS)
def test_a_write_does_nothing_else(
    contract: Contract, exchanges: tuple[Exchange, ...], expected: list[tuple[str, str, str]]
) -> None:
    findings = found(contract, "side-effects", *exchanges)

    assert placed(findings) == expected
    for one in findings:
        assert one.severity is (Severity.LOW if one.location == "/updated_at" else Severity.HIGH)


def error(code: str | None = None, param: str | None = None) -> dict[str, Any]:
    return {"error": {"type": "x", "message": "no", "code": code, "param": param}}


KEY = "header:idempotency-key"
WRITE_REFUSALS: list[tuple[tuple[Exchange, ...], list[tuple[str, str, str]]]] = [
    ((create(purpose=Purpose.INVALID_BODY),), [("invalid-body-accepted", "status", "D11")]),
    ((create(purpose=Purpose.INVALID_BODY, status=400),), []),
    ((create(purpose=Purpose.INVALID_BODY, credential="none"),), []),
    ((create(purpose=Purpose.OTHER_BODY),), [("key-reused", KEY, "D20")]),
    ((create(), create(purpose=Purpose.SAME_KEY)), []),
    ((create(), create(value=product("prod_2"), purpose=Purpose.SAME_KEY)), [("repeated", KEY, "D20")]),
    ((create(value=[1]), create(value=[2], purpose=Purpose.SAME_KEY)), [("repeated", KEY, "D20")]),
    ((create(status=400), create(value=product("prod_2"), purpose=Purpose.SAME_KEY)), []),
    ((create(value=product("prod_2")), create(), create(purpose=Purpose.SAME_KEY)), []),  # the write before it
    ((delete(), read(status=404), delete(purpose=Purpose.DELETED_AGAIN)), [("deleted-twice", "status", "D15")]),
    ((delete(), delete(purpose=Purpose.DELETED_AGAIN)), [("deleted-twice", "status", "D15")]),
    ((delete(), read(GOOD), delete(purpose=Purpose.DELETED_AGAIN)), []),  # the deletion itself failed
    ((delete(), listing(GOOD), delete(purpose=Purpose.DELETED_AGAIN)), []),
    ((delete(), listing(), delete(purpose=Purpose.DELETED_AGAIN), read(GOOD)), [("deleted-twice", "status", "D15")]),
    # a valid write that is rejected
    (
        (create(value=error("parameter_missing", "visibility"), status=400),),
        [("optional-field-required", "param:visibility", "D3")],
    ),
    ((create(value=error("parameter_missing", "zip"), status=400),), [("optional-field-required", "status", "D3")]),
    ((create(value=error("parameter_missing", "title"), status=400),), []),  # it was sent
    ((create(value=error("other", "visibility"), status=400),), []),
    ((create(value=error("parameter_missing"), status=400),), []),
    ((create(value=error("parameter_missing", "x"), status=400, purpose=Purpose.INVALID_BODY),), []),
    ((create(value=error("parameter_missing", "x"), status=422),), []),
    ((read(GOOD), update(status=404)), [("existing-not-found", "status", "D1")]),
    ((listing(GOOD), update(status=404)), [("existing-not-found", "status", "D1")]),
    ((update(status=404), read(GOOD)), []),  # created since
    ((read(GOOD), read(status=404), update(status=404)), []),
    ((read(product("prod_2"), id="prod_2"), update(status=404)), []),
]


@pytest.mark.parametrize(("exchanges", "expected"), WRITE_REFUSALS)
def test_invalid_writes_are_rejected_and_valid_ones_are_not(
    contract: Contract, exchanges: tuple[Exchange, ...], expected: list[tuple[str, str, str]]
) -> None:
    findings = found(contract, "write-refusals", *exchanges)

    assert [(*rules([one])[0], one.drift_class) for one in findings] == expected


def test_a_rejected_write_says_what_was_expected(contract: Contract) -> None:
    (finding,) = found(contract, "write-refusals", read(GOOD), update(status=404), update())

    assert (finding.expected, finding.observed, finding.samples) == ("200", "404", 2)


REJECTED: dict[str, Any] = {"status": 400}
UNTOUCHED: list[tuple[tuple[Exchange, ...], list[str]]] = [
    ((read(product()), update(**REJECTED), read(product())), []),
    ((read(product()), update(**REJECTED), read(product(title="new"))), [UPDATE]),
    ((read(product()), update(status=404), read(product(title="new"))), []),
    ((read(product()), update(status=500), read(product(title="new"))), []),
    ((read(product(title="new")), update(**REJECTED), read(product(title="new"))), []),  # it was so before
    ((update(**REJECTED), read(product(title="new"))), []),  # the value before is unknown
    ((read(product()), update(**REJECTED), update(), read(product(title="new"))), []),  # a later write did it
    ((listing(product()), update(**REJECTED), listing(product(title="new"))), [UPDATE]),
    ((read(product()), update(**REJECTED), listing(product(title="new"))), []),  # the list was not read before
    ((read(product()), delete(**REJECTED), read(status=404)), [DELETE]),
    ((read(product()), delete(**REJECTED), read(product())), []),
    ((listing(product()), delete(**REJECTED), listing()), []),  # it may be on another page
    ((read(product()), update(**REJECTED), read(product(title="new")), read(product(title="new"))), [UPDATE]),
    # a creation
    ((listing(), create(**REJECTED), listing(GOOD)), [CREATE]),
    ((listing(), create(**REJECTED), listing()), []),
    ((create(**REJECTED), listing(GOOD)), []),
    ((listing(GOOD), create(**REJECTED), listing(GOOD)), []),
    ((listing(), create(**REJECTED), listing(product(kind="c"))), []),
    ((listing(), create(**REJECTED), create(), listing(GOOD)), []),
    ((listing(), create(**REJECTED), create(value=product("prod_2", kind="b")), listing(GOOD)), []),  # an equal one
    ((listing(), create(**REJECTED), read(GOOD)), []),
    ((listing(), create({"title": "a"}, **REJECTED), listing(product())), [CREATE]),
    ((listing(), create({"other": "a"}, **REJECTED), listing(product())), []),  # nothing of it is shown
]


@pytest.mark.parametrize(("exchanges", "expected"), UNTOUCHED)
def test_a_rejected_write_has_no_effect(
    contract: Contract, exchanges: tuple[Exchange, ...], expected: list[str]
) -> None:
    findings = found(contract, "untouched", *exchanges)

    assert placed(findings) == [(operation, "performed", "status") for operation in expected]
    assert all("is rejected (400), but performed" in one.message for one in findings)


def moving(*ids: str, after: str | None = None, **more: Any) -> Exchange:
    query = (("after", after),) if after else ()
    items = [{"id": id} for id in ids]
    return exchange(
        "products.list",
        page(items, has_next=more.pop("has_next", False)),
        purpose=Purpose.MOVING_PAGE,
        query=query,
        **more,
    )


def made(id: str) -> Exchange:
    return create(value=product(id))


OWN = tuple(made(f"prod_{number}") for number in (1, 2, 3, 4))  # the newest comes first
MOVING: list[tuple[tuple[Exchange, ...], list[tuple[str, str]]]] = [
    ((*OWN, moving("prod_4", "prod_3"), moving("prod_2", "prod_1", after="c")), []),
    (
        (*OWN, moving("prod_4", "prod_3"), moving("prod_3", "prod_2", "prod_1", after="c")),
        [("item-twice", "/data/*/id")],
    ),
    ((*OWN, moving("prod_4", "prod_3"), moving("prod_1", after="c")), [("item-skipped", "/data/*/id")]),
    ((*OWN, moving("prod_4", "prod_3"), delete("prod_2"), moving("prod_1", after="c")), []),
    ((*OWN, moving("prod_4", "prod_3"), update(id="prod_2"), moving("prod_1", after="c")), []),
    ((*OWN, moving("prod_4", "prod_3"), update(id="prod_3"), moving("prod_3", "prod_2", "prod_1", after="c")), []),
    (
        (
            *OWN,
            moving("prod_4", "prod_3"),
            update(id="prod_3"),
            moving("prod_3", "prod_3", "prod_2", "prod_1", after="c"),
        ),
        [("changed-item-thrice", "/data/*/id")],
    ),
    ((*OWN, moving("prod_4", "prod_3"), made("prod_5"), moving("prod_2", "prod_1", after="c")), []),
    (
        (*OWN, moving("prod_4"), made("prod_5"), moving("prod_5", "prod_5", "prod_3", "prod_2", "prod_1", after="c")),
        [("item-twice", "/data/*/id")],
    ),
    ((*OWN, moving("prod_4"), moving(after="c", status=400)), [("deleted-cursor-rejected", "param:after")]),
    ((*OWN, moving("prod_4"), moving(after="c", status=500)), []),
    ((*OWN, moving("prod_4", status=400)), []),  # the first page has no cursor
    ((*OWN, moving("prod_3"), moving("prod_2", after="c", has_next=True)), []),  # it goes on after that
    ((*OWN, moving("prod_3"), moving("prod_2", after="c")), [("item-skipped", "/data/*/id")]),  # it ends
    (
        (
            listing({"id": "prod_0"}),
            *OWN,
            moving("prod_4", "prod_3"),
            moving("prod_2", "prod_0", after="c", has_next=True),
        ),
        [("item-skipped", "/data/*/id")],
    ),
    ((*OWN, moving("x")), []),
    ((*OWN, delete("prod_4"), moving("prod_3", "prod_2", "prod_1")), []),
    ((*OWN, update(id="prod_2"), moving("prod_4", "prod_3", "prod_1")), [("item-skipped", "/data/*/id")]),
    ((moving("prod_4", after="c"),), []),  # a recording that begins in the middle
    (
        (*OWN, exchange("plans.list", page([]), purpose=Purpose.MOVING_PAGE), moving("prod_4", "prod_3", "prod_2")),
        [("item-skipped", "/data/*/id")],
    ),
]


@pytest.mark.parametrize(("exchanges", "expected"), MOVING)
def test_a_traversal_while_the_run_writes(
    contract: Contract, exchanges: tuple[Exchange, ...], expected: list[tuple[str, str]]
) -> None:
    findings = found(contract, "moving", *exchanges, established=True)

    assert rules(findings) == expected
    assert all((one.severity, one.drift_class) == (Severity.CRITICAL, "D20") for one in findings)


def test_no_source_states_what_becomes_of_the_cursor_of_a_deleted_item(contract: Contract) -> None:
    severities = {
        finding.rule: finding.severity for exchanges, _ in MOVING for finding in found(contract, "moving", *exchanges)
    }

    assert severities.pop("moving/deleted-cursor-rejected") is Severity.INFO
    assert set(severities.values()) == {Severity.CRITICAL}


def test_each_traversal_counts_by_itself(contract: Contract) -> None:
    lossy = [one for _ in range(2) for one in (moving("prod_4", "prod_3"), moving("prod_1", after="c"))]

    (finding,) = found(contract, "moving", *OWN, *lossy)

    assert (finding.violations, finding.operation) == (2, "products.list")
