"""One fault of pages or queries is one finding, at its place, in words that are true of it."""

from __future__ import annotations

import pytest

from tests.run.in_process import InProcess
from whopwatch.contract import Contract
from whopwatch.run import check
from whopwatch.simulator.backend import SimulatorOptions

AFTER = "param:after"
CASES = [
    # a page that does not begin where its cursor says: what it then lacks, shows twice or announces follows from that
    ("cursor-inclusive@leads.list", 1, AFTER, "a page after a cursor shows earlier items"),
    ("pages-aligned-down@fee_markups.list", 1, AFTER, "a page after a cursor shows earlier items"),
    ("walk-begins-anew@plans.list", 1, AFTER, "a page after a cursor shows earlier items"),
    ("item-on-every-page@leads.list", 1, AFTER, "a page after a cursor shows earlier items"),
    ("end-cursor-of-first@payments.list", 1, AFTER, "a page after a cursor shows earlier items"),
    ("item-dropped-from-page@entries.list", 6, AFTER, "a page skips the items after its cursor"),
    # not reported where it is unclear, and reported for the step back
    ("item-skipped-by-small-pages@entries.list", 2, AFTER, "a page skips the items after its cursor"),
    # the whole list itself lacks an item, whatever it is asked for with
    ("item-skipped@payment_methods.list", 2, "/data", "a response shows an item that is not in the whole list"),
    ("item-never-shown@support_channels.list", 4, "/data", "a response shows an item that is not in the whole list"),
    ("item-twice-on-a-page@payment_methods.list", 2, "/data/*/id", "a page has an item twice"),
    ("page-too-small@reviews.list", 1, "param:first", "a page that is not the last one has fewer items"),
    (
        "has-next-always@reviews.list",
        0,
        "/page_info/has_next_page",
        "a page has has_next_page true, but the next page is empty",
    ),
    ("order-ignored@entries.list", 1, "param:order", "items are not in the requested order"),
    ("order-depends-on-size@app_builds.list", 4, "/data", "items are not in the requested order"),
    ("direction-inverted@messages.list", 1, "param:direction", "direction is read as another value"),
    ("direction-inverted@entries.list", 3, "param:direction", "items are not in the requested order"),
    # one single item too many is no proof that a filter has no effect
    ("date-filter-by-day@products.list", 3, "param:created_after", "created_after lets through items that it excludes"),
    ("enum-filter-ignored@promo_codes.list", 1, "param:status", "status has no effect"),
]


@pytest.mark.parametrize(("fault", "seed", "location", "words"), CASES, ids=[case[0] for case in CASES])
def test_a_fault_is_one_finding(contract: Contract, fault: str, seed: int, location: str, words: str) -> None:
    operation = fault.partition("@")[2]
    simulator = InProcess(contract, SimulatorOptions(seed=seed, rate_limit=10**9, faults=(fault,)))
    report = check(contract, simulator.target(), only=[operation], seed=seed, transport=simulator)

    assert [(found.drift_class, found.operation, found.location) for found in report.findings] == [
        ("D20", operation, location)
    ]
    assert words in report.findings[0].message


@pytest.mark.parametrize(
    ("fault", "drift_class", "words"),
    [
        ("fails-now-and-then@memberships.list", "D14", "the server fails with status 500"),
        ("status-204@payments.list", "D14", "success status 204 is not documented"),
        ("unknown-id-204@payment_methods.retrieve", "D20", "it returns success for an id that does not exist"),
    ],
)
def test_a_status_is_reported_once(contract: Contract, fault: str, drift_class: str, words: str) -> None:
    operation = fault.partition("@")[2]
    simulator = InProcess(contract, SimulatorOptions(seed=1, rate_limit=10**9, faults=(fault,)))
    report = check(contract, simulator.target(), only=[operation], seed=1, transport=simulator)

    assert [(found.drift_class, found.location) for found in report.findings] == [(drift_class, "status")]
    assert words in report.findings[0].message


def test_an_empty_list_that_announces_a_page_is_reported_once(contract: Contract) -> None:
    fault = "has-next-always@payments.list"
    simulator = InProcess(contract, SimulatorOptions(items=0, rate_limit=10**9, faults=(fault,)))
    report = check(contract, simulator.target(), only=["payments.list"], transport=simulator)

    assert [(found.drift_class, found.location) for found in report.findings] == [("D20", "/page_info/has_next_page")]


def test_pages_that_overlap_in_a_list_of_several_pages_are_one_finding(contract: Contract) -> None:
    fault = "pages-overlap@payments.list"
    simulator = InProcess(contract, SimulatorOptions(seed=1, items=250, rate_limit=10**9, faults=(fault,)))
    report = check(contract, simulator.target(), only=["payments.list"], seed=1, transport=simulator)

    assert [(found.location, "shows an item on two pages" in found.message) for found in report.findings] == [
        ("/data/*/id", True)
    ]


def test_pages_of_a_wrong_size_are_no_other_default_size(contract: Contract) -> None:
    simulator = InProcess(
        contract, SimulatorOptions(seed=1, rate_limit=10**9, faults=("page-too-large@payout_methods.list",))
    )
    report = check(contract, simulator.target(), seed=1, transport=simulator)

    assert [(found.drift_class, found.location) for found in report.findings] == [("D20", "param:first")]


def test_two_sizes_at_once_are_not_called_a_size_that_is_none(contract: Contract) -> None:
    fault = "first-wins-over-last@reviews.list"
    simulator = InProcess(contract, SimulatorOptions(rate_limit=10**9, faults=(fault,)))
    report = check(contract, simulator.target(), only=["reviews.list"], transport=simulator)

    assert [
        (found.location, "accepts first and last in one request" in found.message) for found in report.findings
    ] == [("param:first", True)]
