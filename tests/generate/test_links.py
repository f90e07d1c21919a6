"""Links: where one answer leads to the next request."""

from __future__ import annotations

from typing import Any

import pytest

from whopwatch.contract import load
from whopwatch.generate.links import FIRST_ITEM, with_links

CONTRACT = load()


def _links(document: dict[str, Any], path: str) -> dict[str, Any]:
    links: dict[str, Any] = document["paths"][path]["get"]["responses"]["200"].get("links", {})
    return links


def test_a_list_leads_to_its_objects_and_to_what_they_hold() -> None:
    links = _links(with_links(CONTRACT, {"company_id": "biz_1"}), "/courses")
    assert links.keys() == {"courses.retrieve", "course_chapters.list", "course_students.list"}
    assert links["courses.retrieve"] == {"operationId": "courses.retrieve", "parameters": {"path.id": FIRST_ITEM}}
    assert links["course_chapters.list"]["parameters"] == {"query.course_id": FIRST_ITEM}


def test_a_union_of_items_leads_on_as_well() -> None:
    assert "payment_methods.retrieve" in _links(with_links(CONTRACT, {}), "/payment_methods")


def test_a_request_that_needs_two_ids_is_led_to_once_one_is_given() -> None:
    assert "products.retrieve" not in _links(with_links(CONTRACT, {"id": "prod_1"}), "/products")


def test_no_list_of_something_else_leads_there() -> None:
    assert not _links(with_links(CONTRACT, {}), "/payments/{id}/fees")


def test_nothing_but_reads_is_led_to_and_the_contract_stays_as_it_is() -> None:
    document = with_links(CONTRACT, {"company_id": "biz_1"})
    led_to = {name for path, item in document["paths"].items() if "get" in item for name in _links(document, path)}
    assert len(led_to) > 40
    assert all(CONTRACT.operations[name].is_read for name in led_to)
    assert not any("links" in str(item) for item in [CONTRACT.documents["v1"]["paths"]["/courses"]["get"]["responses"]])


@pytest.mark.parametrize("operation", CONTRACT.lists, ids=lambda operation: operation.id)
def test_every_list_whose_objects_can_be_retrieved_leads_to_them(operation: Any) -> None:
    retrieve = CONTRACT.operations.get(f"{operation.resource}.retrieve")
    if operation.id.endswith(".list") and retrieve:
        assert retrieve.id in _links(with_links(CONTRACT, {}), operation.path)
