from __future__ import annotations

from typing import Any

from whopwatch.contract_build.files import join, split


def test_joining_the_files_gives_the_document_back(bundle: dict[str, Any]) -> None:
    joined = join(split(bundle["v1"]))
    assert joined == bundle["v1"]
    assert list(joined) == list(bundle["v1"])
    assert list(joined["paths"]) == list(bundle["v1"]["paths"])


def test_every_resource_has_its_file(bundle: dict[str, Any]) -> None:
    files = split(bundle["v1"])
    resources = {tag["name"] for tag in bundle["v1"]["tags"]}
    assert {name.removesuffix(".yaml") for name in files} == resources | {"openapi", "shared", "events"}


def test_a_schema_stands_where_a_reader_looks_for_it(bundle: dict[str, Any]) -> None:
    files = split(bundle["v1"])
    home = {name: file for file, content in files.items() for name in content.get("components", {}).get("schemas", {})}
    assert home["Payment"] == "payments.yaml"  # also the data of events
    assert home["PaymentCreatedWebhookEvent"] == "events.yaml"
    assert home["Currency"] == "shared.yaml"
    assert home["PageInfo"] == "shared.yaml"


def test_references_between_files_are_relative(bundle: dict[str, Any]) -> None:
    files = split(bundle["v1"])
    root = files["openapi.yaml"]
    assert root["paths"]["/products/{id}"] == {"$ref": "products.yaml#/paths/~1products~1%7Bid%7D"}
    created = files["events.yaml"]["components"]["schemas"]["PaymentCreatedWebhookEvent"]
    assert created["properties"]["data"] == {"$ref": "payments.yaml#/components/schemas/Payment"}
