"""One disagreement is one finding: which violations explain which."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from whopwatch.checks.collector import RuleViolations, SampleCounter
from whopwatch.checks.deduplicate import deduplicate
from whopwatch.checks.registry import CHECKS
from whopwatch.contract import Contract

RULES = {rule.id: rule for check in CHECKS for rule in check.rules}
LIST = "plans.list"


class V(NamedTuple):
    """A violation: rule, location and operation."""

    rule: str
    location: str
    operation: str = LIST


def violations(one: V, *samples: int) -> RuleViolations:
    rule = RULES[one.rule]
    return RuleViolations(
        rule, one.operation, one.location, "", "", "", 9, "item", violating=SampleCounter(samples or (1,))
    )


def kept(contract: Contract, *given: V) -> list[V]:
    return [V(one.rule.id, one.location, one.operation) for one in deduplicate(contract, map(violations, given))]


EXPLAINED = [
    # the whole list lacks an item: every request seems to lose it
    (V("queries/item-not-in-list", "/data"), V("queries/item-missing", "/data")),
    (V("queries/item-not-in-list", "/data"), V("queries/ends-early", "/data")),
    (V("queries/item-not-in-list", "/data"), V("queries/next-page-denied", "/page_info/has_next_page")),
    (V("queries/item-not-in-list", "/data"), V("queries/items-skipped", "param:after")),
    (V("queries/item-not-in-list", "/data"), V("queries/wrong-page-back", "param:before")),
    # one parameter is at fault
    (V("queries/parameter-ignored", "param:status"), V("queries/item-missing", "/data")),
    (V("queries/excluded-item", "param:status"), V("queries/wrong-order", "/data")),
    (V("queries/excluded-item", "param:direction"), V("queries/earlier-items", "param:after")),
    (V("queries/item-missing", "param:order"), V("queries/last-page-has-next", "/page_info/has_next_page")),
    (V("queries/ends-early", "param:order"), V("queries/wrong-order", "param:order")),
    # no lasting order, or a wrong one
    (V("queries/order-changes", "/data"), V("queries/wrong-order", "param:order")),
    (V("queries/order-changes", "/data"), V("queries/earlier-items", "param:after")),
    (V("queries/wrong-order", "param:order"), V("queries/items-skipped", "param:after")),
    (V("queries/wrong-order", "param:order"), V("queries/item-missing", "/data")),
    # a cursor leads elsewhere
    (V("queries/earlier-items", "param:after"), V("queries/ends-early", "/data")),
    (V("queries/items-skipped", "param:after"), V("queries/last-page-has-next", "/page_info/has_next_page")),
    (V("queries/items-skipped", "param:after"), V("queries/wrong-page-back", "param:before")),
    (V("queries/too-many-items", "param:last"), V("queries/wrong-page-back", "param:before")),
    # pages without the right items have a wrong size
    (V("queries/earlier-items", "param:after"), V("page-sizes/short-page", "param:first")),
    (V("queries/item-missing", "/data"), V("page-sizes/other-maximum", "param:first")),
    (V("walking/item-on-two-pages", "/data/*/id"), V("page-sizes/other-default", "param:first")),
    (V("queries/earlier-items", "param:after"), V("paging/too-many-items", "param:first")),
    (V("page-sizes/short-page", "param:first"), V("page-sizes/other-default", "param:first")),
    (V("paging/too-many-items", "param:first"), V("page-sizes/other-default", "param:first")),
    (V("page-sizes/short-page", "param:first"), V("queries/wrong-page-back", "param:before")),
    (V("page-sizes/short-page", "param:first"), V("queries/request-rejected", "param:before")),
    # the direction is misread anyway
    (V("queries/order-changes", "param:order"), V("default-order/oldest-first", "param:direction")),
    (V("queries/parameter-misread", "param:direction"), V("default-order/oldest-first", "param:direction")),
    (V("queries/wrong-order", "param:direction"), V("default-order/oldest-first", "param:direction")),
    # a server that fails, fails at invalid requests, too
    (V("status/server-error", "status"), V("status/server-error-on-invalid", "status")),
    # a broken field of the list differs from the object, and a broken id is not found
    (V("schema/type", "/data/*/title"), V("twins/field-differs", "/title", "plans.retrieve")),
    (V("schema/type", "/data/*/company"), V("twins/field-differs", "/company/id", "plans.retrieve")),
    (V("schema/type", "/data/*/tags/*"), V("twins/field-differs", "/tags", "plans.retrieve")),
    (V("fields/id-prefix", "/data/*/id"), V("twins/other-object", "/id", "plans.retrieve")),
    (V("fields/id-prefix", "/data/*/id"), V("refused/listed-object-not-found", "status", "plans.retrieve")),
    (V("schema/type", "/title", "plans.retrieve"), V("twins/field-differs", "/title", "plans.retrieve")),
    # a parameter that filters on a broken field
    (V("schema/type", "/data/*/created_at"), V("queries/excluded-item", "param:created_after")),
    # an order by a broken field
    (V("schema/type", "/data/*/internal_notes"), V("queries/wrong-order", "param:order")),
    (V("schema/null", "/data/*/company/id"), V("asked-for/other-owner", "param:company_id")),
]


@pytest.mark.parametrize(("cause", "effect"), EXPLAINED)
def test_an_effect_is_dropped_in_any_order(contract: Contract, cause: V, effect: V) -> None:
    assert kept(contract, cause, effect) == [cause]
    assert kept(contract, effect, cause) == [cause]
    assert kept(contract, effect) == [effect]


UNRELATED = [
    # a filter that shows an unknown item alone is at fault itself
    (V("queries/item-not-in-list", "param:status"), V("queries/excluded-item", "param:status")),
    (V("queries/item-not-in-list", "/data"), V("queries/wrong-order", "param:order")),
    (V("queries/wrong-order", "param:order"), V("queries/ends-early", "/data")),
    (V("queries/items-skipped", "/data"), V("queries/wrong-page-back", "param:before")),
    (V("walking/end-cursor-twice", "/page_info/end_cursor"), V("page-sizes/other-default", "param:first")),
    (V("queries/item-missing", "/data"), V("paging/too-many-items", "param:first")),
    (V("queries/parameter-misread", "param:status"), V("default-order/oldest-first", "param:direction")),
    (V("status/server-error-on-invalid", "status"), V("status/undocumented-error", "status")),
    (V("schema/type", "/data/*/title"), V("twins/field-differs", "/titles", "plans.retrieve")),
    (V("schema/type", "/data/*/title", "products.list"), V("twins/field-differs", "/title", "plans.retrieve")),
    (V("schema/type", "/data/*/title"), V("refused/listed-object-not-found", "status", "plans.retrieve")),
    (V("schema/type", "/data/*/id"), V("refused/valid-request-invalid", "status", "plans.retrieve")),
    (V("content/charset", "/data/*/title"), V("twins/field-differs", "/title", "plans.retrieve")),
    (V("schema/type", "/data/*/created_at"), V("queries/excluded-item", "param:created_before", "products.list")),
    (V("schema/type", "/data/*/updated_at"), V("queries/excluded-item", "param:created_after")),
    (V("schema/type", "/data/*/title"), V("queries/wrong-order", "param:order")),
    (V("schema/type", "/data/*/internal_notes"), V("queries/wrong-order", "param:direction")),
]


@pytest.mark.parametrize(("one", "other"), UNRELATED)
def test_what_does_not_follow_is_kept(contract: Contract, one: V, other: V) -> None:
    assert kept(contract, one, other) == [one, other]


def test_an_operation_explains_nothing_of_another_one(contract: Contract) -> None:
    cause, effect = V("queries/order-changes", "/data"), V("queries/wrong-order", "/data", "products.list")

    assert kept(contract, cause, effect) == [cause, effect]


def test_an_effect_that_was_dropped_explains_nothing(contract: Contract) -> None:
    incomplete = V("queries/item-not-in-list", "/data")
    skipped, back = V("queries/items-skipped", "param:after"), V("queries/last-page-has-next", "/page_info")

    assert kept(contract, incomplete, skipped, back) == [incomplete, back]


def test_unknown_items_under_several_parameters_are_located_at_the_list(contract: Contract) -> None:
    given = [
        violations(V("queries/item-not-in-list", "param:status"), 1, 2),
        violations(V("queries/item-not-in-list", "param:query"), 2, 3),
        violations(V("paging/item-twice", "/data/*/id"), 4),
    ]

    first, other = deduplicate(contract, given)

    assert (first.location, len(first.violating)) == ("/data", 3)
    assert other.location == "/data/*/id"
