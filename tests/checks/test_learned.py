"""A field that only a rule calls always present is reported as such, not as a broken promise."""

from __future__ import annotations

import copy

import pytest

from tests.checks.support import exchange, found, met, page, rules
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


def test_null_is_judged_by_its_source(contract: Contract) -> None:
    body = {"id": None, "title": None}
    findings = found(contract, "schema", exchange(ID, body, purpose=Purpose.RETRIEVE, path={"id": "prod_1"}))
    by_place = {finding.location: finding for finding in findings if finding.drift_class == "D9"}
    assert {place: finding.severity for place, finding in by_place.items()} == {"/id": "high", "/title": "info"}
    assert ("learned-field-null", "/title") in rules(findings)


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


def test_a_new_value_of_an_open_enum_is_info_until_its_values_were_seen_to_be_documented() -> None:
    newest = load("newest")
    page_of = [
        exchange("accounts.financing_applications.list", page([{"status": "whopwatch"}]), path={"account_id": "x"})
    ]
    for established, severity in ((False, "info"), (True, "medium")):
        findings = found(newest, "schema", *page_of, established=established)
        (value,) = [one for one in findings if one.location == "/data/*/status"]
        assert (value.drift_class, value.severity) == ("D10", severity)
        assert ("open-enum-value", "/data/*/status") in rules(findings)
    closed = exchange(ID, {"visibility": "whopwatch"}, purpose=Purpose.RETRIEVE, path={"id": "prod_1"})
    assert ("enum-value", "/visibility") in rules(found(load(), "schema", closed))


def test_what_responses_meet_is_noted_for_enums(contract: Contract) -> None:
    newest = load("newest")
    right = exchange("partners.create", {"referral_link": "x", "whop_partner_enabled_at": "2026-01-01T00:00:00Z"})
    assert met(newest, "schema", right) == {("partners.create", "schema/open-enum-value")}
    assert met(newest, "schema", exchange("partners.create", {"referral_link": 1})) == set()


MONEY = {"amount": "1.50", "currency": "usd", "decimals": 2, "display_decimals": 2}


@pytest.mark.parametrize(
    ("operation", "location", "right"),
    [
        ("refunds.retrieve", "/original_amount", MONEY),
        ("claim_links.retrieve", "/amount", "1.50"),
        ("media.retrieve", "/amount_charged", 1.5),
    ],
)
def test_each_form_of_money_is_judged_as_its_field_documents(operation: str, location: str, right: object) -> None:
    newest = load("newest")
    for value in (MONEY, "1.50", 1.5):
        body = {location.removeprefix("/"): value}
        findings = found(newest, "schema", exchange(operation, body, purpose=Purpose.RETRIEVE, path={"id": "x"}))
        wrong = [one.location for one in findings if one.location.startswith(location) and one.drift_class == "D7"]
        assert wrong == ([] if value == right else [location]), value


NATIVE_ERROR = {"error": {"type": "not_found", "message": "x"}}
LEGACY_ERROR = {"error": {**NATIVE_ERROR["error"], "code": None, "param": None}}


@pytest.mark.parametrize("operation", ["payments.retrieve", "courses.retrieve"])
def test_both_shapes_of_errors_are_right(operation: str) -> None:
    newest = load("newest")
    surface = newest.operation(operation).raw["x-whop-surface"]
    for body in (NATIVE_ERROR, LEGACY_ERROR if surface == "legacy" else NATIVE_ERROR):
        sent = exchange(operation, body, status=404, purpose=Purpose.UNKNOWN_ID, path={"id": "x_1"})
        assert found(newest, "envelope", sent) == []
    broken = exchange(operation, {"error": {"type": "not_found"}}, status=404, purpose=Purpose.UNKNOWN_ID)
    assert rules(found(newest, "envelope", broken)) == [("error-schema", "/error/message")]


def test_a_list_that_is_read_forward_only_needs_no_cursor_for_the_way_back() -> None:
    newest = load("newest")
    items = [{"id": "x_1"}, {"id": "x_2"}]
    for operation, rule in (
        ("api_logs.list", "start-cursor-missing-forward-only"),
        ("accounts.list", "start-cursor-missing"),
    ):
        (finding,) = found(newest, "paging", exchange(operation, page(items, start=None)))
        assert rules([finding]) == [(rule, "/page_info/start_cursor")]
        assert (finding.severity == "info") is (operation == "api_logs.list")
        (finding,) = found(newest, "paging", exchange(operation, page(items, start=None)), established=True)
        assert finding.severity == "high"
    noted = ("api_logs.list", "paging/start-cursor-missing-forward-only")
    assert noted in met(newest, "paging", exchange("api_logs.list", page(items)))
    assert met(newest, "paging", exchange("accounts.list", page(items))) == set()


def test_a_list_without_page_info_is_no_broken_page() -> None:
    newest = load("newest")
    for operation in ("cards.list", "permissions.list", "api_keys.list_permissions"):
        assert not newest.operation(operation).is_list
        assert found(newest, "paging", exchange(operation, {"data": []}, query=[("resource_id", "biz_1")])) == []
