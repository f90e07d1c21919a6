"""Small packages in the layout of the official SDKs, made up for the tests."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from textwrap import dedent

PYTHON = {
    "_version.py": '__version__ = "0.1.0"',
    "_client.py": 'def qs(self):\n    return Querystring(array_format="brackets")',
    "types/shared/colour.py": """
        from typing_extensions import Literal, TypeAlias
        __all__ = ["Colour"]
        Colour: TypeAlias = Literal["red", "green"]
    """,
    "types/cat.py": """
        from typing import Optional, List
        from datetime import datetime
        from .._models import BaseModel
        from .shared.colour import Colour
        __all__ = ["Cat", "Owner", "OwnerAddress"]
        class OwnerAddress(BaseModel):
            street: str
        class Owner(BaseModel):
            id: str
            address: Optional[OwnerAddress] = None
        class Cat(BaseModel):
            id: str
            born_at: datetime
            colour: Optional[Colour] = None
            legs: int
            owners: List[Owner]
            weight: float
            note: Optional[str] = None
    """,
    "types/cat_create_params.py": """
        from __future__ import annotations
        from typing import Dict, Union, Iterable, Optional
        from datetime import datetime
        from typing_extensions import Required, Annotated, TypeAlias, TypedDict
        from .._utils import PropertyInfo
        from .shared.colour import Colour
        __all__ = ["CatCreateParams", "Named", "Numbered"]
        class Named(TypedDict, total=False):
            name: Required[str]
            born_at: Annotated[Union[str, datetime, None], PropertyInfo(format="iso8601")]
        class Numbered(TypedDict, total=False):
            number: Required[int]
            metadata: Optional[Dict[str, object]]
            class_: Annotated[Colour, PropertyInfo(alias="class")]
        CatCreateParams: TypeAlias = Union[Named, Numbered]
    """,
    "types/cat_list_params.py": """
        from __future__ import annotations
        from typing import List, Optional
        from typing_extensions import Required, TypedDict
        from .shared.colour import Colour
        __all__ = ["CatListParams"]
        class CatListParams(TypedDict, total=False):
            house_id: Required[str]
            after: Optional[str]
            colours: Optional[List[Colour]]
            first: Optional[int]
    """,
    "types/cat_delete_response.py": """
        from typing_extensions import TypeAlias
        __all__ = ["CatDeleteResponse"]
        CatDeleteResponse: TypeAlias = bool
    """,
    "types/cat_fed_webhook_event.py": """
        from typing import Optional
        from typing_extensions import Literal
        from .._models import BaseModel
        from .cat import Cat
        __all__ = ["CatFedWebhookEvent"]
        class CatFedWebhookEvent(BaseModel):
            id: str
            data: Cat
            type: Literal["cat.fed"]
            company_id: Optional[str] = None
    """,
    "types/cat_toy_response.py": """
        from typing import Union, Optional
        from typing_extensions import Literal, Annotated, TypeAlias
        from .._utils import PropertyInfo
        from .._models import BaseModel
        __all__ = ["CatToyResponse", "Ball", "Mouse"]
        class Ball(BaseModel):
            typename: Literal["Ball"]
            radius: float
        class Mouse(BaseModel):
            typename: Literal["Mouse"]
        CatToyResponse: TypeAlias = Annotated[
            Union[Optional[Ball], Optional[Mouse]], PropertyInfo(discriminator="typename")
        ]
    """,
    "types/unwrap_webhook_event.py": """
        from typing import Union
        from typing_extensions import Annotated, TypeAlias
        from .._utils import PropertyInfo
        from .cat_fed_webhook_event import CatFedWebhookEvent
        from .cat_toy_response import CatToyResponse
        __all__ = ["UnwrapWebhookEvent"]
        UnwrapWebhookEvent: TypeAlias = Annotated[
            Union[CatFedWebhookEvent, CatToyResponse], PropertyInfo(discriminator="type")
        ]
    """,
    "resources/cats.py": '''
        from ..types import cat_list_params, cat_create_params
        from ..types.cat import Cat
        from ..types.cat_delete_response import CatDeleteResponse
        from ..types.cat_toy_response import CatToyResponse
        class CatsResource(SyncAPIResource):
            @overload
            def create(self, *, name: str) -> Cat:
                """
                Required permissions:

                - `cat:create`
                """
            @required_args(["name"], ["number"])
            def create(self, *, name: str | Omit = omit) -> Cat:
                return self._post(
                    "/cats",
                    body=maybe_transform({"name": name}, cat_create_params.CatCreateParams),
                    options=make_request_options(),
                    cast_to=Cat,
                )
            def list(self, *, house_id: str) -> SyncCursorPage[Cat]:
                """
                Required permissions:

                - `cat:read`
                - `house:basic:read`
                """
                return self._get_api_list(
                    "/cats",
                    page=SyncCursorPage[Cat],
                    options=make_request_options(
                        query=maybe_transform({"house_id": house_id}, cat_list_params.CatListParams)
                    ),
                    model=Cat,
                )
            def give_toy(self, cat_id: str) -> CatToyResponse:
                return self._post(f"/cats/{cat_id}/toy", cast_to=cast(Any, CatToyResponse))
            def delete(self, id: str) -> CatDeleteResponse:
                return self._delete(f"/cats/{id}", cast_to=CatDeleteResponse)
            def stroke(self) -> None:
                self.purr()
        class AsyncCatsResource(AsyncAPIResource):
            pass
    ''',
}

TYPESCRIPT = {
    "version.ts": "export const VERSION = '0.1.0';",
    "client.ts": "return qs.stringify(query, { arrayFormat: 'brackets' });",
    "core/pagination.ts": "export interface CursorPageParams { after?: string | null; }",
    "resources/shared.ts": "export type Colour = 'red' | 'green';",
    "resources/cats.ts": """
        import * as Shared from './shared';
        import { CursorPage, type CursorPageParams, PagePromise } from '../core/pagination';
        export class Cats extends APIResource {
          /**
           * Required permissions:
           *
           * - `cat:create`
           */
          create(body: CatCreateParams, options?: RequestOptions): APIPromise<Cat> {
            return this._client.post('/cats', { body, ...options });
          }
          /**
           * Required permissions:
           *
           * - `cat:read`
           * - `house:basic:read`
           */
          list(query: CatListParams, options?: RequestOptions): PagePromise<CatsCursorPage, Cat> {
            return this._client.getAPIList('/cats', CursorPage<Cat>, { query, ...options });
          }
          giveToy(catID: string, options?: RequestOptions): APIPromise<CatToyResponse> {
            return this._client.post(path`/cats/${catID}/toy`, options);
          }
          delete(id: string, options?: RequestOptions): APIPromise<CatDeleteResponse> {
            return this._client.delete(path`/cats/${id}`, options);
          }
          upload(file: Uploadable, options?: CatUploadOptions): Promise<Cat> {
            return uploadFile(this._client, file);
          }
        }
        export interface CatUploadOptions extends RequestOptions { filename?: string; }
        export type CatsCursorPage = CursorPage<Cat>;
        export interface Cat {
          id: string;
          born_at: string;
          colour: Shared.Colour | null;
          legs: number;
          owners: Array<Cat.Owner>;
          weight: number;
          note?: string | null;
        }
        export namespace Cat {
          export interface Owner { id: string; address: Owner.Address | null; }
          export namespace Owner { export interface Address { street: string; } }
        }
        export type CatDeleteResponse = boolean;
        export type CatToyResponse = CatToyResponse.Ball | CatToyResponse.Mouse | null;
        export namespace CatToyResponse {
          export interface Ball { typename: 'Ball'; radius: number; }
          export interface Mouse { typename: 'Mouse'; }
        }
        export interface CatFedWebhookEvent { id: string; data: Cat; type: 'cat.fed'; company_id?: string | null; }
        export type UnwrapWebhookEvent = CatFedWebhookEvent | CatToyResponse;
        export type CatCreateParams = CatCreateParams.Named | CatCreateParams.Numbered;
        export declare namespace CatCreateParams {
          export interface Named { name: string; born_at?: string | null; }
          export interface Numbered {
            number: number;
            metadata?: { [key: string]: unknown } | null;
            class?: Shared.Colour;
          }
        }
        export interface CatListParams extends CursorPageParams {
          house_id: string;
          colours?: Array<Shared.Colour> | null;
          first?: number | null;
        }
    """,
}


def wheel(folder: Path, **changed: str) -> Path:
    """A wheel of the made-up Python SDK; `changed` replaces files, their names written with `__` for `/`."""
    path = folder / "made_up.whl"
    files = PYTHON | {name.replace("__", "/") + ".py": text for name, text in changed.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"whop_sdk/{name}", dedent(text))
    return path


def tarball(folder: Path, **changed: str) -> Path:
    """A tarball of the made-up TypeScript SDK; `changed` as for `wheel`."""
    path = folder / "made-up.tgz"
    files = TYPESCRIPT | {name.replace("__", "/") + ".ts": text for name, text in changed.items()}
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            content = dedent(text).encode()
            entry = tarfile.TarInfo(f"package/src/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path
