"""The check of objects against their list."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.support import exchange, found, retrieved, rules
from whopwatch.checks.consistency import differing_paths
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity


def listed(*items: Any, **more: Any) -> Exchange:
    return exchange("reviews.list", {"data": list(items)}, **more)


def shown(title: Any, id: str = "rev_1", **more: Any) -> dict[str, Any]:
    return {"id": id, "title": title, **more}


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, 1, []),
        (1, 2, [()]),
        (1, True, []),  # the schema check reports another type
        (True, False, [()]),
        (None, "x", [()]),
        ("x", None, [()]),
        (None, None, []),
        ("a", 1, []),
        ({"a": 1, "b": 2}, {"a": 2, "c": 2}, [("a",)]),
        ({"a": 1}, [1], []),
        ({"a": 1}, None, [()]),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, [("a", "b", 1)]),
        ([1], [1, 2], [()]),
        ({"member_count": 1, "last_seen": 1, "balance": 1}, {"member_count": 2, "last_seen": 2, "balance": 2}, []),
        ({"updated_at": 1, "counts": 1}, {"updated_at": 2, "counts": 2}, [("counts",)]),
        ("https://x/y?sig=1", "https://x/y?sig=2", []),
        ("https://x/y?sig=1", "https://x/z?sig=1", [()]),
        ("http://x/y?1", "http://x/y?2", []),
        ("a?1", "a?2", [()]),
    ],
)
def test_differing_paths(left: Any, right: Any, expected: list[Any]) -> None:
    assert list(differing_paths(left, right)) == expected


def test_a_field_that_differs_is_found(contract: Contract) -> None:
    (finding,) = found(contract, "twins", listed(shown("a")), retrieved(shown("b")))

    assert rules([finding]) == [("field-differs", "/title")]
    assert (finding.severity, finding.drift_class, finding.violations, finding.samples) == (Severity.HIGH, "D20", 1, 1)
    assert "/title differs from the same object in its list" in finding.message


def test_another_object_is_found(contract: Contract) -> None:
    (finding,) = found(contract, "twins", listed(shown("a")), retrieved(shown("b", id="rev_2")))

    assert rules([finding]) == [("other-object", "/id")]
    assert finding.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    "exchanges",
    [
        (listed(shown("a")), retrieved(shown("a"))),
        (listed(shown("a", id="rev_2")), retrieved(shown("b"))),  # not in the list
        (listed(shown("a")), retrieved([])),
        # the object changed between the two, as both show when they are requested again
        (listed(shown("a")), retrieved(shown("b")), listed(shown("b"))),
        (listed(shown("a")), retrieved(shown("b")), retrieved(shown("a"))),
        # it changed twice
        (listed(shown("a")), retrieved(shown("b")), listed(shown("c"))),
        (listed(shown({"a": 1})), retrieved(shown(None)), listed(shown({"a": 2}))),
        (listed(shown(None)), retrieved(shown({"a": 1})), listed(shown({"a": 2}))),
        # the last list before the retrieve counts
        (listed(shown("a")), listed(shown("b")), retrieved(shown("b"))),
        (retrieved(shown("b")), listed(shown("b")), listed(shown("a"))),
        # it was deleted, or moved to another page, before it could be compared again
        (listed(shown("a")), retrieved(shown("b")), retrieved({"error": {}}, status=404)),
        (listed(shown("a")), retrieved(shown("b")), listed()),
        (listed(shown("a")), retrieved(shown("b")), retrieved(shown("b")), listed(shown("a", id="rev_2"))),
        (listed(shown("a")), listed(), retrieved(shown("b"))),
        (listed(shown("a")), exchange("reviews.list", {"error": {}}, status=404), retrieved(shown("b"))),
        (listed(shown("a")), retrieved(shown("b")), exchange("reviews.list", {"error": {}}, status=404)),
        # reads between the run's own writes
        (listed(shown("a"), purpose=Purpose.READ_BACK), retrieved(shown("b"))),
        (listed(shown("a"), purpose=Purpose.MOVING_PAGE), retrieved(shown("b"))),
        (listed(shown("a")), retrieved(shown("b"), purpose=Purpose.READ_BACK)),
    ],
)
def test_what_may_have_changed_is_not_found(contract: Contract, exchanges: tuple[Exchange, ...]) -> None:
    assert found(contract, "twins", *exchanges) == []


def test_only_what_differs_in_the_last_response_is_found(contract: Contract) -> None:
    first, last = retrieved(shown("b", text="y")), retrieved(shown("b", text="x"))

    (finding,) = found(contract, "twins", listed(shown("a", text="x")), first, last)

    assert (finding.location, finding.violations, finding.samples) == ("/title", 2, 2)


def test_a_list_that_is_the_same_before_and_after_differs(contract: Contract) -> None:
    before, after = listed(shown("a", text="x")), listed(shown("a", text="y"))

    assert rules(found(contract, "twins", before, retrieved(shown("b")), after)) == [("field-differs", "/title")]
    assert rules(found(contract, "twins", retrieved(shown("b")), after)) == [("field-differs", "/title")]


def test_another_page_says_nothing_about_an_object(contract: Contract) -> None:
    other = listed(shown("a", id="rev_2"), query=(("after", "x"),))

    assert rules(found(contract, "twins", listed(shown("a")), retrieved(shown("b")), other)) == [
        ("field-differs", "/title")
    ]


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_list_that_could_not_be_requested_again_says_nothing(contract: Contract, status: int) -> None:
    failed = exchange("reviews.list", {"error": {}}, status=status)
    assert rules(found(contract, "twins", listed(shown("a")), failed, retrieved(shown("b")), failed)) == [
        ("field-differs", "/title")
    ]


def test_an_object_that_is_listed_again_later_is_compared(contract: Contract) -> None:
    exchanges = (listed(shown("a")), retrieved(shown("b")), listed(), listed(shown("a")))

    assert rules(found(contract, "twins", *exchanges)) == [("field-differs", "/title")]


def test_items_that_are_no_objects_are_passed_over(contract: Contract) -> None:
    assert found(contract, "twins", listed("rev_1", None, shown("a")), retrieved(shown("a"))) == []
