"""Resources in folders, and parameters that path, query and body share."""

from __future__ import annotations

from pathlib import Path

from tests.contract_build.archives import tarball, wheel
from whopwatch.contract_build.readers.python import read_python_sdk
from whopwatch.contract_build.readers.typescript import read_typescript_sdk
from whopwatch.contract_build.sdk_model import RecordField, RecordType, Scalar

TEXT, NUMBER = Scalar("string"), Scalar("number")
PARAMS = """
    from typing_extensions import Required, Annotated, TypedDict
    from ..._utils import PropertyInfo
    __all__ = ["ToyUpdateParams"]
    class ToyUpdateParams(TypedDict, total=False):
        cat_id: Required[str]
        body_id: Required[Annotated[str, PropertyInfo(alias="id")]]
        size: float
"""
PYTHON = """
    from ...types.cats import toy_update_params
    class ToysResource(SyncAPIResource):
        def update(self, id: str, *, cat_id: str, body_id: str, size: float) -> None:
            return self._patch(
                f"/cats/{cat_id}/toys/{id}",
                body=maybe_transform({"body_id": body_id, "size": size}, toy_update_params.ToyUpdateParams),
            )
"""
TYPESCRIPT = """
    export class Toys extends APIResource {
      update(toyID: string, params: ToyUpdateParams, options?: RequestOptions): APIPromise<void> {
        const { cat_id, dry_run, 'Idempotency-Key': idempotencyKey, ...body } = params;
        return this._client.patch(path`/cats/${cat_id}/toys/${toyID}`, { query: { dry_run }, body, ...options });
      }
      createAPIKey(toyID: string, options?: RequestOptions): APIPromise<void> {
        return this._client.post(path`/toys/${toyID}/keys`, options);
      }
    }
    export interface ToyUpdateParams {
      cat_id: string;
      dry_run?: boolean;
      'Idempotency-Key'?: string;
      id: string;
      mood?: 'calm' | 'wild' | (string & {});
    }
"""


def test_python(tmp_path: Path) -> None:
    changed = {"types__cats__toy_update_params": PARAMS, "resources__cats__toys": PYTHON}
    operation = read_python_sdk(wheel(tmp_path, **changed)).operations["cats.toys.update"]
    assert operation.path == "/cats/{cat_id}/toys/{id}"
    assert operation.body == (RecordType((RecordField("id", TEXT, True), RecordField("size", NUMBER, False))),)


def test_typescript(tmp_path: Path) -> None:
    operations = read_typescript_sdk(tarball(tmp_path, resources__cats__toys=TYPESCRIPT)).operations
    operation = operations["cats.toys.update"]
    assert [item.name for item in operation.query] == ["dry_run"]
    (body,) = operation.body
    assert isinstance(body, RecordType)
    assert [(item.name, item.required) for item in body.fields] == [("id", True), ("mood", False)]
    assert operation.body_required
    assert "cats.toys.create_api_key" in operations


def test_a_union_of_thousands_is_no_matter_of_depth(tmp_path: Path) -> None:
    literals = " | ".join(f"'v{number}'" for number in range(3000))
    model = read_typescript_sdk(tarball(tmp_path, resources__many=f"export type Many = {literals};"))
    assert len(getattr(model.types["Many"], "values", ())) == 3000
