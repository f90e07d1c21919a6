"""The readers of the SDKs, and their arguments against the signatures at run time."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract_build import runtime
from tests.contract_build.archives import TYPESCRIPT, tarball, wheel
from whopwatch.contract_build.merge import Disagreement, merge_readings
from whopwatch.contract_build.readers.python import read_python_sdk
from whopwatch.contract_build.readers.typescript import read_typescript_sdk
from whopwatch.contract_build.sdk_model import (
    Enum,
    ListOf,
    MapOf,
    NamedType,
    Nullable,
    OneOf,
    RecordField,
    RecordType,
    Scalar,
    SdkModel,
)
from whopwatch.core.errors import SourceError

TEXT, WHOLE, NUMBER = Scalar("string"), Scalar("integer"), Scalar("number")


@pytest.fixture
def python(tmp_path: Path) -> SdkModel:
    return read_python_sdk(wheel(tmp_path))


@pytest.fixture
def typescript(tmp_path: Path) -> SdkModel:
    return read_typescript_sdk(tarball(tmp_path))


def test_python_operations(python: SdkModel) -> None:
    assert {
        (operation.id, operation.method, operation.path, operation.is_list) for operation in python.operations.values()
    } == {
        ("cats.create", "POST", "/cats", False),
        ("cats.list", "GET", "/cats", True),
        ("cats.give_toy", "POST", "/cats/{cat_id}/toy", False),
        ("cats.delete", "DELETE", "/cats/{id}", False),
    }


def test_both_readers_find_the_same_operations(python: SdkModel, typescript: SdkModel) -> None:
    def facts(model: SdkModel) -> dict[str, object]:
        return {
            name: (operation.method, operation.path, operation.is_list, operation.body_required, operation.scopes)
            for name, operation in model.operations.items()
        }

    assert facts(python) == facts(typescript)


def test_scopes_stand_in_the_overloads_where_there_are_any(python: SdkModel) -> None:
    assert python.operations["cats.create"].scopes == ("cat:create",)
    assert python.operations["cats.list"].scopes == ("cat:read", "house:basic:read")
    assert python.operations["cats.delete"].scopes == ()


def test_python_query_parameters(python: SdkModel) -> None:
    assert python.array_suffix == "[]"
    assert python.operations["cats.list"].query == (
        RecordField("house_id", TEXT, True),
        RecordField("after", Nullable(TEXT), False),
        RecordField("colours", Nullable(ListOf(NamedType("Colour"))), False),
        RecordField("first", Nullable(WHOLE), False),
    )


def test_python_body_variants(python: SdkModel) -> None:
    named, numbered = python.operations["cats.create"].body
    assert named == RecordType(
        (RecordField("name", TEXT, True), RecordField("born_at", Nullable(Scalar("date-time")), False))
    )
    assert numbered == RecordType(
        (
            RecordField("number", WHOLE, True),
            RecordField("metadata", Nullable(MapOf(Scalar("any"))), False),
            RecordField("class", NamedType("Colour"), False),
        )
    )


def test_python_fields_in_order_show_which_are_required(python: SdkModel) -> None:
    cat = python.types["Cat"]
    assert isinstance(cat, RecordType)
    assert {field.name: field.required for field in cat.fields} == {
        "id": True,
        "born_at": True,
        "colour": True,  # has a default, and stands inside the first sorted run
        "legs": True,
        "owners": True,
        "weight": True,
        "note": False,  # begins a second run
    }


def test_python_leaves_open_what_the_order_does_not_say(tmp_path: Path) -> None:
    model = read_python_sdk(
        wheel(
            tmp_path,
            types__cat="""
                from typing import Optional
                __all__ = ["Cat"]
                class Cat(BaseModel):
                    id: str
                    name: str
                    tail: Optional[str] = None
            """,
        )
    )
    cat = model.types["Cat"]
    assert isinstance(cat, RecordType)
    assert [field.required for field in cat.fields] == [True, True, None]


def test_anonymous_types_are_written_out_and_named_ones_referred_to(python: SdkModel, typescript: SdkModel) -> None:
    for model in (python, typescript):
        cat = model.types["Cat"]
        assert isinstance(cat, RecordType)
        fields = {field.name: field.type for field in cat.fields}
        address = RecordType((RecordField("street", TEXT, True),))
        assert fields["colour"] == Nullable(NamedType("Colour"))
        owners = fields["owners"]
        assert isinstance(owners, ListOf)
        assert isinstance(owners.item, RecordType)
        assert owners.item.fields[1].type == Nullable(address)
    assert set(python.types) == set(typescript.types)
    assert "CatUploadOptions" not in typescript.types


@pytest.mark.parametrize("language", ["python", "typescript"])
def test_union_with_discriminator(language: str, python: SdkModel, typescript: SdkModel) -> None:
    """TypeScript does not name it: it is the field with another constant in each variant."""
    toy = {"python": python, "typescript": typescript}[language].types["CatToyResponse"]
    assert isinstance(toy, Nullable)
    assert isinstance(toy.inner, OneOf)
    assert toy.inner.discriminator == "typename"
    assert toy.inner.variants[1] == RecordType((RecordField("typename", Enum(("Mouse",)), True),))


def test_events_go_by_their_constant_type(python: SdkModel, typescript: SdkModel) -> None:
    assert python.events == typescript.events == {"cat.fed": NamedType("CatFedWebhookEvent")}


def test_inherited_parameters(typescript: SdkModel) -> None:
    assert typescript.operations["cats.list"].query[0] == RecordField("after", Nullable(TEXT), False)


def test_merged_reading_is_the_more_exact_one_in_every_field(python: SdkModel, typescript: SdkModel) -> None:
    merged, disagreements = merge_readings(python, typescript)
    cat = merged.types["Cat"]
    assert isinstance(cat, RecordType)
    fields = {field.name: (field.type, field.required) for field in cat.fields}
    assert fields["born_at"] == (Scalar("date-time"), True)
    assert fields["legs"] == (WHOLE, True)
    assert fields["weight"] == (NUMBER, True)
    assert fields["note"] == (Nullable(TEXT), False)
    assert disagreements == []


@pytest.mark.parametrize(
    ("before", "after", "location"),
    [
        ("legs: number;", "legs: string;", "Cat/legs"),
        ("legs: number;", "legs: number | null;", "Cat/legs"),
        ("legs: number;", "legs?: number;", "Cat/legs"),
        ("legs: number;", "", "Cat/legs"),
        ("legs: number;", "legs: number; tail: string;", "Cat/tail"),
        ("typename: 'Mouse'", "typename: 'Rat'", "CatToyResponse/<1>/typename"),
        ("path`/cats/${id}`", "path`/kitten/${id}`", "cats.delete#path"),
        ("_client.delete(", "_client.post(", "cats.delete#method"),
        ("- `cat:read`", "- `cat:see`", "cats.list#scopes"),
        ("type: 'cat.fed'", "type: 'cat.starved'", "events/cat.fed"),
    ],
)
def test_a_disagreement_is_located(tmp_path: Path, before: str, after: str, location: str) -> None:
    text = TYPESCRIPT["resources/cats.ts"]
    assert before in text
    typescript = read_typescript_sdk(tarball(tmp_path, resources__cats=text.replace(before, after)))
    found = merge_readings(read_python_sdk(wheel(tmp_path)), typescript)[1]
    assert location in {disagreement.location for disagreement in found}


def test_python_decides_where_the_packages_of_one_version_differ(tmp_path: Path) -> None:
    changes = {
        "legs: number;": "tail: string;",
        "type: 'cat.fed'": "type: 'cat.starved'",
        "path`/cats/${id}`": "path`/kitten/${id}`",
    }
    text = TYPESCRIPT["resources/cats.ts"]
    for before, after in changes.items():
        text = text.replace(before, after)
    python = read_python_sdk(wheel(tmp_path))
    merged, _ = merge_readings(python, read_typescript_sdk(tarball(tmp_path, resources__cats=text)))
    assert merged.operations.keys() == python.operations.keys()
    assert merged.events.keys() == python.events.keys() == {"cat.fed"}
    assert merged.operations["cats.delete"].path == python.operations["cats.delete"].path
    cat = merged.types["Cat"]
    assert isinstance(cat, RecordType)
    fields = {item.name: item for item in cat.fields}
    assert fields["legs"].type == WHOLE
    assert fields["tail"] == RecordField("tail", TEXT, False)  # only TypeScript has it, so nothing promises it


def test_enum_values_are_compared(tmp_path: Path) -> None:
    typescript = read_typescript_sdk(tarball(tmp_path, resources__shared="export type Colour = 'red' | 'blue';"))
    found = merge_readings(read_python_sdk(wheel(tmp_path)), typescript)[1]
    assert Disagreement("Colour", "one of red, green", "one of red, blue") in found


@pytest.mark.parametrize("form", ["Tuple[str, int]", "Colours", "lambda: 1"])
def test_an_unknown_form_is_an_error_and_no_guess(tmp_path: Path, form: str) -> None:
    text = f'__all__ = ["Cat"]\nclass Cat(BaseModel):\n    id: {form}\n'
    with pytest.raises(SourceError, match="does not know") as raised:
        read_python_sdk(wheel(tmp_path, types__cat=text))
    assert raised.value.where == "whop_sdk/types/cat.py"


def test_an_unknown_form_of_typescript_is_an_error_too(tmp_path: Path) -> None:
    text = "export type Colour = Lowercase<'Red'>;"
    with pytest.raises(SourceError, match="does not know") as raised:
        read_typescript_sdk(tarball(tmp_path, resources__shared=text))
    assert raised.value.where == "package/src/resources/shared.ts"


def test_another_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="unknown layout"):
        read_python_sdk(tarball(tmp_path))
    with pytest.raises(SourceError, match="unknown layout"):
        read_typescript_sdk(wheel(tmp_path))


def test_a_file_that_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "made_up.whl"
    path.write_text("not an archive")
    with pytest.raises(SourceError, match="cannot be read"):
        read_python_sdk(path)


EXTRAS = {"extra_headers", "extra_query", "extra_body", "timeout"}


def test_every_operation_takes_the_arguments_of_its_method(bundle: dict[str, Any]) -> None:
    declared = {name: signature(method) for name, method in runtime.methods()}
    documented = {name: arguments(operation) for name, operation in operations(bundle["v1"])}
    assert documented == declared


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for item in document["paths"].values():
        for operation in item.values():
            yield operation["operationId"], operation


def signature(method: Any) -> tuple[set[str], set[str]]:
    """Return all arguments of a method, and the required ones."""
    parameters = inspect.signature(method).parameters.values()
    return (
        {parameter.name for parameter in parameters} - EXTRAS,
        {parameter.name for parameter in parameters if parameter.default is parameter.empty},
    )


def arguments(operation: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The same of an operation; of several bodies it cannot do without what all of them require."""
    parameters = [parameter for parameter in operation["parameters"] if "$ref" not in parameter]
    taken = {parameter["name"].removesuffix("[]") for parameter in parameters}
    needed = {parameter["name"] for parameter in parameters if parameter["required"]}
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        variants = schema.get("anyOf", [schema])
        taken |= {name for variant in variants for name in variant["properties"]}
        needed |= set.intersection(*(set(variant.get("required", ())) for variant in variants))
        assert operation["requestBody"]["required"] is any(variant.get("required") for variant in variants)
    return taken, needed
