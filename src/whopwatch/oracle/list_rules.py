"""Every rule of a list: the one table of what pages, traversals and queries must keep.

The first part of a rule's id is the check that reports it. `tests/detection/invariants.toml` says which
fault breaks which rule.
"""

from __future__ import annotations

from functools import partial

from whopwatch.contract.behaviour import PAGING
from whopwatch.core.finding import Rule, Severity, Source

CRITICAL, HIGH, MEDIUM, LOW = Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW


def _rule(
    id: str,
    severity: Severity,
    expected: str,
    observed: str,
    sentence: str,
    drift_class: str = "D20",
    *,
    source: Source = Source.LIVE_CONTRACT,
    documented: bool = True,
) -> Rule:
    return Rule(id, drift_class, severity, expected, observed, sentence, source, documented)


_live = partial(_rule, source=Source.LIVE_LIVE)
"""A rule that compares several responses of the API with each other."""


# One page. Of two rules for one location the more severe one is reported.
CURSOR_ON_EMPTY_PAGE = _rule(
    "paging/cursor-on-empty-page",
    LOW,
    "no cursor on an empty page",
    "a cursor",
    "an empty page has a cursor",
    documented=False,
)
TOO_MANY_ITEMS = _rule(
    "paging/too-many-items",
    HIGH,
    "at most as many items as requested",
    "more items",
    "a page has more items than requested",
)
START_CURSOR_MISSING = _rule(
    "paging/start-cursor-missing",
    HIGH,
    "the cursor of the first item",
    "none",
    "a page with items has no start cursor",
)
START_CURSOR_UNUSED = _rule(
    "paging/start-cursor-missing-forward-only",
    HIGH,
    "the cursor of the first item",
    "none",
    "a page with items has no start cursor, although the list is read forward only",
    documented=False,
)
NEXT_PAGE_WITHOUT_CURSOR = _rule(
    "paging/next-page-without-cursor",
    CRITICAL,
    "the cursor of the last item",
    "none",
    "a page has has_next_page true but no end cursor to request the next page with",
)
END_CURSOR_MISSING = _rule(
    "paging/end-cursor-missing", HIGH, "the cursor of the last item", "none", "a page with items has no end cursor"
)
EMPTY_LIST_HAS_NEXT_PAGE = _rule(
    "paging/empty-list-has-next-page",
    MEDIUM,
    "false for an empty list",
    "true",
    "an empty list has has_next_page true",
)
ITEM_TWICE = _rule("paging/item-twice", CRITICAL, "every item once", "an item twice", "a page has an item twice")
FIRST_PAGE_HAS_PREVIOUS = _rule(
    "paging/first-page-has-previous",
    HIGH,
    "false on the first page",
    "true",
    "the first page has has_previous_page true",
)

# The pages of one traversal, and steps back.
ITEM_ON_TWO_PAGES = _rule(
    "walking/item-on-two-pages", CRITICAL, "every item once", "an item twice", "a traversal shows an item on two pages"
)
END_CURSOR_TWICE = _rule(
    "walking/end-cursor-twice",
    CRITICAL,
    "another end cursor on each page",
    "the same one twice",
    "two pages of a traversal have the same end cursor, so it never ends",
)
NEXT_PAGE_EMPTY = _rule(
    "walking/next-page-empty",
    HIGH,
    "true only if a page follows",
    "true before an empty page",
    "a page has has_next_page true, but the next page is empty",
)
SKIPPED_FORWARD = _rule(
    "walking/items-skipped",
    CRITICAL,
    "the items right after the cursor",
    "later items",
    "a step back shows items that the traversal forward skipped",
)
ITEMS_AFTER_CURSOR = _rule(
    "walking/items-after-cursor",
    HIGH,
    "only items before the cursor",
    "also items after it",
    "the page before a cursor has items from after it",
)
STEP_BACK_DIFFERS = _rule(
    "walking/step-back-differs",
    HIGH,
    "the same items in the same order as forward",
    "other items, or another order",
    "a step back does not show the page before",
)
FIRST_PAGE_BACKWARDS_HAS_PREVIOUS = _rule(
    "walking/first-page-has-previous",
    HIGH,
    "false on the first page",
    "true",
    "the first page, requested backwards, has has_previous_page true",
)

# Filters, orders, page sizes and cursors, compared with the whole list.
PARAMETER_IGNORED = _live(
    "queries/parameter-ignored",
    HIGH,
    "items as the parameter requests",
    "the response without the parameter",
    "{param} has no effect",
)
PARAMETER_MISREAD = _live(
    "queries/parameter-misread",
    HIGH,
    "items as the parameter requests",
    "the response for another value",
    "{param} is read as another value",
)
QUERY_REJECTED = _live(
    "queries/request-rejected",
    HIGH,
    "a page of the list",
    "a 4xx",
    "a documented request with {param} is rejected",
    "D14",
)
ANY_QUERY_REJECTED = _live(
    "queries/any-request-rejected", HIGH, "a page of the list", "a 4xx", "a documented request is rejected", "D14"
)
TOO_MANY_BACKWARDS = _live(
    "queries/too-many-items",
    HIGH,
    "no more items than requested",
    "more items",
    "a page backwards has more items than requested",
)
NOT_IN_LIST = _live(
    "queries/item-not-in-list",
    CRITICAL,
    "items of the list",
    "other items",
    "a response shows an item that is not in the whole list",
)
EXCLUDED_ITEM = _live(
    "queries/excluded-item",
    HIGH,
    "only items that pass the filter",
    "also other items",
    "{param} lets through items that it excludes",
)
ITEM_MISSING = _live(
    "queries/item-missing",
    CRITICAL,
    "every item that passes",
    "an item missing",
    "an item that passes the filters is missing",
)
ITEMS_SKIPPED = _live(
    "queries/items-skipped",
    CRITICAL,
    "the items right after the cursor",
    "later items",
    "a page skips the items after its cursor",
)
ENDS_EARLY = _live(
    "queries/ends-early",
    CRITICAL,
    "every item until the end",
    "an early end",
    "the list ends before all its items were shown",
)
WRONG_ORDER = _live(
    "queries/wrong-order",
    HIGH,
    "items in the requested order",
    "another order",
    "items are not in the requested order",
)
NULLS_ELSEWHERE = _live(
    "queries/nulls-elsewhere",
    HIGH,
    "items without a value on the side of the lowest",
    "items without a value on the other side",
    "items without a value are on the other side of the requested order",
    documented=False,
)
ORDER_CHANGES = _live(
    "queries/order-changes",
    HIGH,
    "the same order each time",
    "another order",
    "the same list has another order each time",
)
QUERY_CURSOR_TWICE = _live(
    "queries/end-cursor-twice",
    CRITICAL,
    "another end cursor on each page",
    "the same one twice",
    "two pages of a traversal have the same end cursor, so it never ends",
)
SIZE_CHANGES_ITEMS = _live(
    "queries/page-size-changes-items",
    HIGH,
    "the same items",
    "other items",
    "the same list has other items in pages of another size",
)
EARLIER_ITEMS = _live(
    "queries/earlier-items",
    CRITICAL,
    "the items after the cursor",
    "earlier items",
    "a page after a cursor shows earlier items",
)
LAST_PAGE_HAS_NEXT = _live(
    "queries/last-page-has-next",
    HIGH,
    "has_next_page false on the last page",
    "true",
    "the last page has has_next_page true",
)
NEXT_PAGE_DENIED = _live(
    "queries/next-page-denied",
    CRITICAL,
    "has_next_page true while items follow",
    "false",
    "a page has has_next_page false although items follow",
)
OTHER_SIDE_WRONG = _live(
    "queries/other-side-wrong",
    LOW,
    "whether there are items on the other side",
    "the opposite",
    "a page is wrong about the items on its other side",
    documented=False,
)
WRONG_PAGE_BACK = _live(
    "queries/wrong-page-back",
    HIGH,
    "the items before the cursor",
    "other items",
    "a step back does not show the page before",
)
PREVIOUS_PAGE_WRONG = _live(
    "queries/previous-page-wrong",
    HIGH,
    "whether more items precede",
    "the opposite",
    "a page requested backwards is wrong about the items before it",
)

# The sizes of pages, the default order and the parents of lists.
OTHER_ASSUMED_MAXIMUM = _rule(
    "page-sizes/other-assumed-maximum",
    LOW,
    "as many items as requested",
    "fewer items, never more than a certain number",
    "its maximum page size is smaller than {maximum}, which no source states",
    "D11",
    documented=False,
)
OTHER_MAXIMUM = _rule(
    "page-sizes/other-maximum",
    LOW,
    "as many items as requested",
    "fewer items, never more than a certain number",
    "its maximum page size is smaller than documented",
    "D11",
)
SHORT_PAGE = _rule(
    "page-sizes/short-page",
    LOW,
    "as many items as requested",
    "fewer items",
    "a page that is not the last one has fewer items than requested",
    documented=False,
)
OTHER_DEFAULT_SIZE = _rule(
    "page-sizes/other-default",
    LOW,
    "the documented default page size",
    "another size",
    "its default page size is not the documented one",
    "D13",
)
DEFAULT_SIZES_DIFFER = _live(
    "page-sizes/defaults-differ",
    LOW,
    "the default page size of the other lists",
    "another size",
    "its default page size differs from that of the other lists",
    "D13",
    documented=False,
)
OLDEST_FIRST = _rule(
    "default-order/oldest-first",
    LOW,
    "{direction}",
    "the other direction",
    "it begins with the oldest item if no direction is requested",
    "D13",
    documented=False,
)
PARENT_IGNORED = _live(
    "parents/parent-ignored",
    CRITICAL,
    "the items of the requested parent",
    "also items of another parent",
    "the lists of two parents show the same items",
)
OTHER_OWNER = _rule(
    "asked-for/other-owner",
    CRITICAL,
    "items of the requested {param}",
    "an item of another one",
    "an item belongs to another {param} than requested",
)

# Traversals during which the run itself writes to the list: invariants 42 and 46 to 49.
DELETED_CURSOR_REJECTED = _live(
    "moving/deleted-cursor-rejected",
    CRITICAL,
    "each item once",
    "a 4xx",
    "the cursor of an item that was deleted since is rejected",
    documented=False,
)
TWICE_WHILE_WRITING = _live(
    "moving/item-twice",
    CRITICAL,
    "each item once",
    "an item twice",
    "an item is shown twice in a traversal during which others were written",
)
CHANGED_SHOWN_THRICE = _live(
    "moving/changed-item-thrice",
    CRITICAL,
    "a changed item at most twice",
    "more than twice",
    "an item that was changed during a traversal is shown more than twice",
)
SKIPPED_WHILE_WRITING = _live(
    "moving/item-skipped",
    CRITICAL,
    "each item once",
    "an item missing",
    "an unchanged item is skipped in a traversal during which others were written",
)

LOSSES = (ITEM_MISSING, ENDS_EARLY, NEXT_PAGE_DENIED, ITEMS_SKIPPED)
"""Rules that are broken if items are not shown."""

_PAGING_PARAMETERS = frozenset(f"param:{name}" for name in (*PAGING, "order"))


def names_parameter(location: str) -> bool:
    """Return whether a location is the one filter, or the direction, that is at fault.

    Faults of an order or of paging, and faults that only show there, are located at other parameters.
    """
    return location.startswith("param:") and location not in _PAGING_PARAMETERS
