"""The checks of lists: pages, traversals, queries, sizes, the default order and parents."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.checks.support import exchange, found, met, page, rules
from tests.oracle.support import ITEMS, OWN, PLANS, all_pages, plan, plans, request
from whopwatch.contract import Contract
from whopwatch.core.exchange import Exchange, Purpose
from whopwatch.core.finding import Severity, Source

ALL = ("first", "100")
VISIBLE = ("visibilities[]", "visible")
BACK = Purpose.PREVIOUS_PAGE


def test_a_page_is_judged_whatever_it_was_requested_for(contract: Contract) -> None:
    for purpose in (Purpose.LIST, Purpose.NEXT_PAGE, Purpose.PREVIOUS_PAGE, Purpose.QUERY):
        made = request(plans(2, 1), ("first", "1"), purpose=purpose)
        (finding,) = found(contract, "paging", made, request(plans(1)))
        assert rules([finding]) == [("too-many-items", "param:first")]
        assert (finding.violations, finding.samples, finding.severity) == (1, 2, Severity.HIGH)
        assert finding.message.endswith("(1 of 2 pages).")
    assert not found(contract, "paging", request(plans(2, 1), ("first", "1"), purpose=Purpose.READ_BACK))


def test_of_two_rules_for_one_location_the_worse_is_found(contract: Contract) -> None:
    pages = [request(plans(1), end=None), request(plans(1), end=None, has_next=True)]

    (finding,) = found(contract, "paging", *pages)

    assert (finding.rule, finding.severity) == ("paging/next-page-without-cursor", Severity.CRITICAL)
    assert finding.violations == 2


def traversal(*pages: list[Any]) -> list[Exchange]:
    made = [request(pages[0], purpose=Purpose.LIST, has_next=True)]
    for before, items in pairwise(pages):
        made.append(request(items, ("after", f"c-{before[-1]['id']}"), purpose=Purpose.NEXT_PAGE, has_next=True))
    return made


def test_an_item_on_two_pages_of_a_traversal(contract: Contract) -> None:
    (finding,) = found(contract, "walking", *traversal(plans(4, 3), plans(2, 4)), *traversal(plans(4), plans(3)))

    assert rules([finding]) == [("item-on-two-pages", "/data/*/id")]
    assert (finding.violations, finding.samples, finding.severity) == (1, 2, Severity.CRITICAL)
    assert finding.message.endswith("(1 of 2 traversals).")


def test_one_page_is_no_traversal(contract: Contract) -> None:
    assert found(contract, "walking", *traversal(plans(4, 4)), *traversal(plans(4))) == []


def test_pages_of_another_list_are_no_traversal(contract: Contract) -> None:
    first, second = traversal(plans(4, 3), plans(4))
    elsewhere = exchange(PLANS, page(plans(4)), purpose=Purpose.NEXT_PAGE, query=(second.query[-1],))

    assert found(contract, "walking", first, elsewhere) == []
    assert found(contract, "walking", first, second)


def test_a_step_back_is_compared_with_the_page_before(contract: Contract) -> None:
    forward = traversal(plans(6, 5), plans(4, 3))
    turned = request(plans(5, 6), ("last", "2"), ("before", "c-plan_4"), purpose=BACK)
    right = request(plans(6, 5), ("last", "2"), ("before", "c-plan_4"), purpose=BACK)
    from_the_first = request(plans(9), ("last", "2"), ("before", "c-plan_6"), purpose=BACK)

    (finding,) = found(contract, "walking", *forward, turned)

    assert rules([finding]) == [("step-back-differs", "param:before")]
    assert found(contract, "walking", *forward, right, from_the_first) == []


def test_a_query_is_compared_with_the_whole_list(contract: Contract) -> None:
    whole, ignored = all_pages(ITEMS), request(ITEMS, ALL, VISIBLE)

    (finding,) = found(contract, "queries", *whole, ignored, *whole)

    assert rules([finding]) == [("parameter-ignored", "param:visibilities[]")]
    assert (finding.samples, finding.source, finding.drift_class) == (3, Source.LIVE_LIVE, "D20")
    assert "visibilities[] has no effect" in finding.message
    assert found(contract, "queries", *whole, ignored) == []


def test_a_rejected_query_has_a_class_of_its_own(contract: Contract) -> None:
    whole, rejected = all_pages(ITEMS), request([], ALL, VISIBLE, status=400)

    (finding,) = found(contract, "queries", *whole, rejected, *whole)

    assert (finding.rule, finding.drift_class) == ("queries/request-rejected", "D14")


def test_what_is_wrong_with_a_page_by_itself_is_the_paging_checks(contract: Contract) -> None:
    whole, twice = all_pages(ITEMS), request([ITEMS[0], *ITEMS], ALL)

    assert found(contract, "queries", *whole, twice, *whole) == []
    assert found(contract, "paging", *whole, twice, *whole)


def sized(*sizes: int, has_next: bool = True, size: str | None = None, operation: str = PLANS) -> list[Exchange]:
    query = (*OWN, *((("first", size),) if size else ()))
    return [
        exchange(operation, page(plans(*range(count, 0, -1)), has_next=has_next), query=query, purpose=Purpose.QUERY)
        for count in sizes
    ]


LISTS = ("products.list", "payments.list", "memberships.list", "members.list")


@pytest.mark.parametrize(
    ("own", "others", "is_found"),
    [
        (sized(5), 3, True),
        (sized(12), 3, True),
        (sized(12, has_next=False), 3, True),  # larger than any default
        (sized(5, has_next=False), 3, False),  # the whole list
        (sized(10), 3, False),
        (sized(5), 2, False),  # too few lists agree
        (sized(5, size="5"), 3, False),
        (sized(10, 5), 3, True),
    ],
)
def test_the_default_size_is_that_of_the_other_lists(
    contract: Contract, own: list[Exchange], others: int, is_found: bool
) -> None:
    usual = [one for id in LISTS[:others] for one in sized(10, operation=id)]

    findings = found(contract, "page-sizes", *own, *usual)

    assert [(one.operation, *rules([one])[0], one.drift_class) for one in findings] == [
        (PLANS, "defaults-differ", "param:first", "D13")
    ] * is_found


def following(count: int, size: int) -> list[Exchange]:
    """Return a page of `count` items of the requested `size`, and one that follows it."""
    first = request(plans(*range(28, 28 - count, -1)), ("first", str(size)), has_next=True)
    return [first, request(plans(1), ("first", "1"), ("after", f"c-plan_{29 - count}"), has_next=True)]


@pytest.mark.parametrize(
    ("exchanges", "expected"),
    [
        (following(5, 5), []),
        (following(4, 5), [("other-assumed-maximum", "D11")]),
        ([*following(4, 5), *following(3, 6)], [("short-page", "D20")]),  # of several sizes
        ([*following(4, 6), *sized(5, size="5")], [("short-page", "D20")]),  # a larger page is possible
        ([*following(4, 6), *sized(4, size="5")], [("other-assumed-maximum", "D11")]),
        (sized(4, size="5"), []),  # nothing follows
        (following(4, 5)[:1], []),
    ],
)
def test_a_page_before_another_one_is_full(
    contract: Contract, exchanges: list[Exchange], expected: list[tuple[str, str]]
) -> None:
    findings = found(contract, "page-sizes", *exchanges, established=True)

    assert [(*rules([one])[0], one.drift_class, one.severity) for one in findings] == [
        (rule, "param:first", drift_class, Severity.LOW) for rule, drift_class in expected
    ]


def test_what_pages_meet_is_noted_and_a_maximum_only_if_a_page_has_it(contract: Contract) -> None:
    def names(*exchanges: Exchange) -> set[str]:
        return {rule for _, rule in met(contract, "page-sizes", *exchanges)}

    assert names(*following(5, 5)) == {"page-sizes/short-page"}
    assert names(*following(4, 5)) == set()
    full = request(plans(*range(100, 0, -1)), ("first", "100"), has_next=True)
    after = request(plans(1), ("first", "1"), ("after", "c-plan_1"), has_next=True)
    assert names(full, after) == {"page-sizes/short-page", "page-sizes/other-assumed-maximum"}


def test_an_empty_page_and_the_newest_item_first_are_noted(contract: Contract) -> None:
    empty = request([])
    assert met(contract, "paging", empty) == {("plans.list", "paging/cursor-on-empty-page")}
    assert met(contract, "paging", request(plans(2, 1))) == set()


def test_a_page_may_be_smaller_than_the_documented_maximum_allows(contract: Contract) -> None:
    items = [{**plan(1), "id": f"plan_{number}"} for number in range(100)]
    pages = [
        request(items, ("first", "200"), has_next=True),
        request(plans(1), ("first", "1"), ("after", "c-plan_99"), has_next=True),
    ]

    assert found(contract, "page-sizes", *pages) == []


def test_an_empty_next_page_does_not_show_that_a_page_is_short(contract: Contract) -> None:
    first, second = following(4, 5)
    empty = request([], ("first", "1"), second.query[-1])

    assert found(contract, "page-sizes", first, empty) == []


@pytest.mark.parametrize(
    ("exchanges", "violations"),
    [
        (all_pages(plans(3, 2, 1)), 0),
        (all_pages(plans(1, 2, 3)), 1),
        (all_pages(plans(1, 3, 2)), 0),
        ([*all_pages(plans(1, 2, 3)), *all_pages(plans(3, 2, 1))], 1),
        ([request(plans(1, 2, 3), ("direction", "asc"), purpose=Purpose.LIST)], 0),
    ],
)
def test_a_list_begins_with_the_newest_item(contract: Contract, exchanges: list[Exchange], violations: int) -> None:
    findings = found(contract, "default-order", *exchanges)

    assert [(*rules([one])[0], one.violations, one.drift_class, one.expected) for one in findings] == [
        ("oldest-first", "param:direction", violations, "D13", "desc")
    ] * bool(violations)


@pytest.mark.parametrize(
    ("lists", "is_met"),
    [
        ([plans(3, 2, 1)], True),
        ([plans(1, 2, 3)], False),
        ([plans(1, 3, 2)], False),  # in no order
        ([plans(2, 1)], False),  # too few to tell
        ([plans(1, 3, 2), plans(3, 2, 1)], True),
        ([plans(3, 2, 1), plans(1, 2, 3)], False),
        ([], False),
    ],
)
def test_only_a_list_that_begins_with_the_newest_item_meets_the_rule(
    contract: Contract, lists: list[list[Any]], is_met: bool
) -> None:
    sent = [one for items in lists for one in all_pages(items)]
    assert ("plans.list", "default-order/oldest-first") in met(contract, "default-order", *sent) or not is_met
    assert is_met or not met(contract, "default-order", *sent)


def test_a_list_without_a_direction_may_begin_anywhere(contract: Contract) -> None:
    made = exchange("courses.list", page(plans(1, 2, 3)))

    assert found(contract, "default-order", made) == []


def parent(id: str, *numbers: int) -> Exchange:
    return exchange(PLANS, page(plans(*numbers)), query=(("company_id", id),))


def test_two_parents_share_no_item(contract: Contract) -> None:
    (finding,) = found(contract, "parents", parent("biz_1", 1, 2), parent("biz_2", 2, 3), parent("biz_3", 1))

    assert rules([finding]) == [("parent-ignored", "param:company_id")]
    assert (finding.violations, finding.samples, finding.severity) == (2, 3, Severity.CRITICAL)
    assert not found(contract, "parents", parent("biz_1", 1), parent("biz_2", 2), parent("biz_1", 1))


def test_lists_without_a_required_parent_may_share_items(contract: Contract) -> None:
    made = [exchange("courses.list", page(plans(1)), query=(("company_id", id),)) for id in ("biz_1", "biz_2")]

    assert found(contract, "parents", *made) == []


def test_where_nulls_are_is_info_until_they_were_seen_on_the_other_side(contract: Contract) -> None:
    counted = [plan(number, member_count={5: 9, 3: 5, 2: 7}.get(number)) for number in (5, 4, 3, 2, 1)]
    whole = all_pages(counted)
    query = (ALL, ("order", "active_members_count"), ("direction", "desc"))
    lowest = request([counted[place] for place in (0, 3, 2, 1, 4)], *query)
    highest = request([counted[place] for place in (1, 4, 0, 3, 2)], *query)

    (first,) = found(contract, "queries", *whole, highest, *whole)
    (later,) = found(contract, "queries", *whole, highest, *whole, established=True)

    assert rules([first]) == rules([later]) == [("nulls-elsewhere", "param:order")]
    assert (first.severity, later.severity) == (Severity.INFO, Severity.HIGH)
    assert met(contract, "queries", *whole, lowest, *whole) == {("plans.list", "queries/nulls-elsewhere")}
    assert met(contract, "queries", *whole, highest, *whole) == set()
    assert met(contract, "queries", *whole, lowest) == {("plans.list", "queries/nulls-elsewhere")}
    assert met(contract, "queries", lowest, *whole) == set()  # nothing is known before the list was seen whole
