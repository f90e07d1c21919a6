"""The two sides of a comparison, as a person names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from whopwatch.contract import load
from whopwatch.contract.openapi_file import read_openapi_file
from whopwatch.contract_build.fetch import fetch_release
from whopwatch.contract_build.releases import Release, named_release, resolve_newest
from whopwatch.core.errors import UsageError
from whopwatch.diff.model import Api
from whopwatch.diff.read_openapi import read_openapi
from whopwatch.diff.read_sdk import read_sdk

ACCEPTED = "a contract folder, an OpenAPI 3 file, an SDK archive, sdk:VERSION or npm:VERSION"

_ARCHIVES = (".whl", ".zip", ".tgz", ".tar.gz")


@dataclass(frozen=True)
class Side:
    """One side: the promises that it holds, by API version; every kind of source but a contract has v1 alone."""

    name: str
    apis: dict[str, Api]


def read_side(text: str, cache_dir: Path) -> Side:
    """The side that `text` names; SDK releases are fetched into `cache_dir`.

    Raises `UsageError` if it names nothing, `SourceError` or `ContractError` if what it names cannot be read.
    """
    release = named_release(text)
    if release:
        return Side(text, {"v1": _of_release(resolve_newest(release), cache_dir)})
    path = Path(text)
    if path.is_dir():
        contract = load(path.resolve())
        return Side(text, {version: read_openapi(it, text) for version, it in contract.documents.items()})
    if not path.is_file():
        raise UsageError(
            f"There is nothing to compare at {text!r}.",
            expected=ACCEPTED,
            hint="a release is named by its package and version: sdk:0.0.23",
        )
    if text.endswith(_ARCHIVES):
        return Side(text, {"v1": _of_archive(path, text)})
    return Side(text, {"v1": read_openapi(read_openapi_file(path, ACCEPTED), text)})


def _of_release(release: Release, cache_dir: Path) -> Api:
    declared = release.package()
    package = fetch_release(declared.registry, declared.name, release.version, cache_dir)
    return _of_archive(cache_dir / package.file, str(release))


def _of_archive(path: Path, name: str) -> Api:
    from whopwatch.contract_build.readers.python import read_python_sdk

    if path.name.endswith(".tgz"):
        # The reader of TypeScript needs a parser that a comparison of Python releases does without.
        from whopwatch.contract_build.readers.typescript import read_typescript_sdk

        return read_sdk(read_typescript_sdk(path), name)
    return read_sdk(read_python_sdk(path), name)
