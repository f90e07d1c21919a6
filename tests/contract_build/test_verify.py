"""Each check of `contract verify` fires on the damage that it is there for, and on nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whopwatch.contract import edition_dir
from whopwatch.contract_build import verify as verifying
from whopwatch.contract_build.verify import CONTRACT_CHECKS, ContractFolder, Problem, verify
from whopwatch.core.errors import SourceError

pytestmark = pytest.mark.thorough


def test_the_contract_is_whole() -> None:
    assert verify(edition_dir()) == []


def damaged(contracts: Path, damage: Callable[[dict[str, Any]], None]) -> ContractFolder:
    """The folder after `damage` has been done to its bundle."""
    path = contracts / "bundle.json"
    bundle = json.loads(path.read_text(encoding="utf-8"))
    damage(bundle)
    path.write_text(json.dumps(bundle), encoding="utf-8")
    return ContractFolder(contracts)


def replaced(contracts: Path, name: str, before: str, after: str) -> ContractFolder:
    """The folder after the first `before` in one of its files has become `after`."""
    path = contracts / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return ContractFolder(contracts)


def product(bundle: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = bundle["v1"]["components"]["schemas"]["Product"]
    return schema


def test_an_edited_file(contracts: Path) -> None:
    folder = replaced(contracts, "v1/products.yaml", "type: integer", "type: string")
    assert list(verifying.check_digests(folder)) == [
        Problem("digests", "v1/products.yaml", "is not the file that the bundle was made of")
    ]
    assert [problem.where for problem in verifying.check_bundle(folder)] == ["v1"]


def test_a_missing_and_an_additional_file(contracts: Path) -> None:
    (contracts / "v2" / "openapi.yaml").unlink()
    (contracts / "v1" / "cats.yaml").write_text("paths: {}\n")
    folder = ContractFolder(contracts)
    assert [(problem.where, problem.what) for problem in verifying.check_digests(folder)] == [
        ("v1/cats.yaml", "is missing from the bundle"),
        ("v2/openapi.yaml", "is missing from the folder"),
    ]
    assert Problem("bundle", "v2/openapi.yaml", "is missing") in list(verifying.check_bundle(folder))


def test_a_dangling_reference(contracts: Path) -> None:
    folder = damaged(contracts, lambda bundle: bundle["v1"]["components"]["schemas"].pop("Currency"))
    problems = list(verifying.check_references(folder))
    assert problems
    assert {problem.what for problem in problems} == {"the reference #/components/schemas/Currency resolves to nothing"}


def test_a_malformed_document(contracts: Path) -> None:
    def damage(bundle: dict[str, Any]) -> None:
        del bundle["v2"]["paths"]["/plans/{id}"]["get"]["parameters"][0]["in"]
        bundle["v1"] = bundle["v2"]

    problems = list(verifying.check_openapi(damaged(contracts, damage)))
    assert {problem.check for problem in problems} == {"openapi"}
    assert {problem.where.partition("/")[0] for problem in problems} == {"v1", "v2"}


def test_a_document_that_contradicts_itself(contracts: Path) -> None:
    def damage(bundle: dict[str, Any]) -> None:
        bundle["v2"]["paths"]["/plans/{plan_id}"] = bundle["v2"]["paths"].pop("/plans/{id}")
        bundle["v1"] = bundle["v2"]

    problems = list(verifying.check_openapi(damaged(contracts, damage)))
    assert problems
    assert "plan_id" in problems[0].what


@pytest.mark.parametrize("keyword", ["pattern", "minimum", "allOf", "nullable", "example"])
def test_a_keyword_that_no_code_interprets(contracts: Path, keyword: str) -> None:
    folder = damaged(contracts, lambda bundle: product(bundle)["properties"]["title"].update({keyword: 1}))
    assert list(verifying.check_keywords(folder)) == [
        Problem(
            "keywords",
            "v1/components/schemas/Product/properties/title",
            f"no check interprets the keyword {keyword!r}",
        )
    ]


def test_a_type_beside_variants(contracts: Path) -> None:
    """What an update of `overlay.yaml` makes that does not remove the `type` first: null stays forbidden."""
    variants = [{"type": "string"}, {"type": "null"}]
    folder = damaged(contracts, lambda bundle: product(bundle)["properties"]["title"].update(anyOf=variants))
    assert list(verifying.check_keywords(folder)) == [
        Problem(
            "keywords",
            "v1/components/schemas/Product/properties/title",
            "the type restricts every variant of anyOf",
        )
    ]


def test_a_property_may_be_called_like_a_keyword(contracts: Path) -> None:
    folder = damaged(contracts, lambda bundle: product(bundle)["properties"].update(pattern={"type": "string"}))
    assert list(verifying.check_keywords(folder)) == []


def test_an_operation_less(contracts: Path) -> None:
    folder = damaged(contracts, lambda bundle: bundle["v1"]["paths"]["/topups"].pop("post"))
    assert {problem.where for problem in verifying.check_counts(folder)} == {
        "operations",
        "resources",
        "post",
        "bodies",
    }
    assert list(verifying.check_reference(folder)) == [
        Problem("reference", "topups.create", "is in the reference and not in the contract")
    ]


def test_an_event_less(contracts: Path) -> None:
    folder = damaged(contracts, lambda bundle: bundle["v1"]["webhooks"].pop("entry.deleted"))
    assert [problem.where for problem in verifying.check_counts(folder)] == ["events"]
    assert [problem.where for problem in verifying.check_reference(folder)] == ["entry.deleted"]


def test_an_operation_that_the_reference_does_not_have(contracts: Path) -> None:
    folder = replaced(contracts, "reference.yaml", "{id: topups.create", "{id: topups.make")
    assert [problem.where for problem in verifying.check_reference(folder)] == ["topups.make", "topups.create"]


def test_a_path_in_conflict_needs_its_alternate(contracts: Path) -> None:
    def damage(bundle: dict[str, Any]) -> None:
        del bundle["v1"]["paths"]["/users/{id}/access/{resource_id}"]["get"]["x-alternate-paths"]

    assert list(verifying.check_reference(damaged(contracts, damage))) == [
        Problem("reference", "users.check_access", "is GET /users/{id}/check_access in the reference")
    ]


def test_a_scope_that_is_not_the_references(contracts: Path) -> None:
    folder = replaced(contracts, "reference.yaml", 'scope: "topup:basic:write"', 'scope: "topup:write"')
    assert list(verifying.check_reference(folder)) == [
        Problem("reference", "topups.create", "takes the scope topup:write in the reference")
    ]


def test_a_summary_that_counts_otherwise(contracts: Path) -> None:
    folder = replaced(contracts, "reference.yaml", "{operations: 7, events: 4}", "{operations: 6, events: 4}")
    assert list(verifying.check_summary(folder)) == [
        Problem("reference", "payments", "counts 6 operations and lists 7")
    ]


def test_an_idle_overlay_action(contracts: Path) -> None:
    folder = replaced(contracts, "overlay.yaml", "$..properties.payment_token_id", "$..properties.no_such_field")
    assert [problem.what for problem in verifying.check_overlays(folder)] == [
        "finds nothing at $..properties.no_such_field"
    ]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("[users.check_access]", "[users.no_such]", "names users.no_such, which is no operation and no event"),
        ("id: document-date", "id: operation-count", "stands 2 times"),
        (
            '      - {source: "API reference", says: "/users/{id}/check_access"}\n',
            "",
            "has fewer than two readings",
        ),
    ],
)
def test_a_conflict_that_is_none(contracts: Path, before: str, after: str, what: str) -> None:
    folder = replaced(contracts, "conflicts.yaml", before, after)
    assert [problem.what for problem in verifying.check_conflicts(folder)] == [what]


@pytest.mark.parametrize(
    ("annotation", "what"),
    [
        ({"x-resource": "cats"}, "names cats, which is no resource"),
        ({"x-resource": "users", "x-resource-alternatives": ["cats"]}, "names cats, which is no resource"),
        ({"x-id-prefix": ["cat_"]}, "has the undeclared prefix cat_"),
    ],
)
def test_an_annotation_that_names_nothing(contracts: Path, annotation: dict[str, Any], what: str) -> None:
    folder = damaged(contracts, lambda bundle: product(bundle)["properties"]["title"].update(annotation))
    assert [problem.what for problem in verifying.check_id_annotations(folder)] == [what]


@pytest.mark.parametrize("content", [None, "{"])
def test_a_folder_without_a_usable_bundle(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "bundle.json").write_text(content)
    with pytest.raises(SourceError, match="bundle"):
        verify(tmp_path)


def test_every_check_takes_part() -> None:
    defined = {
        function for name, function in vars(verifying).items() if name.startswith("check_") and callable(function)
    }
    assert set(CONTRACT_CHECKS) == defined
