"""The edition 2026-10-15-1, which is made from SDK 2.6.0 and what was read off Whop's own document."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from whopwatch.contract import Contract, edition_dir, forget_contracts, load
from whopwatch.contract_build.build import build
from whopwatch.contract_build.dated import DECLARED, DatedAssembler, reference_of, same_requests, with_discriminators
from whopwatch.contract_build.files import read_yaml
from whopwatch.contract_build.official import (
    ASPECTS,
    OfficialFact,
    disagreements_with,
    facts_that_hold,
    is_learned_at,
    read_official,
)
from whopwatch.contract_build.presence import settle_presence
from whopwatch.contract_build.readers import python
from whopwatch.contract_build.releases import pinned_archive
from whopwatch.contract_build.sdk_model import (
    Enum,
    NamedType,
    OneOf,
    RecordField,
    RecordType,
    Scalar,
    SdkModel,
    SdkOperation,
)
from whopwatch.contract_build.sources import Sources, read_prefixes
from whopwatch.contract_build.verify import verify
from whopwatch.core.errors import SourceError

pytestmark = pytest.mark.thorough

NEWEST = "2026-10-15-1"
FOLDER = edition_dir(NEWEST)


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load(NEWEST)


@pytest.fixture(scope="module")
def archive(pytestconfig: pytest.Config, packages_read_once: None) -> Path:
    """The SDK that the edition is made from; without a registry, the tests that need it are skipped outside of CI."""
    try:
        return pinned_archive(Sources.read(FOLDER).packages["python"], pytestconfig.rootpath / ".cache" / "sdk")
    except SourceError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"needs the SDK package: {error.what}")


@pytest.fixture(scope="module")
def model(archive: Path) -> SdkModel:
    return python.read_python_sdk(archive)


def test_the_edition_is_whole() -> None:
    assert verify(FOLDER) == []


def test_it_has_what_the_sdk_has(contract: Contract) -> None:
    assert (len(contract.operations), len(contract.reads), len(contract.events)) == (487, 217, 94)
    assert contract.version == NEWEST
    assert contract.account.resource == "accounts"
    assert len(contract.documents["v1"]["info"]["x-known-versions"]) == 70


def test_it_loads_in_three_tenths_of_a_second() -> None:
    seconds = []
    for _ in range(3):
        forget_contracts()
        before = time.process_time()
        load(NEWEST)
        seconds.append(time.process_time() - before)
    assert min(seconds) < 0.3


def test_the_sources_make_the_edition_byte_for_byte(archive: Path) -> None:
    assert build(FOLDER, cache_dir=FOLDER, python_archive=archive).changed == ()


def test_events_without_a_payload_are_events_with_open_data(contract: Contract) -> None:
    untyped = [item["post"] for item in contract.documents["v1"]["webhooks"].values() if item["post"].get("x-untyped")]
    assert len(untyped) == 12
    payload = contract.resolve(contract.event("membership.deactivated").schema)
    assert payload["properties"]["data"] == {"type": "object", "additionalProperties": True}


def test_permissions_are_those_of_the_docstrings(contract: Contract) -> None:
    assert contract.operation("payment_methods.list").scopes == ("member:payment_methods:read",)
    scoped = [operation for operation in contract.operations.values() if operation.scopes]
    assert len(scoped) == 103


def test_one_of_several_permissions_is_an_alternative(contract: Contract) -> None:
    several = [one for one in contract.operations.values() if len(one.raw.get("security", ())) > 1]
    assert len(several) >= 10
    assert all(len(entry["bearerAuth"]) == 1 for one in several for entry in one.raw["security"])


def test_both_surfaces_have_their_own_error(contract: Contract) -> None:
    surfaces = Counter(operation.raw["x-whop-surface"] for operation in contract.operations.values())
    assert surfaces == {"legacy": 113, "native": 374}
    legacy, native = (
        contract.operation("courses.list").responses[422],
        contract.operation("accounts.list").responses[401],
    )
    assert (legacy.pointer, native.pointer) == (
        "/components/responses/Legacy422/content/application~1json/schema",
        "/components/responses/Native401/content/application~1json/schema",
    )


@pytest.mark.parametrize(
    ("id", "expected"),
    [
        ("products.list", {"default_size": 20, "maximum_size": 100, "directions": ["forward", "backward"]}),
        ("accounts.list", {"default_size": 20, "maximum_size": 50, "directions": ["forward", "backward"]}),
        ("api_logs.list", {"default_size": 25, "maximum_size": 100, "directions": ["forward"]}),
        ("webhooks.list_deliveries", {"default_size": 50, "maximum_size": 100, "directions": ["forward"]}),
        ("courses.list", {"default_size": None, "maximum_size": None, "directions": ["forward", "backward"]}),
    ],
)
def test_paging_is_documented_by_list(contract: Contract, id: str, expected: dict[str, Any]) -> None:
    assert contract.operation(id).raw["x-pagination"] == expected


def test_path_parameters_name_the_collection_that_they_are_in(contract: Contract) -> None:
    def of(id: str, name: str) -> str | None:
        return next(one.resource for one in contract.operation(id).in_("path") if one.name == name)

    assert of("partners.businesses.retrieve", "id") == "partners.businesses"
    assert of("bounties.submissions.retrieve", "bounty_id") == "bounties"
    assert of("users.passkeys.delete", "id") == "users.passkeys"
    assert of("stats.retrieve", "metric") is None


def test_the_rule_alone_agrees_with_the_official_facts(model: SdkModel) -> None:
    """What the SDK says and the rule of presence, before the facts are applied: the measure for what was not read."""
    declared = read_yaml(FOLDER / DECLARED)
    settled = settle_presence(model)
    document = DatedAssembler(settled, reference_of(settled, declared), declared, read_prefixes(FOLDER)).document()
    facts = read_official(FOLDER)
    asked = Counter(aspect for fact in facts for aspect in fact.says if aspect in ASPECTS)
    differing = [found for found in disagreements_with(document, facts) if found[1] != "place"]
    missed = Counter(aspect for _, aspect, _ in differing)
    assert {aspect: missed[aspect] / asked[aspect] <= 0.02 for aspect in asked} == dict.fromkeys(asked, True)
    promised = {(fact.where, fact.pointer) for fact, _, _ in differing if not is_learned_at(document, fact)}
    # Its type in the SDK excludes null, but the document and the field's own docstring allow it.
    assert promised == {("schema Experiment", "/related_resource")}


def test_facts_of_another_version_hold_where_the_release_leaves_a_place_open() -> None:
    record = {
        "type": "object",
        "properties": {"open": {"type": "string"}, "known": {"type": "integer"}, "kind": {"enum": ["a", "b"]}},
        "required": ["known"],
        "x-whop-learned": ["open"],
    }
    document = {"components": {"schemas": {"Cat": record}}, "paths": {}}
    facts = [
        OfficialFact("schema Cat", "/open", {"types": ["string", "null"], "required": True}),
        OfficialFact("schema Cat", "/known", {"types": ["string"], "required": False}),
        OfficialFact("schema Cat", "/kind", {"enum": ["a"]}),
        OfficialFact("schema Cat", "/gone", {"required": True}),
    ]
    assert [(fact.pointer, fact.says) for fact in facts_that_hold(document, facts)] == [
        ("/open", {"types": ["string", "null"], "required": True})
    ]


def test_of_two_methods_for_one_request_the_native_one_is_taken() -> None:
    model = SdkModel("python", "9.9.9", generator="fern", api_version="2030-01-01")
    legacy = SdkOperation("cats.list_old", "GET", "/cats/{cat_id}/toys", errors=(400, 401, 403, 404, 422, 429, 500))
    native = SdkOperation("cats.toys", "GET", "/cats/{id}/toys", errors=(401, 404))
    model.operations.update({one.id: one for one in (legacy, native)})
    assert same_requests(model) == {"cats.list_old": "cats.toys"}
    (row,) = reference_of(model, {"words": {}, "servers": [{"url": "x"}]}).data["resources"]
    assert [entry["id"] for entry in row["operations"]] == ["cats.toys"]


def test_a_variant_of_a_union_has_its_discriminator_under_its_own_name_too(contract: Contract) -> None:
    """The SDK hides it there; on the wire it is always there."""
    schema = contract.resolve({"$ref": "#/components/schemas/LanguageTargetingOption"})
    assert schema["required"] == ["type", "code", "name"]
    assert schema["properties"]["type"] == {"type": "string", "enum": ["languages"]}


def test_only_a_type_that_nothing_refers_to_and_one_variant_has_gets_the_discriminator() -> None:
    def variant(tag: str, *names: str) -> RecordType:
        kind = RecordField("kind", Enum((tag,)), required=True)
        return RecordType((kind, *(RecordField(name, Scalar("string"), required=True) for name in names)))

    def bare(*names: str) -> RecordType:
        return RecordType(variant("", *names).fields[1:])

    model = SdkModel("python", "9.9.9", generator="fern", api_version="2030-01-01")
    model.types["Pet"] = OneOf((variant("cat", "purr"), variant("dog", "name"), variant("fox", "name")), "kind")
    model.types.update({"Cat": bare("purr"), "Named": bare("name"), "Other": bare("tail")})
    found = with_discriminators(model).types
    assert found["Cat"] == variant("cat", "purr")
    assert (found["Named"], found["Other"]) == (bare("name"), bare("tail"))
    model.types["Owner"] = RecordType((RecordField("cat", NamedType("Cat"), required=True),))
    assert with_discriminators(model).types["Cat"] == bare("purr")
