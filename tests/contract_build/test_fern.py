"""The Fern layout of the Python SDK, in a made-up package."""

from __future__ import annotations

import zipfile
from pathlib import Path
from textwrap import dedent

import pytest

from whopwatch.contract_build.readers.python import read_python_sdk
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
FILES = {
    "core/client_wrapper.py": 'headers = {"X-Fern-SDK-Version": "9.1.0"}',
    "types/cat.py": '''
        import datetime as dt
        import typing
        import pydantic
        import typing_extensions
        from ..core.pydantic_utilities import UniversalBaseModel
        from ..core.serialization import FieldMetadata
        from .cat_mood import CatMood
        class Cat(UniversalBaseModel):
            born_at: dt.datetime = pydantic.Field()
            """
            When it was born.
            """
            friends: typing.Optional[typing.List["Cat"]] = None
            has_2fa: typing_extensions.Annotated[bool, FieldMetadata(alias="has-2fa"), pydantic.Field(alias="has-2fa")]
            mood: CatMood
            nick: typing.Optional[str] = pydantic.Field(default=None)
            """
            DEPRECATED: Read `mood` instead.
            """
    ''',
    "types/cat_mood.py": """
        import typing
        CatMood = typing.Union[typing.Literal["calm", "wild"], typing.Any]
    """,
    "types/cat_toy.py": """
        from __future__ import annotations
        import typing
        import pydantic
        import typing_extensions
        class CatToy_Ball(UniversalBaseModel):
            kind: typing.Literal["ball"] = "ball"
            radius: float
        class CatToy_Mouse(UniversalBaseModel):
            kind: typing.Literal["mouse"] = "mouse"
        CatToy = typing_extensions.Annotated[
            typing.Union[CatToy_Ball, CatToy_Mouse], pydantic.Field(discriminator="kind")
        ]
    """,
    "cats/types/list_cats_response.py": """
        import typing
        from ...types.cat import Cat
        class ListCatsResponse(UniversalBaseModel):
            data: typing.List[Cat]
    """,
    "cats/types/post_cat_fed_payload.py": """
        import typing
        from ...types.cat import Cat
        class PostCatFedPayload(UniversalBaseModel):
            data: Cat
            type: typing.Union[typing.Literal["cat.fed"], typing.Any]
    """,
    "cats/raw_client.py": '''
        import typing
        from ..core.http_response import HttpResponse
        from ..core.pagination import SyncPager
        from ..types.cat import Cat
        from ..types.cat_toy import CatToy
        from .types.list_cats_response import ListCatsResponse
        class RawCatsClient:
            def list(
                self,
                *,
                house_id: str,
                moods: typing.Optional[typing.Union[str, typing.Sequence[str]]] = None,
                request_options: typing.Optional[RequestOptions] = None,
            ) -> SyncPager[Cat, ListCatsResponse]:
                """
                Lists cats. Deprecated: use another list.

                Parameters
                ----------
                house_id : str
                    The house.

                moods : typing.Optional[typing.Union[str, typing.Sequence[str]]]
                    Deprecated: has no effect.
                """
                _response = self._client_wrapper.httpx_client.request(
                    "cats", method="GET", params={"house_id": house_id, "moods": moods}
                )
                if _response.status_code == 404:
                    raise NotFoundError()
            def give_toy(self, cat_id: str, *, toy: CatToy, count: typing.Optional[int] = OMIT) -> HttpResponse[Cat]:
                """
                Gives a toy.
                """
                _response = self._client_wrapper.httpx_client.request(
                    f"cats/{encode_path_param(cat_id)}/toy",
                    method="POST",
                    json={"toy": convert(object_=toy, annotation=CatToy), "count": count},
                )
            def replace(self, cat_id: str, *, request: typing.Dict[str, str]) -> HttpResponse[None]:
                """
                Replaces it.
                """
                _response = self._client_wrapper.httpx_client.request(
                    f"cats/{encode_path_param(cat_id)}", method="PUT", json=request
                )
        class AsyncRawCatsClient:
            pass
    ''',
}


def wheel(folder: Path, **changed: str) -> Path:
    path = folder / "made_up.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (FILES | {key.replace("__", "/") + ".py": text for key, text in changed.items()}).items():
            archive.writestr(f"whop_sdk/{name}", dedent(text))
    return path


@pytest.fixture
def model(tmp_path: Path) -> SdkModel:
    return read_python_sdk(wheel(tmp_path))


def test_operations(model: SdkModel) -> None:
    assert (model.version, model.generator) == ("9.1.0", "fern")
    assert {(it.id, it.method, it.path, it.is_list, it.deprecated) for it in model.operations.values()} == {
        ("cats.list", "GET", "/cats", True, True),
        ("cats.give_toy", "POST", "/cats/{cat_id}/toy", False, False),
        ("cats.replace", "PUT", "/cats/{cat_id}", False, False),
    }
    assert model.operations["cats.list"].errors == (404,)


def test_what_is_sent(model: SdkModel) -> None:
    assert model.operations["cats.list"].query == (
        RecordField("house_id", TEXT, True),
        RecordField("moods", ListOf(TEXT), False, deprecated=True),
    )
    toy, replaced = model.operations["cats.give_toy"], model.operations["cats.replace"]
    assert toy.body == (
        RecordType((RecordField("toy", NamedType("CatToy"), True), RecordField("count", WHOLE, False))),
    )
    assert toy.body_required
    assert replaced.body == (MapOf(TEXT),)


def test_what_is_answered(model: SdkModel) -> None:
    cats = model.operations["cats.list"]
    assert (cats.response, cats.page) == (NamedType("Cat"), NamedType("ListCatsResponse"))
    assert model.operations["cats.replace"].response is None


def test_null_and_absent_are_not_distinguished(model: SdkModel) -> None:
    cat = model.types["Cat"]
    assert isinstance(cat, RecordType)
    assert cat.fields == (
        RecordField("born_at", Scalar("date-time"), True),
        RecordField("friends", Nullable(ListOf(NamedType("Cat"))), None),
        RecordField("has-2fa", Scalar("boolean"), True),
        RecordField("mood", NamedType("CatMood"), True),
        RecordField("nick", Nullable(TEXT), None, deprecated=True),
    )
    assert model.types["CatMood"] == Enum(("calm", "wild"))


def test_a_variants_constant_always_comes(model: SdkModel) -> None:
    ball, mouse = RecordField("kind", Enum(("ball",)), True), RecordField("kind", Enum(("mouse",)), True)
    variants = (RecordType((ball, RecordField("radius", NUMBER, True))), RecordType((mouse,)))
    assert model.types["CatToy"] == OneOf(variants, "kind")


def test_events(model: SdkModel) -> None:
    assert model.events == {"cat.fed": NamedType("PostCatFedPayload")}


def test_types_that_share_a_name_stay_two(tmp_path: Path) -> None:
    one, other = "class Extra(UniversalBaseModel):\n    a: int", "class Extra(UniversalBaseModel):\n    b: int"
    model = read_python_sdk(wheel(tmp_path, cats__types__extra=one, dogs__types__extra=other))
    assert model.types["cats.Extra"] == RecordType((RecordField("a", WHOLE, True),))
    assert model.types["dogs.Extra"] == RecordType((RecordField("b", WHOLE, True),))


def test_an_unknown_form_is_named(tmp_path: Path) -> None:
    odd = """
        class RawOddClient:
            def odd(self) -> HttpResponse[None]:
                self._client_wrapper.httpx_client.request(make_path(), method="GET")
    """
    with pytest.raises(SourceError, match=r"make_path\(\)") as raised:
        read_python_sdk(wheel(tmp_path, odd__raw_client=odd))
    assert raised.value.where == "whop_sdk/odd/raw_client.py"
