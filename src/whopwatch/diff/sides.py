"""Read the two sides of a comparison: a contract folder, an OpenAPI document, or a release of an SDK."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from whopwatch.contract import Contract, load
from whopwatch.contract.loader import NEWEST, is_version
from whopwatch.contract.openapi_file import read_openapi_file
from whopwatch.contract_build.releases import Release, fetch_release, named_release, resolve_newest
from whopwatch.core.errors import SourceError, UsageError
from whopwatch.diff.model import Api
from whopwatch.diff.read_openapi import read_openapi
from whopwatch.diff.read_sdk import read_sdk

_ACCEPTED_SIDES = (
    "a contract folder, a bundled version or newest, an OpenAPI 3 file, an archive, sdk:VERSION or npm:VERSION"
)

_ARCHIVES = (".whl", ".zip", ".tgz", ".tar.gz")


@dataclass(frozen=True)
class Side:
    """One side and its APIs by version. Only a contract folder can have another version than v1."""

    name: str
    apis: dict[str, Api]


def read_side(text: str, cache_dir: Path) -> Side:
    """Return the side that `text` names; SDK releases are fetched into `cache_dir`.

    Raise `UsageError` if it names nothing, `SourceError` or `ContractError` if what it names cannot be read.
    """
    release = named_release(text)
    if release:
        return Side(text, {"v1": _of_release(resolve_newest(release), cache_dir)})
    path = Path(text)
    if path.is_dir():
        return side_of_contract(load(path.resolve()), text)
    if text == NEWEST and not path.exists():
        return side_of_contract(load(text))
    if is_version(text) and not path.exists():
        return side_of_contract(load(text), text)
    if not path.exists():
        raise UsageError(
            f"There is no file or folder {text!r}.",
            expected=_ACCEPTED_SIDES,
            hint="a release is named by its package and version: sdk:0.0.23",
        )
    if text.endswith(_ARCHIVES):
        return Side(text, {"v1": _of_archive(path, text)})
    return Side(text, {"v1": read_openapi(read_openapi_file(path, _ACCEPTED_SIDES), text)})


def side_of_contract(contract: Contract, name: str | None = None) -> Side:
    """Return a loaded contract as a side; `name` is by default its version."""
    name, dated = name or str(contract.edition), contract.edition.version
    return Side(name, {api: read_openapi(document, name, dated) for api, document in contract.documents.items()})


def _of_release(release: Release, cache_dir: Path) -> Api:
    declared = release.package()
    package = fetch_release(declared.registry, declared.name, release.version, cache_dir)
    return _of_archive(cache_dir / package.file, str(release))


def _of_archive(path: Path, name: str) -> Api:
    try:
        return _read_archive(path, name)
    except SourceError as error:
        if error.where is None or path.name in error.where:
            raise
        where = f"{path.name}, {error.where}"  # a file of one of two archives
        raise SourceError(error.what, where=where, expected=error.expected, got=error.got, hint=error.hint) from None


def _read_archive(path: Path, name: str) -> Api:
    from whopwatch.contract_build.readers.python import read_python_sdk

    if path.name.endswith(".tgz"):
        # Imported only if needed: the reader of TypeScript needs a parser of its own.
        from whopwatch.contract_build.readers.typescript import read_typescript_sdk

        return read_sdk(read_typescript_sdk(path), name)
    return read_sdk(read_python_sdk(path), name)
