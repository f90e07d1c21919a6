"""A field that only a rule calls always present is reported as such, not as a broken promise."""

from __future__ import annotations

import copy

import pytest

from tests.checks.support import exchange, found, page, rules
from whopwatch.contract import Contract, load
from whopwatch.core.exchange import Purpose

ID = "products.retrieve"


@pytest.fixture(scope="module")
def contract() -> Contract:
    """The edition 2025-01-01 with two fields of a product that no source promises."""
    documents = copy.deepcopy(dict(load().documents))
    operation = documents["v1"]["paths"]["/products/{id}"]["get"]
    reference = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    schema = documents["v1"]["components"]["schemas"][reference.rpartition("/")[2]]
    schema["x-whop-learned"] = ["title"]
    return Contract(documents, load().edition)


def test_a_missing_field_is_judged_by_its_source(contract: Contract) -> None:
    findings = found(contract, "schema", exchange(ID, {}, purpose=Purpose.RETRIEVE, path={"id": "prod_1"}))
    by_place = {location: rule for rule, location in rules(findings)}
    assert by_place["/title"] == "learned-field-missing"
    assert by_place["/id"] == "required-field-missing"
    severities = {finding.location: finding.severity for finding in findings}
    assert (severities["/title"], severities["/id"]) == ("info", "critical")


def test_a_missing_field_of_an_item_is_looked_up_in_the_item() -> None:
    newest = load("newest")
    value = page([{}], start=None, end=None)
    findings = found(newest, "schema", exchange("products.list", value, query=[("account_id", "biz_1")]))
    by_place = {location: rule for rule, location in rules(findings)}
    assert by_place["/data/*/id"] == "required-field-missing"
    assert "learned-field-missing" in by_place.values()


def test_a_documented_default_size_needs_no_other_list() -> None:
    newest = load("newest")
    items = [{"id": f"prod_{number}"} for number in range(60)]
    start = exchange("products.list", page(items[:15], has_next=True), purpose=Purpose.LIST)
    (finding,) = found(newest, "page-sizes", start)
    assert (finding.location, finding.drift_class) == ("param:first", "D13")
    right = exchange("products.list", page(items[:20], has_next=True), purpose=Purpose.LIST)
    assert found(newest, "page-sizes", right) == []


def test_the_maximum_is_that_of_the_list() -> None:
    newest = load("newest")
    accounts, products = newest.operation("accounts.list"), newest.operation("products.list")
    assert (newest.paging(accounts).maximum_size, newest.paging(products).maximum_size) == (50, 100)
    assert not newest.paging(newest.operation("api_logs.list")).is_backward
    assert newest.paging(newest.operation("courses.list")).default_size is None
    assert len(newest.known_versions) == 70
    assert load().known_versions == ()
